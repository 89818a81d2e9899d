"""A few updates, to see how fast they are: ``python -m cleanplate.studio.trying_out FOLDER``."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from cleanplate.config import Configuration
from cleanplate.evaluation.variants import with_iterations
from cleanplate.files import make_folder
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.project_file import HIDDEN
from cleanplate.studio.aside import be_aside
from cleanplate.studio.speed import Stopwatch, keep_speed
from cleanplate.studio.training_files import Job
from cleanplate.training.train import train

UPDATES = 6
"""Of each phase; the first take longer than those that follow."""
UNLABELLED = 16


def tried(configuration: Configuration) -> Configuration:
    """Return settings whose phases are a few updates long and look at a few frames."""
    few = {"unlabelled": min(UNLABELLED, configuration.training.unlabelled), "stretch": 1.0}
    training = configuration.training.model_copy(update=few)
    short = with_iterations(configuration, background=UPDATES, segmentation=UPDATES, joint=UPDATES)
    return short.model_copy(update={"training": training})


def try_out(folder: Path) -> None:
    """Train a project for some seconds and keep how fast that was; no model is left.

    Raises:
        CleanplateError: it cannot be trained yet.
    """
    place = folder / HIDDEN / "trying_out"
    settings = tried(Job("", "good", (), (), (), "").configuration())
    shutil.rmtree(place, ignore_errors=True)  # of one that was killed
    make_folder(place)
    model = place / "model.safetensors"
    watch = Stopwatch()
    try:
        for progress in train(open_scene(folder), settings, model, split="all"):
            watch.step(progress)
            if progress.phase == "joint" and progress.iteration == progress.iterations:
                break
    finally:
        shutil.rmtree(place, ignore_errors=True)
    keep_speed(folder, watch.speed)


if __name__ == "__main__":
    be_aside(try_out, logging.ERROR)
