"""When a camera no longer shows what the model was trained on.

The model file keeps the scene's long-term background and how far frames usually are from it; what
comes in is compared with these.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.files import make_folder
from cleanplate.images import Frame, Mask, resize_frame, resize_map, write_picture
from cleanplate.networks.engine import Engine
from cleanplate.scenes.alignment import farthest_reach, find_shift

HOLD_SECONDS = 5.0
"""A reason must hold so long before it is told."""
LOOK_EVERY_SECONDS = 0.5
LIGHT_RATIO = 1.7
GREY_SHARE, LEAST_COLOUR = 0.25, 6.0
"""Colour that is left when a camera has gone over to infrared, and what a scene must have had."""
SHARP_SHARE = 0.35
FULL_SHARE = 0.8
STRANGE_SHARE = 0.35
OFTEN_TIMES, OFTEN_MORE = 3.0, 12.0
"""A pixel is strange from so many times the distance it often has, and so many grey levels more."""

REASONS = {
    "moved": "the camera has moved",
    "grey": "the picture has lost its colour: infrared light?",
    "dark": "it is much darker than in training",
    "bright": "it is much brighter than in training",
    "blurred": "the picture is blurred: is the lens dirty or out of focus?",
    "full": "nearly all of the mask is foreground",
    "strange": "much of the background looks unlike training",
}


class DriftWatch:
    """Tells once, for each reason, that frames have left what training saw.

    Args:
        engine: of the model; without a long-term background only full masks are noticed.
        folder: where a frame is kept for each reason, to be labelled, or None.
    """

    def __init__(self, engine: Engine, folder: Path | None = None) -> None:
        self._folder, self._reach = folder, engine.reach
        self._since: dict[str, float] = {}
        self._told: set[str] = set()
        self._next = 0.0
        self._median: Frame | None = None
        if engine.long_term is not None:
            kept = engine.long_term.transpose(1, 2, 0)
            self._median, self._often = np.ascontiguousarray(kept[..., :3]), kept[..., 4]

    def look(self, frame: Frame, mask: Mask, seconds: float) -> Iterator[tuple[str, str]]:
        """Look at a frame ``(H, W, 3)`` uint8 RGB and its mask, so many seconds after the first.

        Yields:
            Each new reason's key of `REASONS` and a message, once.
        """
        if seconds < self._next:
            return
        self._next = seconds + LOOK_EVERY_SECONDS
        here = set(self._reasons(frame, mask))
        for reason in list(self._since):
            if reason not in here:
                del self._since[reason]
        for reason in sorted(here):
            since = self._since.setdefault(reason, seconds)
            if seconds - since >= HOLD_SECONDS and reason not in self._told:
                self._told.add(reason)
                yield reason, self._keep(reason, frame, seconds)

    def _keep(self, reason: str, frame: Frame, seconds: float) -> str:
        if self._folder is None:
            return REASONS[reason]
        make_folder(self._folder)
        number = 1 + len(list(self._folder.glob("drift*.png")))
        path = self._folder / f"drift{number:04d}-{reason}.png"
        write_picture(path, frame)
        return f"{REASONS[reason]}; a frame to label is kept as {path.name}"

    def _reasons(self, frame: Frame, mask: Mask) -> Iterator[str]:
        if mask.mean() > FULL_SHARE:
            yield "full"
        if self._median is None:
            return
        size = (self._median.shape[0], self._median.shape[1])
        seen = resize_frame(frame, size)
        clean = resize_map(mask, size) < 0.5
        if clean.mean() < 1 - FULL_SHARE:
            return
        light = (1.0 + seen[clean].mean()) / (1.0 + self._median[clean].mean())
        if light > LIGHT_RATIO:
            yield "bright"
        elif light < 1 / LIGHT_RATIO:
            yield "dark"
        colour, usual_colour = _colour(seen)[clean].mean(), _colour(self._median)[clean].mean()
        if usual_colour > LEAST_COLOUR and colour < GREY_SHARE * usual_colour:
            yield "grey"
        reach = farthest_reach(size)
        shift = np.abs(find_shift(seen, self._median, reach)).max()
        if shift > max(1, self._reach):
            yield "moved"
        if _detail(seen, clean) < SHARP_SHARE * light * _detail(self._median, clean):
            yield "blurred"
        distance = np.abs(seen / light - self._median).max(2)
        strange = distance > OFTEN_TIMES * self._often + OFTEN_MORE
        if strange[clean].mean() > STRANGE_SHARE:
            yield "strange"


def _colour(frame: Frame) -> NDArray[np.float32]:
    """Return how far each pixel is from grey."""
    return np.asarray(frame.max(2).astype(np.float32) - frame.min(2))


def _detail(frame: Frame, clean: Mask) -> float:
    """Return the mean strength of fine structure, noise smoothed away."""
    grey = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[clean].mean())
