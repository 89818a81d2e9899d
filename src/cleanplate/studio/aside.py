"""Processes that learn beside the page: it goes first, and their threads wait asleep."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cleanplate.errors import CleanplateError

NICENESS = 5


def patient() -> dict[str, str]:
    """Return the environment of such a process.

    Threads that spin take turns with whatever else runs: on two cores that other programs keep busy
    an update takes ten to thirty times as long.
    """
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}


def be_aside(work: Callable[[Path], None], level: int = logging.WARNING) -> None:
    """Be such a process: work on the project that the command line names.

    Args:
        work: what is done; its `CleanplateError` is one line on stderr and exit code 1.
        level: what is logged, from here on.
    """
    os.nice(NICENESS)
    logging.basicConfig(format="%(message)s", level=level)
    try:
        work(Path(sys.argv[1]))
    except CleanplateError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
