"""Another method's masks, cleaned up: a median filter in the place of a CRF."""

from __future__ import annotations

import cv2
import numpy as np

from cleanplate.images import Frame
from cleanplate.subtractors.protocol import Segmentation, Subtractor


class MedianFiltered:
    """A method whose masks pass through a median filter; all else is the method's own.

    Args:
        subtractor: the method.
        side_px: side of the filter's square window, odd.
        name: the name in results.
    """

    def __init__(self, subtractor: Subtractor, side_px: int, name: str) -> None:
        self.name = name
        self.learns_online = subtractor.learns_online
        self._subtractor, self._side = subtractor, side_px

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame (see `Subtractor.segment`)."""
        result = self._subtractor.segment(frame, update)
        filtered = cv2.medianBlur(result.mask.astype(np.uint8), self._side)
        return result._replace(mask=np.asarray(filtered, bool))
