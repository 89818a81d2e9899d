"""The CDNet 2014 folder layout and its label codes, read and written (changedetection.net)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import DatasetError
from cleanplate.files import make_folder, write_bytes
from cleanplate.images import BACKGROUND, FOREGROUND, IGNORED, Frame, Mask, read_grey, write_picture
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.scene import Truth
from cleanplate.settings import read_text

STATIC, SHADOW, OUTSIDE, UNKNOWN, MOVING = 0, 50, 85, 170, 255
CODES = (STATIC, SHADOW, OUTSIDE, UNKNOWN, MOVING)

INPUT, GROUNDTRUTH, ROI, TEMPORAL_ROI = "input", "groundtruth", "ROI.bmp", "temporalROI.txt"
PLATES = "background"
"""Where a drawn scene's clean backgrounds lie; CDNet itself has none."""
WRITTEN_FOLDERS = (INPUT, GROUNDTRUTH, PLATES)
VIDEOS: dict[str, tuple[str, ...]] = {
    "baseline": ("highway", "pedestrians", "office", "PETS2006"),
    "cameraJitter": ("badminton", "traffic", "boulevard", "sidewalk"),
    "badWeather": ("skating", "blizzard", "snowFall", "wetSnow"),
    "dynamicBackground": ("boats", "canoe", "fall", "fountain01", "fountain02", "overpass"),
    "intermittentObjectMotion": (
        "abandonedBox",
        "parking",
        "sofa",
        "streetLight",
        "tramstop",
        "winterDriveway",
    ),
    "lowFramerate": ("port_0_17fps", "tramCrossroad_1fps", "tunnelExit_0_35fps", "turnpike_0_5fps"),
    "nightVideos": (
        "bridgeEntry",
        "busyBoulvard",  # so it is spelled
        "fluidHighway",
        "streetCornerAtNight",
        "tramStation",
        "winterStreet",
    ),
    "PTZ": ("continuousPan", "intermittentPan", "twoPositionPTZCam", "zoomInZoomOut"),
    "shadow": ("backdoor", "bungalows", "busStation", "copyMachine", "cubicle", "peopleInShade"),
    "thermal": ("corridor", "diningRoom", "lakeSide", "library", "park"),
    "turbulence": ("turbulence0", "turbulence1", "turbulence2", "turbulence3"),
}
"""The 53 videos of CDNet 2014 by category, both spelled as their folders are."""
CATEGORIES = tuple(VIDEOS)

MASK_NAME = "bin{:06d}.png"
"""How a result mask is called, by its frame's number."""
FOREGROUND_ABOVE = 127
"""A result mask's pixel is foreground above half; OpenCV's shadows (127) are background."""

_LABEL_OF = np.full(256, -2, np.int8)
_LABEL_OF[[STATIC, SHADOW, OUTSIDE, UNKNOWN, MOVING]] = [
    BACKGROUND,
    BACKGROUND,
    IGNORED,
    IGNORED,
    FOREGROUND,
]


def decode_labels(codes: NDArray[np.uint8], where: str) -> Truth:
    """Turn CDNet's codes ``(H, W)`` into labels and the marks that scoring and plates need.

    Raises:
        DatasetError: a value is none of 0, 50, 85, 170, 255; ``where`` names the file.
    """
    labels = _LABEL_OF[codes]
    if labels.min() < IGNORED:
        strange = sorted(set(np.unique(codes).tolist()) - set(CODES))
        shown = ", ".join(str(value) for value in strange[:8])
        raise DatasetError(
            f"{where}: mask holds values {shown}; use 0 and 255, or CDNet's codes 0 50 85 170 255"
        )
    unclean = (codes == SHADOW) | (codes == UNKNOWN) | (codes == MOVING)
    return Truth(labels, shadow=codes == SHADOW, unclean=unclean)


def read_labels(path: Path) -> Truth:
    """Read one label PNG (see `decode_labels`)."""
    return decode_labels(read_grey(path), str(path))


def read_temporal_region(path: Path) -> tuple[int, int]:
    """Read ``temporalROI.txt``: the first and last frame number scored, both inclusive.

    Raises:
        DatasetError: the file does not hold two whole numbers in order.
    """
    try:
        words = read_text(path, "replace").split()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    try:
        first, last = (int(word) for word in words)
    except ValueError:
        first, last = 1, 0
    if first > last:
        raise DatasetError(
            f"{path}: holds {' '.join(words)[:40]!r}; write the first and the last frame number"
        )
    return first, last


def read_roi(path: Path) -> Mask:
    """Read ``ROI.bmp``: True where pixels are scored."""
    return np.asarray(read_grey(path) != 0, bool)


def write_scene(
    folder: Path, moments: Iterator[tuple[Frame, NDArray[np.uint8], Frame]], first: int = 1
) -> int:
    """Write a scene in CDNet's layout and its clean backgrounds beside; returns the frame count.

    Args:
        folder: the scene's folder, made if missing.
        moments: frame, label codes and clean background of each moment, in order.
        first: the number of the first frame.
    """
    for name in WRITTEN_FOLDERS:
        make_folder(folder / name)
    count = 0
    for count, (frame, codes, background) in enumerate(moments, start=1):
        number = first + count - 1
        write_picture(folder / INPUT / f"in{number:06d}.png", frame)
        write_picture(folder / GROUNDTRUTH / f"gt{number:06d}.png", codes)
        write_picture(folder / PLATES / f"bg{number:06d}.png", background)
        if count == 1:
            write_picture(folder / ROI, np.full(codes.shape, MOVING, np.uint8))
    write_bytes(folder / TEMPORAL_ROI, f"{first} {first + count - 1}\n".encode())
    return count


def result_masks(folder: Path) -> dict[int, Path]:
    """Find a method's ``binNNNNNN.png`` masks by frame number.

    Raises:
        DatasetError: the folder holds none, or one is a JPEG.
    """
    masks = numbered_pictures(folder, "result masks such as bin000001.png", prefix="bin")
    for path in masks.values():
        if path.suffix.lower() in (".jpg", ".jpeg"):
            raise DatasetError(f"{path}: JPEG blurs the edges of a mask; write PNG masks")
    return masks


def read_result_mask(path: Path) -> Mask:
    """Read a method's mask: True above the half of 255."""
    return np.asarray(read_grey(path) > FOREGROUND_ABOVE, bool)


def is_cdnet_folder(folder: Path) -> bool:
    """Say whether the folder is laid out as CDNet scenes are."""
    return (folder / INPUT).is_dir() and (folder / GROUNDTRUTH).is_dir()
