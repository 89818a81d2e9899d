"""What was promised to last outlives a loss of power: checkpoints, models and labels."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cleanplate.files import make_folder, write_bytes
from cleanplate.networks.weights import load_model
from cleanplate.training.checkpoints import has_checkpoint
from tests.faults.commands import OTHER_KILLS, World, kills, report, start, wait_for
from tests.faults.power import Disk
from tests.faults.test_train import Training
from tests.studio.painting import check_labels, kill_while_painting
from tests.studio.serving import write_clip

pytestmark = pytest.mark.faults


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path / "disk", tmp_path / "kept")
    made.folder.mkdir()
    made.kept.mkdir()
    return made


@pytest.fixture
def here(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk of this process."""
    monkeypatch.setattr(os, "fsync", os.fsync)  # put back afterwards
    (disk.folder / "old").write_bytes(b"old")
    disk.begin()
    return disk


def _found(disk: Disk) -> dict[str, bytes]:
    files = (path for path in disk.folder.rglob("*") if path.is_file())
    return {str(path.relative_to(disk.folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("names_reached", [False, True])
def test_what_nobody_synced_is_lost(here: Disk, names_reached: bool) -> None:
    (here.folder / "unsynced").write_bytes(b"data")
    (here.folder / "old").write_bytes(b"written over")
    (here.folder / "below").mkdir()
    write_bytes(here.folder / "below" / "file", b"data", lasting=True)
    here.lose_power(names_reached)
    kept = {"old": b"old"}
    more = {"unsynced": b"", "below/file": b"data"} if names_reached else {}
    assert _found(here) == {**kept, **more}


@pytest.mark.parametrize("names_reached", [False, True])
def test_what_is_written_to_last_lasts_in_a_new_folder_too(here: Disk, names_reached: bool) -> None:
    folder = here.folder / "new" / "er"
    make_folder(folder)
    write_bytes(folder / "file", b"first", lasting=True)
    write_bytes(folder / "file", b"second", lasting=True, keep=folder / "older")
    write_bytes(here.folder / "old", b"whole")
    here.lose_power(names_reached)
    found = _found(here)
    assert found.pop("old") in (b"old", b"whole")
    assert found == {"new/er/file": b"second", "new/er/older": b"first"}


@pytest.mark.parametrize("names_reached", [False, True])
def test_a_training_goes_on_after_a_loss_of_power(
    disk: Disk, street: Path, preset: Path, whole: Path, names_reached: bool
) -> None:
    training = Training(street, preset, disk.folder)
    count, lost = max(1, OTHER_KILLS // 2), 0
    for moment in kills(4 * count, 6, 3.0):
        running = start(training.arguments(), disk.kept.parent / "log", World(disk=disk))
        older = training.checkpoint.with_name(f"{training.checkpoint.name}.older")
        wait_for(older.exists, running)  # one checkpoint at least was promised to last
        running.process.join(moment)
        running.send(signal.SIGKILL)
        was_killed = running.wait() == -signal.SIGKILL
        disk.lose_power(names_reached)
        if was_killed:
            lost += 1
            assert training.output.exists() or has_checkpoint(training.checkpoint)
        if training.output.exists():
            load_model(training.output)
        training.resume()
        assert training.output.read_bytes() == whole.read_bytes()
        training.clear()
        if lost == count:
            break
    report(f"train: {lost} losses of power, names reached the disk: {names_reached}; same bits")
    assert lost == count


@pytest.mark.parametrize("names_reached", [False, True])
def test_acknowledged_labels_outlive_a_loss_of_power(disk: Disk, names_reached: bool) -> None:
    (disk.folder / "videos").mkdir()  # no folder for labels yet
    write_clip(disk.folder / "videos" / "gate.mp4")
    program = ["-m", "tests.faults.power", str(disk.folder), str(disk.kept)]
    count, strokes = max(1, OTHER_KILLS // 2), 0
    for moment in kills(count, 7, 1.0):
        kept = kill_while_painting(disk.folder, moment, program=program)
        disk.lose_power(names_reached)
        check_labels(disk.folder, kept)
        strokes += sum(acknowledged + 1 for _, acknowledged in kept.values())
    report(f"labels: {count} losses of power, {strokes} strokes acknowledged, none lost")
