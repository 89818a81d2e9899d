"""How long each quality will take on this machine: by earlier trainings, or by trying it out."""

from __future__ import annotations

import subprocess
import sys
from threading import Lock, Thread
from typing import Any

from cleanplate.networks.card import working_size
from cleanplate.studio.aside import patient
from cleanplate.studio.division import ONE_OF
from cleanplate.studio.events import Hub
from cleanplate.studio.labels import Labels
from cleanplate.studio.project import Project
from cleanplate.studio.speed import Speed, read_speed
from cleanplate.studio.trainer import Trainer
from cleanplate.studio.training_files import SHOWN, Job
from cleanplate.training.updates import planned


class Expecting:
    """Foretells how long trainings of a project take.

    Args:
        project: what is trained.
        labels: its labels.
        trainer: trains it; nothing is tried out beside a training.
        hub: is told when something was tried out.
    """

    def __init__(self, project: Project, labels: Labels, trainer: Trainer, hub: Hub) -> None:
        self._project, self._labels, self._trainer, self._hub = project, labels, trainer, hub
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._tried: Any = None

    def times(self) -> dict[str, Any]:
        """Return the expected seconds by quality, and whether they are being found out.

        What is not known yet is found out in the background as soon as there is a label.
        """
        speed, labels = read_speed(self._project.folder), self._labels.files()
        seconds: dict[str, float] = {}
        if self._project.frames_if_any is not None and labels:
            if speed is None:
                self._try_out()
            else:
                seconds = self._by(speed, len(labels))
        return {"seconds": seconds, "is_measuring": self._is_trying}

    @property
    def _is_trying(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _by(self, speed: Speed, labels: int) -> dict[str, float]:
        training = labels - labels // ONE_OF
        found = {}
        for quality in SHOWN:
            settings = Job("", quality, (), (), (), "").configuration()
            others = max(0, len(self._project.numbers()) - labels)
            frames = training + min(others, settings.training.unlabelled)
            size = working_size(settings, self._project.frames.size)
            seconds = speed.seconds(planned(settings, frames, training, size), frames)
            if seconds is not None:
                found[quality] = round(seconds, 1)
        return found

    def _try_out(self) -> None:
        """Begin to try it out, once for each state of the labels, and not beside a training."""
        with self._lock:
            state = self._labels.revisions()
            if self._is_trying or self._trainer.is_running or state == self._tried:
                return
            self._tried = state
            command = [sys.executable, "-P", "-m", "cleanplate.studio.trying_out"]
            self._process = subprocess.Popen(
                [*command, str(self._project.folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # what cannot be tried is said when it is trained
                start_new_session=True,
                env=patient(),
            )
            Thread(target=self._wait, args=(self._process,), daemon=True, name="trying").start()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._hub.tell("times")

    def stop(self) -> None:
        """End what is being tried out: a training begins, or the studio ends."""
        with self._lock:
            if self._is_trying and self._process is not None:
                self._process.kill()
                self._process.wait()
                self._tried = None
