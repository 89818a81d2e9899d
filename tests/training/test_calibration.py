"""Calibrated probabilities and operating points."""

import numpy as np
import pytest

from cleanplate.training.calibration import LogitCounts, calibrate, calibration_error


def _counts(temperature: float, seed: int = 0, offset: float = 0.0) -> LogitCounts:
    """Logits that are ``temperature`` times too large for how often they are right."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(-5, 5, 200_000)
    labels = (rng.random(true.shape) < 1 / (1 + np.exp(-true))).astype(np.int8)
    shown = np.clip(temperature * (true + offset), -11, 11)
    counts = LogitCounts()
    counts.add((1 / (1 + np.exp(-shown))).astype(np.float32), labels)
    return counts


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_logits_too_sure_is_found(temperature: float) -> None:
    counts = _counts(temperature)
    assert calibrate(counts, "f").temperature == pytest.approx(temperature, rel=0.06)


def test_calibration_lowers_the_error_of_an_overconfident_model() -> None:
    point = calibrate(_counts(2.0), "f")
    assert point.error_before is not None
    assert point.error is not None
    assert point.error_before > 0.04
    assert point.error < 0.01


def test_the_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    counts = LogitCounts()
    labels = np.zeros((10, 10), np.int8)
    labels[:6] = 1  # said 0.9 everywhere, right in 0.6
    counts.add(np.full((10, 10), 0.9, np.float32), labels)
    assert calibration_error(counts, 1.0) == pytest.approx(0.3, abs=0.005)


def test_who_prefers_recall_gets_a_lower_threshold_and_precision_a_higher_one() -> None:
    counts = _counts(1.0)
    recall, balanced, precision = (
        calibrate(counts, name).threshold
        for name in ("recall", "f", "precision")
    )  # fmt: skip
    assert recall < balanced < precision


def test_the_threshold_is_the_best_of_all_by_a_slow_count() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random((100, 200)) < 0.2).astype(np.int8)
    probability = np.clip(0.3 + 0.3 * labels + rng.normal(0, 0.12, labels.shape), 0.01, 0.99)
    counts = LogitCounts()
    counts.add(probability.astype(np.float32), labels)
    point = calibrate(counts, "f")
    logits = np.log(probability / (1 - probability)) / point.temperature
    calibrated = 1 / (1 + np.exp(-logits))

    def measure(threshold: float) -> float:
        mask = calibrated >= threshold
        hits = (mask & (labels == 1)).sum()
        return float(2 * hits / (mask.sum() + (labels == 1).sum()))

    best = max(measure(threshold) for threshold in np.linspace(0.02, 0.98, 97))
    assert measure(point.threshold) >= best - 0.004


def test_without_foreground_on_the_slice_nothing_is_chosen_and_nothing_is_claimed() -> None:
    counts = LogitCounts()
    counts.add(np.full((50, 50), 0.2, np.float32), np.zeros((50, 50), np.int8))
    point = calibrate(counts, "f")
    assert (point.temperature, point.threshold) == (1.0, 0.5)
    assert point.error is None
    assert calibrate(counts, "recall").threshold < 0.5 < calibrate(counts, "precision").threshold


def test_ignored_pixels_do_not_count() -> None:
    counts = LogitCounts()
    counts.add(np.full((4, 4), 0.7, np.float32), np.full((4, 4), -1, np.int8))
    assert counts.background.sum() + counts.foreground.sum() == 0
