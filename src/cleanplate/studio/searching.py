"""Looking through the video in the background: frames of doubt, and frames worth a label."""

from __future__ import annotations

from threading import Lock, Thread
from typing import Any

from cleanplate.errors import CleanplateError
from cleanplate.studio.candidates import easy_numbers
from cleanplate.studio.events import Hub
from cleanplate.studio.labels import Labels
from cleanplate.studio.models import MOG2, Models
from cleanplate.studio.project import Project
from cleanplate.training.selection import MOST_CANDIDATES, doubt, suggest

DOUBT_FRAMES = 150
MOST_SUGGESTED = 50


class Search:
    """Finds the frames that a person should look at.

    Args:
        project: whose frames they are.
        labels: what is labelled.
        models: whose doubts count.
        hub: is told how far it is.
    """

    def __init__(self, project: Project, labels: Labels, models: Models, hub: Hub) -> None:
        self._project, self._labels, self._models, self._hub = project, labels, models, hub
        self._lock = Lock()
        self._found: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._suggested: tuple[Any, list[dict[str, Any]]] | None = None

    def doubtful(self, model: str) -> dict[str, Any]:
        """Return the frames that a model doubts, as far as they are known; the search goes on.

        Raises:
            WeightsError: there is no such model.
        """
        if model == MOG2:
            return {"frames": [], "share": 1.0}
        path = self._models.path(model)
        key = (model, path.stat().st_mtime_ns, self._project.identity)
        with self._lock:
            is_new = key not in self._found
            if is_new:
                self._found = {key: {"frames": [], "share": 0.0}}  # one search at a time
        if is_new:
            Thread(target=self._doubt, args=(key,), daemon=True, name="doubtful").start()
        found = self._found.get(key, {"frames": [], "share": 0.0})
        ordered = sorted(found["frames"], key=lambda one: -one["doubt"])
        return {**found, "frames": ordered[:MOST_SUGGESTED]}

    def _doubt(self, key: tuple[Any, ...]) -> None:
        found = self._found[key]
        try:
            source = self._project.source()
            region = self._project.region
            roi = None if region.is_everywhere else region.mask(source.size)
            numbers = easy_numbers(source, DOUBT_FRAMES)
            for done, number in enumerate(numbers, start=1):
                if key not in self._found:
                    return  # another model is asked for
                look = self._models.segment(key[0], source.read(number))
                one = {"number": number, "doubt": round(doubt(look.probability, roi), 4)}
                found["frames"] = [*found["frames"], one]
                found["share"] = done / len(numbers)
                self._hub.tell("doubtful", model=key[0], share=found["share"])
        except CleanplateError as error:
            found["error"] = str(error)
        finally:
            found["share"] = 1.0

    def suggestions(self, count: int) -> list[dict[str, Any]]:
        """Name the frames whose label would help most (see `suggest`), by the newest model.

        Raises:
            VideoError: a frame cannot be read.
        """
        scene = self._project.scene()
        labelled = sorted(self._labels.files())
        newest = self._models.newest()
        key = (self._project.identity, tuple(labelled), newest, count)
        if self._suggested is None or self._suggested[0] != key:
            model = None if newest is None else self._models.load(newest)
            numbers = easy_numbers(scene.frames, MOST_CANDIDATES if model is None else DOUBT_FRAMES)
            candidates = [number for number in numbers if number not in set(labelled)]
            found = suggest(
                scene.frames, candidates, labelled, min(count, MOST_SUGGESTED), model, scene.roi
            )
            shown = [{"number": one.number, "reason": one.reason} for one in found]
            self._suggested = key, shown
        return self._suggested[1]
