"""One segmented frame, and the pictures that can be made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask

TINT = np.array([255, 40, 40], np.float32)
TINT_SHARE = 0.45
GREEN = (60, 255, 60)


class Moment(NamedTuple):
    """A frame with what was found in it.

    Attributes:
        number: the frame's own.
        seconds: since the video's beginning.
        frame: ``(H, W, 3)`` uint8 RGB.
        mask: ``(H, W)`` bool, what counts as foreground.
        plate: the clean plate ``(H, W, 3)`` uint8 RGB, or None where none was asked for or the
            method has none.
    """

    number: int
    seconds: float
    frame: Frame
    mask: Mask
    plate: Frame | None


def mask_alone(moment: Moment) -> Mask:
    """Return the mask."""
    return moment.mask


def overlay(moment: Moment) -> Frame:
    """Return the frame with its foreground tinted red and outlined green."""
    shown = moment.frame.copy()
    shown[moment.mask] = (1 - TINT_SHARE) * shown[moment.mask] + TINT_SHARE * TINT
    outlines, _ = cv2.findContours(
        moment.mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    cv2.drawContours(shown, outlines, -1, GREEN, 1)
    return shown


def side_by_side(moment: Moment) -> Frame:
    """Return frame, clean plate (if there is one) and mask next to each other."""
    grey = np.repeat(moment.mask[..., None].view(np.uint8) * np.uint8(255), 3, 2)
    parts = [moment.frame, *([] if moment.plate is None else [moment.plate]), grey]
    return np.concatenate(parts, 1)


def cut_out(moment: Moment) -> NDArray[Any]:
    """Return the foreground ``(H, W, 4)`` RGBA, all else transparent black."""
    alpha = moment.mask.view(np.uint8) * np.uint8(255)
    return np.dstack([moment.frame * moment.mask[..., None], alpha])


def plate_or_frame(moment: Moment) -> Frame:
    """Return the clean plate, or the frame itself of a method that has none."""
    return moment.frame if moment.plate is None else moment.plate


VIEWS: dict[str, Callable[[Moment], NDArray[Any]]] = {
    "overlay": overlay,
    "mask": mask_alone,
    "plate": plate_or_frame,
    "frame": lambda moment: moment.frame,
}
"""What may be looked at while a camera runs, by name."""
