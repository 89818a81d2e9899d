"""Masks to start a label from: the model's, or, before there is one, what can be had without."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Mask, dilate, fitting_size, read_grey, resize_frame, resize_map
from cleanplate.scenes.cdnet import MOVING, STATIC, UNKNOWN
from cleanplate.scenes.clean_background import (
    distances_from,
    guess_unclean,
    long_term_background,
)
from cleanplate.scenes.project_file import LABEL_NAME
from cleanplate.studio.candidates import easy_numbers
from cleanplate.studio.labels import Codes
from cleanplate.studio.models import MOG2, Models
from cleanplate.studio.project import Project

SOURCES = ("auto", "model", "mog2", "median")
MOST_BAND = 20
MEDIAN_FRAMES, MEDIAN_PIXELS = 40, 110_000
LEAST_BEFORE = 40
"""With fewer frames before, MOG2 knows too little of the scene."""
CLEANING_PX = 5
LEAST_PART = 0.0004
"""Of the picture; smaller parts are noise."""
QUARTERS = 4.0
"""The distances of `distances_from` are in quarters of a grey level."""


class Proposal(NamedTuple):
    """A mask to start from.

    Attributes:
        codes: CDNet's codes ``(H, W)``.
        source: what made it: a model's name, ``mog2``, ``median`` or ``drawn``.
    """

    codes: Codes
    source: str


class Proposals:
    """Proposes labels for a project's frames.

    Args:
        project: whose frames they are.
        models: its models.
    """

    def __init__(self, project: Project, models: Models) -> None:
        self._project, self._models = project, models
        self._lock = Lock()
        self._median: tuple[str, NDArray[np.uint8], NDArray[np.float32]] | None = None

    def propose(self, number: int, source: str, band: int) -> Proposal:
        """Propose a label.

        Args:
            number: the frame's.
            source: one of `SOURCES`; ``auto`` takes what was drawn with the frame, else the newest
                model, else MOG2 where enough frames lie before, else the median.
            band: so many pixels on both sides of each edge are unknown.

        Raises:
            ConfigError: there is no such source or band, or no model.
            VideoError: a frame cannot be read.
        """
        if source not in SOURCES or not 0 <= band <= MOST_BAND:
            raise ConfigError(
                f"no proposal from {source[:20]!r} with a band of {band}; use one of "
                f"{', '.join(SOURCES)} and a band of 0 to {MOST_BAND} pixels"
            )
        drawn = self._project.hidden / "truth" / LABEL_NAME.format(number)
        if source == "auto" and drawn.is_file():
            return Proposal(with_band(read_grey(drawn), band), "drawn")
        newest = self._models.newest()
        if source == "model" and newest is None:
            raise ConfigError("there is no model yet; take the proposal of mog2 or the median")
        if newest is not None and source in ("auto", "model"):
            threshold = self._models.card(newest).operating_point.threshold
            mask = self._models.look(newest, number).probability >= threshold
            return Proposal(_codes(mask, band), newest)
        numbers = self._project.frames.numbers
        enough = bool(numbers) and number - numbers[0] >= LEAST_BEFORE
        if source == MOG2 or (source == "auto" and enough):
            found = self._models.look(MOG2, number).probability >= 0.5
            return Proposal(_codes(tidy(found), band), MOG2)
        return Proposal(_codes(tidy(self._unlike_median(number)), band), "median")

    def _unlike_median(self, number: int) -> Mask:
        size = self._project.frames.size
        with self._lock:
            source = self._project.source()
            small = fitting_size(size, MEDIAN_PIXELS)
            if self._median is None or self._median[0] != self._project.identity:
                chosen = easy_numbers(source, MEDIAN_FRAMES)
                frames = np.stack([resize_frame(source.read(n), small) for n in chosen])
                median = long_term_background(frames, np.zeros(frames.shape[:3], bool))
                usual = distances_from(median, frames)[..., 0].astype(np.float32) / QUARTERS
                self._median = self._project.identity, median, usual.astype(np.float32)
            kept = self._median
            frame = resize_frame(source.read(number), small)
        found = guess_unclean(frame[None], kept[1], kept[2])[0]
        return np.asarray(resize_map(found, size) >= 0.5)


def tidy(mask: Mask) -> Mask:
    """Take noise out of a mask, and holes."""
    smooth = cv2.medianBlur(mask.astype(np.uint8), CLEANING_PX)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLEANING_PX, CLEANING_PX))
    closed = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, kernel)
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    large = boxes[:, cv2.CC_STAT_AREA] >= max(1, LEAST_PART * mask.size)
    large[0] = False
    return np.asarray(large[parts], bool)


def _codes(mask: Mask, band: int) -> Codes:
    return with_band(np.where(mask, MOVING, STATIC).astype(np.uint8), band)


def with_band(codes: Codes, band: int) -> Codes:
    """Mark what lies within so many pixels of an edge as unknown."""
    if not band:
        return codes
    inside = codes == MOVING
    edge = dilate(inside, band) & dilate(~inside, band)
    return np.where(edge & ((codes == MOVING) | (codes == STATIC)), UNKNOWN, codes).astype(np.uint8)
