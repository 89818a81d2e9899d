"""Methods on scenes, in one process, each pair kept as it finishes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cleanplate.config import load_preset
from cleanplate.errors import CleanplateError, ConfigError, DatasetError
from cleanplate.evaluation.models import Models, file_stem, listing, ready_method
from cleanplate.evaluation.pairs import Observer, Pair, read_pair
from cleanplate.evaluation.published import PublishedResults
from cleanplate.evaluation.scoring import Result, scorable_split, scoring
from cleanplate.evaluation.uploading import write_masks, write_upload
from cleanplate.evaluation.variants import STEPS, TWO_STAGE, VARIANTS, shortened
from cleanplate.files import make_folder
from cleanplate.scenes.scene import Scene, Split
from cleanplate.subtractors.methods import CLASSICAL_METHODS
from cleanplate.subtractors.protocol import Segmentation, Subtractor
from cleanplate.subtractors.threshold import ThresholdSubtractor

log = logging.getLogger(__name__)

METHODS = (*STEPS, *CLASSICAL_METHODS)


class Progress(NamedTuple):
    """What a comparison is doing; ``share`` is None where a pair was finished before."""

    scene: str
    method: str
    what: str
    share: float | None


@dataclass(frozen=True)
class Failure:
    """A pair that could not be finished, and why."""

    scene: str
    method: str
    reason: str


class Comparison:
    """Methods against scenes; each finished pair is kept in the report folder and not run again.

    A pair's files are named by all that it depends on, labels and settings included: what has
    changed since is another pair. A pair that fails does not stop the others (see `failures`).

    Args:
        folder: the report's folder; models and results go there.
        scenes: what to score on, by name.
        methods: names from `METHODS`, of `VARIANTS` or of ``published``.
        split: name of the split.
        preset: preset of our own methods.
        seed: seed of our own methods.
        length: share of the preset's iterations that our own methods are trained for.
        device: torch device of our own methods.
        objects: cut-outs for scenes whose training part shows no foreground (see `train`).
        published: results to re-score, by the method's name (see `PublishedResults`).
        allow_missing: score of such results what is there.
        broken: scenes that could not be opened and why; each is a failure.
        writes_masks: also write all masks of each method, as an upload to changedetection.net.

    Raises:
        ConfigError: a method or the preset is unknown, or the length is no share.
    """

    def __init__(
        self,
        folder: Path,
        scenes: Mapping[str, Scene],
        methods: Sequence[str],
        *,
        split: str = "half",
        preset: str = "compact",
        seed: int = 0,
        length: float = 1.0,
        device: str = "auto",
        objects: Path | None = None,
        published: Mapping[str, Path] | None = None,
        allow_missing: bool = False,
        broken: Mapping[str, str] | None = None,
        writes_masks: bool = False,
    ) -> None:
        self.published = dict(published or {})
        check_methods(methods, self.published)
        self.folder, self.scenes = folder, scenes
        self.methods = tuple(dict.fromkeys(methods))
        self.failures: list[Failure] = []
        self._seed, self._broken = seed, dict(broken or {})
        configuration = shortened(load_preset(preset), length)
        named = Path(preset).stem
        self.models = Models(folder / "models", configuration, named, split, seed, device, objects)
        self._split, self._allow_missing = split, allow_missing
        self._writes_masks = writes_masks

    def run(self) -> Iterator[Progress]:
        """Run what is not finished; yields what is going on.

        Raises:
            ConfigError: the split is none.
            OutputError: the folder cannot be written.
        """
        for name in ("models", "results"):
            make_folder(self.folder / name)
        self.failures = []
        for key, reason in self._broken.items():
            self._fail(key, "all methods", reason)
        with suppress(DatasetError):  # a scene's own fault; a split that is none is not
            next(iter(self.scenes.values())).split(self._split)
        for key in self.scenes:
            for method in self.methods:
                yield from self._guarded(self._run_pair(key, method), key, method)
        if self._writes_masks:
            for method in self.methods:
                if method not in self.published:
                    yield from self._guarded(self._upload(method), "masks", method)

    def _guarded(self, steps: Iterator[Progress], key: str, method: str) -> Iterator[Progress]:
        """Pass work on; whatever ends it, hours of other work must not be lost."""
        try:
            yield from steps
        except CleanplateError as error:
            self._fail(key, method, str(error))
        except Exception as error:
            log.debug("%s %s", key, method, exc_info=True)
            self._fail(key, method, f"{type(error).__name__}: {error}")

    def _upload(self, method: str) -> Iterator[Progress]:
        """Write all masks of a method in the layout of an upload, and the zip."""
        folder = self.folder / "masks" / method
        for key in self.scenes:
            if (key, method) not in self._failed():
                masks = self._write_masks(key, method, folder)
                yield from self._guarded(masks, f"masks of {key}", method)
        if any(folder.rglob("bin*.png")):
            write_upload(folder.with_name(f"{method}.zip"), folder)

    def _failed(self) -> set[tuple[str, str]]:
        return {(failure.scene, failure.method) for failure in self.failures}

    def _fail(self, key: str, method: str, reason: str) -> None:
        log.warning("%s %s failed: %s", key, method, reason)
        self.failures.append(Failure(key, method, reason))

    def _run_pair(self, key: str, method: str) -> Generator[Progress]:
        scene = self.scenes[key]
        split = scene.split(self._split)
        numbers = scorable_split(scene, split, False)
        stem = self._stem(key, method, split)
        trained = None
        if _record(stem).exists():
            yield Progress(key, method, "finished before", None)
        else:
            if method in VARIANTS:
                for phase, share in self.models.train(key, scene, method, split):
                    yield Progress(key, method, phase, share)
                trained = self.models.training_seconds(key, scene, method, split)
            yield Progress(key, method, "scoring", 0.0)
            if method in self.published:
                observer = Observer(scene, numbers)
                result = self._rescore(scene, method, numbers, split, observer)
            else:
                subtractor = self._subtractor(key, method, split)
                far = subtractor.distance if isinstance(subtractor, ThresholdSubtractor) else None
                observer = Observer(scene, numbers, far)
                steps = scoring(scene, numbers, subtractor, split.name, observer.see)
                result = yield from _shares(steps, key, method, len(numbers))
            values = {**result.as_dict(), "scene": key, "method": method}
            observer.write(stem, values, scene.group, trained)

    def _rescore(
        self,
        scene: Scene,
        method: str,
        numbers: tuple[int, ...],
        split: Split,
        observer: Observer,
    ) -> Result:
        """Score masks that somebody published, on our frames."""
        category = scene.group
        with PublishedResults(self.published[method]) as published:
            result = published.score(
                scene, category, numbers, split.name, method, self._allow_missing
            )
            masks = published.open_video(category, scene.name)
            for number in numbers:
                if number in masks:
                    mask = masks[number].read()
                    observer.see(number, scene.frame(number), Segmentation(mask, None, None))
        return result

    def _write_masks(self, key: str, method: str, folder: Path) -> Iterator[Progress]:
        """Write the masks of all frames of a scene's temporal region."""
        scene = self.scenes[key]
        split = scene.split(self._split)
        if method in VARIANTS:  # a finished pair may have come here without its model
            for phase, share in self.models.train(key, scene, method, split):
                yield Progress(key, method, phase, share)
        subtractor, origin = self._subtractor(key, method, split), self._stem(key, method, split)
        for _ in write_masks(scene, scene.group, subtractor, folder, origin.name):
            yield Progress(key, method, "writing masks", None)

    def _subtractor(self, key: str, method: str, split: Split) -> Subtractor:
        if method in VARIANTS:
            return self.models.subtractor(key, self.scenes[key], method, split)
        return ready_method(method, self.scenes[key], split, self._seed)

    def model_path(self, key: str, split: Split, method: str = TWO_STAGE) -> Path:
        """Return where the model of a scene and one of our methods lies."""
        return self.models.path(key, self.scenes[key], method, split)

    def _stem(self, key: str, method: str, split: Split) -> Path:
        names: list[str] = []
        depends: list[Any] = []
        if method in VARIANTS:
            names, depends = self.models.names(method)
        elif method in self.published:
            depends = [listing(self.published[method]), self._allow_missing]
        else:
            depends = [self._seed]
        scene = self.scenes[key]
        return file_stem(self.folder / "results", key, scene, method, split, names, depends)

    def facts(self) -> dict[str, str]:
        """Return how the numbers were made, for a report."""
        return self.models.facts()

    def pairs(self) -> list[Pair]:
        """Read the finished pairs of these scenes and methods back."""
        failed, found = self._failed(), []
        for key, scene in self.scenes.items():
            for method in self.methods:
                if (key, method) not in failed:
                    record = _record(self._stem(key, method, scene.split(self._split)))
                    found += [read_pair(record)] if record.exists() else []
        return found

    def results(self) -> list[dict[str, Any]]:
        """Read the finished pairs back: these, then those of earlier runs into the same folder.

        Of several results of the same scene, method and split, the newest stands for all.
        """
        earlier = sorted(
            (self.folder / "results").glob("*.json"), key=lambda path: -path.stat().st_mtime_ns
        )
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for pair in [*self.pairs(), *_readable(earlier)]:
            result = pair.result
            if (result["scene"], result["method"]) not in self._failed():
                found.setdefault((result["scene"], result["method"], result["split"]), result)
        return list(found.values())


def _readable(paths: Sequence[Path]) -> Iterator[Pair]:
    for path in paths:
        try:
            yield read_pair(path)
        except DatasetError as error:
            log.warning("%s", error)


def _record(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.json")  # the stem's own dots are no suffix


def _shares(
    steps: Generator[int, None, Result], key: str, method: str, count: int
) -> Generator[Progress, None, Result]:
    """Pass a scoring's progress on as shares done."""
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield Progress(key, method, "scoring", done / count)


def check_methods(methods: Sequence[str], published: Collection[str] = ()) -> None:
    """Refuse an unknown method before any work is done.

    Raises:
        ConfigError: names it and the known ones.
    """
    for method in methods:
        if method not in (*METHODS, *VARIANTS, *published):
            raise ConfigError(f"method {method!r} is unknown; use {', '.join(METHODS)}")
    for name in published:
        if name in (*METHODS, *VARIANTS):
            raise ConfigError(
                f"published results cannot be called {name}, which is a method; give another name"
            )
