"""The numbers of the tables, by hand."""

import pytest

from cleanplate.evaluation.models import BASELINE_1_THRESHOLD
from cleanplate.evaluation.tables import (
    Mean,
    background_means,
    categories_of,
    category_table,
    curves,
    is_best,
    scene_table,
    times,
)
from tests.evaluation.made_pairs import F_0, F_1, F_2_5THS, F_UNDEFINED, make_pair, make_sweep


def test_a_category_is_the_mean_of_its_scenes_and_not_of_their_pooled_counts() -> None:
    table = category_table([make_pair("highway", "a", F_1), make_pair("office", "a", F_2_5THS)])
    mean = table.rows[0].categories["baseline"]
    assert mean.value == pytest.approx(0.7)
    assert (mean.over, mean.undefined, mean.missing) == (2, 0, 0)


def test_overall_weighs_categories_alike_and_the_mean_over_scenes_weighs_scenes() -> None:
    pairs = [
        make_pair("highway", "a", F_1),
        make_pair("office", "a", F_2_5THS),
        make_pair("canoe", "a", F_0, "dynamicBackground"),
    ]
    row = category_table(pairs).rows[0]
    assert row.overall.value == pytest.approx(0.35)
    assert row.overall.over == 2
    assert row.scenes.value == pytest.approx(1.4 / 3)
    assert row.scenes.over == 3


def test_undefined_values_are_left_out_and_counted() -> None:
    pairs = [
        make_pair("highway", "a", F_1),
        make_pair("office", "a", F_UNDEFINED),
        make_pair("canoe", "a", F_UNDEFINED, "dynamicBackground"),
    ]
    row = category_table(pairs).rows[0]
    assert row.categories == {"baseline": Mean(1.0, 1, 1), "dynamicBackground": Mean(None, 0, 1)}
    assert row.overall == Mean(1.0, 1, 1)
    assert row.scenes.undefined == 2


def test_cdnets_categories_come_first_in_its_order_and_then_others_by_name() -> None:
    places = [("x", "ucsd"), ("y", "sbi"), ("park", "thermal"), ("highway", "baseline")]
    pairs = [make_pair(scene, "a", F_1, category) for scene, category in places]
    assert list(categories_of(pairs)) == ["baseline", "thermal", "sbi", "ucsd"]
    assert categories_of(pairs)["sbi"] == ("y",)


def test_a_mean_without_a_failed_pairs_scene_is_marked_and_never_the_best() -> None:
    pairs = [
        make_pair("highway", "whole", F_1),
        make_pair("highway", "part", F_1),
        make_pair("office", "whole", F_2_5THS),
    ]
    table = category_table(pairs)
    whole, part = (row.categories["baseline"] for row in table.rows)
    assert (whole.missing, part.missing) == (0, 1)
    assert table.rows[1].overall.missing == 1
    assert table.best([whole, part]) == pytest.approx(0.7)
    assert not is_best(part, 1.0)


def test_methods_stand_in_order_of_first_appearance() -> None:
    pairs = [make_pair("s", "b", F_1), make_pair("s", "a", F_1), make_pair("t", "b", F_1)]
    assert [row.method for row in category_table(pairs).rows] == ["b", "a"]


def test_of_an_error_measure_the_lowest_is_the_best() -> None:
    table = category_table([make_pair("s", "a", F_1), make_pair("s", "b", F_2_5THS)], "pwc")
    means = [row.overall for row in table.rows]
    assert [mean.value for mean in means] == [0, 30]
    assert table.best(means) == 0


def test_values_that_print_alike_are_equally_good() -> None:
    assert is_best(0.98763, 0.98761)
    assert not is_best(0.9875, 0.9877)
    assert not is_best(None, None)


def test_a_failed_pair_is_absent_from_its_scene_and_an_undefined_one_is_none() -> None:
    pairs = [make_pair("s", "a", F_1), make_pair("s", "b", F_UNDEFINED), make_pair("t", "a", F_0)]
    assert scene_table(pairs) == {"s": {"a": 1.0, "b": None}, "t": {"a": 0.0}}


def test_times_are_means_over_scenes_and_others_masks_have_none() -> None:
    pairs = [
        make_pair("s", "a", F_1, seconds_per_frame=0.1, training_seconds=20.0),
        make_pair("t", "a", F_1, seconds_per_frame=0.3, training_seconds=40.0),
        make_pair("s", "published", F_1, seconds_per_frame=0.0),
    ]
    ours, published = times(pairs)
    assert ours.ms_per_frame.value == pytest.approx(200)
    assert ours.training_seconds.value == 30
    assert published.ms_per_frame == Mean(None, 0, 1)
    assert published.training_seconds.value is None


def test_background_measures_are_averaged_over_the_scenes_that_have_them() -> None:
    known = {"age": 2.0, "psnr": 30.0, "masked_age": 1.0}
    pairs = [
        make_pair("s", "a", F_1, backgrounds=known),
        make_pair("t", "a", F_1, backgrounds={"masked_age": 3.0}),
        make_pair("s", "b", F_1, backgrounds=known),
        make_pair("s", "none", F_1),
    ]
    means = background_means(pairs)
    assert list(means) == ["a", "b"]
    assert means["a"]["age"] == Mean(2.0, 1)
    assert means["a"]["masked_age"] == Mean(2.0, 2)
    assert means["b"]["masked_age"] == Mean(1.0, 1, 0, 1)


def test_a_curve_is_the_mean_over_the_scenes_at_every_threshold() -> None:
    one = make_sweep({10: 1, 50: 1}, {0: 6, 20: 2})
    two = make_sweep({50: 1}, {0: 9})
    pairs = [make_pair(name, "baseline-1", F_1, sweep=s) for name, s in (("s", one), ("t", two))]
    (curve,) = curves(pairs)
    values = [mean.value for mean in curve.means]
    assert len(values) == 128
    assert curve.thresholds[20] == pytest.approx(20 / 255)
    # above 0: all of it is found; of `one` F is 4 / (4 + 2 + 0)
    assert values[0] == pytest.approx((4 / 6 + 1) / 2)
    # above 10: one of `one`'s two is missed, 2 / (2 + 2 + 1)
    assert values[10] == pytest.approx((2 / 5 + 1) / 2)
    # above 20: no error of the background is left, 2 / (2 + 0 + 1)
    assert values[20] == pytest.approx((2 / 3 + 1) / 2)
    assert values[50] == 0
    assert curve.best == 0  # as good as 20, and the lower
    assert curve.fixed_threshold == BASELINE_1_THRESHOLD
    assert curve.fixed == Mean(1.0, 2)


def test_a_scene_without_foreground_is_left_out_of_the_curve() -> None:
    sweeps = make_sweep({50: 1}, {}), make_sweep({}, {20: 1})
    pairs = [make_pair(str(i), "median", F_1, sweep=sweep) for i, sweep in enumerate(sweeps)]
    (curve,) = curves(pairs)
    assert curve.means[19] == curve.means[20] == Mean(1.0, 1)
    assert curve.best == 0


def test_methods_without_a_threshold_have_no_curve() -> None:
    assert curves([make_pair("s", "mog2", F_1)]) == []
