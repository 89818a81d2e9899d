"""How fast this machine trains a project, as it was when it last did."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from cleanplate.config import Configuration
from cleanplate.files import write_bytes
from cleanplate.scenes.project_file import HIDDEN
from cleanplate.training.progress import PHASES, Progress

READING = "frames"
_FILE = "speed.json"
LONGEST_SECONDS = 10.0
"""What takes its time once and took longer was a pause."""
LONGEST_STEP = 10
"""Steps that took more than so many times the usual were pauses too."""


class Speed(NamedTuple):
    """What a training's parts take.

    Attributes:
        fixed_seconds: what takes its time once: opening, preparing, measuring.
        step_seconds: of one update, by phase, and of reading one frame, as ``frames``; phases that
            were never reached are missing.
    """

    fixed_seconds: float
    step_seconds: Mapping[str, float]

    def seconds(self, configuration: Configuration, frames: int) -> float | None:
        """Return what a training takes, or None where one of its phases was never reached.

        Args:
            configuration: settings whose phases are as long as they will be (see `planned`).
            frames: how many are read.
        """
        steps: dict[str, int] = {
            name: getattr(configuration.phases, name).iterations for name in PHASES
        }
        steps[READING] = frames
        if any(count and name not in self.step_seconds for name, count in steps.items()):
            return None
        times = [count * self.step_seconds[name] for name, count in steps.items() if count]
        return self.fixed_seconds + sum(times)


class Stopwatch:
    """Times a training's steps; pauses count little."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._fixed = 0.0
        self._steps: dict[str, list[float]] = {}

    def step(self, progress: Progress | None = None) -> None:
        """Say that a step has ended: a training's own, or, by None, something else."""
        now = time.monotonic()
        taken, self._last = now - self._last, now
        # the first of a phase takes much longer than all others
        if progress and progress.phase in (READING, *PHASES) and progress.iteration > 1:
            self._steps.setdefault(progress.phase, []).append(taken)
        else:
            self._fixed += min(taken, LONGEST_SECONDS)

    @property
    def speed(self) -> Speed:
        """What was seen so far."""
        return Speed(self._fixed, {phase: _usual(all_) for phase, all_ in self._steps.items()})


def _usual(taken: list[float]) -> float:
    most = LONGEST_STEP * median(taken)
    return mean(min(one, most) for one in taken)


def keep_speed(folder: Path, speed: Speed) -> None:
    """Keep a project's speed; phases that this time were not reached stay as they were known.

    Raises:
        OutputError: it cannot be written.
    """
    before = read_speed(folder)
    steps = {**(before.step_seconds if before else {}), **speed.step_seconds}
    values = {"machine": _machine(), "fixed": speed.fixed_seconds, "steps": steps}
    write_bytes(folder / HIDDEN / _FILE, json.dumps(values).encode())


def read_speed(folder: Path) -> Speed | None:
    """Return a project's speed, or None where it was not yet trained on this machine."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads((folder / HIDDEN / _FILE).read_text(encoding="utf-8"))
        if values["machine"] == _machine():
            return Speed(float(values["fixed"]), {k: float(v) for k, v in values["steps"].items()})
    return None


def _machine() -> str:
    """Tell this machine from others, and nobody its name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:16]
