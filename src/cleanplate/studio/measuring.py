"""Recall, precision and F over thresholds, by CDNet's rules, on labels that trained nothing."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from cleanplate.evaluation.scoring import is_own_scene
from cleanplate.measures import ConfusionMatrix, count_frame
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.scene import Scene
from cleanplate.studio.division import held_back
from cleanplate.studio.labels import Labels
from cleanplate.studio.models import MOG2, Models
from cleanplate.studio.project import Project

THRESHOLDS = tuple(round(float(value), 2) for value in np.arange(0.02, 0.985, 0.04))
MOST_FRAMES = 50


class Measuring:
    """Measures a project's models, and MOG2.

    Args:
        project: whose labels count.
        labels: these.
        models: what is measured.
    """

    def __init__(self, project: Project, labels: Labels, models: Models) -> None:
        self._project, self._labels, self._models = project, labels, models
        self._lock = Lock()
        self._kept: dict[str, tuple[Any, dict[str, Any]]] = {}

    def measure(self, model: str) -> dict[str, Any]:
        """Return measures for each of `THRESHOLDS`; empty lists where no label is held back.

        Raises:
            WeightsError: there is no such model.
        """
        stamp = 0 if model == MOG2 else self._models.path(model).stat().st_mtime_ns
        key = (stamp, self._labels.revisions(), self._project.region_revision)
        with self._lock:
            kept = self._kept.get(model)
            if kept is None or kept[0] != key:
                kept = key, self._measured(model)
                self._kept[model] = kept
            return kept[1]

    def _measured(self, model: str) -> dict[str, Any]:
        scene = self._project.scene()
        chosen, numbers = 0.5, [n for n in scene.labelled if n in held_back(self._project.folder)]
        if model != MOG2:
            card = self._models.card(model)
            chosen = card.operating_point.threshold
            trained = set(card.training_frames) if is_own_scene(scene, card) else set()
            numbers = [number for number in scene.labelled if number not in trained]
        counted = spread(numbers, MOST_FRAMES)
        counts = self._count(scene, model, counted) if counted else []
        return {
            "thresholds": list(THRESHOLDS) if counted else [],
            "recall": [one.recall for one in counts],
            "precision": [one.precision for one in counts],
            "f": [one.f_measure for one in counts],
            "frames": counted,
            "chosen": chosen,
        }

    def _count(self, scene: Scene, model: str, numbers: list[int]) -> list[ConfusionMatrix]:
        counts = [ConfusionMatrix()] * len(THRESHOLDS)
        for number in numbers:
            truth, probability = scene.truth(number), self._models.look(model, number).probability
            counts = [
                so_far + count_frame(probability >= threshold, truth.labels, truth.shadow)
                for so_far, threshold in zip(counts, THRESHOLDS, strict=True)
            ]
        return counts
