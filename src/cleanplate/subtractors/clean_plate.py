"""The clean plate at the frame's full resolution, from the pixels seen clean and from stage 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleanplate.errors import VideoError
from cleanplate.images import Frame, dilate
from cleanplate.subtractors.protocol import Subtractor

MARGIN_PX = 3
ROWS_AT_ONCE = 64
_OBSCURED = 256
"""Sorts behind every pixel value."""


def clean_plate(subtractor: Subtractor, frames: Sequence[Frame]) -> Frame:
    """Make one sharp picture of the scene with nobody in it.

    Each pixel is the median of its values in the frames whose mask, grown by three pixels, leaves
    it free; where none does, the median of the method's own backgrounds.

    Args:
        subtractor: a method whose segmentations have backgrounds.
        frames: some frames of one size, best spread over the video; all are held in memory.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        VideoError: there are no frames.
    """
    if not frames:
        raise VideoError("a clean plate needs at least one frame; give some")
    results = [subtractor.segment(frame) for frame in frames]
    obscured = np.stack([dilate(result.mask, MARGIN_PX) for result in results])
    backgrounds = [result.background for result in results if result.background is not None]
    plate = np.empty_like(frames[0])
    for top in range(0, len(plate), ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        values = np.stack([frame[rows] for frame in frames]).astype(np.int16)
        values[obscured[:, rows]] = _OBSCURED
        values.sort(0)
        seen = len(frames) - obscured[:, rows].sum(0)
        middle = np.maximum(seen - 1, 0) // 2
        chosen = np.take_along_axis(values, middle[None, ..., None], 0)[0]
        if backgrounds and not seen.all():
            own = np.median(np.stack([background[rows] for background in backgrounds]), 0)
            chosen[seen == 0] = np.rint(own)[seen == 0]
        plate[rows] = np.minimum(chosen, 255)
    return plate
