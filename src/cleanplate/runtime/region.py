"""Where and from what size foreground counts: regions of interest, small parts left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cleanplate.errors import ConfigError
from cleanplate.images import PICTURE_SUFFIXES, Mask, Size, read_grey
from cleanplate.scenes.polygons import Polygon, filled

MOST_PX = 2**20
"""How far a corner may lie outside."""


class Region:
    """Keeps foreground inside a region and from a size on.

    Args:
        include: polygons or pictures (what is not black is inside); the whole frame if there are
            none.
        exclude: the same, taken away again.
        least_area: a connected part of fewer pixels is dropped.
    """

    def __init__(
        self,
        include: Sequence[Polygon | Path] = (),
        exclude: Sequence[Polygon | Path] = (),
        least_area: int = 0,
    ) -> None:
        self._include, self._exclude, self._least_area = include, exclude, least_area
        self._inside: Mask | None = None

    def apply(self, mask: Mask) -> Mask:
        """Return the mask ``(H, W)`` with what does not count taken out.

        Raises:
            ConfigError: a region's picture has another size than the mask.
        """
        if self._include or self._exclude:
            if self._inside is None or self._inside.shape != mask.shape:
                self._inside = self._drawn((mask.shape[0], mask.shape[1]))
            mask = mask & self._inside
        return without_small(mask, self._least_area)

    def _drawn(self, size: Size) -> Mask:
        inside = np.full(size, not self._include)
        for shape in self._include:
            inside |= _filled(shape, size)
        for shape in self._exclude:
            inside &= ~_filled(shape, size)
        return inside


def without_small(mask: Mask, least_area: int) -> Mask:
    """Return a mask without its connected parts (8 neighbours) of fewer pixels."""
    if least_area <= 1 or not mask.any():
        return mask
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    large = boxes[:, cv2.CC_STAT_AREA] >= least_area
    large[0] = False
    return np.asarray(large[parts], bool)


def parse_region(text: str) -> Polygon | Path:
    """Read a polygon ``x,y x,y x,y`` in pixels, or the path of a picture such as ROI.bmp.

    Raises:
        ConfigError: it is neither.
    """
    if Path(text).suffix.lower() in PICTURE_SUFFIXES:
        return Path(text)
    try:
        corners = tuple((float(x), float(y)) for x, y in (pair.split(",") for pair in text.split()))
    except ValueError:
        corners = ()
    is_near = all(abs(side) < MOST_PX for corner in corners for side in corner)
    if len(corners) < 3 or not is_near:
        raise ConfigError(
            f"region {text!r}: give at least three corners as 'x,y x,y x,y' in pixels, or a picture"
        )
    return corners


def _filled(shape: Polygon | Path, size: Size) -> Mask:
    if isinstance(shape, Path):
        return _picture(shape, size)
    return filled(shape, size)


def _picture(path: Path, size: Size) -> Mask:
    picture = read_grey(path)
    if picture.shape != size:
        raise ConfigError(
            f"{path}: is {picture.shape[1]}x{picture.shape[0]} but the frames are "
            f"{size[1]}x{size[0]}; give a region of the frames' size"
        )
    return np.asarray(picture > 0, bool)
