"""One studio at a time holds a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from cleanplate.errors import OutputError

LOCK = "lock"


class ProjectBusyError(OutputError):
    """Another studio has the folder open."""


def hold(path: Path, folder: Path, address: str) -> IO[str]:
    """Lock the folder; the system lets go of it whatever ends this process."""
    try:
        file = path.open("a+", encoding="utf-8")
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
