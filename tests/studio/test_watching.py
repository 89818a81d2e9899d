"""What other programs do in the folder is noticed within seconds, whoever made it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import cv2
import pytest

from cleanplate.studio.events import Hub
from cleanplate.studio.labels import Labels
from cleanplate.studio.project import Project
from cleanplate.studio.watching import WATCH_SECONDS, Watching
from tests.studio.serving import square

pytestmark = pytest.mark.studio


class Ear(Hub):
    """Hears what is told, as a tab would."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.listens = True

    @property
    def is_heard(self) -> bool:
        return self.listens

    def tell(self, kind: str, **what: object) -> None:
        self.heard.append(kind)


@pytest.fixture
def ear(folder: Path) -> Iterator[Ear]:
    project, ear = Project(folder), Ear()
    project.read_clips()
    watching = Watching(project, Labels(project), ear)
    thread = Thread(target=watching.run)
    thread.start()
    wait_for(ear, "labels")  # the first look
    yield ear
    watching.close()
    thread.join()
    project.close()


def wait_for(ear: Ear, kind: str) -> None:
    end = time.monotonic() + 5 * WATCH_SECONDS
    while kind not in ear.heard:
        assert time.monotonic() < end, f"{kind} was not noticed"
        time.sleep(0.05)
    ear.heard.clear()


def write(path: Path, left: int) -> None:
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), square(left))


def test_labels_made_changed_and_deleted_elsewhere_are_told(folder: Path, ear: Ear) -> None:
    path = folder / "groundtruth" / "gt000003.png"
    write(path, 8)
    wait_for(ear, "labels")
    write(path, 20)  # in place: the folder itself stays as it was
    wait_for(ear, "labels")
    path.unlink()
    wait_for(ear, "labels")


def test_a_model_trained_from_the_shell_is_told(folder: Path, ear: Ear) -> None:
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "gate.safetensors").write_bytes(b"a model")
    wait_for(ear, "project")


def test_what_stays_as_it_is_is_not_told(ear: Ear) -> None:
    ear.heard.clear()
    time.sleep(2.5 * WATCH_SECONDS)
    assert ear.heard == []


def test_while_nobody_listens_nothing_is_told_and_all_to_who_comes(folder: Path, ear: Ear) -> None:
    ear.listens = False
    time.sleep(1.5 * WATCH_SECONDS)
    ear.heard.clear()
    write(folder / "groundtruth" / "gt000003.png", 8)
    time.sleep(1.5 * WATCH_SECONDS)
    assert ear.heard == []
    ear.listens = True
    wait_for(ear, "labels")
