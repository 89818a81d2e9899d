"""F over runs that differ by their seed: what repeats and what is chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.tables import methods_of, scene_table


@dataclass(frozen=True)
class Spread:
    """A value over runs that differ by their seed.

    Attributes:
        mean: the plain mean.
        spread: the sample standard deviation, None of fewer than two runs.
        runs: how many there are.
    """

    mean: float | None
    spread: float | None
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Average."""
        mean = fmean(values) if values else None
        return cls(mean, stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class StepsTable:
    """F over seeds.

    Attributes:
        seeds: the runs' seeds.
        scenes: each scene's values by method.
        means: by method, the mean over the scenes; its spread is that of the runs' means. A run
            that lacks one of the method's scenes does not count here.
    """

    seeds: tuple[int, ...]
    scenes: dict[str, dict[str, Spread]]
    means: dict[str, Spread]


def steps_table(runs: Mapping[int, Sequence[Pair]]) -> StepsTable:
    """Average F over runs of several seeds; undefined values are left out."""
    everything = [pair for pairs in runs.values() for pair in pairs]
    tables = [scene_table(pairs) for pairs in runs.values()]
    scenes: dict[str, dict[str, Spread]] = {scene: {} for scene in scene_table(everything)}
    means: dict[str, Spread] = {}
    for method in methods_of(everything):
        values = [
            {scene: row[method] for scene, row in table.items() if row.get(method) is not None}
            for table in tables
        ]
        defined = [{s: v for s, v in run.items() if v is not None} for run in values]
        for scene in scenes:
            scenes[scene][method] = Spread.of([run[scene] for run in defined if scene in run])
        complete = [fmean(run.values()) for run in defined if scenes and set(run) == set(scenes)]
        means[method] = Spread.of(complete)
    return StepsTable(tuple(runs), scenes, means)
