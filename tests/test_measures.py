"""The six checks of a correct CDNet scorer, and a slow second scorer as the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from cleanplate.measures import ConfusionMatrix, count_frame, mean_of_defined
from cleanplate.scenes.cdnet import CODES, decode_labels

Codes = NDArray[np.uint8]


def _count(codes: Codes, prediction: NDArray[np.bool_]) -> ConfusionMatrix:
    truth = decode_labels(codes, "test")
    return count_frame(prediction, truth.labels, truth.shadow)


SMALL = np.array([[255, 255, 0], [50, 170, 85]], np.uint8)


def test_all_foreground_on_the_small_frame() -> None:
    counts = _count(SMALL, np.ones((2, 3), bool))
    assert (counts.tp, counts.fp, counts.fn, counts.tn) == (2, 2, 0, 0)
    assert counts.shadow_errors == 1
    assert counts.precision == 0.5
    assert counts.recall == 1
    assert counts.f_measure == pytest.approx(2 / 3)
    assert counts.pwc == 50


def test_all_background_on_the_small_frame() -> None:
    counts = _count(SMALL, np.zeros((2, 3), bool))
    assert (counts.tp, counts.fp, counts.fn, counts.tn) == (0, 0, 2, 2)
    assert counts.recall == 0
    assert counts.precision is None
    assert counts.f_measure == 0


def test_a_category_is_the_mean_of_its_videos_and_not_their_pool() -> None:
    first, second = ConfusionMatrix(1, 0, 0, 9), ConfusionMatrix(1, 3, 0, 6)
    assert first.f_measure == 1
    assert second.f_measure == 0.4
    mean, undefined = mean_of_defined([first.f_measure, second.f_measure])
    assert mean == pytest.approx(0.7)
    assert undefined == 0
    assert (first + second).f_measure == pytest.approx(4 / 7)


def test_an_undefined_measure_is_left_out_of_the_mean_and_counted() -> None:
    assert ConfusionMatrix(tn=5).f_measure is None
    assert mean_of_defined([0.5, None, 1.0]) == (0.75, 1)
    assert mean_of_defined([None]) == (None, 1)


def test_counts_do_not_overflow() -> None:
    huge = ConfusionMatrix(tp=2**40, fn=2**40)
    assert (huge + huge).recall == 0.5


def test_shapes_that_differ_are_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        count_frame(np.zeros((2, 2), bool), np.zeros((2, 3), np.int8), np.zeros((2, 2), bool))


def _slow_scorer(frames: list[tuple[Codes, NDArray[np.bool_]]]) -> dict[str, float | None]:
    """Pixel by pixel in plain Python, from the codes, as the rules are written."""
    tp = fp = fn = tn = se = 0
    for codes, prediction in frames:
        for code, found in zip(codes.ravel().tolist(), prediction.ravel().tolist(), strict=True):
            if code in (85, 170):
                continue
            if code == 255:
                tp, fn = tp + (1 if found else 0), fn + (0 if found else 1)
            else:
                fp, tn = fp + (1 if found else 0), tn + (0 if found else 1)
                se += 1 if code == 50 and found else 0

    def over(part: float, whole: float) -> float | None:
        return None if whole == 0 else part / whole

    precision, recall = over(tp, tp + fp), over(tp, tp + fn)
    f_measure: float | None
    if precision and recall:
        f_measure = 2 * precision * recall / (precision + recall)
    else:
        f_measure = None if tp + fp + fn == 0 else 0.0
    return {
        "tp": tp, "fp": fp, "fn": fn, "tn": tn, "shadow_errors": se,
        "recall": recall, "specificity": over(tn, tn + fp),
        "fpr": over(fp, fp + tn), "fnr": over(fn, tp + fn),
        "pwc": over(100 * (fn + fp), tp + fp + fn + tn),
        "f_measure": f_measure, "precision": precision,
    }  # fmt: skip


_frames = st.lists(
    st.tuples(
        arrays.arrays(np.uint8, (3, 5), elements=st.sampled_from(CODES)),
        arrays.arrays(np.bool_, (3, 5)),
    ),
    min_size=1,
    max_size=4,
)


@given(_frames)
def test_the_scorer_agrees_with_a_slow_obvious_one(
    frames: list[tuple[Codes, NDArray[np.bool_]]],
) -> None:
    counts = ConfusionMatrix()
    for codes, prediction in frames:
        counts += _count(codes, prediction)
    expected = _slow_scorer(frames)
    assert counts.as_dict().keys() == expected.keys()
    for name, value in counts.as_dict().items():
        assert value == pytest.approx(expected[name]), name
