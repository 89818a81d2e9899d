"""Where a frame that nobody labelled surely shows the background.

With few labels these frames show stage 2 how the background varies: its light, its noise, and the
edges that a shaking camera moves.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import BACKGROUND, IGNORED, Frame, Labels, Mask, dilate
from cleanplate.scenes.alignment import find_shift, moved_frame

NEAR = 12
"""Grey levels that a pixel may lie outside what the long-term background shows around it."""
AROUND_PX, AROUND_SHAKEN_PX = 1, 2
CORE_PX = 3
"""What differs by so much in both directions may be part of an object."""
OBJECT_SHARE = 0.05
"""Of the shorter side: parts of one object lie no farther apart than twice that."""
OBJECT_MARGIN_PX, SPECK_MARGIN_PX = 4, 1


class SureBackground:
    """Labels frames by their long-term background: background where sure, ignored elsewhere.

    A pixel is near where its colour lies within what the long-term background shows right around
    it, which forgives moved edges. What is far and larger than a speck is closed to whole objects,
    so that the parts of an object that look like the background are ignored with it.

    Args:
        long_term: ``(H, W, 3)`` uint8.
        reach: how far the camera shakes, in pixels; 0 for a still one.
    """

    def __init__(self, long_term: Frame, reach: int) -> None:
        self._long_term, self._reach = np.ascontiguousarray(long_term), reach
        around = _square(2 * (AROUND_SHAKEN_PX if reach else AROUND_PX) + 1)
        self._high = cv2.dilate(self._long_term, around).astype(np.int16)
        self._low = cv2.erode(self._long_term, around).astype(np.int16)
        side = 2 * max(3, round(OBJECT_SHARE * min(long_term.shape[:2]))) + 1
        self._closing = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))

    def label(self, frame: Frame) -> Labels:
        """Return labels ``(H, W)`` of a frame ``(H, W, 3)`` uint8."""
        shift = find_shift(frame, self._long_term, self._reach)
        high, low = moved_frame(self._high, shift), moved_frame(self._low, shift)
        values = frame.astype(np.int16)
        far = np.asarray(np.maximum(values - high, low - values).max(2) > NEAR, bool)
        doubtful = dilate(self._objects(far), OBJECT_MARGIN_PX) | dilate(far, SPECK_MARGIN_PX)
        return np.where(doubtful, IGNORED, BACKGROUND).astype(np.int8)

    def _objects(self, far: Mask) -> Mask:
        core = cv2.morphologyEx(far.astype(np.uint8), cv2.MORPH_OPEN, _square(CORE_PX))
        core = cv2.morphologyEx(core, cv2.MORPH_CLOSE, self._closing)
        outlines, _ = cv2.findContours(core, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(core, outlines, -1, 1, cv2.FILLED)
        return core > 0


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)
