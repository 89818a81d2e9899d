"""Three of OpenCV's methods that err differently, asked side by side.

One keeps samples, one counts how long a pixel stays, one has mixtures of Gaussians. What they agree
on is where a network begins that nobody gave labels (`training/self_training.py::relabel`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask
from cleanplate.scenes.alignment import find_shift, moved_frame
from cleanplate.subtractors.opencv import make_opencv

VOTERS = ("gsoc", "cnt", "mog")
SPECKLE_PX = 5
"""Side of the median that takes specks out of each mask."""


class Voters:
    """The methods; frames of a shaking camera are brought together for them.

    Args:
        plate: ``(H, W, 3)`` uint8, the long-term background that frames are laid on.
        reach: how far the camera shakes, in pixels; 0 for a still one.
    """

    def __init__(self, plate: Frame, reach: int) -> None:
        self._plate, self._reach = np.ascontiguousarray(plate), reach
        self._methods = [make_opencv(name, can_freeze=False) for name in VOTERS]

    def vote(self, frame: Frame) -> NDArray[np.uint8]:
        """Return how many methods take each pixel of the next frame for foreground, ``(H, W)``."""
        down, across = find_shift(frame, self._plate, self._reach)
        steady = np.ascontiguousarray(moved_frame(frame, (-down, -across)))
        with _one_thread():  # with more they do not repeat their masks
            masks = [_without_specks(method.segment(steady).mask) for method in self._methods]
        votes: NDArray[np.uint8] = np.stack(masks).sum(0, dtype=np.uint8)
        return moved_frame(votes, (down, across))


def _without_specks(mask: Mask) -> NDArray[np.uint8]:
    return np.asarray(cv2.medianBlur(mask.astype(np.uint8), SPECKLE_PX), np.uint8)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
