"""All that one running studio holds: the project and who works on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

from cleanplate.errors import CleanplateError
from cleanplate.networks.card import read_card
from cleanplate.studio.bringing import Bringing
from cleanplate.studio.division import held_back
from cleanplate.studio.events import Hub
from cleanplate.studio.expecting import Expecting
from cleanplate.studio.exports import Exports
from cleanplate.studio.figures import read_figures
from cleanplate.studio.frames import Frames
from cleanplate.studio.imports import Imports
from cleanplate.studio.labels import Labels
from cleanplate.studio.measuring import Measuring
from cleanplate.studio.models import Models
from cleanplate.studio.project import Project
from cleanplate.studio.proposals import Proposals
from cleanplate.studio.searching import Search
from cleanplate.studio.trainer import Trainer
from cleanplate.studio.uploads import Uploads
from cleanplate.studio.watching import Watching


class Desk:
    """One project, opened, and everything that is done with it.

    Args:
        folder: the project's.
        address: where the studio is, told to a second one.
        is_local: whether this machine alone can reach it.

    Raises:
        CleanplateError: see `Project`.
    """

    def __init__(self, folder: Path, address: str = "", is_local: bool = True) -> None:
        self.project = Project(folder, address)
        self.is_local = is_local
        self.hub = Hub()
        self.frames = Frames(self.project)
        self.labels = Labels(self.project)
        self.bringing = Bringing(self.project, self._tell_index)
        self.uploads = Uploads(self.project)
        self.models = Models(self.project)
        self.exports = Exports(self.project, self.models, self.hub)
        self.imports = Imports(self.project, self.labels)
        self.proposals = Proposals(self.project, self.models)
        self.search = Search(self.project, self.labels, self.models, self.hub)
        self.measuring = Measuring(self.project, self.labels, self.models)
        self.trainer = Trainer(self.project, self.labels, self.hub)
        self.watching = Watching(self.project, self.labels, self.hub)
        self.expecting = Expecting(self.project, self.labels, self.trainer, self.hub)

    def start(self) -> None:
        """Read the videos in the background; watch a training that runs."""
        self.trainer.take_up()
        self.aside(lambda: self.project.read_clips(self._tell_index), "clips")
        self.aside(self.watching.run, "watching")

    def aside(self, work: Callable[[], None], name: str) -> Thread:
        """Do something in a thread that does not keep the studio from ending."""
        thread = Thread(target=work, daemon=True, name=name)
        thread.start()
        return thread

    def _tell_index(self) -> None:
        share = self.project.indexing
        self.hub.tell("index", share=share)
        if share is None:
            self.hub.tell("project")

    def close(self) -> None:
        """End what runs, and let go of the folder."""
        self.watching.close()
        self.bringing.close()
        self.expecting.stop()
        self.trainer.close()
        self.exports.close()
        self.project.close()

    def describe_models(self) -> list[dict[str, Any]]:
        """Describe the models of the project, the newest first; damaged ones are left out."""
        found = []
        figures = read_figures(self.project.folder)
        for path in self.project.models():
            try:
                card, made = read_card(path), path.stat().st_mtime
            except (CleanplateError, OSError):
                continue
            measured = figures.get(path.stem, {}).get("f")
            if measured is None and card.validation is not None:
                measured = card.validation["f_measure"]
            found.append(
                {
                    "name": path.stem,
                    "made": made,
                    "labels": len(card.training_frames),
                    "preset": card.preset,
                    "validation_f": measured,
                    "warning": card.warning,
                    "threshold": card.operating_point.threshold,
                }
            )
        return sorted(found, key=lambda one: -float(one["made"]))

    def describe(self) -> dict[str, Any]:
        """Say how the project stands."""
        project = self.project
        frames = project.frames_if_any
        held = held_back(project.folder)
        size = None if frames is None else list(frames.size)
        trouble, labels = project.trouble, dict[int, str]()
        try:
            labels = self.labels.revisions()
        except CleanplateError as error:  # all else is shown nevertheless
            trouble = trouble or str(error)
        return {
            "name": project.name,
            "folder": str(project.folder),
            "version": project.identity,
            "is_local": self.is_local,
            "clips": [vars(clip) for clip in project.clips],
            "indexing": project.indexing,
            "trouble": trouble,
            "size": size,
            "frames": len(project.numbers()),
            "first": next(iter(project.numbers()), None),
            "rate_fps": None if frames is None else frames.rate_fps,
            "labels": [
                {"number": number, "revision": revision, "held_back": number in held}
                for number, revision in labels.items()
            ],
            "models": self.describe_models(),
            "region": project.region.model_dump(),
            "region_revision": project.region_revision,
            "training": {k: v for k, v in self.trainer.state().items() if k != "losses"},
        }
