"""What a process uses, looked at again and again while it works."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

SHARE = float(os.environ.get("CLEANPLATE_SOAK", "1"))
"""Which part of each run's whole length is run."""
EVERY_SECONDS = 0.2
WARM_UP = 0.1
"""This first part of a run fills buffers and is not looked at."""
MOST_GROWTH = 0.03


class Usage(NamedTuple):
    """What a process uses at a moment."""

    memory_mib: float
    files: int
    threads: int


def shortened(count: int) -> int:
    """Return how many of so many are run."""
    return max(1, round(SHARE * count))


def usage_of(pid: int) -> Usage | None:
    """Return what a process uses; None once it is gone."""
    place = Path(f"/proc/{pid}")
    try:
        pages = int((place / "statm").read_text().split()[1])
        files, threads = (len(list((place / kind).iterdir())) for kind in ("fd", "task"))
    except (OSError, IndexError):
        return None
    return Usage(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, files, threads)


def watched(pid: int, goes_on: Callable[[], bool]) -> list[Usage]:
    """Look at a process until it is over."""
    seen = []
    while goes_on():
        found = usage_of(pid)
        if found is not None and found.memory_mib:
            seen.append(found)
        time.sleep(EVERY_SECONDS)
    return seen


def check_flat(name: str, seen: list[Usage]) -> None:
    """Hold that the last tenth uses what the first tenth did, and show both."""
    steady = seen[round(WARM_UP * len(seen)) :]
    tenth = max(1, len(steady) // 10)
    assert len(steady) >= 20, "too short to be looked at; give CLEANPLATE_SOAK a larger part"
    first, last = np.mean(steady[:tenth], 0), np.mean(steady[-tenth:], 0)
    columns = zip(("MiB", "open files", "threads"), first, last, strict=True)
    shown = ", ".join(f"{what} {one:.1f} then {other:.1f}" for what, one, other in columns)
    sys.stdout.write(f"\n{name}: {shown}\n")
    assert last[0] <= (1 + MOST_GROWTH) * first[0], f"{name}: memory grows"
    assert (last[1:] <= first[1:] + 1).all(), f"{name}: files or threads are left open"
