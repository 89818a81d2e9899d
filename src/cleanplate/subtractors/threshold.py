"""A background image and a threshold make a mask."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.protocol import (
    BackgroundModel,
    HasState,
    LearnsBeforehand,
    SeesLess,
    Segmentation,
)


class ThresholdSubtractor:
    """Foreground where a frame is far from its background, as in section 4.2 of the paper.

    It learns beforehand, and can be saved, exactly where its model does and can.

    Args:
        model: gives each frame's background.
        threshold: a pixel farther than this in any channel is foreground; in [0, 1], where 1 is
            from black to white. The paper's sweep goes from 0 to 0.5.

    Raises:
        ConfigError: the threshold lies outside [0, 1].
    """

    def __init__(self, model: BackgroundModel, threshold: float) -> None:
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold is {threshold}; give a number from 0 to 1")
        self.name = model.name
        self.learns_online = model.learns_online
        self.threshold = threshold
        self._model = model
        # Bound here, not as methods of the class: whoever asks isinstance(..., LearnsBeforehand)
        # must be told what the model can do.
        if isinstance(model, LearnsBeforehand):
            self.learn = model.learn
        if isinstance(model, HasState):
            self.state, self.restore = model.state, model.restore

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame; the background is the model's."""
        background = self._model.reconstruct(frame, update)
        far = self.distance(frame, background)
        # rounded first: 25 / 255 * 255 must be 25 and no less
        levels = math.floor(round(self.threshold * 255, 6))
        return Segmentation(far > levels, None, background)

    def distance(self, frame: Frame, background: Frame) -> NDArray[np.uint8]:
        """Return how far each pixel is from a background of this method (see `distance`).

        A frame is compared as its model sees it: the detail that a coarser background lacks is not
        foreground.
        """
        seen = self._model.as_seen(frame) if isinstance(self._model, SeesLess) else frame
        return distance(seen, background)


def distance(frame: Frame, background: Frame) -> NDArray[np.uint8]:
    """Return each pixel's largest difference in any channel, ``(H, W)`` uint8."""
    first, second, third = cv2.split(cv2.absdiff(np.ascontiguousarray(frame), background))
    return np.asarray(cv2.max(cv2.max(first, second), third), np.uint8)
