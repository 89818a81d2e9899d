"""What is seen on stderr while a command works: bars on a terminal, else lines, or JSON lines."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from cleanplate.training.progress import Progress

log = logging.getLogger(__name__)

LINE_EVERY_SECONDS = 20.0
MOST_BARS = 6


class JsonLines(logging.Formatter):
    """Makes one JSON object a line of each event: time, level, source, message, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event's line."""
        values: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "source": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return json.dumps(values)


def start_logging(debug: bool, as_json: bool) -> None:
    """Let events be written on stderr, as lines for people or as JSON for programs."""
    handler = logging.StreamHandler()
    plain = logging.Formatter("cleanplate: %(levelname)s: %(message)s")
    handler.setFormatter(JsonLines() if as_json else plain)
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler])
    logging.captureWarnings(as_json)
    if not debug:
        logging.getLogger("cleanplate").setLevel(logging.INFO)


def writes_json() -> bool:
    """Return whether events are written as JSON lines."""
    return any(isinstance(one.formatter, JsonLines) for one in logging.getLogger().handlers)


def say(text: str, level: int = logging.INFO, **fields: Any) -> None:
    """Say something on stderr: as it is, or as an event where events are JSON lines."""
    if writes_json():
        log.log(level, "%s", text, extra={"fields": fields})
    else:
        print(printable(text), file=sys.stderr, flush=True)  # noqa: T201


def printable(text: str) -> str:
    """Return a text in which what a terminal would obey, or could not show, is written out."""
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode()
        for one in text
    )


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
        self._show(what, done, total, note)

    def _show(self, what: str, done: float, total: float | None, note: str) -> None:
        of = f"/{total:g}" if total is not None else ""
        print(f"{what} {done:g}{of} {note}".rstrip(), file=sys.stderr, flush=True)  # noqa: T201


class _Events(_Lines):
    """The same as events, for programs."""

    def _show(self, what: str, done: float, total: float | None, note: str) -> None:
        fields = {"done": done, "total": total, "note": note}
        log.info("%s", what, extra={"fields": fields})


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
    if writes_json() or not sys.stderr.isatty():
        yield _Events() if writes_json() else _Lines()
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
