"""What a person sees on stderr while a command works: bars on a terminal, else a few lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from cleanplate.training.progress import Progress

LINE_EVERY_SECONDS = 20.0
MOST_BARS = 6


class Bar(Protocol):
    """Shows how far something is."""

    def update(self, what: str, done: float, total: float | None, note: str = "") -> None:
        """Show that ``done`` of ``total`` is done of ``what``; None where the total is unknown."""
        ...


class _Lines:
    """Plain lines for logs: one when the work changes, then one now and then."""

    def __init__(self) -> None:
        self._what, self._next = "", 0.0

    def update(self, what: str, done: float, total: float | None, note: str = "") -> None:
        now = time.monotonic()
        if what == self._what and now < self._next:
            return
        self._what, self._next = what, now + LINE_EVERY_SECONDS
        of = f"/{total:g}" if total is not None else ""
        print(f"{what} {done:g}{of} {note}".rstrip(), file=sys.stderr, flush=True)  # noqa: T201


class _Bars:
    """One bar for each kind of work, on a terminal."""

    def __init__(self, shown: RichProgress) -> None:
        self._shown = shown
        self._tasks: dict[str, TaskID] = {}

    def update(self, what: str, done: float, total: float | None, note: str = "") -> None:
        if what not in self._tasks:
            if len(self._tasks) >= MOST_BARS:  # work of many parts would leave the screen
                oldest = next(iter(self._tasks))
                self._shown.remove_task(self._tasks.pop(oldest))
            self._tasks[what] = self._shown.add_task(what, total=total, note="")
        self._shown.update(self._tasks[what], completed=done, total=total, note=note)


@contextmanager
def bar() -> Iterator[Bar]:
    """Show progress on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description:<24}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[note]}"),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        yield _Bars(shown)


def show_training(steps: Iterable[Progress]) -> Progress | None:
    """Read a training to its end, showing its phases; returns the last record, if any."""
    last = None
    with bar() as shown:
        for last in steps:
            note = f"loss {last.losses['total']:.4f}" if last.losses else ""
            if last.seconds_left is not None:
                note += f"  {clock(last.seconds_left)} left"
            shown.update(last.phase, last.iteration, last.iterations, note)
    return last


def clock(seconds: float) -> str:
    """Return minutes and seconds, such as 2:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
