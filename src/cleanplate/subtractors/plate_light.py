"""How the light changed between two pictures of one place, also where only one of them is known."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Mask, Size

Floats = NDArray[np.float32]

CELLS = 6
"""Light is taken to be even within so large a part of the longer side: shadows are smaller."""
LEAST_CELL_PX = 4
DARK, BRIGHT = 16.0, 250.0
"""Grey levels outside of which a ratio says nothing."""
MOST_GAIN = 4.0
LEAST_PIXELS = 50
MATCHING_PX = 4
"""Pixels of a picture that is matched to another are looked at in squares of this side."""
_TINY = 1e-6


class LightChange(NamedTuple):
    """What turns the older picture's light into the newer's: ``gain * picture + offset``.

    Attributes:
        gain: of each channel, ``(3,)``.
        offset: what is left, smooth over the picture, ``(H, W, 3)`` in grey levels.
    """

    gain: Floats
    offset: Floats

    def apply(self, picture: Floats) -> Floats:
        """Return the picture ``(H, W, 3)`` in the new light."""
        return np.asarray(cv2.transform(picture, np.diag(self.gain)) + self.offset, np.float32)


def find_light_change(old: Floats, new: Floats, known: Mask, variance: Floats) -> LightChange:
    """Compare two pictures where both show the place.

    Args:
        old: the older picture, ``(H, W, 3)`` in grey levels.
        new: the newer one.
        known: where both are known, ``(H, W)``.
        variance: squared difference that noise and motion explain, ``(H, W)``.
    """
    size = (old.shape[1], old.shape[0])
    old, new, variance = (np.ascontiguousarray(part[::2, ::2]) for part in (old, new, variance))
    weight = known[::2, ::2].astype(np.float32)
    gain = _global_gain(old, new, weight > 0)
    rest = new - old * gain
    like = weight / (1 + mean_square(rest) / (4 * variance + 1))
    height, width = weight.shape
    cell_px = max(LEAST_CELL_PX, -(-max(height, width) // CELLS))
    cells = (-(-height // cell_px), -(-width // cell_px))
    level, amount = _means(rest, like, cells)
    # a cell's mean is only as certain as its pixels are many: little is no change of light
    error = variance.mean() / (cell_px**2 * amount)[..., None]
    level *= level**2 / (level**2 + 4 * error)
    # where most pixels differ by more than noise explains, that is a shadow and no light
    agreed = np.clip(4 * amount / np.maximum(_shrunk(weight, cells), _TINY) - 1, 0, 1)
    certainty = np.minimum(4 * amount, 1) * agreed
    field = spread_known(level.astype(np.float32), certainty.astype(np.float32))
    wide = cv2.resize(field, size, interpolation=cv2.INTER_LINEAR)
    return LightChange(gain, np.asarray(wide, np.float32))


def _global_gain(old: Floats, new: Floats, known: Mask) -> Floats:
    """Return the median ratio of each channel: shadows and objects are fewer than half."""
    before, after = old[::2, ::2], new[::2, ::2]
    counts = known[::2, ::2] & (before.min(-1) > DARK) & (after.max(-1) < BRIGHT)
    if counts.sum() < LEAST_PIXELS:
        return np.ones(3, np.float32)
    ratio = np.median(after[counts] / before[counts], axis=0)
    return np.asarray(np.clip(ratio, 1 / MOST_GAIN, MOST_GAIN), np.float32)


def match_background(own: Floats, plate: Floats, known: Mask) -> tuple[Floats, float]:
    """Bring a background to the colours of a plate, and guess them where the plate is not known.

    Args:
        own: a method's background, ``(H, W, 3)`` in grey levels; zeros where it has none.
        plate: what is known, same shape.
        known: where it is, ``(H, W)``.

    Returns:
        the background in the plate's colours, and its mean squared error where these are known.
    """
    size = (own.shape[1], own.shape[0])
    small = (-(-size[1] // MATCHING_PX), -(-size[0] // MATCHING_PX))
    weight = known.astype(np.float32)
    difference = plate - own
    level, amount = _means(difference, weight, small)
    wide = cv2.resize(spread_known(level, amount), size, interpolation=cv2.INTER_LINEAR)
    error = float((mean_square(difference - wide) * weight).sum()) / max(float(weight.sum()), 1)
    return np.asarray(own + wide, np.float32), error


def spread_known(values: Floats, weight: Floats) -> Floats:
    """Fill what is unknown from what lies around it, the nearer the finer (pull and push).

    Args:
        values: ``(H, W, 3)``.
        weight: how far each is known, ``(H, W)``; 1 keeps a value, 0 replaces it.
    """
    height, width = weight.shape
    if max(height, width) == 1:
        return values
    means, amount = _means(values, weight, (-(-height // 2), -(-width // 2)))
    coarse = spread_known(means, np.asarray(np.minimum(4 * amount, 1), np.float32))
    wide = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    part = weight[..., None]
    return np.asarray(part * values + (1 - part) * wide, np.float32)


def mean_square(difference: Floats) -> Floats:
    """Return the mean over the channels of the squares, ``(H, W)``."""
    third = np.full((1, 3), 1 / 3, np.float32)
    return np.asarray(cv2.transform(difference * difference, third), np.float32)


def _means(values: Floats, weight: Floats, size: Size) -> tuple[Floats, Floats]:
    """Return the weighted mean of each part of a picture, and its mean weight, never quite 0."""
    amount = np.asarray(np.maximum(_shrunk(weight, size), _TINY), np.float32)
    return _shrunk(values * weight[..., None], size) / amount[..., None], amount


def _shrunk(values: Floats, size: Size) -> Floats:
    small = cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
