"""Regions drawn as polygons."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from cleanplate.images import Mask, Size

Polygon = tuple[tuple[float, float], ...]
"""Corners ``(x, y)`` in pixels of the frame, at least three."""


def filled(polygon: Polygon, size: Size) -> Mask:
    """Return the mask ``(H, W)`` of a polygon, its border inside."""
    inside = np.zeros(size, np.uint8)
    cv2.fillPoly(inside, [np.rint(np.array(polygon)).astype(np.int32)], 1)
    return inside.view(bool)


def region_mask(include: Sequence[Polygon], exclude: Sequence[Polygon], size: Size) -> Mask:
    """Return where pixels count ``(H, W)``: in any of one kind, or everywhere, and in no other."""
    inside = np.full(size, not include)
    for polygon in include:
        inside |= filled(polygon, size)
    for polygon in exclude:
        inside &= ~filled(polygon, size)
    return inside
