"""What a training and the studio tell each other, in files: either may end without the other."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from cleanplate.config import Configuration, load_preset
from cleanplate.evaluation.variants import with_iterations
from cleanplate.files import explained, make_folder, write_bytes
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.opening import open_project
from cleanplate.scenes.project_file import HIDDEN, LABEL_NAME, PROJECT, ProjectFile
from cleanplate.scenes.scene import Scene
from cleanplate.settings import parse_settings

QUALITIES = {"quick": 0.3, "good": 1.0, "best": 3.0, "smoke": 1.0}
"""How long each trains, as a share of its preset's iterations."""
SHOWN = ("quick", "good", "best")
"""What the page offers; the other is for tests."""
PROBE_SECONDS = 0.5
PREVIEW_KINDS = ("plate", "mask", "probability")


@dataclass(frozen=True)
class Job:
    """What is to be trained.

    Attributes:
        model: name of the model to come.
        quality: one of `QUALITIES`.
        previews: numbers of the frames that are shown while it learns.
        training: numbers of the frames whose labels train.
        held_back: those whose labels measure it at the end.
        begin_with: name of the model to begin with, or empty.
    """

    model: str
    quality: str
    previews: tuple[int, ...]
    training: tuple[int, ...]
    held_back: tuple[int, ...]
    begin_with: str

    def configuration(self) -> Configuration:
        """Return the settings."""
        preset = load_preset("smoke" if self.quality == "smoke" else "compact")
        length = QUALITIES[self.quality]
        phases = ("background", "segmentation", "joint")
        counts = {name: getattr(preset.phases, name).iterations for name in phases}
        return with_iterations(preset, **{n: max(1, round(length * c)) for n, c in counts.items()})


class TrainingFolder:
    """The folder of the one training that a project has at a time.

    Args:
        project: the project's folder.
    """

    def __init__(self, project: Path) -> None:
        self.project = project
        self.folder = project / HIDDEN / "training"
        self.output = self.folder / "model.safetensors"
        self.log = self.folder / "log.txt"
        self.stop, self.paused = self.folder / "stop", self.folder / "paused"
        self._state, self._job = self.folder / "state.json", self.folder / "job.json"
        self._losses, self._lock = self.folder / "losses.jsonl", self.folder / "lock"
        self._labels, self._project = self.folder / "groundtruth", self.folder / PROJECT

    def hold(self) -> IO[bytes] | None:
        """Lock the folder for as long as the file, or a child's copy of it, is open.

        Returns:
            The file, or None where a training holds it.
        """
        make_folder(self.folder)
        end = time.monotonic() + PROBE_SECONDS
        while (file := self._locked()) is None and time.monotonic() < end:
            time.sleep(0.01)  # somebody may just be asking whether a training holds it
        return file

    def _locked(self) -> IO[bytes] | None:
        with explained(self._lock):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.fdopen(os.open(self._lock, flags, 0o666), "ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    @property
    def is_running(self) -> bool:
        """Whether a training is there, running or paused."""
        try:
            file = os.fdopen(os.open(self._lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except OSError:
            return False
        with file:  # shared, so that two that ask do not take each other for a training
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def begin(self, job: Job, project_text: str, labels: Mapping[int, Path]) -> None:
        """Put a new training's files there, in the place of the last one's.

        The labels are linked: whoever paints on writes new files, and these stay.

        Raises:
            OutputError: they cannot be written.
        """
        with explained(self.folder):
            for path in self.folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path != self._lock:
                    path.unlink()
            make_folder(self._labels)
            for number in (*job.training, *job.held_back):
                to = self._labels / LABEL_NAME.format(number)
                try:
                    os.link(labels[number].resolve(), to)
                except OSError:
                    shutil.copyfile(labels[number], to)
        write_bytes(self._project, project_text.encode())
        write_bytes(self._job, json.dumps(asdict(job)).encode())

    def job(self) -> Job | None:
        """Return what is being trained, or was last."""
        values = _read_json(self._job)
        if values is None:
            return None
        for key in ("previews", "training", "held_back"):
            values[key] = tuple(values[key])
        return Job(**values)

    def scene(self) -> Scene:
        """Open the project as it was when the training began.

        Raises:
            CleanplateError: it cannot be opened any more.
        """
        text = self._project.read_text(encoding="utf-8")
        project = parse_settings(ProjectFile, text, str(self._project))
        return open_project(
            self.project, project, numbered_pictures(self._labels, "labels of this training")
        )

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace what is said of the training; whoever reads sees the old or the new."""
        part = self._state.with_suffix(".part")
        with explained(self._state):
            part.write_text(json.dumps(state), encoding="utf-8")
            part.replace(self._state)

    def read_state(self) -> dict[str, Any]:
        """Return what was last said of the training; empty where there was none."""
        return _read_json(self._state) or {}

    def add_losses(self, points: Iterable[Mapping[str, Any]]) -> None:
        """Append to the curve."""
        with explained(self._losses), self._losses.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(point) + "\n" for point in points)

    def read_losses(self) -> list[dict[str, Any]]:
        """Return the curve; of updates that were done twice the later ones."""
        found: dict[int, dict[str, Any]] = {}
        with suppress(OSError):
            for line in self._losses.read_text(encoding="utf-8").splitlines():
                with suppress(json.JSONDecodeError, KeyError):  # cut off by a crash
                    point = json.loads(line)
                    found[point["update"]] = point
        return [found[update] for update in sorted(found)]

    def preview(self, number: int, kind: str) -> Path:
        """Return where a picture of a frame as it is seen by now lies."""
        return self.folder / f"{kind}-{number:06d}.png"


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return values
