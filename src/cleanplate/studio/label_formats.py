"""Labels of other programs as CDNet's codes: CVAT, COCO, labelme, plain masks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import CleanplateError, DatasetError
from cleanplate.images import MOST_PIXELS, Size
from cleanplate.scenes.cdnet import CODES, MOVING, SHADOW, STATIC, UNKNOWN
from cleanplate.studio.labels import Codes, decode_codes

MOST_POINTS = 100_000
_BACKGROUNDS = frozenset({"background", "bg", "static", "_background_", "empty"})
_UNKNOWNS = ("unknown", "ignore", "unsure", "don't know", "dont know", "void", "__ignore__")
_DIGITS = re.compile(r"(\d+)\D*$")
_DIGITS_OF_COLOUR = re.compile(r" *[0-9]{1,3} *")
_CVAT_FRAME = re.compile(r"frame_\d{6,}$")


class Found(NamedTuple):
    """A label of another program.

    Attributes:
        what: the picture's name there.
        codes: CDNet's codes ``(H, W)``, or None where it cannot be taken.
        why: why not.
    """

    what: str
    codes: Codes | None
    why: str = ""


def code_of(label: str) -> int:
    """Return CDNet's code for a label's name: what moves, unless it says something else."""
    name = label.strip().lower()
    if name in _BACKGROUNDS:
        return STATIC
    if "shadow" in name:
        return SHADOW
    return UNKNOWN if any(word in name for word in _UNKNOWNS) else MOVING


def number_of(name: str, first: int) -> int | None:
    """Return the frame's number that a picture's name means: its last run of digits.

    CVAT counts the frames of a video from 0 and calls them ``frame_000000``.
    """
    stem = PurePosixPath(name.replace("\\", "/")).stem
    digits = _DIGITS.search(stem)
    if digits is None or len(digits[1]) > 9:
        return None
    return int(digits[1]) + (first if _CVAT_FRAME.fullmatch(stem) else 0)


def plain_mask(what: str, data: bytes, size: Size) -> Found:
    """Read a mask of 0 and 255 or CDNet's codes; 1 is taken for 255 where nothing else is there."""
    try:
        codes = decode_codes(data, what, size)
    except CleanplateError as error:
        return Found(what, None, str(error))
    values = set(np.unique(codes).tolist())
    if values <= {0, 1}:
        codes = np.where(codes == 1, MOVING, STATIC).astype(np.uint8)
    elif not values <= set(CODES):
        strange = ", ".join(str(value) for value in sorted(values - set(CODES))[:5])
        why = f"holds values {strange}; use 0 and 255, or CDNet's codes 0 50 85 170 255"
        return Found(what, None, why)
    return Found(what, codes)


def read_label_map(text: str) -> dict[tuple[int, int, int], int]:
    """Read CVAT's ``labelmap.txt``: the code of each colour.

    Raises:
        DatasetError: a line is none.
    """
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, rest = line.partition(":")
        parts = rest.split(":")[0].split(",")
        if len(parts) != 3 or not all(_DIGITS_OF_COLOUR.fullmatch(part) for part in parts):
            raise DatasetError(f"labelmap.txt: {line[:60]!r} is not NAME:R,G,B::; export again")
        red, green, blue = (int(part) for part in parts)
        found[red, green, blue] = code_of(name)
    return found


def coloured_mask(
    what: str, data: bytes, size: Size, colours: dict[tuple[int, int, int], int]
) -> Found:
    """Read one of CVAT's coloured masks."""
    try:
        decode_codes(data, what, size)  # refuses what is no PNG of this size
    except CleanplateError as error:
        return Found(what, None, str(error))
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None  # it was read above
    packed = picture.astype(np.int32) @ np.array([1, 256, 65536], np.int32)  # stored as B, G, R
    codes = np.full(size, STATIC, np.uint8)
    known = np.zeros(size, bool)
    for (red, green, blue), code in colours.items():
        here = packed == (red << 16 | green << 8 | blue)
        codes[here] = code
        known |= here
    if not known.all():
        return Found(what, None, "holds colours that labelmap.txt does not name; export again")
    return Found(what, codes)


def labelme(what: str, values: dict[str, Any], size: Size) -> Found:
    """Read one picture's labelme file: polygons, rectangles and circles."""
    width, height = values.get("imageWidth"), values.get("imageHeight")
    if (height, width) != size:
        return Found(what, None, f"is of {width}x{height} pixels, not {size[1]}x{size[0]}")
    codes = np.zeros(size, np.uint8)
    try:
        shapes = values["shapes"]
        for shape in sorted(shapes, key=lambda shape: _rank(code_of(str(shape["label"])))):
            _draw_shape(codes, shape)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        return Found(what, None, f"has a shape that cannot be drawn ({error})")
    return Found(what, codes)


def _rank(code: int) -> int:
    """Draw what moves over shadows, and what is unknown over both."""
    return (STATIC, SHADOW, MOVING, UNKNOWN).index(code)


def _draw_shape(codes: Codes, shape: dict[str, Any]) -> None:
    code, kind = code_of(str(shape["label"])), shape.get("shape_type") or "polygon"
    points = np.array(shape["points"], np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) > MOST_POINTS:
        raise ValueError(f"{len(points)} points")
    if not np.isfinite(points).all() or np.abs(points).max(initial=0) > 1e6:
        raise ValueError("points far outside")
    if kind == "rectangle":
        (left, top), (right, bottom) = points[:2]
        points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    elif kind == "circle":
        radius = round(float(np.hypot(*(points[1] - points[0]))))
        centre = (round(float(points[0][0])), round(float(points[0][1])))
        cv2.circle(codes, centre, min(radius, 100_000), code, -1)
        return
    elif kind != "polygon":
        raise ValueError(f"shape_type {str(kind)[:20]!r}; use polygons")
    if len(points) < 3:
        raise ValueError("fewer than three corners")
    cv2.fillPoly(codes, [np.rint(points).astype(np.int32)], code)


def coco(values: dict[str, Any], size: Size) -> Iterator[Found]:
    """Read COCO's JSON: polygons, and run lengths as lists or packed into a string."""
    try:
        names = {one["id"]: str(one["name"]) for one in values.get("categories", [])}
        images = {one["id"]: one for one in values["images"]}
        shapes: dict[Any, list[dict[str, Any]]] = {key: [] for key in images}
        for one in values["annotations"]:
            shapes[one["image_id"]].append(one)
    except (KeyError, TypeError) as error:
        raise DatasetError(f"COCO JSON: {error} is missing or strange; export again") from error
    for key, image in images.items():
        what = str(image.get("file_name", key))
        if (image.get("height"), image.get("width")) != size:
            shown = f"{image.get('width')}x{image.get('height')}"
            yield Found(what, None, f"is of {shown} pixels, not {size[1]}x{size[0]}")
            continue
        codes = np.zeros(size, np.uint8)
        try:
            coded = [(code_of(names.get(one.get("category_id"), "")), one) for one in shapes[key]]
            for code, one in sorted(coded, key=lambda pair: _rank(pair[0])):
                codes[segmentation_mask(one["segmentation"], size)] = code
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            yield Found(what, None, f"has an annotation that cannot be drawn ({error})")
            continue
        yield Found(what, codes)


def segmentation_mask(segmentation: Any, size: Size) -> NDArray[np.bool_]:
    """Return the mask ``(H, W)`` of one COCO segmentation.

    Raises:
        ValueError: it is damaged.
    """
    if isinstance(segmentation, list):
        mask = np.zeros(size, np.uint8)
        for polygon in segmentation:
            points = np.array(polygon, np.float64).reshape(-1, 2)
            shape = {"label": "", "points": points}
            _draw_shape(mask, shape)
        return np.asarray(mask == MOVING, bool)
    if tuple(segmentation["size"]) != size:
        raise ValueError(f"run lengths of size {segmentation['size']}")
    counts = segmentation["counts"]
    most = size[0] * size[1] + 1  # one for each pixel, and an empty one before
    if isinstance(counts, str):
        counts = unpacked(counts, most)
    if len(counts) > most:
        raise ValueError("more run lengths than pixels")
    runs = np.array(counts, np.int64)
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != size[0] * size[1]:
        raise ValueError("run lengths that do not fill the picture")
    values = np.arange(len(runs)) % 2 == 1
    return np.asarray(np.repeat(values, runs).reshape(size[1], size[0]).T, bool)


def unpacked(text: str, most: int = MOST_PIXELS) -> list[int]:
    """Unpack COCO's run lengths: five bits a letter from "0" on, the sixth says that more come.

    From the third on each is a difference to the one before the last.

    Raises:
        ValueError: the text ends within a number, has other letters, or holds more than ``most``.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text.encode():
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 35:
            raise ValueError("run lengths that cannot be read")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
            if len(runs) > most:
                raise ValueError("more run lengths than pixels")
    if shift:
        raise ValueError("run lengths that end too early")
    return runs
