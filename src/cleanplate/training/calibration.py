"""Probabilities that mean what they say, and the operating point that was asked for.

Both come from the validation slice, a part of the training labels that trained nothing: one
temperature for the logits (Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural
networks", ICML 2017) and one threshold for the mask.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import BACKGROUND, FOREGROUND, Labels
from cleanplate.networks.card import OperatingPoint

Preference = Literal["f", "recall", "precision"]
BETAS: dict[Preference, float] = {"f": 1.0, "recall": 2.0, "precision": 0.5}
"""F-beta, which weighs recall beta times as much as precision, is what the threshold maximises."""
MOST_LOGIT = 12.0
_BINS = 481
_EDGES = np.linspace(-MOST_LOGIT, MOST_LOGIT, _BINS + 1)
_LOGITS = (_EDGES[1:] + _EDGES[:-1]) / 2
_TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(8), 201))
_THRESHOLDS = np.linspace(0.05, 0.95, 91)
_ECE_BINS = 15
LEAST_PIXELS = 500
"""With fewer foreground pixels the slice decides nothing."""
UNCALIBRATED: dict[Preference, float] = {"f": 0.5, "recall": 0.3, "precision": 0.7}
"""Thresholds where there is no slice to choose them on."""


class LogitCounts:
    """How often each logit was seen on background and on foreground, over frames."""

    def __init__(self) -> None:
        self.background = np.zeros(_BINS, np.int64)
        self.foreground = np.zeros(_BINS, np.int64)

    def add(self, probability: NDArray[np.float32], labels: Labels) -> None:
        """Count a frame: its raw probability and labels, both ``(H, W)``."""
        safe = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
        logits = np.clip(np.log(safe / (1 - safe)), -MOST_LOGIT, MOST_LOGIT)
        self.background += np.histogram(logits[labels == BACKGROUND], _EDGES)[0]
        self.foreground += np.histogram(logits[labels == FOREGROUND], _EDGES)[0]


def calibrate(counts: LogitCounts, prefer: Preference) -> OperatingPoint:
    """Choose temperature and threshold; without a slice that shows enough, the usual ones."""
    if counts.foreground.sum() < LEAST_PIXELS:
        return OperatingPoint(prefer=prefer, threshold=UNCALIBRATED[prefer])
    losses = [_negative_log_likelihood(counts, temperature) for temperature in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    threshold = _best_threshold(counts, temperature, BETAS[prefer])
    return OperatingPoint(
        prefer=prefer,
        temperature=round(temperature, 4),
        threshold=round(threshold, 4),
        error_before=calibration_error(counts, 1.0),
        error=calibration_error(counts, temperature),
    )


def _negative_log_likelihood(counts: LogitCounts, temperature: float) -> float:
    scaled = _LOGITS / temperature
    on_foreground = counts.foreground @ np.logaddexp(0, -scaled)
    return float(on_foreground + counts.background @ np.logaddexp(0, scaled))


def calibration_error(counts: LogitCounts, temperature: float) -> float:
    """Return the expected calibration error of the more likely class, in 15 equal bins."""
    probability = 1 / (1 + np.exp(-_LOGITS / temperature))
    confidence = np.maximum(probability, 1 - probability)
    right = np.where(probability >= 0.5, counts.foreground, counts.background)
    seen = counts.foreground + counts.background
    places = np.minimum(((confidence - 0.5) * 2 * _ECE_BINS).astype(int), _ECE_BINS - 1)
    gaps = np.bincount(places, seen * confidence - right, _ECE_BINS)
    return float(np.abs(gaps).sum() / seen.sum())


def _best_threshold(counts: LogitCounts, temperature: float, beta: float) -> float:
    """Return the middle of the thresholds whose F-beta is as good as the best, to a thousandth."""
    probability = 1 / (1 + np.exp(-_LOGITS / temperature))
    chosen = probability[None] >= _THRESHOLDS[:, None]
    hits, alarms = chosen @ counts.foreground, chosen @ counts.background
    weight = beta * beta
    missed = counts.foreground.sum() - hits
    scores = (1 + weight) * hits / ((1 + weight) * hits + weight * missed + alarms)
    good = _THRESHOLDS[scores >= scores.max() - 1e-3]
    return float((good[0] + good[-1]) / 2)
