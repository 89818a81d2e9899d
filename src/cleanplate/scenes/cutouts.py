"""Objects cut from labelled frames or picture collections, pasted as foreground (section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import DatasetError
from cleanplate.images import (
    FOREGROUND,
    IGNORED,
    PICTURE_SUFFIXES,
    Frame,
    Labels,
    Mask,
    Size,
    read_picture,
    resize_frame,
    resize_map,
)

LEAST_OBJECT_PX = 30
SOLID, FAINT = 0.75, 0.1
"""Above SOLID a pasted pixel is foreground, below FAINT it keeps its label, else it is ignored."""
LARGEST_SHARE = 0.4
"""An object from elsewhere is shrunk to at most this share of the frame's height and width."""

# Where image and mask folders lie in the collections that are read, and the mask name's ending.
_COLLECTIONS = (
    ("JPEGImages", "SegmentationObject", ""),  # PASCAL VOC
    ("JPEGImages", "Annotations", ""),  # DAVIS
    ("PNGImages", "PedMasks", "_mask"),  # Penn-Fudan
)
_VOC_VOID = 0xE0E0C0


class Cutout(NamedTuple):
    """One object cut out of a picture.

    Attributes:
        frame: ``(h, w, 3)`` uint8 RGB, the object's box.
        alpha: ``(h, w)`` float32 in [0, 1], how much of each pixel the object covers.
        place: row and column where its box lay, or None when it comes from another picture.
    """

    frame: Frame
    alpha: NDArray[np.float32]
    place: tuple[int, int] | None


def cut_objects(frame: Frame, mask: Mask, from_scene: bool) -> list[Cutout]:
    """Cut every connected object of at least 30 pixels out of a frame, with soft edges."""
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    objects = []
    for part, (left, top, width, height, area) in enumerate(boxes[1:], start=1):
        if area < LEAST_OBJECT_PX:
            continue
        rows, columns = slice(top, top + height), slice(left, left + width)
        alpha = np.pad((parts[rows, columns] == part).astype(np.float32), 1)
        alpha = np.asarray(cv2.GaussianBlur(alpha, (3, 3), 0.7), np.float32)[1:-1, 1:-1]
        if alpha.max() < SOLID:  # a sliver, which would paste nothing but ignored labels
            continue
        place = (int(top), int(left)) if from_scene else None
        objects.append(Cutout(frame[rows, columns].copy(), alpha, place))
    return objects


def read_objects(folder: Path, size: Size) -> list[Cutout]:
    """Read cut-outs in PASCAL VOC, DAVIS or Penn-Fudan layout, shrunk to fit frames of ``size``.

    Raises:
        DatasetError: the folder holds no such pair of picture and mask, or their sizes differ.
    """
    objects = []
    for path, mask_path in _pairs(folder):
        picture, colours = read_picture(path), read_picture(mask_path)
        if colours.shape != picture.shape:
            raise DatasetError(
                f"{mask_path}: mask is {colours.shape[1]}x{colours.shape[0]} but {path.name} is "
                f"{picture.shape[1]}x{picture.shape[0]}; give the mask that belongs to the picture"
            )
        for mask in _instances(colours):
            shrunk = [_shrunk(cutout, size) for cutout in cut_objects(picture, mask, False)]
            objects += [cutout for cutout in shrunk if cutout.alpha.max() >= SOLID]
    if not objects:
        raise DatasetError(
            f"{folder}: no cut-outs; give a folder in PASCAL VOC layout (JPEGImages and "
            "SegmentationObject), in DAVIS's or in Penn-Fudan's"
        )
    return objects


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    for pictures, masks, ending in _COLLECTIONS:
        for mask in sorted((folder / masks).rglob(f"*{ending}.png")):
            stem = mask.stem.removesuffix(ending)
            beside = (folder / pictures / mask.relative_to(folder / masks)).parent
            for path in sorted(beside.glob(f"{stem}.*")):
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    yield path, mask


def _instances(colours: Frame) -> Iterator[Mask]:
    """Yield one mask for each colour of a mask picture but black and PASCAL VOC's void."""
    packed = colours.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)  # rows sort slowly
    for colour in np.unique(packed):
        if colour not in (0, _VOC_VOID):
            yield packed == colour


def _shrunk(cutout: Cutout, size: Size) -> Cutout:
    height, width = cutout.alpha.shape
    scale = min(1.0, LARGEST_SHARE * size[0] / height, LARGEST_SHARE * size[1] / width)
    small = (max(1, round(height * scale)), max(1, round(width * scale)))
    return Cutout(resize_frame(cutout.frame, small), resize_map(cutout.alpha, small), None)


def paste(
    frame: Frame, labels: Labels, cutout: Cutout, place: tuple[int, int], gain: float = 1.0
) -> None:
    """Paste an object into a frame and its labels, in place.

    Solid pixels become foreground, the soft edge is ignored as CDNet's borders are.

    Args:
        frame: ``(H, W, 3)`` uint8.
        labels: ``(H, W)`` int8.
        cutout: the object.
        place: row and column of the box's corner; parts outside the frame are cut off.
        gain: factor on the object's brightness.
    """
    height, width = labels.shape
    top, left = place
    rows = slice(max(0, top), min(height, top + cutout.alpha.shape[0]))
    columns = slice(max(0, left), min(width, left + cutout.alpha.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    alpha = cutout.alpha[part]
    colour = np.minimum(cutout.frame[part] * np.float32(gain), 255)
    under = frame[rows, columns]
    frame[rows, columns] = np.rint(under + alpha[..., None] * (colour - under)).astype(np.uint8)
    covered = labels[rows, columns]
    covered[(alpha >= FAINT) & (covered != FOREGROUND)] = IGNORED
    covered[alpha >= SOLID] = FOREGROUND
