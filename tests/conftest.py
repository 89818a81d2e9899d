"""Drawn data and rules shared by all tests; nothing is downloaded.

- `crossing`: 24 frames of a textured square that crosses a textured 64 x 64 scene, and its masks.
- `scene_folder`: the same as a folder in CDNet's layout, with all five label codes.
- `write_scene`: writes such a folder in other ways (`write_cdnet_folder` has the arguments).
- `drawn_scene`: a drawn street of 40 frames of 96 x 64; `smoke_model`: a model trained on it.
- `real_data`: the folder of real scenes, for tests marked ``real``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import cleanplate
from cleanplate.images import write_picture
from cleanplate.scenes.synthetic import write_drawn_scene

torch.set_num_threads(1)  # two processes on two cores, and small pictures: threads only wait

SIDE, COUNT, SQUARE, TOP = 64, 24, 14, 24
UNLABELLED = 4
"""So many frames at the beginning of `scene_folder` lie before its temporal region."""


class Crossing(NamedTuple):
    """A square on its way from left to right, two pixels a frame, over a scene that stands still.

    Attributes:
        frames: ``(24, 64, 64, 3)`` uint8 RGB, with noise of two grey levels.
        masks: ``(24, 64, 64)`` bool, True on the square.
        background: ``(64, 64, 3)`` uint8 RGB, without noise.
    """

    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    background: NDArray[np.uint8]


def draw_crossing() -> Crossing:
    """Draw the square: every pixel is free in most of the frames, its shadow lies below it."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(60, 180, (8, 8, 3)).astype(np.float32)
    background = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(30, 220)
    background += rng.normal(0, 6, background.shape)
    square = rng.integers(120, 250, (SQUARE, SQUARE, 3)) * np.array([1.0, 0.3, 0.25])
    frames, masks = [], []
    for index in range(COUNT):
        rows, columns = slice(TOP, TOP + SQUARE), slice(1 + 2 * index, 1 + 2 * index + SQUARE)
        picture = background + rng.normal(0, 2, background.shape)
        picture[rows.stop : rows.stop + 4, columns] *= 0.55  # the shadow
        picture[rows, columns] = square
        mask = np.zeros((SIDE, SIDE), bool)
        mask[rows, columns] = True
        frames.append(picture.round().clip(0, 255).astype(np.uint8))
        masks.append(mask)
    return Crossing(
        np.stack(frames), np.stack(masks), background.round().clip(0, 255).astype(np.uint8)
    )


def cdnet_codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return CDNet's codes: 255 square, 170 around it, 50 its shadow, 85 two columns at the right.

    Every other pixel is 0.
    """
    codes = np.zeros(mask.shape, np.uint8)
    rows, columns = np.nonzero(mask)
    codes[rows.min() - 1 : rows.max() + 2, columns.min() - 1 : columns.max() + 2] = 170
    codes[rows.max() + 2 : rows.max() + 5, columns.min() : columns.max() + 1] = 50
    codes[mask] = 255
    codes[:, -2:] = 85
    return codes


def write_cdnet_folder(
    folder: Path,
    frames: NDArray[np.uint8],
    codes: dict[int, NDArray[np.uint8]],
    *,
    first: int = 1,
    region: str | None = None,
    roi: NDArray[np.uint8] | None = None,
    suffix: str = ".png",
) -> Path:
    """Write a scene in CDNet's layout and return its folder.

    Args:
        folder: where; made if missing.
        frames: ``(N, H, W, 3)``, numbered from ``first``.
        codes: the label picture of each frame number that has one.
        first: the first frame's number.
        region: the text of ``temporalROI.txt``, or None for no such file.
        roi: ``ROI.bmp``, or None for no such file.
        suffix: the kind of picture the frames are.
    """
    for name in ("input", "groundtruth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=first):
        write_picture(folder / "input" / f"in{number:06d}{suffix}", frame)
    for number, labels in codes.items():
        write_picture(folder / "groundtruth" / f"gt{number:06d}.png", labels)
    if region is not None:
        (folder / "temporalROI.txt").write_text(region)
    if roi is not None:
        write_picture(folder / "ROI.bmp", roi)
    return folder


@pytest.fixture(scope="session")
def crossing() -> Crossing:
    """A textured square crossing a textured scene (see `Crossing`); do not write into it."""
    drawn = draw_crossing()
    for part in drawn:
        part.flags.writeable = False
    return drawn


@pytest.fixture
def write_scene() -> Callable[..., Path]:
    """`write_cdnet_folder`, for scenes that differ from `scene_folder`."""
    return write_cdnet_folder


@pytest.fixture
def scene_folder(tmp_path: Path, crossing: Crossing) -> Path:
    """A scene in CDNet's layout: 24 frames, temporal region 5 to 24, ROI all 255, all five codes.

    The four frames before the region are 85 everywhere; the other 20 have labels, so that the half
    split trains on frames 5 to 14 and scores 15 to 24.
    """
    unlabelled = np.full((SIDE, SIDE), 85, np.uint8)
    codes = {
        number: cdnet_codes(mask) if number > UNLABELLED else unlabelled
        for number, mask in enumerate(crossing.masks, start=1)
    }
    roi = np.full((SIDE, SIDE), 255, np.uint8)
    region = f"{UNLABELLED + 1} {COUNT}\n"
    return write_cdnet_folder(tmp_path / "crossing", crossing.frames, codes, region=region, roi=roi)


@pytest.fixture
def real_data() -> Path:
    """The folder of real scenes that CLEANPLATE_DATA names; without it the test is skipped."""
    named = os.environ.get("CLEANPLATE_DATA")
    if not named:
        pytest.skip("CLEANPLATE_DATA is not set: it names the folder of real scenes")
    return Path(named)


class _Keeper(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's line."""
        self.lines.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True, scope="session")
def _converted_models_are_kept_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Converted models are kept, but not among the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEANPLATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_error_is_logged() -> Iterator[None]:
    """Fail any test in which a record of level ERROR was logged."""
    keeper = _Keeper()
    logging.getLogger("cleanplate").addHandler(keeper)
    yield
    logging.getLogger("cleanplate").removeHandler(keeper)
    if keeper.lines:
        pytest.fail("errors were logged:\n" + "\n".join(keeper.lines))


@pytest.fixture(scope="session")
def drawn_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn street of 40 frames of 96x64 in CDNet's layout, with its exact backgrounds."""
    folder = tmp_path_factory.mktemp("drawn") / "street"
    write_drawn_scene(folder, "baseline", frames=40, size=(64, 96), seed=1)
    return folder


@pytest.fixture(scope="session")
def smoke_model(drawn_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the drawn street, trained with the smoke preset on its first half."""
    path = tmp_path_factory.mktemp("model") / "street.safetensors"
    list(cleanplate.train(cleanplate.open_scene(drawn_scene), "smoke", path, device="cpu"))
    return path
