"""The weights by which lines of pixels are resized, corners aligned; readable without torch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Size

Floats = NDArray[np.float32]


@lru_cache(maxsize=32)
def resizing_weights(side: int, new: int) -> Floats:
    """Return the bilinear weights ``(new, side)``: pixel 0 stays 0 and the last stays the last."""
    places = np.linspace(0, side - 1, new)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)))
    return np.asarray(weights, np.float32)


@lru_cache(maxsize=32)
def shrinking_weights(side: int, new: int) -> Floats:
    """Return the weights ``(new, side)`` on the same grid that average over what a pixel covers."""
    reach = side // new // 2
    near = np.abs(np.arange(side)[:, None] - np.arange(side)) <= reach
    return np.asarray(resizing_weights(side, new) @ (near / near.sum(1, keepdims=True)), np.float32)


def enlarged(background: Floats, size: Size) -> Frame:
    """Return a background ``(3, h, w)`` in [0, 1] as a frame of a size, corners aligned."""
    # no matrix product: its threads would wait beside those of the engine, measured at half speed
    tall = _stretched(background.transpose(1, 2, 0), size[0])
    wide = _stretched(tall.transpose(1, 0, 2), size[1]).transpose(1, 0, 2)
    return np.ascontiguousarray(np.rint(255 * wide.clip(0, 1)), np.uint8)


def _stretched(picture: Floats, rows: int) -> Floats:
    """Return ``(h, w, C)`` resized bilinearly to so many rows, corners aligned."""
    places = np.linspace(0, len(picture) - 1, rows, dtype=np.float32)
    above = np.floor(places).astype(np.intp)
    below = np.minimum(above + 1, len(picture) - 1)
    share = (places - above)[:, None, None]
    return picture[above] + share * (picture[below] - picture[above])


def as_seen_small(frame: Frame, small: Size) -> Frame:
    """Return a frame shrunk to a size and brought back, corners aligned: what is left of it."""
    channels = (frame.transpose(2, 0, 1) / 255).astype(np.float32)
    rows, columns = (
        shrinking_weights(side, new) for side, new in zip(frame.shape[:2], small, strict=True)
    )
    seen = np.asarray(rows @ channels @ columns.T, np.float32)
    return enlarged(seen, (frame.shape[0], frame.shape[1]))
