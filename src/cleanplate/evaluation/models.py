"""The methods of a comparison, ready to segment: ours with their models, and the classical."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import cleanplate
from cleanplate.config import Configuration
from cleanplate.evaluation.variants import TWO_STAGE, VARIANTS
from cleanplate.files import write_bytes
from cleanplate.networks.start import start_digest
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.scene import Scene, Split
from cleanplate.subtractors.filtered import MedianFiltered
from cleanplate.subtractors.methods import make_method
from cleanplate.subtractors.protocol import LearnsBeforehand, Subtractor
from cleanplate.subtractors.threshold import ThresholdSubtractor
from cleanplate.subtractors.two_stage import load
from cleanplate.training.checkpoints import checkpoint_path, has_checkpoint
from cleanplate.training.train import train

RESULTS_FORMAT = 2
"""Changes with what is kept of a pair, and whenever a method's defaults do."""
LEARNED_FRAMES = 100
"""A method that learns beforehand sees so many frames of the training part, never its labels."""
BASELINE_1_THRESHOLD = 25 / 255
"""A fixed one for all scenes; Fig. 3 shows the others."""


@dataclass(frozen=True)
class Models:
    """The models of a comparison, each in a file named by all that it depends on.

    Attributes:
        folder: where they lie.
        configuration: the settings that every method's are derived from (see `Variant.derive`).
        preset: the settings' name.
        split: name of the split.
        seed: of all that is drawn at random.
        device: torch device.
        objects: cut-outs for scenes whose training part shows no foreground (see `train`).
    """

    folder: Path
    configuration: Configuration
    preset: str
    split: str
    seed: int
    device: str
    objects: Path | None

    def names(self, method: str) -> tuple[list[str], list[Any]]:
        """Return what tells a method's files from others: parts of their names, and the rest."""
        derived = VARIANTS[method].derive(self.configuration)
        objects = None if self.objects is None else listing(self.objects)
        start = start_digest() if derived.segmentation.start else ""
        return [self.preset, f"seed{self.seed}"], [derived.model_dump_json(), objects, start]

    def facts(self) -> dict[str, str]:
        """Return how our methods' numbers were made, for a report."""
        phases = self.configuration.phases
        lengths = [phases.background, phases.segmentation, phases.joint]
        return {
            "split": self.split,
            "preset": self.preset,
            "iterations": " + ".join(str(phase.iterations) for phase in lengths),
            "seed": str(self.seed),
            "Cleanplate": cleanplate.__version__,
            "torch": torch.__version__,
            "OpenCV": _version("opencv-contrib-python-headless"),
        }

    def path(self, key: str, scene: Scene, method: str, split: Split) -> Path:
        """Return where the model of a scene and a method lies."""
        trained_as = VARIANTS[method].trained_as
        stem = file_stem(self.folder, key, scene, trained_as, split, *self.names(trained_as))
        return stem.with_name(f"{stem.name}.safetensors")

    def train(
        self, key: str, scene: Scene, method: str, split: Split
    ) -> Iterator[tuple[str, float]]:
        """Train a method's model where it is missing; yields the phase and its share done."""
        path = self.path(key, scene, method, split)
        is_joint = VARIANTS[method].trained_as == TWO_STAGE
        separate = _after_phase_2(path) if is_joint else None
        if all(file.exists() for file in (path, _seconds(path), separate) if file is not None):
            return
        seconds = 0.0
        for step in train(
            scene,
            VARIANTS[method].derive(self.configuration),
            path,
            split=self.split,
            seed=self.seed,
            device=self.device,
            objects=self.objects,
            separate=separate,
            resume=not path.exists() or has_checkpoint(checkpoint_path(path)),
            overwrite=path.exists(),
        ):
            seconds = step.seconds
            yield step.phase, step.iteration / max(1, step.iterations)
        write_bytes(_seconds(path), json.dumps({"seconds": round(seconds, 1)}).encode())

    def training_seconds(self, key: str, scene: Scene, method: str, split: Split) -> float:
        """Return how long a trained model took; rows that share it were one training."""
        text = _seconds(self.path(key, scene, method, split)).read_text()
        return float(json.loads(text)["seconds"])

    def subtractor(self, key: str, scene: Scene, method: str, split: Split) -> Subtractor:
        """Make the method from its trained model."""
        variant, path = VARIANTS[method], self.path(key, scene, method, split)
        path = _after_phase_2(path) if variant.after_phase_2 else path
        model = load(path, self.device, method, engine="torch")  # figures are the reference's
        if variant.only_stage_1:
            return ThresholdSubtractor(model, BASELINE_1_THRESHOLD)
        return MedianFiltered(model, variant.median_px, method) if variant.median_px else model


def ready_method(name: str, scene: Scene, split: Split, seed: int = 0) -> Subtractor:
    """Make a classical method; one that learns beforehand sees frames of the training part.

    Raises:
        ConfigError: there is no such method.
    """
    subtractor = make_method(name, seed, can_freeze=False)
    if isinstance(subtractor, LearnsBeforehand):
        chosen = spread(split.training, LEARNED_FRAMES)
        subtractor.learn([scene.frame(number) for number in chosen])
    return subtractor


def _after_phase_2(path: Path) -> Path:
    return path.with_name(path.name.replace(".safetensors", ".separate.safetensors"))


def _seconds(path: Path) -> Path:
    return path.with_name(f"{path.name}.seconds.json")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # another wheel of the same library
        return "unknown"


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Return what tells a file or a folder's files from others: names, sizes, times, in order."""
    files = [path for path in (folder, *sorted(folder.rglob("*"))) if path.is_file()]
    states = [(path, path.stat()) for path in files]
    return [(str(p.relative_to(folder)), s.st_size, s.st_mtime_ns) for p, s in states]


def file_stem(
    folder: Path,
    key: str,
    scene: Scene,
    method: str,
    split: Split,
    names: list[str],
    depends: list[Any],
) -> Path:
    """Return a path without suffix, named by scene, method and split and all they depend on."""
    everything: list[Any] = [
        cleanplate.__version__,
        RESULTS_FORMAT,
        scene.fingerprint(split.training),
    ]
    everything += [scene.fingerprint(split.scored), scene.size, scene.frames.count]
    everything += [None if scene.roi is None else scene.roi.tobytes(), *depends]
    digest = hashlib.sha256(repr(everything).encode()).hexdigest()
    parts = [key, method, split.name, *names, digest[:12]]
    return folder / ".".join(_file_name(part) for part in parts)


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)
