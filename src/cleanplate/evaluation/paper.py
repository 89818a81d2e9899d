"""The paper's section 4 as one run: Table 1 with its figures, the four steps, the ablations."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cleanplate.errors import ConfigError, DatasetError
from cleanplate.evaluation.benchmark import (
    Comparison,
    Failure,
    Progress,
    check_methods,
)
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.variants import VARIANTS
from cleanplate.scenes.cdnet import is_cdnet_folder
from cleanplate.scenes.opening import name_scenes
from cleanplate.scenes.scene import Scene
from cleanplate.settings import Count, Settings, parse_settings, read_text

log = logging.getLogger(__name__)

BUILT_IN = ("section4", "section4-paper")
Names = tuple[str, ...]
Length = Annotated[float, Field(gt=0, le=1)]


class TableSettings(Settings):
    """One comparison.

    Attributes:
        scenes: ``FOLDER/NAME`` or ``NAME`` of the scenes; empty for all.
        methods: names of methods (see `benchmark.METHODS` and `variants.ABLATIONS`).
        preset: preset of our own methods.
        split: name of the split.
        seed: of all that is drawn at random.
        length: share of the preset's iterations.
    """

    scenes: Names
    methods: Annotated[Names, Field(min_length=1)]
    preset: str
    split: str
    seed: Count
    length: Length


class StepsSettings(Settings):
    """The same comparison over several seeds; attributes as in `TableSettings`."""

    scenes: Names
    methods: Annotated[Names, Field(min_length=1)]
    preset: str
    split: str
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]
    length: Length


class Experiments(Settings):
    """What section 4 is: Table 1, the four steps over seeds, and the ablations."""

    table: TableSettings
    steps: StepsSettings
    ablations: TableSettings


def load_experiments(name: str) -> Experiments:
    """Load the built-in ``section4``, ``section4-paper`` (for a GPU) or a TOML file.

    Raises:
        ConfigError: the file cannot be read or is not valid, or names an unknown method.
    """
    if name in BUILT_IN:
        text = resources.files("cleanplate.presets").joinpath(f"{name}.toml").read_text()
    else:
        try:
            text = read_text(Path(name))
        except OSError as error:
            raise ConfigError(f"{name}: cannot be read ({error}); check the path") from error
    experiments = parse_settings(Experiments, text, name)
    for part in (experiments.table, experiments.steps, experiments.ablations):
        check_methods(part.methods)
    for method in (*experiments.steps.methods, *experiments.ablations.methods):
        if method not in VARIANTS:
            raise ConfigError(
                f"{name}: {method} is not trained and has no place in steps and ablations; use "
                f"{', '.join(VARIANTS)}"
            )
    return experiments


def find_scenes(folder: Path) -> tuple[dict[str, Scene], dict[str, str]]:
    """Open all scenes in CDNet's layout at any depth below a folder (see `name_scenes`).

    Raises:
        DatasetError: there is none.
    """
    found = sorted(path.parent for path in folder.rglob("groundtruth") if path.is_dir())
    folders = [path for path in found if is_cdnet_folder(path)]
    if not folders:
        raise DatasetError(
            f"{folder}: no scene in CDNet's layout below it; give the folder that holds the "
            "categories (cleanplate download cdnet2014 fetches one)"
        )
    return name_scenes(folders)


def choose_scenes(scenes: Mapping[str, Scene], names: Names) -> dict[str, Scene]:
    """Choose the named scenes, all where no name is given; those that are not there are left out.

    Raises:
        DatasetError: none of them is there.
    """
    if not names:
        return dict(scenes)
    chosen = {key: scene for key, scene in scenes.items() if not _names_of(scene).isdisjoint(names)}
    if not chosen:
        raise DatasetError(f"none of the scenes {', '.join(names)} is there; name others")
    known = set().union(*map(_names_of, chosen.values()))
    absent = [name for name in names if name not in known]
    if absent:
        log.warning("scenes %s are not there and are left out", ", ".join(absent))
    return chosen


def _names_of(scene: Scene) -> set[str]:
    return {scene.name, f"{scene.group}/{scene.name}"}


class Section4:
    """The experiments on the scenes below a folder; what is finished is kept and not run again.

    Args:
        output: the run's folder: ``table1``, ``steps/seedN`` and ``ablations`` in it.
        scenes: the scenes by name.
        experiments: what is run.
        device: torch device.
        objects: cut-outs for scenes whose training part shows no foreground.
        published: results to re-score in Table 1, by the method's name.
        allow_missing: score of such results what is there.
        broken: scenes that could not be opened and why.
    """

    def __init__(
        self,
        output: Path,
        scenes: Mapping[str, Scene],
        experiments: Experiments,
        *,
        device: str = "auto",
        objects: Path | None = None,
        published: Mapping[str, Path] | None = None,
        allow_missing: bool = False,
        broken: Mapping[str, str] | None = None,
    ) -> None:
        self._scenes, self._device, self._objects = scenes, device, objects
        self._output, self._experiments = output, experiments
        self.table = self._comparison(
            "table1",
            experiments.table,
            published=published,
            allow_missing=allow_missing,
            broken=None if experiments.table.scenes else broken,
        )

    def _comparison(
        self,
        name: str,
        part: TableSettings,
        published: Mapping[str, Path] | None = None,
        allow_missing: bool = False,
        broken: Mapping[str, str] | None = None,
    ) -> Comparison:
        return Comparison(
            self._output / name,
            choose_scenes(self._scenes, part.scenes),
            [*part.methods, *(published or {})],
            split=part.split,
            preset=part.preset,
            seed=part.seed,
            length=part.length,
            device=self._device,
            objects=self._objects,
            published=published,
            allow_missing=allow_missing,
            broken=broken,
        )

    def steps(self) -> dict[int, Comparison]:
        """Return the comparison of the four steps for each seed."""
        part = self._experiments.steps
        shared = part.model_dump(exclude={"seeds"})
        return {
            seed: self._comparison(f"steps/seed{seed}", TableSettings(**shared, seed=seed))
            for seed in part.seeds
        }

    def ablations(self) -> Comparison:
        """Return the comparison of the ablations."""
        return self._comparison("ablations", self._experiments.ablations)


def run_all(comparisons: Sequence[Comparison]) -> Iterator[Progress]:
    """Run comparisons one after another (see `Comparison.run`)."""
    for comparison in comparisons:
        yield from comparison.run()


def gather(comparisons: Sequence[Comparison]) -> tuple[list[Pair], list[Failure]]:
    """Return the finished pairs and the failures of comparisons."""
    pairs = [pair for comparison in comparisons for pair in comparison.pairs()]
    return pairs, [failure for comparison in comparisons for failure in comparison.failures]
