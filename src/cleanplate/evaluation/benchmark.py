"""Methods on scenes, in one process, each pair kept as it finishes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cleanplate
from cleanplate.config import load_preset
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.evaluation.scoring import Result, scorable_split, scoring
from cleanplate.images import make_folder, write_bytes
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.scene import Scene, Split
from cleanplate.subtractors.opencv import OPENCV_METHODS, make_opencv
from cleanplate.subtractors.protocol import Subtractor
from cleanplate.subtractors.two_stage import load
from cleanplate.training.train import train

OURS = "two-stage"
METHODS = (OURS, *OPENCV_METHODS)


class Comparison:
    """Methods against scenes; each finished pair is kept in the report folder and not run again.

    A pair's files are named by all that it depends on, labels and settings included: what has
    changed since is another pair.

    Args:
        folder: the report's folder; models and results go there.
        scenes: what to score on, by name.
        methods: names from `METHODS`.
        split: name of the split.
        preset: preset of our own method.
        seed: seed of our own method.
        device: torch device of our own method.

    Raises:
        ConfigError: a method or the preset is unknown.
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
        device: str = "auto",
    ) -> None:
        check_methods(methods)
        self.folder, self.scenes, self.methods = folder, scenes, methods
        self.preset, self.seed, self.device = preset, seed, device
        self._settings = load_preset(preset).model_dump_json()
        self._split = split

    def run(self) -> Generator[tuple[str, str, str, float | None]]:
        """Run what is not finished; yields scene, method, what is going on, and its share done."""
        for name in ("models", "results"):
            make_folder(self.folder / name)
        for key, scene in self.scenes.items():
            split = scene.split(self._split)
            numbers = scorable_split(scene, split, False)
            for method in self.methods:
                path = self._path("results", key, method, split)
                if path.exists():
                    yield key, method, "finished before", None
                    continue
                if method == OURS:
                    for phase, share in self._train(key, split):
                        yield key, method, phase, share
                yield key, method, "scoring", 0.0
                subtractor = self._subtractor(key, method, split)
                steps = scoring(scene, numbers, subtractor, split.name)
                result = yield from _shares(steps, key, method, len(numbers))
                values = {**result.as_dict(), "scene": key}
                write_bytes(path, json.dumps(values, indent=1).encode())

    def _train(self, key: str, split: Split) -> Iterator[tuple[str, float]]:
        path = self.model_path(key, split)
        if path.exists():
            return
        steps = train(
            self.scenes[key],
            self.preset,
            path,
            split=self._split,
            seed=self.seed,
            device=self.device,
            resume=True,
        )
        for step in steps:
            yield step.phase, step.iteration / step.iterations

    def _subtractor(self, key: str, method: str, split: Split) -> Subtractor:
        if method == OURS:
            return load(self.model_path(key, split), self.device)
        return make_opencv(method)

    def model_path(self, key: str, split: Split) -> Path:
        """Return where a scene's model lies."""
        return self._path("models", key, OURS, split)

    def _path(self, kind: str, key: str, method: str, split: Split) -> Path:
        scene = self.scenes[key]
        depends: list[Any] = [cleanplate.__version__, scene.fingerprint(split.training)]
        depends += [scene.fingerprint(split.scored), scene.size, scene.frames.count]
        depends += [None if scene.roi is None else scene.roi.tobytes()]
        parts = [key, method, split.name]
        if method == OURS:
            parts += [Path(self.preset).stem, f"seed{self.seed}"]
            depends += [self._settings, self.device]
        digest = hashlib.sha256(repr(depends).encode()).hexdigest()
        name = ".".join(_file_name(part) for part in [*parts, digest[:12]])
        return self.folder / kind / f"{name}{'.json' if kind == 'results' else '.safetensors'}"

    def results(self) -> list[dict[str, Any]]:
        """Read the finished pairs back: these, then those of earlier runs into the same folder.

        Of several results of the same scene, method and split, the newest stands for all.
        """
        asked = [
            self._path("results", key, method, scene.split(self._split))
            for key, scene in self.scenes.items()
            for method in self.methods
        ]
        earlier = sorted(
            (self.folder / "results").glob("*.json"), key=lambda path: -path.stat().st_mtime_ns
        )
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for path in [*asked, *earlier]:
            result = json.loads(path.read_text())
            found.setdefault((result["scene"], result["method"], result["split"]), result)
        return list(found.values())


def _shares(
    steps: Generator[int, None, Result], key: str, method: str, count: int
) -> Generator[tuple[str, str, str, float | None], None, Result]:
    """Pass a scoring's progress on as shares done."""
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield key, method, "scoring", done / count


def name_scenes(folders: Sequence[Path]) -> dict[str, Scene]:
    """Open scenes and give each its own name: with its parent folder where two are called alike.

    Raises:
        DatasetError: two scenes are called alike, and so are their parent folders.
    """
    opened = [(folder.resolve(), open_scene(folder)) for folder in dict.fromkeys(folders)]
    names = [scene.name for _, scene in opened]
    named: dict[str, Scene] = {}
    for folder, scene in opened:
        is_alone = names.count(scene.name) == 1
        key = scene.name if is_alone else f"{folder.parent.name}/{scene.name}"
        if key in named:
            raise DatasetError(f"{folder}: two scenes are called {key}; rename one's folder")
        named[key] = scene
    return named


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)


def check_methods(methods: Sequence[str]) -> None:
    """Refuse an unknown method before any work is done.

    Raises:
        ConfigError: names it and the known ones.
    """
    for method in methods:
        if method not in METHODS:
            raise ConfigError(f"method {method!r} is unknown; use {', '.join(METHODS)}")
