"""A method's own background as a witness: blurred, but it has no memory that could be wrong."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from cleanplate.images import Mask
from cleanplate.subtractors.plate_light import Floats, mean_square

SCALE = 4
"""Compared so many times smaller, where the witness has all the detail that is left."""
FARTHER = 12.0
"""Squares this many times the witness's usual error contradict it."""
FOLLOWED = 0.7
"""A memory whose square is above this share of the frame's has gone along already."""
NEARER = 0.25
EDGE_ERROR = 0.1
"""Share of a squared contrast that a blurred picture errs by."""
NORMAL_MEAN = 2.2
"""Mean of squares over their median, if errors are normal; objects move only the mean."""


class Testimony(NamedTuple):
    """What the witness says of each pixel, ``(H, W)`` each.

    Attributes:
        for_frame: the frame is much nearer to it than the memory is.
        against_frame: the frame is farther from it than it usually errs, the memory is not: an
            object that the mask missed, a shadow, a headlight.
    """

    for_frame: Mask
    against_frame: Mask


def hear(own: Floats, memory: Floats, frame: Floats, clean: Mask) -> Testimony:
    """Compare memory and frame with the method's own background, all blurred alike.

    Args:
        own: the witness, ``(H, W, 3)`` in grey levels.
        memory: the plate so far, in the frame's light.
        frame: what is seen now.
        clean: where the mask leaves the frame free, ``(H, W)``.
    """
    size = (own.shape[1], own.shape[0])
    small = (-(-size[0] // SCALE), -(-size[1] // SCALE))
    of_frame = cv2.resize(frame - own, small, interpolation=cv2.INTER_AREA)
    of_memory = cv2.resize(memory - own, small, interpolation=cv2.INTER_AREA)
    counts = cv2.resize(clean.astype(np.uint8), small, interpolation=cv2.INTER_NEAREST) > 0
    if not counts.any():
        nothing = np.zeros(own.shape[:2], bool)
        return Testimony(nothing, nothing)
    offset = np.median(of_frame[counts], axis=0)
    frame_far = mean_square(of_frame - offset)
    memory_far = mean_square(of_memory - offset)
    usual = NORMAL_MEAN * np.median(frame_far[counts]) + 1 + EDGE_ERROR * _contrast(own, small)
    for_frame = (frame_far < NEARER * memory_far) & (memory_far > usual)
    against_frame = (frame_far > FARTHER * usual) & (memory_far < FOLLOWED * frame_far)
    return Testimony(_enlarged(for_frame, size), _enlarged(against_frame, size))


def _contrast(picture: Floats, small: tuple[int, int]) -> Floats:
    """Return the squared contrast around each pixel of the small picture."""
    coarse = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    gradient = cv2.morphologyEx(coarse, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return mean_square(np.asarray(gradient, np.float32))


def _enlarged(mask: Mask, size: tuple[int, int]) -> Mask:
    wide = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide >= 0.5, bool)
