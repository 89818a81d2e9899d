"""OpenCV's own methods behind our protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.protocol import Segmentation

FOREGROUND_ABOVE = 127
"""OpenCV marks shadows with 127: they are background, as CDNet wants it."""


class OpenCvSubtractor:
    """One of OpenCV's background subtractors, with its default parameters.

    Args:
        name: the method's name in results.
        make: makes OpenCV's object.
    """

    learns_online = True

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self._subtractor = make()

    def segment(self, frame: Frame) -> Segmentation:
        """Segment the next RGB frame and learn from it; the mask depends on the frames before."""
        bgr = np.ascontiguousarray(frame[..., ::-1])
        mask = self._subtractor.apply(bgr) > FOREGROUND_ABOVE
        background = np.ascontiguousarray(self._subtractor.getBackgroundImage()[..., ::-1])
        return Segmentation(mask, None, background)


# MOG2: Zivkovic 2004. KNN: Zivkovic and van der Heijden 2006.
_METHODS: dict[str, Callable[[], Any]] = {
    "mog2": cv2.createBackgroundSubtractorMOG2,
    "knn": cv2.createBackgroundSubtractorKNN,
}
OPENCV_METHODS = tuple(_METHODS)


def make_opencv(name: str) -> OpenCvSubtractor:
    """Make a method by its name.

    Raises:
        ConfigError: there is no such method.
    """
    if name not in _METHODS:
        raise ConfigError(f"method {name!r} is unknown; use {', '.join(OPENCV_METHODS)}")
    return OpenCvSubtractor(name, _METHODS[name])
