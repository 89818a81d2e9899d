"""One method on one scene as it is kept: counts, what the figures need, and two pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import DatasetError
from cleanplate.evaluation.background_measures import (
    mean_measures,
    measure_background,
    measure_masked,
)
from cleanplate.files import write_bytes
from cleanplate.images import BACKGROUND, FOREGROUND, Frame, Mask, write_picture
from cleanplate.measures import ConfusionMatrix
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.protocol import Segmentation

Distance = Callable[[Frame, Frame], NDArray[np.uint8]]

LEVELS = 256
MEASURED_FRAMES = 25
"""Backgrounds are measured on so many scored frames, evenly spread."""


@dataclass(frozen=True)
class Sweep:
    """How far frame and background lie apart, for every threshold at once.

    Attributes:
        positive: how many foreground pixels lie 0, 1, ... 255 grey levels from the background.
        negative: the same of the background's pixels.
    """

    positive: NDArray[np.int64]
    negative: NDArray[np.int64]

    def counts(self, threshold: float) -> ConfusionMatrix:
        """Count with foreground where the distance is above ``255 * threshold``."""
        level = int(np.floor(round(255 * threshold, 6))) + 1  # as `ThresholdSubtractor` rounds
        tp, fp = int(self.positive[level:].sum()), int(self.negative[level:].sum())
        fn, tn = int(self.positive[:level].sum()), int(self.negative[:level].sum())
        return ConfusionMatrix(tp, fp, fn, tn)


@dataclass(frozen=True)
class Pair:
    """A finished pair.

    Attributes:
        result: what ``evaluate --json`` prints.
        category: CDNet's category, or the folder that the scene's folder lies in.
        seconds_per_frame: spent segmenting.
        training_seconds: of the method's model, or None where nothing is trained.
        sweep: of a method that thresholds a background, or None.
        backgrounds: mean measures of its background images, or None where it has none.
        shown: number of the scored frame with most foreground.
        mask: file of that frame's mask.
        background: file of that frame's background, or None.
    """

    result: dict[str, Any]
    category: str
    seconds_per_frame: float
    training_seconds: float | None
    sweep: Sweep | None
    backgrounds: dict[str, float | None] | None
    shown: int
    mask: Path
    background: Path | None


class Observer:
    """Watches a method being scored and keeps what a report will show.

    Args:
        scene: its labels.
        numbers: the frames that will be scored.
        distance: of a method that thresholds it: a frame's distance from a background.
    """

    def __init__(
        self, scene: Scene, numbers: tuple[int, ...], distance: Distance | None = None
    ) -> None:
        self._scene, self._distance = scene, distance
        self._measured = set(spread(numbers, MEASURED_FRAMES))
        self._levels = np.zeros((2, LEVELS), np.int64)
        self._measures: list[Any] = []
        self._masked: list[Any] = []
        self._fullest = -1
        self._shown = 0
        self._mask: Mask | None = None
        self._background: Frame | None = None

    def see(self, number: int, frame: Frame, result: Segmentation) -> None:
        """Look at one scored frame."""
        labels = self._scene.truth(number).labels
        foreground = int((labels == FOREGROUND).sum())
        if foreground > self._fullest:
            self._fullest, self._shown = foreground, number
            self._mask, self._background = result.mask, result.background
        if result.background is None:
            return
        if self._distance is not None:
            far = self._distance(frame, result.background)
            for row, label in enumerate((FOREGROUND, BACKGROUND)):
                self._levels[row] += np.bincount(far[labels == label], minlength=LEVELS)
        if number in self._measured:
            truth = self._scene.truth(number)
            clean = (truth.labels == BACKGROUND) & ~truth.shadow
            self._masked.append(measure_masked(result.background, frame, clean))
            plate = self._scene.plate(number)
            if plate is not None:
                self._measures.append(measure_background(result.background, plate))

    def write(
        self, stem: Path, result: dict[str, Any], category: str, trained: float | None
    ) -> None:
        """Write ``STEM.json`` and the pictures beside it; the file of numbers comes last."""
        assert self._mask is not None
        write_picture(_picture(stem, "mask"), self._mask)
        if self._background is not None:
            write_picture(_picture(stem, "background"), self._background)
        backgrounds = None
        if self._masked:
            masked = {f"masked_{key}": value for key, value in mean_measures(self._masked).items()}
            whole = mean_measures(self._measures) if self._measures else {}
            backgrounds = {**whole, **masked}
        values = {
            "result": result,
            "category": category,
            "training_seconds": trained,
            "sweep": self._levels.tolist() if self._distance is not None else None,
            "backgrounds": backgrounds,
            "shown": self._shown,
        }
        write_bytes(stem.with_name(f"{stem.name}.json"), json.dumps(values, indent=1).encode())


def read_pair(path: Path) -> Pair:
    """Read a finished pair back.

    Raises:
        DatasetError: the file is damaged or something else.
    """
    stem = path.with_name(path.name.removesuffix(".json"))
    background = _picture(stem, "background")
    try:
        values = json.loads(path.read_text())
        result, levels = values["result"], values["sweep"]
        frames = result["frames_scored"]
        return Pair(
            result,
            values["category"],
            result["seconds"] / frames if frames else 0.0,
            values["training_seconds"],
            Sweep(*np.array(levels, np.int64)) if levels else None,
            values["backgrounds"],
            values["shown"],
            _picture(stem, "mask"),
            background if background.exists() else None,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: no finished pair ({type(error).__name__}: {error}); remove it to run the "
            "pair again"
        ) from error


def _picture(stem: Path, what: str) -> Path:
    return stem.with_name(f"{stem.name}.{what}.png")
