"""Files are written whole or not at all, and what goes wrong says what to do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cleanplate.errors import OutputError


def write_bytes(
    path: Path, data: bytes, *, lasting: bool = False, keep: Path | None = None
) -> None:
    """Write a file beside its place and rename it, so that a crash leaves the old or the new one.

    Args:
        path: the file.
        data: all that it will hold.
        lasting: wait until the disk knows the new name too, so that the file outlives a loss of
            power from now on; takes three times as long as a small picture itself.
        keep: the name under which the file that is replaced stays, or None for nowhere.

    Raises:
        OutputError: the folder is missing, read-only or full.
    """
    part = part_of(path)
    with explained(path), _removed_on_error(part):
        if part.is_symlink():  # laid there to have another file written over
            part.unlink()
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        part.replace(path)
        if lasting:
            sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """Return the hidden name of a file being written; what a kill leaves, the next writer takes."""
    return path.parent / f".{path.name}.part"


def name_part(part: Path, path: Path, complete: bool = True) -> None:
    """Give a file its name; what is not complete never replaces an older one.

    Where that would be, it is called ``NAME.partial``: a whole file is worth more than a part.
    What cannot be named is removed.
    """
    keeps_old = not complete and path.exists()
    with _removed_on_error(part):
        part.replace(path.with_stem(f"{path.stem}.partial") if keeps_old else path)


@contextlib.contextmanager
def _removed_on_error(part: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last; a system that cannot open folders does it by itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's errors while a file is written into ours."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another place or make room"
        ) from error


def check_output(path: Path, overwrite: bool) -> None:
    """Refuse an output file that exists or cannot be written, before any work is done.

    Raises:
        OutputError: says which, and what to do.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give a file's name")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; give --overwrite to replace it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder does not exist; make it first")
    try:  # permissions lie on some file systems; a file does not
        trial = part_of(path)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, if they are missing; they outlive a loss of power.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for one in missing:
            sync_folder(one.parent)
    except FileExistsError as error:
        raise OutputError(f"{folder}: is a file; choose another folder") from error
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder"
        ) from error
