"""Several seeds."""

import pytest

from cleanplate.evaluation.seeds import Spread, steps_table
from tests.evaluation.made_pairs import F_0, F_1, F_2_5THS, F_UNDEFINED, make_pair


def test_a_scene_has_the_mean_and_the_sample_deviation_of_its_runs() -> None:
    runs = {0: [make_pair("s", "a", F_1)], 1: [make_pair("s", "a", F_2_5THS)]}
    spread = steps_table(runs).scenes["s"]["a"]
    assert spread.mean == pytest.approx(0.7)
    assert spread.spread == pytest.approx(0.6 / 2**0.5)
    assert spread.runs == 2


def test_the_last_row_spreads_as_the_runs_means_do() -> None:
    runs = {
        0: [make_pair("s", "a", F_1), make_pair("t", "a", F_0)],
        1: [make_pair("s", "a", F_0), make_pair("t", "a", F_1)],
    }
    assert steps_table(runs).means["a"] == Spread(0.5, 0.0, 2)


def test_a_run_that_lacks_a_scene_does_not_count_in_the_mean_over_scenes() -> None:
    runs = {
        0: [make_pair("s", "a", F_1), make_pair("t", "a", F_0)],
        1: [make_pair("s", "a", F_1)],
    }
    steps = steps_table(runs)
    assert steps.scenes["s"]["a"] == Spread(1.0, 0.0, 2)
    assert steps.means["a"] == Spread(0.5, None, 1)


def test_undefined_values_are_left_out_of_the_runs() -> None:
    runs = {0: [make_pair("s", "a", F_UNDEFINED)], 1: [make_pair("s", "a", F_1)]}
    assert steps_table(runs).scenes["s"]["a"] == Spread(1.0, None, 1)
