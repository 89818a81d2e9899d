"""Training in a process of its own: ``python -m cleanplate.studio.training_process FOLDER``.

It goes on without the studio, and whoever starts it again after a crash lets it go on where it was.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cleanplate.errors import CleanplateError
from cleanplate.evaluation.scoring import score
from cleanplate.files import make_folder
from cleanplate.images import Frame, fitting_size, resize_frame, write_picture
from cleanplate.networks.card import ModelCard
from cleanplate.networks.torch_engine import TorchEngine
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.scenes.project_file import MODELS
from cleanplate.scenes.scene import Scene
from cleanplate.studio.aside import be_aside
from cleanplate.studio.figures import add_figures
from cleanplate.studio.speed import Stopwatch, keep_speed
from cleanplate.studio.training_files import SHOWN, Job, TrainingFolder
from cleanplate.subtractors.two_stage import TwoStageSubtractor, load
from cleanplate.training.progress import PHASES, Progress
from cleanplate.training.train import train

TOLD_SECONDS = 0.5
PREVIEW_SECONDS, PREVIEW_SHARE = 3.0, 8
"""Previews come no oftener, and take no more than one part in so many of the time."""
PREVIEW_PIXELS = 640 * 360
MOST_PREVIEWS = 5
MOST_POINTS = 600
"""Of the curve, in all."""


class Reporter:
    """Writes down how a training stands, and draws what it sees by now.

    Args:
        place: the training's folder.
        job: what is trained.
        scene: whose frames are drawn.
    """

    def __init__(self, place: TrainingFolder, job: Job, scene: Scene) -> None:
        self._place, self._job = place, job
        self._frames = dict(_previewed(scene, job))
        phases = job.configuration().phases
        lengths = [getattr(phases, name).iterations for name in PHASES]
        self._every = max(1, sum(lengths) // MOST_POINTS)
        self._points: list[dict[str, Any]] = []
        self._told = self._drawn = float("-inf")
        self.stopwatch = Stopwatch()
        self._pause = PREVIEW_SECONDS
        self.state = {**place.read_state(), "status": "running", "pid": os.getpid(), "message": ""}
        self.state |= {"model": job.model, "previews": list(self._frames)}
        self.state.setdefault("preview_version", 0)
        self.state.setdefault("begins", {})  # after how many updates each phase began
        place.write_state(self.state)

    def watch(self, net: TwoStageNet, card: ModelCard, progress: Progress) -> bool:
        """Draw now and then; says whether to go on (see `Watch`)."""
        if time.monotonic() - self._drawn >= self._pause:
            kept = copy.deepcopy(net)
            self.draw(TwoStageSubtractor(TorchEngine(kept, card), card))
        return not self._place.stop.exists()

    def tell(self, progress: Progress) -> None:
        """Write down a step."""
        self.stopwatch.step(progress)
        if progress.losses:
            update = self._begin(progress) + progress.iteration
            if progress.iteration % self._every == 0:
                point = {"update": update, "phase": progress.phase, "losses": progress.losses}
                self._points.append(point)
        if time.monotonic() - self._told < TOLD_SECONDS:
            return
        self._told = time.monotonic()
        names = ("phase", "iteration", "iterations", "seconds", "seconds_left")
        self.write({name: getattr(progress, name) for name in names})

    def _begin(self, progress: Progress) -> int:
        """Return how many updates came before a phase; how long one is, it says itself."""
        begins: dict[str, int] = self.state["begins"]
        begin = begins.setdefault(progress.phase, self.state.get("updates", 0))
        self.state["updates"] = begin + progress.iterations
        return begin

    def write(self, changes: Mapping[str, Any]) -> None:
        """Change what is said of the training; the curve's newest points go with it."""
        self._place.add_losses(self._points)
        self._points = []
        self.state |= changes
        self._place.write_state(self.state)

    def draw(self, segmenter: TwoStageSubtractor) -> None:
        """Draw what a network sees on the chosen frames."""
        start = time.monotonic()
        for number, frame in self._frames.items():
            result = segmenter.segment(frame)
            assert result.probability is not None
            probability = (255 * result.probability).round().astype("uint8")
            plate = frame if result.background is None else result.background
            pictures = {"plate": plate, "mask": result.mask, "probability": probability}
            for kind, picture in pictures.items():
                write_picture(self._place.preview(number, kind), picture)
        self._drawn = time.monotonic()
        self._pause = max(PREVIEW_SECONDS, PREVIEW_SHARE * (self._drawn - start))
        self.write({"preview_version": self.state["preview_version"] + 1})


def _previewed(scene: Scene, job: Job) -> list[tuple[int, Frame]]:
    numbers = [number for number in job.previews if number in scene.frames]
    wanted = sorted(numbers or [*job.held_back, *job.training])[:MOST_PREVIEWS]
    size = fitting_size(scene.size, PREVIEW_PIXELS)
    return [(number, resize_frame(scene.frame(number), size)) for number in wanted]


def run(project: Path) -> None:
    """Train what the training's folder says, and put the model into the project.

    Raises:
        CleanplateError: it cannot be trained; the reason is written down too.
    """
    place = TrainingFolder(project)
    job = place.job()
    assert job is not None
    reporter = None
    try:
        scene = place.scene()
        reporter = Reporter(place, job, scene)
        for progress in _steps(place, job, scene, reporter):
            reporter.tell(progress)
            if place.stop.exists() and progress.phase in ("frames", "votes"):
                said = "Stopped before anything was learned."
                reporter.write({"status": "stopped", "message": said})
                return
        _finish(place, job, scene, reporter)
    except Exception as error:
        is_ours = isinstance(error, CleanplateError)
        said = str(error) if is_ours else f"{type(error).__name__}: {error}; {place.log} says more"
        state = place.read_state() if reporter is None else reporter.state
        place.write_state({**state, "status": "failed", "message": said})
        raise


def _steps(place: TrainingFolder, job: Job, scene: Scene, reporter: Reporter) -> Iterator[Progress]:
    listed = place.folder / "training.txt"
    listed.write_text("".join(f"{number}\n" for number in job.training), encoding="utf-8")
    begin_with = place.project / MODELS / f"{job.begin_with}.safetensors"
    return train(
        scene,
        job.configuration(),
        place.output,
        split=f"list:{listed}",
        begin_with=begin_with if job.begin_with else None,
        watch=reporter.watch,
        resume=True,
    )


def _finish(place: TrainingFolder, job: Job, scene: Scene, reporter: Reporter) -> None:
    """Measure the model on the labels held back and put it where it belongs."""
    figures: dict[str, Any] = {"model": job.model, "labels": len(job.training), "f": None}
    figures |= {"held_back": list(job.held_back), "made": time.time()}
    segmenter = load(place.output, engine="torch")
    counted = tuple(number for number in job.held_back if number in scene.labelled)
    if counted:
        found = score(scene, counted, segmenter, "held back").counts
        figures |= {"f": found.f_measure, "recall": found.recall, "precision": found.precision}
    models = place.project / MODELS
    make_folder(models)
    place.output.replace(models / f"{job.model}.safetensors")
    add_figures(place.project, figures)
    load(models / f"{job.model}.safetensors", "cpu")  # converted here, the studio need not do it
    reporter.stopwatch.step()
    if job.quality in SHOWN:  # what tests train has other settings
        keep_speed(place.project, reporter.stopwatch.speed)
    reporter.draw(segmenter)  # what was learned last is what is shown last
    status = "stopped" if place.stop.exists() else "done"
    message = segmenter.card.warning or _said(figures)
    reporter.write({"status": status, "message": message, "seconds_left": 0.0})


def _said(figures: Mapping[str, Any]) -> str:
    if figures["f"] is None:
        return "Label four frames or more, and every fourth will measure the model."
    count = len(figures["held_back"])
    return f"F {figures['f']:.3f} on {count} label{'s' * (count > 1)} held back."


if __name__ == "__main__":
    be_aside(run)
