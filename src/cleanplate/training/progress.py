"""Where a training stands, and when it will end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from cleanplate.config import Configuration, PhaseSettings
from cleanplate.training.checkpoints import Checkpoint

PHASES = ("background", "segmentation", "joint")
_COST = {"background": 0.2, "segmentation": 1.0, "joint": 1.3}
"""Cost of a frame in each phase, relative; only the expected time leans on it."""
WARM_UP_UPDATES = 3


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        phase: ``frames`` while they are read, ``votes`` while classical methods look at them where
            nobody labelled anything, then ``background``, ``segmentation``, ``joint``, and
            ``validation`` at the end.
        iteration: updates (or frames) done in this phase; 0 when a phase begins.
        iterations: updates (or frames) of this phase in all.
        losses: the named terms of the last update and their weighted ``total``.
        learning_rate: of the last update.
        seconds: since the start, earlier sittings included.
        seconds_left: expected until the last phase ends, or None where too little was seen.
    """

    phase: str
    iteration: int
    iterations: int
    losses: dict[str, float] = field(default_factory=dict)
    learning_rate: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None


class Clock:
    """Times a training over several sittings and foretells its end."""

    def __init__(
        self, configuration: Configuration, start: float, state: Checkpoint | None
    ) -> None:
        phases = configuration.phases
        self._settings: list[PhaseSettings] = [getattr(phases, name) for name in PHASES]
        self._start = start - (state.seconds if state else 0.0)
        self._here = time.monotonic()
        self._before = self._work(state.phase, state.iteration) if state else 0.0
        self._warm_up = WARM_UP_UPDATES

    def _work(self, phase: int, done: int) -> float:
        """Return the work done, in frames of phase 2."""
        iterations = [*(settings.iterations for settings in self._settings[:phase]), done]
        return sum(
            count * settings.batch_size * _COST[name]
            for count, settings, name in zip(iterations, self._settings, PHASES, strict=False)
        )

    def seconds(self) -> float:
        return time.monotonic() - self._start

    def seconds_left(self, phase: int, done: int) -> float | None:
        work = self._work(phase, done)
        if self._warm_up > 0:  # the first updates take much longer than those that follow
            self._warm_up -= 1
            self._here, self._before = time.monotonic(), work
        total = self._work(len(PHASES) - 1, self._settings[-1].iterations)
        if work <= self._before:
            return None
        return (total - work) * (time.monotonic() - self._here) / (work - self._before)
