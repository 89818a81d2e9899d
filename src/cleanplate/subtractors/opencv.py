"""OpenCV's own methods behind our protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Frame, Size
from cleanplate.subtractors.protocol import Segmentation
from cleanplate.subtractors.state import check_size

FOREGROUND_ABOVE = 127
"""OpenCV marks shadows with 127: they are background, as CDNet wants it."""
FREEZABLE = ("mog2", "mog", "gmg")
"""The others learn from every frame, whatever learning rate they are given (OpenCV 5.0)."""
_WITHOUT_BACKGROUND = ("mog", "gmg")


class OpenCvSubtractor:
    """One of OpenCV's background subtractors, with its default parameters.

    MOG and GMG have no background image; CNT's is grey, and like KNN's is black where the method is
    not sure yet. OpenCV can neither save nor copy what it has learned. KNN draws from OpenCV's
    global random generator, and the threads of GSOC and LSBP race: these repeat their masks to the
    bit only with ``cv2.setNumThreads(1)``, which the caller may call.

    MOG2 changes its weights a little even at learning rate 0. To keep one that never did, it is run
    twice, once for learning and once for looking; ``can_freeze=False`` saves a third of the time.

    Args:
        name: the method's name in results.
        make: makes OpenCV's object.
        can_freeze: whether ``segment`` may be called with ``update=False``.
    """

    learns_online = True

    def __init__(self, name: str, make: Callable[[], Any], can_freeze: bool = True) -> None:
        self.name = name
        self._make = make
        self._subtractor = make()
        self._can_freeze = can_freeze and name in FREEZABLE
        self._looker = make() if self._can_freeze and name == "mog2" else None
        self._learned = 0
        self._size: Size = (0, 0)

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment the next RGB frame and learn from it; the mask depends on the frames before.

        Raises:
            ConfigError: ``update`` is False and OpenCV cannot keep this method from learning.
            VideoError: the frame has another size than those before.
        """
        if self._learned:
            check_size(self.name, frame, self._size)
        if not update and not self._can_freeze:
            raise ConfigError(
                f"{self.name}: update=False is refused, as it would learn from the frame all the "
                f"same; use {', '.join(FREEZABLE)} or a method of our own"
            )
        bgr = np.ascontiguousarray(frame[..., ::-1])
        if update:
            self._size = (frame.shape[0], frame.shape[1])
            mask, subtractor = self._learn(bgr), self._subtractor
        elif self._learned == 0:
            subtractor = self._make()  # answers as the first frame is answered, and is forgotten
            mask = subtractor.apply(bgr)
        else:
            mask, subtractor = self._look(bgr), self._looker
        return Segmentation(mask > FOREGROUND_ABOVE, None, self._background(subtractor))

    def _learn(self, bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self._learned += 1
        if self.name == "mog":  # its own rate counts the frames that it only looked at, too
            rate = 1 / min(self._learned, self._subtractor.getHistory())
            return np.asarray(self._subtractor.apply(bgr, learningRate=rate))
        if self._looker is not None:
            rate = 1 / min(2 * self._learned, self._looker.getHistory())
            self._looker.apply(bgr, learningRate=rate)
        return np.asarray(self._subtractor.apply(bgr))

    def _look(self, bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._looker is not None:
            return np.asarray(self._looker.apply(bgr, learningRate=0))
        if self.name == "mog":
            return np.asarray(self._subtractor.apply(bgr, learningRate=0))
        # GMG has no foreground while it gathers its first frames, and would count this one
        if self._learned < self._subtractor.getNumFrames():
            return np.zeros(bgr.shape[:2], np.uint8)
        # a learning rate of 0 would stay for good
        self._subtractor.setUpdateBackgroundModel(False)
        mask = self._subtractor.apply(bgr)
        self._subtractor.setUpdateBackgroundModel(True)
        return np.asarray(mask)

    def _background(self, subtractor: Any) -> Frame | None:
        if self.name in _WITHOUT_BACKGROUND:
            return None
        image = subtractor.getBackgroundImage()
        if image is None or image.size == 0:
            return None
        if image.ndim == 2:
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), np.uint8)
        return np.ascontiguousarray(image[..., ::-1])


_METHODS: dict[str, Callable[[], Any]] = {
    "mog2": cv2.createBackgroundSubtractorMOG2,  # Zivkovic 2004
    "knn": cv2.createBackgroundSubtractorKNN,  # Zivkovic and van der Heijden 2006
    "mog": cv2.bgsegm.createBackgroundSubtractorMOG,  # KaewTraKulPong and Bowden 2001
    "gmg": cv2.bgsegm.createBackgroundSubtractorGMG,  # Godbehere, Matsukawa and Goldberg 2012
    "cnt": cv2.bgsegm.createBackgroundSubtractorCNT,  # Zeevi: counts how long a pixel stays
    "gsoc": cv2.bgsegm.createBackgroundSubtractorGSOC,  # from a Google Summer of Code, ViBe-like
    "lsbp": cv2.bgsegm.createBackgroundSubtractorLSBP,  # Guo, Xu and Qiang 2016
}
OPENCV_METHODS = tuple(_METHODS)


def make_opencv(name: str, can_freeze: bool = True, seed: int = 0) -> OpenCvSubtractor:
    """Make a method by its name; see `OpenCvSubtractor`.

    Seeds OpenCV's global generator, which KNN draws from.

    Raises:
        ConfigError: there is no such method.
    """
    if name not in _METHODS:
        raise ConfigError(f"method {name!r} is unknown; use {', '.join(OPENCV_METHODS)}")
    cv2.setRNGSeed(seed)
    return OpenCvSubtractor(name, _METHODS[name], can_freeze)
