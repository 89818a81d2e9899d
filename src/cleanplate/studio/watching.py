"""Labels and models that other programs make, noticed while somebody looks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from cleanplate.errors import CleanplateError
from cleanplate.studio.events import Hub
from cleanplate.studio.labels import Labels
from cleanplate.studio.project import Project

WATCH_SECONDS = 2.0


class Watching:
    """Looks now and then whether a project's files are still those that were there; opens none.

    Args:
        project: whose models are watched.
        labels: these too.
        hub: is told of what changed.
    """

    def __init__(self, project: Project, labels: Labels, hub: Hub) -> None:
        self._project, self._labels, self._hub = project, labels, hub
        self._ended = Event()

    def run(self) -> None:
        """Look until `close`; while nobody listens, nothing is looked at."""
        seen: dict[str, Any] = {}
        while not self._ended.wait(WATCH_SECONDS):
            if not self._hub.is_heard:
                seen = {}
                continue
            found = {"labels": self._label_marks(), "project": _marks(self._project.models())}
            for kind, marks in found.items():
                if seen.get(kind) != marks:  # at first too: it may be new to the page
                    self._hub.tell(kind)
            seen = found

    def _label_marks(self) -> Any:
        try:
            return _marks(self._labels.files().values())
        except CleanplateError as error:  # the page says so
            return str(error)

    def close(self) -> None:
        self._ended.set()


def _marks(paths: Iterable[Path]) -> set[tuple[str, int, int, int]]:
    """Return by what files are told from those that replace them."""
    found = set()
    for path in paths:
        with suppress(OSError):  # deleted just now
            about = path.stat()
            found.add((path.name, about.st_mtime_ns, about.st_size, about.st_ino))
    return found
