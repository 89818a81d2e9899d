"""Taking away: each export is a command of the command line, run beside the studio."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Lock, Thread
from typing import Any

from cleanplate.errors import CleanplateError, ConfigError, OutputError
from cleanplate.evaluation.uploading import RESULTS, write_upload
from cleanplate.files import explained, make_folder
from cleanplate.scenes import cdnet
from cleanplate.studio.events import Hub
from cleanplate.studio.models import Models
from cleanplate.studio.project import Project

KINDS = ("model", "cdnet", "coco", "masks", "overlay", "plate", "onnx")
MOST_KEPT = 20
NICENESS = 5
_CATEGORY = "studio"
"""In the zip for changedetection.net where the scene is in none of its categories."""


@dataclass
class Export:
    """One export.

    Attributes:
        id: by which it is asked for.
        kind: one of `KINDS`.
        name: of the file to take away.
        command: what does the same on the command line.
        arguments: what is run, without ``cleanplate``; nothing where the file is there.
        path: where the file lies when it is done.
        status: waiting, running, done or failed.
        share: how much is done, or None where that cannot be told.
        error: why it failed.
    """

    id: str
    kind: str
    name: str
    command: str
    arguments: list[str]
    path: Path
    status: str = "waiting"
    share: float | None = None
    error: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def describe(self) -> dict[str, Any]:
        """Return what the page shows."""
        names = ("id", "kind", "name", "command", "status", "share", "error")
        return {name: getattr(self, name) for name in names}


class Exports:
    """Makes exports of a project, one after another.

    Args:
        project: what is exported.
        models: its models.
        hub: is told of what changes.
    """

    def __init__(self, project: Project, models: Models, hub: Hub) -> None:
        self._project, self._models, self._hub = project, models, hub
        self._folder = project.hidden / "exports"
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier studio: no one asks for it
        self._lock = Lock()
        self._all: dict[str, Export] = {}
        self._count = 0
        self._queue: Queue[Export] = Queue()
        self._worker: Thread | None = None
        self._closed = False

    def start(self, kind: str, model: str) -> Export:
        """Begin an export.

        Raises:
            ConfigError: the kind is unknown, or too many are waiting.
            WeightsError: there is no such model.
            OutputError: its folder cannot be made.
        """
        if kind not in KINDS:
            raise ConfigError(f"export {kind[:20]!r} is unknown; use one of {', '.join(KINDS)}")
        path = self._models.path(model)
        with self._lock:
            if sum(one.status in ("waiting", "running") for one in self._all.values()) >= MOST_KEPT:
                raise ConfigError("too many exports are waiting; wait for some to end")
            self._count += 1
            export = self._plan(str(self._count), kind, path)
            make_folder(export.path.parent)
            self._all[export.id] = export
            self._forget_old()
            if self._worker is None:
                self._worker = Thread(target=self._work, daemon=True, name="exports")
                self._worker.start()
        self._queue.put(export)
        self._hub.tell("exports")
        return export

    def _forget_old(self) -> None:
        ended = [one for one in self._all.values() if one.status in ("done", "failed")]
        for one in ended[: max(0, len(self._all) - MOST_KEPT)]:
            del self._all[one.id]
            shutil.rmtree(self._folder / one.id, ignore_errors=True)

    def describe(self) -> list[dict[str, Any]]:
        """Describe all, the oldest first."""
        with self._lock:
            return [one.describe() for one in self._all.values()]

    def file(self, number: str) -> Path | None:
        """Return the file of an export that is done, or None."""
        export = self._all.get(number)
        done = export is not None and export.status == "done" and export.path.is_file()
        return export.path if export is not None and done else None

    def _plan(self, number: str, kind: str, model: Path) -> Export:
        folder, name = self._folder / number, self._project.folder.name or "camera"
        project = self._project.folder
        source = str(project / cdnet.INPUT if self._project.is_cdnet else project)
        category = project.parent.name if project.parent.name in cdnet.CATEGORIES else _CATEGORY
        masks = f"{RESULTS}/{category}/{name}" if kind == "cdnet" else "masks"
        segment = ["segment", str(model), source]
        plans: dict[str, tuple[str, list[str], str]] = {
            "model": (model.name, [], f"cp {shlex.quote(str(model))} ."),
            "masks": (f"{name}-masks.zip", [*segment, "--masks", masks], ""),
            "cdnet": (f"{name}-cdnet.zip", [*segment, "--masks", masks], ""),
            "coco": (f"{name}-coco.json", [*segment, "--coco", f"{name}-coco.json"], ""),
            "overlay": (f"{name}-overlay.mp4", [*segment, "--overlay", f"{name}-overlay.mp4"], ""),
            "plate": (
                f"{name}-plate.png",
                ["background", str(model), source, "--output", f"{name}-plate.png"],
                "",
            ),
            "onnx": (
                f"{model.stem}.onnx",
                ["export", str(model), "--to", "onnx", "--output", f"{model.stem}.onnx"],
                "",
            ),
        }
        file, arguments, command = plans[kind]
        if arguments[:1] == ["segment"]:
            arguments = [*arguments, *self._region()]
        if arguments:
            command = shlex.join(["cleanplate", *arguments])
        if file.endswith(".zip"):
            top = shlex.quote(masks.split("/")[0])
            command += f" && zip -r {shlex.quote(file)} {top}"
        path = model if kind == "model" else folder / file
        return Export(number, kind, file, command, arguments, path)

    def _region(self) -> list[str]:
        region, words = self._project.region, []
        for option, polygons in (("--roi", region.include), ("--exclude", region.exclude)):
            for polygon in polygons:
                words += [option, " ".join(f"{x:g},{y:g}" for x, y in polygon)]
        return words

    def _work(self) -> None:
        while not self._closed:
            export = self._queue.get()
            export.status = "running"
            self._hub.tell("exports")
            try:
                self._make(export)
                export.status = "done"
            except (CleanplateError, OSError) as error:
                export.status, export.error = "failed", str(error)
            except Exception as error:  # the next ones are made nevertheless
                export.status, export.error = "failed", f"{type(error).__name__}: {error}"
            self._hub.tell("exports")

    def _make(self, export: Export) -> None:
        if not export.arguments:
            return
        folder = self._folder / export.id
        make_folder(folder)
        self._project.save()
        with explained(folder / "log.txt"), (folder / "log.txt").open("w+") as log:
            export.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cleanplate.cli", *export.arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
            )
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, export.process.pid, NICENESS)
            self._await(export, folder)
            if export.process.returncode:
                log.seek(0)
                lines = log.read().strip().splitlines() or ["it ended without a word"]
                raise OutputError(lines[-1].removeprefix("cleanplate: "))
        if export.kind == "cdnet":
            write_upload(export.path, folder)
        elif export.kind == "masks":
            zip_folder(export.path, folder / "masks")

    def _await(self, export: Export, folder: Path) -> None:
        """Wait for the command, telling how many masks are there where it writes masks."""
        assert export.process is not None
        total = len(self._project.numbers())
        while True:
            try:
                export.process.wait(1.0)
                return
            except subprocess.TimeoutExpired:
                if export.kind in ("cdnet", "masks") and total:
                    export.share = sum(1 for _ in folder.rglob("bin*.png")) / total
                    self._hub.tell("exports")

    def close(self) -> None:
        """End what runs."""
        self._closed = True
        for export in self._all.values():
            if export.process is not None and export.process.poll() is None:
                export.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    export.process.wait(2.0)


def zip_folder(path: Path, folder: Path) -> None:
    """Put the pictures of a folder into a zip.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    with explained(path), zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for picture in sorted(folder.iterdir()):
            archive.write(picture, f"{folder.name}/{picture.name}")
    with explained(path):
        part.replace(path)
