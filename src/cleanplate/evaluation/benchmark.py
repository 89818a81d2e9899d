"""Methods on scenes: scored by CDNet's rules, in one process, kept as they finish."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleanplate.config import load_preset
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.images import make_folder, write_bytes
from cleanplate.measures import ConfusionMatrix, count_frame
from cleanplate.networks.weights import ModelCard
from cleanplate.scenes import cdnet
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.scene import Scene, Split
from cleanplate.subtractors.opencv import OPENCV_METHODS, make_opencv
from cleanplate.subtractors.protocol import Segmentation, Subtractor
from cleanplate.subtractors.two_stage import load
from cleanplate.training.train import train

OURS = "two-stage"
METHODS = (OURS, *OPENCV_METHODS)


@dataclass(frozen=True)
class Result:
    """One method on one scene.

    Attributes:
        scene: the scene's name.
        method: the method's name.
        split: the split's name.
        frames_scored: how many frames were counted.
        counts: the pixels.
        seconds: spent segmenting the scored frames, reading left out.
    """

    scene: str
    method: str
    split: str
    frames_scored: int
    counts: ConfusionMatrix
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "scene": self.scene,
            "method": self.method,
            "split": self.split,
            "frames_scored": self.frames_scored,
            **self.counts.as_dict(),
            "seconds": round(self.seconds, 3),
        }


def scorable_split(scene: Scene, split: Split, allow_training_frames: bool) -> tuple[int, ...]:
    """Return the numbers of the frames to score, or refuse where there are none.

    Raises:
        DatasetError: the split leaves nothing to score.
    """
    scored = split.scored or (split.training if allow_training_frames else ())
    if not scored:
        raise DatasetError(
            f"{scene.name}: split {split.name} leaves no frame to score; use --split half, or "
            "--on-training-frames to score what was trained on"
        )
    return scored


def model_split(
    scene: Scene, card: ModelCard, split: str | None, allow_training_frames: bool
) -> Split:
    """Return the split to score a model on: its own unless another is asked for.

    Raises:
        DatasetError: frames would be scored that the model was trained on.
    """
    trained = set(card.training_frames) if _is_own_scene(scene, card) else set()
    if split is None:
        training = tuple(number for number in scene.labelled if number in trained)
        scored = tuple(number for number in scene.labelled if number not in trained)
        return Split(card.split, training, scene.labelled if allow_training_frames else scored)
    divided = scene.split(split)
    shared = trained.intersection(divided.scored)
    if shared and not allow_training_frames:
        raise DatasetError(
            f"{scene.name}: {len(shared)} of the {len(divided.scored)} frames to score trained "
            "this model; leave --split away, or give --on-training-frames"
        )
    return divided


def _is_own_scene(scene: Scene, card: ModelCard) -> bool:
    """Say whether a model was trained on this scene, by its name or, renamed, by its labels."""
    if card.scene == scene.name:
        return True
    has_all = all(number in scene.label_files for number in card.training_frames)
    return has_all and scene.fingerprint(card.training_frames) == card.label_fingerprint


def score(
    scene: Scene,
    numbers: tuple[int, ...],
    subtractor: Subtractor,
    split_name: str,
    seen: Callable[[int, Segmentation], None] | None = None,
) -> Result:
    """Score a method on some frames of a scene.

    A method that learns online sees all frames of the sequence in order, from the first there is to
    the last that is scored; any other sees the scored ones alone.

    Args:
        scene: frames and labels.
        numbers: the frames to score, ascending.
        subtractor: the method.
        split_name: for the result.
        seen: called with each scored frame's number and segmentation.
    """
    wanted, counts, seconds = set(numbers), ConfusionMatrix(), 0.0
    ordered = iter(scene.frames) if subtractor.learns_online else _chosen(scene, numbers)
    for number, frame in ordered:
        start = time.perf_counter()
        result = subtractor.segment(frame)
        if number not in wanted:
            continue
        seconds += time.perf_counter() - start
        truth = scene.truth(number)
        counts += count_frame(result.mask, truth.labels, truth.shadow)
        if seen is not None:
            seen(number, result)
        if number == numbers[-1]:
            break
    return Result(scene.name, subtractor.name, split_name, len(numbers), counts, seconds)


def _chosen(scene: Scene, numbers: tuple[int, ...]) -> Iterator[tuple[int, Any]]:
    for number in numbers:
        yield number, scene.frame(number)


def score_results(scene: Scene, numbers: tuple[int, ...], folder: Path, split_name: str) -> Result:
    """Score masks that lie in a folder as ``binNNNNNN.png``; above 127 is foreground.

    Raises:
        DatasetError: a mask is missing or has another size than its labels.
    """
    masks, counts = cdnet.result_masks(folder), ConfusionMatrix()
    missing = [number for number in numbers if number not in masks]
    if missing:
        raise DatasetError(
            f"{folder}: no mask for frame {missing[0]} and {len(missing) - 1} others of the "
            f"{len(numbers)} to score; segment the whole scene into it"
        )
    for number in numbers:
        mask, truth = cdnet.read_result_mask(masks[number]), scene.truth(number)
        if mask.shape != truth.labels.shape:
            found, wanted = mask.shape, truth.labels.shape
            raise DatasetError(
                f"{masks[number]}: mask is {found[1]}x{found[0]} but the labels are "
                f"{wanted[1]}x{wanted[0]}; write masks at the frame's size"
            )
        counts += count_frame(mask, truth.labels, truth.shadow)
    return Result(scene.name, "results", split_name, len(numbers), counts, 0.0)


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

    def run(self) -> Iterator[tuple[str, str, str, float | None]]:
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
                yield key, method, "scoring", None
                result = score(scene, numbers, self._subtractor(key, method, split), split.name)
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
        labels = scene.fingerprint(split.training), scene.fingerprint(split.scored)
        parts = [key, method, split.name]
        settings = ""
        if method == OURS:
            parts += [Path(self.preset).stem, f"seed{self.seed}"]
            settings = self._settings
        digest = hashlib.sha256(f"{labels} {settings}".encode()).hexdigest()
        name = ".".join(_file_name(part) for part in [*parts, digest[:12]])
        return self.folder / kind / f"{name}{'.json' if kind == 'results' else '.safetensors'}"

    def results(self) -> list[dict[str, Any]]:
        """Read the finished pairs back."""
        paths = [
            self._path("results", key, method, scene.split(self._split))
            for key, scene in self.scenes.items()
            for method in self.methods
        ]
        return [json.loads(path.read_text()) for path in paths if path.exists()]


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
