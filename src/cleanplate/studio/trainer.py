"""The studio's side of a training: it is begun, watched, paused, stopped and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import RLock, Thread
from typing import Any

from cleanplate.errors import CleanplateError, ConfigError, DatasetError
from cleanplate.files import explained
from cleanplate.images import FOREGROUND
from cleanplate.networks.card import read_card
from cleanplate.studio.aside import patient
from cleanplate.studio.division import divide
from cleanplate.studio.events import Hub
from cleanplate.studio.labels import Labels
from cleanplate.studio.project import Project
from cleanplate.studio.training_files import QUALITIES, Job, TrainingFolder

WATCH_SECONDS = 0.5
CLOSING_SECONDS = 5.0


class Trainer:
    """One training of a project at a time.

    Args:
        project: whose labels train.
        labels: these.
        hub: is told of what changes.
    """

    def __init__(self, project: Project, labels: Labels, hub: Hub) -> None:
        self._project, self._labels, self._hub = project, labels, hub
        self._place = TrainingFolder(project.folder)
        self._lock = RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Thread | None = None

    def take_up(self) -> None:
        """Watch a training that outlived the studio that began it."""
        if self._place.is_running:
            self._watch()

    @property
    def is_running(self) -> bool:
        """Whether one is there, running or paused."""
        return self._place.is_running

    def state(self) -> dict[str, Any]:
        """Say how the training stands, by what lies on disk."""
        state = self._place.read_state()
        status = state.get("status", "idle")
        is_running = self._place.is_running
        if is_running:
            status = "paused" if self._place.paused.exists() else "running"
        elif status in ("running", "starting"):
            status = "interrupted"
            if not state.get("message"):
                state["message"] = "The training ended before its time; go on where it was."
        shown = {key: value for key, value in state.items() if key != "pid"}
        names = ("phase", "iteration", "iterations", "seconds", "seconds_left", "message", "model")
        blank: dict[str, Any] = dict.fromkeys(names)
        blank |= {"previews": [], "preview_version": 0}
        return {**blank, **shown, "status": status, "losses": self._place.read_losses()}

    def start(self, quality: str, previews: Sequence[int]) -> None:
        """Begin a training on the labels as they are now.

        Raises:
            ConfigError: one is running, or the quality is unknown.
            DatasetError: there is nothing to train on.
        """
        if quality not in QUALITIES:
            raise ConfigError(f"quality {quality!r} is unknown; use quick, good or best")
        with self._lock:
            held = self._place.hold()
            if held is None:
                raise ConfigError("a training is running already; stop it first, or wait")
            with held:
                self._project.save()
                scene = self._project.scene()
                counted = scene.labelled
                if not counted:
                    raise DatasetError("no frame is labelled yet; paint one that shows something")
                if not any((scene.truth(n).labels == FOREGROUND).any() for n in counted):
                    raise DatasetError(
                        "no label shows foreground yet; paint what moves in at least one frame"
                    )
                division = divide(self._project.folder, counted)
                job = Job(
                    self._next_name(quality),
                    quality,
                    tuple(previews)[:5],
                    *division,
                    self._last_model(quality),
                )
                self._place.begin(job, self._project.text, self._labels.files())
                self._place.write_state({"status": "starting", "model": job.model})
                self._spawn(held.fileno())
        self._hub.tell("labels")  # some are held back now

    def _next_name(self, quality: str) -> str:
        names = [path.stem for path in self._project.models_folder.glob("*.safetensors")]
        numbers = [int(name.split("-")[0]) for name in names if name.split("-")[0].isdecimal()]
        return f"{max(numbers, default=0) + 1:02d}-{quality}"

    def _last_model(self, quality: str) -> str:
        """Return the newest model that a training of this quality can begin with, or nothing."""
        wanted = Job("", quality, (), (), (), "").configuration()
        for path in sorted(self._project.models(), key=lambda path: -path.stat().st_mtime):
            with suppress(CleanplateError):
                card = read_card(path)
                its = card.configuration
                same = (its.background, its.segmentation) == (
                    wanted.background,
                    wanted.segmentation,
                )
                if same and card.frame_size == self._project.frames.size and not card.warning:
                    return path.stem
        return ""

    def _spawn(self, lock: int) -> None:
        """Start the process; it inherits the lock, which the system lets go of when it ends."""
        for mark in (self._place.stop, self._place.paused):
            mark.unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "cleanplate.studio.training_process"]
        with explained(self._place.log), self._place.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(self._project.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
                env=patient(),
            )
        self._watch()

    def pause(self) -> None:
        """Let a running training stand still."""
        with self._lock:
            pid = self._pid()
            self._place.paused.touch()
            os.kill(pid, signal.SIGSTOP)
        self._tell()

    def go_on(self) -> None:
        """Let a paused training go on."""
        with self._lock:
            pid = self._pid()
            self._place.paused.unlink(missing_ok=True)
            os.kill(pid, signal.SIGCONT)
        self._tell()

    def stop(self) -> None:
        """End a training early and keep what is learned."""
        with self._lock:
            pid = self._pid()
            self._place.stop.touch()
            self._place.paused.unlink(missing_ok=True)
            os.kill(pid, signal.SIGCONT)
        self._tell()

    def resume(self) -> None:
        """Go on with a training that was interrupted.

        Raises:
            ConfigError: there is none, or it runs.
        """
        with self._lock:
            held = self._place.hold()
            if held is None:
                raise ConfigError("the training is running; there is nothing to resume")
            with held:
                if self.state_on_disk() not in ("running", "starting"):
                    raise ConfigError("no training was interrupted; begin a new one")
                state = self._place.read_state()
                state.pop("pid", None)  # by now another program's, until the new one says its own
                self._place.write_state(state)
                self._spawn(held.fileno())
        self._tell()

    def state_on_disk(self) -> str:
        """Return the status that the training itself wrote last."""
        return str(self._place.read_state().get("status", "idle"))

    def _pid(self) -> int:
        """Return the running training's process.

        Raises:
            ConfigError: none is running.
        """
        pid = self._place.read_state().get("pid")
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        if not self._place.is_running or not isinstance(pid, int):
            raise ConfigError("no training is running; begin one")
        return pid

    def preview(self, number: int, kind: str) -> bytes | None:
        """Return a picture of a frame as the training sees it by now, or None before there is."""
        try:
            return self._place.preview(number, kind).read_bytes()
        except OSError:
            return None

    def _watch(self) -> None:
        if self._watcher is None or not self._watcher.is_alive():
            self._watcher = Thread(target=self._follow, daemon=True, name="training")
            self._watcher.start()
        self._tell()

    def _follow(self) -> None:
        told: dict[str, Any] = {}
        while True:
            if self._process is not None:
                self._process.poll()  # a child that ended is to be waited for
            is_running = self._place.is_running
            state = self._place.read_state()
            if state != told:
                told = state
                self._tell()
            if not is_running:
                break
            time.sleep(WATCH_SECONDS)
        self._tell()
        self._hub.tell("project")

    def _tell(self) -> None:
        state = self._place.read_state()
        names = ("status", "phase", "iteration", "iterations", "seconds_left", "preview_version")
        self._hub.tell("training", **{name: state.get(name) for name in names})

    def close(self) -> None:
        """End a training with the studio; it can be resumed from its last checkpoint."""
        with self._lock, suppress(CleanplateError, ProcessLookupError):
            pid = self._pid()
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
            self._place.paused.unlink(missing_ok=True)
            if self._process is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(CLOSING_SECONDS)
