"""One studio at a time holds a folder, and nothing in the folder leads it elsewhere."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from cleanplate.errors import ConfigError, OutputError
from cleanplate.scenes import cdnet
from cleanplate.scenes.project_file import CLIPS, HIDDEN, MODELS, inside

LOCK = "lock"


class ProjectBusyError(OutputError):
    """Another studio has the folder open."""


def check_own(folder: Path) -> None:
    """Refuse a project that would have the studio write or empty a folder elsewhere.

    Raises:
        ConfigError: one of its folders leads out of it, or a link lies in the hidden one, whose
            files are written over and deleted unasked.
    """
    hidden = folder / HIDDEN
    for name in (HIDDEN, CLIPS, MODELS, cdnet.GROUNDTRUTH, cdnet.INPUT):
        inside(folder, name)
    links = [hidden] if hidden.is_symlink() else []
    for place, folders, files in os.walk(hidden):
        links += [path for name in (*folders, *files) if (path := Path(place, name)).is_symlink()]
    if links:
        raise ConfigError(f"{links[0]}: is a link, which the studio does not follow; remove it")


def hold(path: Path, folder: Path, address: str) -> IO[str]:
    """Lock the folder; the system lets go of it whatever ends this process."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags, 0o666), "a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}); choose a folder you own"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read(200).strip() or "another process"
        file.close()
        raise ProjectBusyError(
            f"{folder}: is open in another studio ({holder}); use that one, or end it first"
        ) from error
    file.truncate(0)
    file.write(f"{address} process {os.getpid()}".strip())
    file.flush()
    return file
