"""Who asks whether a training runs disturbs neither it nor another who asks."""

from __future__ import annotations

import fcntl
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from cleanplate.errors import ConfigError
from cleanplate.studio.events import Hub
from cleanplate.studio.exports import Exports
from cleanplate.studio.labels import Labels
from cleanplate.studio.models import Models
from cleanplate.studio.project import Project
from cleanplate.studio.trainer import Trainer
from cleanplate.studio.training_files import TrainingFolder


@pytest.fixture
def place(tmp_path: Path) -> TrainingFolder:
    found = TrainingFolder(tmp_path)
    held = found.hold()
    assert held is not None
    held.close()
    return found


def test_a_training_is_running_while_it_holds_the_lock(place: TrainingFolder) -> None:
    held = place.hold()
    assert held is not None
    assert place.is_running
    assert place.hold() is None
    held.close()
    assert not place.is_running


def test_two_that_ask_do_not_take_each_other_for_a_training(place: TrainingFolder) -> None:
    with (place.folder / "lock").open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not place.is_running


def test_a_training_begins_also_while_somebody_asks(place: TrainingFolder) -> None:
    ends: list[bool] = []

    def ask() -> None:
        while not ends:
            place.is_running  # noqa: B018 (it is the asking that could disturb)

    asking = [Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(20):
            held = place.hold()
            assert held is not None
            held.close()
    finally:
        ends.append(True)
        for thread in asking:
            thread.join()


def test_resuming_forgets_the_process_that_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(folder)
    trainer, place = Trainer(project, Labels(project), Hub()), TrainingFolder(folder)
    place.folder.mkdir()
    place.write_state({"status": "running", "pid": 1})
    held: list[object] = []

    def spawn(_: Trainer, lock: int) -> None:
        """Stand where the new process has the lock and has not written yet."""
        held.append(place.read_state())
        with pytest.raises(ConfigError, match="no training is running"):
            trainer.pause()

    monkeypatch.setattr(Trainer, "_spawn", spawn)
    trainer.resume()
    assert held == [{"status": "running"}]
    project.close()


def test_an_export_that_fails_unexpectedly_does_not_end_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(folder)
    (folder / "models").mkdir()
    (folder / "models" / "01-good.safetensors").touch()
    exports = Exports(project, Models(project), Hub())
    monkeypatch.setattr(project, "save", lambda: 1 / 0)
    first, second = exports.start("coco", "01-good"), exports.start("model", "01-good")
    for _ in range(100):
        if second.status == "done":
            break
        sleep(0.05)
    assert (first.status, second.status) == ("failed", "done")
    assert "ZeroDivisionError" in first.error
    exports.close()
    project.close()
