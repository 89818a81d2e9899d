"""How far the camera moved between two pictures of one place."""

from __future__ import annotations

import cv2
import numpy as np

from cleanplate.images import Mask
from cleanplate.subtractors.plate_light import Floats, mean_square

Shift = tuple[float, float]
"""Pixels down and to the right."""

NO_SHIFT: Shift = (0.0, 0.0)
LEAST_PX = 0.3
"""A smaller shift is not followed: each one costs the memory a little of its sharpness."""
MOST_SHARE = 0.25
"""Of a side; farther is another view."""
BETTER = 0.8
"""A shift is believed where it leaves no more than this of the squared difference."""
LEAST_SIDE, LEAST_PIXELS = 32, 50
REFINEMENTS = 2
AXES = ((0, 1), (1, 0))
LIGHT_PX = 15
"""Anything wider may be a change of light."""


def find_shift(old: Floats, new: Floats, known: Mask) -> Shift:
    """Find how far the place has moved in the newer picture; no shift where that is not clear.

    Args:
        old: the older picture, ``(H, W, 3)``.
        new: the newer one.
        known: where both show the place, ``(H, W)``.
    """
    if min(known.shape) < LEAST_SIDE:
        return NO_SHIFT
    before, after = _edges(old), _edges(new)
    height, width = before.shape
    small = cv2.resize(known.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    counts = small > 0
    if counts.sum() < LEAST_PIXELS:
        return NO_SHIFT
    shift = _refined(before, after, counts, _correlate(before, after))
    if max(abs(shift[0]), abs(shift[1])) < LEAST_PX / 2:
        return NO_SHIFT
    for _ in range(REFINEMENTS):
        shift = _refined(before, after, counts, shift)
    down, across = shift
    if abs(down) > MOST_SHARE * height or abs(across) > MOST_SHARE * width:
        return NO_SHIFT
    still = np.square(after - before)[counts].mean()
    moved = np.square(after - shifted(before, shift))[counts].mean()
    return (2 * down, 2 * across) if moved < BETTER * still else NO_SHIFT


def _correlate(before: Floats, after: Floats) -> Shift:
    """Return the shift to about half a pixel, however far."""
    window = cv2.createHanningWindow((before.shape[1], before.shape[0]), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(before, after, window)
    return down, across


def _refined(before: Floats, after: Floats, counts: Mask, shift: Shift) -> Shift:
    """Make a shift better by a step of Lucas and Kanade 1981, on the pixels that count."""
    moved = shifted(before, shift)
    slopes = np.stack(
        [cv2.Sobel(moved, cv2.CV_32F, *axis, ksize=3, scale=1 / 8)[counts] for axis in AXES]
    )
    rest = (moved - after)[counts]
    square = slopes @ slopes.T + np.eye(2, dtype=np.float32)  # the eye: a blank wall has no slope
    step = np.clip(np.linalg.solve(square, slopes @ rest), -1, 1)
    return shift[0] + float(step[0]), shift[1] + float(step[1])


def shifted(picture: Floats, shift: Shift, outside: float | None = None) -> Floats:
    """Return the picture moved; what comes in is the nearest pixel, or ``outside``."""
    down, across = shift
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(
        picture,
        np.array([[1, 0, across], [0, 1, down]], np.float32),
        (picture.shape[1], picture.shape[0]),
        flags=cv2.INTER_CUBIC if picture.ndim == 3 else cv2.INTER_LINEAR,
        borderMode=border,
        borderValue=(outside or 0.0,) * 4,
    )
    return np.asarray(moved, np.float32)


def contrast_beside(picture: Floats) -> Floats:
    """Return how much each pixel differs from its left neighbour, squared: ``(H, W - 1)``."""
    return mean_square(picture[:, 1:] - picture[:, :-1])


def _edges(picture: Floats) -> Floats:
    """Return the grey picture at half its size without the light, which changes."""
    grey = cv2.transform(picture, np.full((1, 3), 1 / 3, np.float32))
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(half - cv2.blur(half, (LIGHT_PX, LIGHT_PX)), np.float32)
