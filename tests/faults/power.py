"""What a disk has after a loss of power: no more than it was told to keep.

A file's content lasts as it was when the file was synced, a name as it was when its folder was.
All else is lost here, which a real disk may keep in part. As a module it runs a command on such a
disk: ``python -m tests.faults.power FOLDER KEPT COMMAND ...``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

_RECORD = "record.json"


@dataclass(frozen=True)
class Disk:
    """A folder as the disk knows it.

    Attributes:
        folder: what commands write into.
        kept: an empty folder on the same file system, for what was synced.
    """

    folder: Path
    kept: Path

    def begin(self) -> None:
        """From now on, in this process, remember what is synced; what is there already lasts."""
        recorder, sync = _Recorder(self), os.fsync

        def fsync(file: int) -> None:
            sync(file)
            recorder.note(Path(f"/proc/self/fd/{file}").readlink())

        os.fsync = fsync  # type: ignore[assignment]

    def lose_power(self, names_reached: bool) -> None:
        """Leave in the folder what lasted, once the command is dead.

        Args:
            names_reached: whether the names got to the disk although nobody asked for it, as they
                may. What was not synced is an empty file then.
        """
        record = json.loads((self.kept / _RECORD).read_text())
        if names_reached:
            record["folders"] = {str(one): _names(one) for one in _folders(self.folder)}
        found = self._tree(self.folder, record)
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for path, content in found.items():
            if content is None:
                path.mkdir()
            else:
                path.write_bytes(content)
        shutil.rmtree(self.kept)
        self.kept.mkdir()

    def _tree(self, folder: Path, record: dict[str, Any]) -> dict[Path, bytes | None]:
        """Return files, and folders as None, each folder before what is in it."""
        found: dict[Path, bytes | None] = {}
        for name, inode in record["folders"].get(str(folder), {}).items():
            path = folder / name
            if inode is None:
                found[path] = None
                found |= self._tree(path, record)
            else:
                content = record["contents"].get(str(inode))
                found[path] = b"" if content is None else (self.kept / str(content)).read_bytes()
        return found


class _Recorder:
    """What a process has synced, written down at once: it may be killed any time."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._folders: dict[str, dict[str, int | None]] = {}
        self._contents: dict[int, str] = {}
        self._count = 0
        self._lock = Lock()
        for folder in _folders(disk.folder):
            for path in folder.iterdir():
                if path.is_file():
                    self._keep(path)
            self._folders[str(folder)] = _names(folder)
        self._save()

    def note(self, path: Path) -> None:
        if not path.is_relative_to(self._disk.folder):
            return
        with self._lock:
            if path.is_dir():
                self._folders[str(path)] = _names(path)
            else:
                self._keep(path)
            self._save()

    def _keep(self, path: Path) -> None:
        self._count += 1
        content = f"{self._count}.content"
        shutil.copyfile(path, self._disk.kept / content)
        inode = path.stat().st_ino
        self._contents[inode] = content
        with contextlib.suppress(FileExistsError):  # while it has a name, no other file gets it
            os.link(path, self._disk.kept / f"{inode}.inode")

    def _save(self) -> None:
        record = {"folders": self._folders, "contents": self._contents}
        part = self._disk.kept / "record.part"
        part.write_text(json.dumps(record))
        part.replace(self._disk.kept / _RECORD)


def _folders(folder: Path) -> list[Path]:
    return [folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())]


def _names(folder: Path) -> dict[str, int | None]:
    """Return the names in a folder and the inodes of the files; None for a folder's."""
    found: dict[str, int | None] = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # renamed or removed just now
            state = path.stat()
            found[path.name] = None if stat.S_ISDIR(state.st_mode) else state.st_ino
    return found


if __name__ == "__main__":
    Disk(Path(sys.argv[1]), Path(sys.argv[2])).begin()
    from cleanplate.cli import main

    sys.argv[:] = ["cleanplate", *sys.argv[3:]]
    main()
