"""How far a shaking camera has moved.

A shift is whole pixels, down and to the right: nothing is blurred by it. Found by the normalised
correlation of the grey pictures, which light does not change (Lewis, "Fast Normalized
Cross-Correlation", 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame

Shift = tuple[int, int]
"""Pixels down and to the right."""

MOST_SHARE = 0.05
"""Of the frame's shorter side; farther is another view."""
BETTER = 0.8
"""A shift is believed where it leaves no more than this of what correlation lacks to 1."""
LEAST_SHAKEN = 0.05
"""Of the frames; where fewer are moved, it was no shaking."""


def farthest_reach(size: Sequence[int]) -> int:
    """Return how far frames of a size are looked for, in pixels."""
    return max(1, round(MOST_SHARE * min(size)))


def find_shift(frame: Frame, reference: Frame, reach: int) -> Shift:
    """Return by how much the reference must be moved to lie on the frame; nothing if in doubt.

    Args:
        frame: ``(H, W, 3)`` uint8.
        reference: another picture of the same place and size.
        reach: pixels that are tried in each direction; 0 tries none.
    """
    if reach < 1 or min(frame.shape[:2]) <= 2 * reach:
        return 0, 0
    there, here = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (reference, frame))
    inner = here[reach:-reach, reach:-reach]
    alike = cv2.matchTemplate(there, inner, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(alike)
    if not 1 - best < BETTER * (1 - alike[reach, reach]):
        return 0, 0
    return reach - row, reach - column


def reach_of(shifts: Sequence[Shift]) -> int:
    """Return how far to look where frames were moved so; 0 where the camera does not shake."""
    farthest = np.abs(np.array(shifts)).max(1)
    return int(farthest.max()) if (farthest > 0).mean() >= LEAST_SHAKEN else 0


def moved_frame(frame: NDArray[Any], shift: Shift) -> NDArray[Any]:
    """Return a frame or map ``(H, W, ...)`` moved; what comes in is the nearest pixel."""
    if shift == (0, 0):
        return frame
    rows, columns = (
        np.clip(np.arange(side) - by, 0, side - 1)
        for side, by in zip(frame.shape[:2], shift, strict=True)
    )
    picture: NDArray[Any] = frame[rows[:, None], columns]
    return picture
