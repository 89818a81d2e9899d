"""Frames to look at when all are too many: evenly spread, where they are quickly read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleanplate.scenes.chain import ChainedSource
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.video import FrameSource
from cleanplate.scenes.video_file import VideoSource


def easy_numbers(source: FrameSource, most: int) -> list[int]:
    """Choose at most ``most`` frames, evenly spread; each moved to the key frame beside it.

    A key frame is decoded by itself, any other one from the key frame before it on. None is moved
    further than half the way to its neighbour.
    """
    wanted = spread(source.numbers, most)
    keys = key_numbers(source)
    if len(wanted) < 2 or not len(keys):
        return wanted
    reach = (wanted[-1] - wanted[0]) / (2 * (len(wanted) - 1))
    chosen = set()
    for number in wanted:
        near = keys[np.abs(keys - number).argmin()]
        chosen.add(int(near) if abs(near - number) <= reach else number)
    return sorted(chosen)


def key_numbers(source: FrameSource) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the numbers of the frames that are decoded by themselves, where that is known."""
    found: list[Sequence[int]] = []
    if isinstance(source, ChainedSource):
        for first, part in zip(source.firsts, source.sources, strict=True):
            if isinstance(part, VideoSource):
                found.append([first - 1 + key for key in part.key_numbers()])
    return np.array([key for part in found for key in part], np.int64)
