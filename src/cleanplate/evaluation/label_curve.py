"""F against the number of labelled frames: how many labels a scene needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from cleanplate.config import load_preset
from cleanplate.errors import CleanplateError, ConfigError
from cleanplate.evaluation.benchmark import Comparison, Failure, Progress
from cleanplate.evaluation.figures import png
from cleanplate.evaluation.label_figures import LabelPanel, label_curves
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.seeds import Spread
from cleanplate.evaluation.tables import value_of
from cleanplate.evaluation.typeset import counted, csv_text, markdown_table, spread_cell
from cleanplate.evaluation.variants import TWO_STAGE, shortened
from cleanplate.files import make_folder, write_bytes
from cleanplate.scenes.scene import HALF, Scene

log = logging.getLogger(__name__)

FLAT = ("mog2", "knn", "median")
"""Methods that need no label."""
WHOLE_HALF = 0
"""Stands for ``half`` among the counts."""
ALL = "all methods"


@dataclass(frozen=True)
class Point:
    """One method on one scene, with so many labels.

    Attributes:
        scene: the scene's name.
        method: ``two-stage``, or one of `FLAT`.
        labels: how many labelled frames trained it; 0 for a method that needs none.
        seed: of all that was drawn at random.
        f_measure: None where it is undefined.
        precision: None where it is undefined.
        recall: None where it is undefined.
        training_seconds: None for a method that is not trained.
    """

    scene: str
    method: str
    labels: int
    seed: int
    f_measure: float | None
    precision: float | None
    recall: float | None
    training_seconds: float | None


def parse_counts(text: str) -> tuple[int, ...]:
    """Read numbers of labels such as ``1,5,half``; ascending, `WHOLE_HALF` last.

    Raises:
        ConfigError: a word is neither a number above 0 nor ``half``.
    """
    found = set()
    for word in (part.strip() for part in text.split(",")):
        if word != HALF and not (word.isdecimal() and int(word)):
            raise ConfigError(f"count {word!r} is not understood; write numbers from 1, or half")
        found.add(WHOLE_HALF if word == HALF else int(word))
    return tuple(sorted(found, key=lambda count: (count == WHOLE_HALF, count)))


@dataclass(frozen=True)
class _Run:
    """One split with one seed, over the scenes that have so many labels.

    Attributes:
        comparison: what is run.
        labels: how many labels the split has, by scene; 0 for methods that need none.
        seed: of all that is drawn at random.
    """

    comparison: Comparison
    labels: Mapping[str, int]
    seed: int

    def called(self, scene: str, method: str) -> str:
        """Name a method so that its runs can be told apart."""
        if method != TWO_STAGE:
            return method
        return f"{method} of {counted(self.labels[scene], 'label')}, seed {self.seed}"

    def points(self) -> Iterator[Point]:
        """Read the finished pairs back."""
        for pair in self.comparison.pairs():
            yield _point(pair, self.labels[pair.result["scene"]], self.seed)


def _point(pair: Pair, labels: int, seed: int) -> Point:
    result = pair.result
    return Point(
        scene=result["scene"],
        method=result["method"],
        labels=labels,
        seed=seed,
        f_measure=value_of(pair),
        precision=result["precision"],
        recall=result["recall"],
        training_seconds=pair.training_seconds,
    )


class LabelCurve:
    """The two-stage network with ever more labels, beside methods that need none.

    All are scored on the second half of the labelled frames. Finished pairs are kept in the folder
    and not run again; one that fails does not stop the others (see `Comparison`).

    Args:
        folder: models, results and the curve go there.
        scenes: by name.
        counts: numbers of labels, as `parse_counts` gives them. One that a scene has no more labels
            for is the whole half there, or all of its labels that show foreground.
        seeds: one training for each of them and each count.
        preset: preset of the network.
        length: share of the preset's iterations.
        device: torch device.
        broken: scenes that could not be opened and why; each is a failure.

    Raises:
        ConfigError: the preset is unknown, or the length is no share.
    """

    def __init__(
        self,
        folder: Path,
        scenes: Mapping[str, Scene],
        counts: Sequence[int],
        seeds: Sequence[int],
        *,
        preset: str = "compact",
        length: float = 1.0,
        device: str = "auto",
        broken: Mapping[str, str] | None = None,
    ) -> None:
        self._folder, self._scenes = folder, scenes
        self._counts, self._seeds = tuple(counts), tuple(seeds)
        self._settings: dict[str, Any] = {"preset": preset, "length": length, "device": device}
        shortened(load_preset(preset), length)  # refuses what is wrong before any work is done
        self._broken = dict(broken or {})
        self._runs: list[_Run] = []
        self._labels: dict[str, dict[int, int]] = {}
        self._halves: dict[str, int] = {}
        self.failures: list[Failure] = []

    def run(self) -> Iterator[Progress]:
        """Run what is not finished; yields what is going on.

        Raises:
            OutputError: the folder cannot be written.
        """
        self.failures = [Failure(key, ALL, reason) for key, reason in self._broken.items()]
        yield from self._plan()
        for run in self._runs:
            for step in run.comparison.run():
                yield step._replace(method=run.called(step.scene, step.method))
            self.failures += [
                Failure(failure.scene, run.called(failure.scene, failure.method), failure.reason)
                for failure in run.comparison.failures
            ]

    def _plan(self) -> Iterator[Progress]:
        """Count each scene's labels and list the runs: the cheap ones first, then seed by seed."""
        self._runs, self._labels, self._halves = [], {}, {}
        splits: dict[str, dict[str, int]] = {}
        for key in self._scenes:
            yield Progress(key, TWO_STAGE, "counting labels", None)
            try:
                self._count(key)
            except CleanplateError as error:
                log.warning("%s failed: %s", key, error)
                self.failures.append(Failure(key, ALL, str(error)))
                continue
            for labels in self._labels[key].values():
                is_half = labels == self._halves[key]
                splits.setdefault(HALF if is_half else f"{HALF}:{labels}", {})[key] = labels
        if self._labels:
            self._add(FLAT, HALF, dict.fromkeys(self._labels, 0), 0)
        for seed in self._seeds:
            for split, by_scene in splits.items():
                self._add([TWO_STAGE], split, by_scene, seed)

    def _add(
        self, methods: Sequence[str], split: str, labels: Mapping[str, int], seed: int
    ) -> None:
        chosen = {key: self._scenes[key] for key in labels}
        comparison = Comparison(
            self._folder, chosen, methods, split=split, seed=seed, **self._settings
        )
        self._runs.append(_Run(comparison, labels, seed))

    def _count(self, key: str) -> None:
        """Find out how many labels each count gives in a scene."""
        self._halves[key] = len(self._scenes[key].split(HALF).training)
        self._labels[key] = {count: self._labels_of(key, count) for count in self._counts}

    def _labels_of(self, key: str, count: int) -> int:
        """Return how many labels a count gives in a scene."""
        half = self._halves[key]
        if count == WHOLE_HALF or count >= half:
            return half
        return len(self._scenes[key].split(f"{HALF}:{count}").training)

    def points(self) -> list[Point]:
        """Return what is finished: the methods that need no label, then by seed and labels."""
        return [point for run in self._runs for point in run.points()]

    def write(self) -> str:
        """Write ``curve.png``, ``curve.csv`` and ``curve.md``; returns the table, Markdown.

        Raises:
            OutputError: the folder cannot be written.
        """
        points = self.points()
        rows = [asdict(point) for point in points]
        head = list(Point.__dataclass_fields__)
        make_folder(self._folder)
        written = csv_text(head, [list(row.values()) for row in rows])
        table = self._table(points)
        write_bytes(self._folder / "curve.csv", written.encode())
        write_bytes(self._folder / "curve.md", table.encode())
        panels = [self._panel(key, points) for key in self._labels]
        if panels:
            write_bytes(self._folder / "curve.png", png(label_curves(panels), 1.5))
        return table

    def _panel(self, key: str, points: Sequence[Point]) -> LabelPanel:
        labels = sorted(set(self._labels[key].values()))
        runs = {n: list(_measured(points, key, TWO_STAGE, n).values()) for n in labels}
        measured = {method: _measured(points, key, method, 0) for method in FLAT}
        flat = {method: found[0] for method, found in measured.items() if found}
        return LabelPanel(key, runs, self._halves[key], flat)

    def _table(self, points: Sequence[Point]) -> str:
        """Write F by number of labels and scene: mean, spread over the seeds, runs."""
        keys = list(self._labels)
        rows = [[method, *self._cells(points, method, None)] for method in FLAT]
        for count in self._counts:
            name = HALF if count == WHOLE_HALF else counted(count, "label")
            rows.append([name, *self._cells(points, TWO_STAGE, count)])
        halves = ", ".join(f"{key} {self._halves[key]}" for key in keys)
        note = (
            "F on the second half: mean ± standard deviation over the seeds (runs). "
            f"Labels of the whole half: {halves or 'none'}."
        )
        mean = ["mean over scenes"] if len(keys) > 1 else []
        return f"{markdown_table(['', *keys, *mean], rows)}\n{note}\n"

    def _cells(self, points: Sequence[Point], method: str, count: int | None) -> list[str]:
        """Return a row's cells; the mean over the scenes is one over those runs that have all."""
        cells, by_seed = [], dict[int, list[float]]()
        for key, known in self._labels.items():
            labels = 0 if count is None else known[count]
            found = _measured(points, key, method, labels)
            for seed, value in found.items():
                by_seed.setdefault(seed, []).append(value)
            short = f", of {labels}" if count and labels < count else ""
            cells.append(spread_cell(Spread.of(list(found.values()))) + short)
        if len(self._labels) > 1:
            whole = [fmean(run) for run in by_seed.values() if len(run) == len(self._labels)]
            cells.append(spread_cell(Spread.of(whole)))
        return cells


def _measured(points: Sequence[Point], key: str, method: str, labels: int) -> dict[int, float]:
    """Return F by seed, where it is defined."""
    return {
        point.seed: point.f_measure
        for point in points
        if (point.scene, point.method, point.labels) == (key, method, labels)
        and point.f_measure is not None
    }
