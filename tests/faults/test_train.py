"""A training that is killed at any moment goes on and ends in the bits of one that was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cleanplate.networks.weights import load_model
from tests.faults.commands import (
    KILLS,
    Running,
    World,
    half_written,
    kills,
    report,
    run,
    start,
    wait_for,
)

pytestmark = pytest.mark.faults


class Training:
    """One training, its checkpoint and what it says."""

    def __init__(self, street: Path, preset: Path, folder: Path) -> None:
        self.output, self.log = folder / "m.safetensors", folder / "log"
        self._street, self._preset = street, preset
        self.checkpoint = folder / "m.safetensors.checkpoint"

    def arguments(self, *more: str) -> list[object]:
        first = ["train", self._street, "-o", self.output, "--device", "cpu"]
        return [*first, "--preset", self._preset, *more]

    def start_to_checkpoint(self, world: World | None = None) -> Running:
        running = start(self.arguments(), self.log, world)
        wait_for(self.checkpoint.exists, running)
        return running

    def resume(self) -> None:
        done = run(self.arguments("--resume"), self.log)
        assert done.process.exitcode == 0, done.errors()
        found = sorted(path.name for path in self.output.parent.iterdir())
        assert found == ["log", self.output.name]  # no checkpoint, nothing half written

    def clear(self) -> None:
        self.output.unlink()


@pytest.fixture
def training(street: Path, preset: Path, tmp_path: Path) -> Training:
    return Training(street, preset, tmp_path)


def _seconds_after_checkpoint(training: Training) -> float:
    import time

    running = training.start_to_checkpoint()
    begin = time.monotonic()
    assert running.wait() == 0, running.errors()
    training.clear()
    return time.monotonic() - begin


def test_kills_at_random_moments_end_in_the_same_bits(training: Training, whole: Path) -> None:
    longest, done, late = _seconds_after_checkpoint(training), 0, 0
    expected = whole.read_bytes()
    for moment in kills(4 * KILLS, 1, longest):
        running = training.start_to_checkpoint()
        running.process.join(moment)
        running.send(signal.SIGKILL)
        if running.wait() != -signal.SIGKILL:  # it was over before
            late += 1
        else:
            done += 1
            if training.output.exists():
                load_model(training.output)
            training.resume()
        assert training.output.read_bytes() == expected
        training.clear()
        if done == KILLS:
            break
    report(f"train: {done} kills in {longest:.1f} s, {late} came too late; same bits after each")
    assert done == KILLS


def test_kills_one_after_another_in_the_same_training(training: Training, whole: Path) -> None:
    longest = _seconds_after_checkpoint(training)
    training.start_to_checkpoint().send(signal.SIGKILL)
    killed = 0
    for moment in kills(max(3, KILLS // 10), 2, longest / 3):
        running = start(training.arguments("--resume"), training.log)
        running.process.join(moment)
        running.send(signal.SIGKILL)
        killed += running.wait() == -signal.SIGKILL
    assert killed >= 2
    training.resume()
    assert training.output.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_stop_ends_with_130_and_resumes(
    training: Training, whole: Path, stop: signal.Signals
) -> None:
    running = training.start_to_checkpoint()
    running.process.join(0.3)
    running.send(stop)
    assert running.wait() == 130, running.errors()
    assert "--resume" in running.errors()
    assert "Traceback" not in running.errors()
    training.resume()
    assert training.output.read_bytes() == whole.read_bytes()


def test_a_full_disk_is_one_line_and_the_training_goes_on_when_there_is_room(
    training: Training, whole: Path
) -> None:
    running = training.start_to_checkpoint()
    running.send(signal.SIGKILL)
    running.wait()
    before = training.checkpoint.read_bytes()
    full = World(most_file_bytes=len(before) // 2)
    done = run(training.arguments("--resume"), training.log, full)
    assert done.process.exitcode == 1
    said = [line for line in done.errors().splitlines() if line.startswith("cleanplate: /")]
    assert len(said) == 1
    assert "repeat the command with --resume" in said[0]
    assert training.checkpoint.read_bytes() == before
    assert not half_written(training.output.parent)
    training.resume()
    assert training.output.read_bytes() == whole.read_bytes()


def test_a_stopped_process_and_a_jumping_clock_change_nothing(
    training: Training, whole: Path
) -> None:
    running = training.start_to_checkpoint(World(clock_jumps=True))
    running.send(signal.SIGSTOP)
    running.process.join(1.5)
    assert not running.is_over()
    running.send(signal.SIGCONT)
    assert running.wait() == 0, running.errors()
    assert training.output.read_bytes() == whole.read_bytes()


def test_a_process_of_its_own_from_the_shell_gives_the_same_bits(
    training: Training, whole: Path
) -> None:
    code = "import torch; torch.set_num_threads(1); from cleanplate.cli import main; main()"
    words = map(str, training.arguments())
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
    assert training.output.read_bytes() == whole.read_bytes()
