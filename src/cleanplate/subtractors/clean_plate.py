"""One clean plate at the frame's full resolution, from the pixels seen clean and from stage 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleanplate.errors import VideoError
from cleanplate.images import Frame, Mask
from cleanplate.subtractors.plate_light import match_background
from cleanplate.subtractors.plate_memory import find_clean
from cleanplate.subtractors.protocol import Subtractor

ROWS_AT_ONCE = 64
_OBSCURED = 256
"""Sorts behind every pixel value."""


def clean_plate(subtractor: Subtractor, frames: Sequence[Frame]) -> Frame:
    """Make one sharp picture of the scene with nobody in it.

    Each pixel is the median of its values in the frames that show it clean (see `find_clean`);
    where none does, the median of the method's own backgrounds in the colours of what lies around.

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
    clean = np.stack([find_clean(result) for result in results])
    seen = np.asarray(clean.any(0), bool)
    plate = _median(frames, clean)
    if seen.all():
        return plate
    backgrounds = [result.background for result in results if result.background is not None]
    own = _median(backgrounds, np.ones((len(backgrounds), *seen.shape), bool))
    if not backgrounds:
        own = np.zeros_like(plate)
    elif not seen.any():
        return own
    matched, _ = match_background(own.astype(np.float32), plate.astype(np.float32), seen)
    plate[~seen] = np.rint(np.clip(matched, 0, 255))[~seen]
    return plate


def _median(frames: Sequence[Frame], counts: Mask) -> Frame:
    """Return the median ``(H, W, 3)`` of the values that count, ``(N, H, W)``; 255 of none."""
    plate = np.full((*counts.shape[1:], 3), 255, np.uint8)
    for top in range(0, len(plate) if len(frames) else 0, ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        values = np.stack([frame[rows] for frame in frames]).astype(np.int16)
        values[~counts[:, rows]] = _OBSCURED
        values.sort(0)
        middle = np.maximum(counts[:, rows].sum(0) - 1, 0) // 2
        chosen = np.take_along_axis(values, middle[None, ..., None], 0)[0]
        plate[rows] = np.minimum(chosen, 255)
    return plate
