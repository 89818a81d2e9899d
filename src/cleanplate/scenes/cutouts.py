"""Objects cut out of labelled frames or of picture collections, to be pasted (section 4.1)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import DatasetError
from cleanplate.images import PICTURE_SUFFIXES, Frame, Mask, Size, read_picture, read_unchanged
from cleanplate.scenes.pasting import (
    FAINT,
    LARGEST_SHARE,
    SOLID,
    Cutout,
    share_of_frame,
    shrink_by,
)

log = logging.getLogger(__name__)

LEAST_OBJECT_PX = 30
MOST_PICTURES = 1000
"""Of a larger collection evenly spread pictures are read; VOC has 2913 with objects."""

VOC_PICTURES, VOC_OBJECTS, VOC_KINDS = "JPEGImages", "SegmentationObject", "SegmentationClass"
VOC_VOID = (0xE0E0C0, 0xFFFFFF)
"""The colour of the border around objects, and the same (255) in a mask that was saved grey."""
VOC_EDGE_PX, VOC_EDGE_ALPHA = 5, 0.7
"""That border's width; it becomes the soft edge, at most so opaque and fading outwards."""
VOC_NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)

# Where image and mask folders lie in the other collections, and the mask name's ending.
_COLLECTIONS = (
    ("JPEGImages", "Annotations", ""),  # DAVIS
    ("PNGImages", "PedMasks", "_mask"),  # Penn-Fudan
)

Colours = NDArray[np.int32]
"""A mask picture's colours ``(H, W)``, red, green and blue in one number: 0xRRGGBB."""


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
    """Read the objects of a collection, shrunk to fit frames of ``size``.

    A folder is read as the first of these that it is: PASCAL VOC (whole instances, however many
    parts show; those that touch their picture's border are cut off there and left out), DAVIS or
    Penn-Fudan (connected parts), PNGs with an alpha channel (each is one object).

    Raises:
        DatasetError: there is no object, VOC's object masks are missing, or a mask has another
            size than its picture.
        VideoError: a picture or mask cannot be read.
    """
    found = _read_all(folder)
    fitted = [shrink_by(cutout, LARGEST_SHARE / share_of_frame(cutout, size)) for cutout in found]
    objects = [cutout for cutout in fitted if cutout.alpha.max() >= SOLID]
    if not objects:
        raise DatasetError(
            f"{folder}: no cut-outs; give a folder in PASCAL VOC layout (JPEGImages and "
            "SegmentationObject), in DAVIS's or in Penn-Fudan's, or PNGs with an alpha channel"
        )
    kinds = Counter(cutout.kind for cutout in objects if cutout.kind).most_common()
    named = ", ".join(f"{count} {kind}" for kind, count in kinds)
    log.info("%s: %d cut-outs%s", folder, len(objects), f" ({named})" if named else "")
    return objects


def _read_all(folder: Path) -> Iterator[Cutout]:
    if (folder / VOC_OBJECTS).is_dir():
        return _read_voc(folder)
    if any(True for layout in _COLLECTIONS for _ in _pairs(folder, *layout)):
        return _read_parts(folder)
    if (folder / VOC_PICTURES).is_dir():
        raise DatasetError(
            f"{folder}: no {VOC_OBJECTS}, without which objects that touch cannot be told apart; "
            "copy that folder of VOC2012 here too"
        )
    return _read_transparent(folder)


def _pairs(folder: Path, pictures: str, masks: str, ending: str) -> Iterator[tuple[Path, Path]]:
    """Yield each mask's picture and the mask; masks without a picture are passed over."""
    for mask in sorted((folder / masks).rglob(f"*{ending}.png")):
        stem = mask.stem.removesuffix(ending)
        beside = (folder / pictures / mask.relative_to(folder / masks)).parent
        for path in sorted(beside.glob(f"{stem}.*")):
            if path.suffix.lower() in PICTURE_SUFFIXES:
                yield path, mask


def _step(count: int) -> int:
    """Return of how many pictures one is read."""
    return max(1, -(-count // MOST_PICTURES))


def _read_voc(folder: Path) -> Iterator[Cutout]:
    cut_off = 0
    pairs = list(_pairs(folder, VOC_PICTURES, VOC_OBJECTS, ""))
    for path, mask_path in pairs[:: _step(len(pairs))]:
        picture = read_picture(path)
        colours = _read_mask(mask_path, path, picture)
        kind_path = folder / VOC_KINDS / mask_path.name
        kinds = _read_mask(kind_path, path, picture) if kind_path.exists() else None
        border = np.asarray(np.isin(colours, VOC_VOID), bool)
        for mask in _instances(colours, VOC_VOID):
            if mask[[0, -1]].any() or mask[:, [0, -1]].any():
                cut_off += 1
            elif np.count_nonzero(mask) >= LEAST_OBJECT_PX:
                kind = "" if kinds is None else _kind(kinds[mask])
                yield _cut_whole(picture, mask, border)._replace(kind=kind)
    if cut_off:
        log.info("%s: %d objects touch their picture's border and are left out", folder, cut_off)


def _cut_whole(frame: Frame, mask: Mask, border: Mask) -> Cutout:
    """Cut all parts of one object out; the border near it becomes its soft edge."""
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    fading = np.clip(VOC_EDGE_ALPHA * (1 - (distance - 1) / VOC_EDGE_PX), 0, VOC_EDGE_ALPHA)
    return _boxed(frame, np.where(mask, 1, np.where(border, fading, 0)).astype(np.float32))


def _boxed(frame: Frame, alpha: NDArray[np.float32]) -> Cutout:
    """Cut the box out in which something shows."""
    rows, columns = (np.flatnonzero((alpha >= FAINT).any(axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Cutout(frame[box].copy(), alpha[box].copy(), None)


def _kind(colours: Colours) -> str:
    """Name the class that most of an object's pixels have, or return the empty string."""
    known = {_voc_colour(number): name for number, name in enumerate(VOC_NAMES, start=1)}
    known |= {number * 0x010101: name for number, name in enumerate(VOC_NAMES, start=1)}  # as grey
    counts = Counter(colour for colour in colours.tolist() if colour in known)
    return known[counts.most_common(1)[0][0]] if counts else ""


def _voc_colour(number: int) -> int:
    """Return a class's colour in VOC's palette: its bits go to red, green and blue in turn."""
    red, green, blue = (
        sum((number >> (3 * place + channel) & 1) << (7 - place) for place in range(3))
        for channel in range(3)
    )
    return red << 16 | green << 8 | blue


def _read_parts(folder: Path) -> Iterator[Cutout]:
    """Cut the connected parts of each colour out of DAVIS's or Penn-Fudan's pictures."""
    pairs = [pair for layout in _COLLECTIONS for pair in _pairs(folder, *layout)]
    for path, mask_path in pairs[:: _step(len(pairs))]:
        picture = read_picture(path)
        for mask in _instances(_read_mask(mask_path, path, picture)):
            yield from cut_objects(picture, mask, from_scene=False)


def _read_mask(path: Path, picture_path: Path, picture: Frame) -> Colours:
    mask = read_picture(path)
    if mask.shape != picture.shape:
        raise DatasetError(
            f"{path}: mask is {mask.shape[1]}x{mask.shape[0]} but {picture_path.name} is "
            f"{picture.shape[1]}x{picture.shape[0]}; give the mask that belongs to the picture"
        )
    return mask.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def _instances(colours: Colours, void: Sequence[int] = ()) -> Iterator[Mask]:
    """Yield one mask for each colour of a mask picture but black and the void's."""
    for colour in np.unique(colours).tolist():
        if colour and colour not in void:
            yield colours == colour


def _read_transparent(folder: Path) -> Iterator[Cutout]:
    """Read PNGs whose alpha channel is the object; those that are opaque all over are none."""
    opaque = 0
    paths = sorted(folder.glob("*.[pP][nN][gG]"))
    for path in paths[:: _step(len(paths))]:
        frame, alpha = read_picture(path), _read_alpha(path)
        if np.count_nonzero(alpha >= SOLID) < LEAST_OBJECT_PX:
            continue
        if (alpha >= SOLID).all():
            opaque += 1
        else:
            yield _boxed(frame, alpha)
    if opaque:
        log.warning("%s: %d PNGs without transparency are left out", folder, opaque)


def _read_alpha(path: Path) -> NDArray[np.float32]:
    """Return how opaque each pixel is; 1 where the picture has no alpha channel."""
    picture = read_unchanged(path)
    if picture.ndim < 3 or picture.shape[2] < 4:
        return np.ones(picture.shape[:2], np.float32)
    most = np.iinfo(picture.dtype).max  # 16 bits are possible
    return np.asarray(picture[..., 3] / most, np.float32)
