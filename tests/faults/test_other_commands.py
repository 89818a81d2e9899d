"""Commands that are killed leave nothing half done under a final name, and run again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import cleanplate
from cleanplate.images import read_grey
from cleanplate.scenes.video_writer import VideoWriter
from tests.faults.commands import OTHER_KILLS, World, half_written, kills, report, run, start

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def long_clip(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    frames = [frame for _, frame in cleanplate.open_source(street / "input")]
    with VideoWriter(path, 25) as video:
        for index in range(100):
            video.write(frames[index % len(frames)])
    return path


def _kill_often(
    name: str,
    arguments: list[object],
    folder: Path,
    check_killed: Callable[[], None],
    check_whole: Callable[[], None],
) -> None:
    """Kill a command at random moments of its run; after each it is run again to its end."""
    begin = time.monotonic()
    done = run(arguments, folder.parent / "log")
    assert done.process.exitcode == 0, done.errors()
    longest, count, late = time.monotonic() - begin, 0, 0
    check_whole()
    for moment in kills(4 * OTHER_KILLS, 3, longest):
        shutil.rmtree(folder)
        folder.mkdir()
        running = start(arguments, folder.parent / "log")
        running.process.join(moment)
        running.send(signal.SIGKILL)
        if running.wait() != -signal.SIGKILL:
            late += 1
            continue
        count += 1
        check_killed()
        done = run([*arguments, *_again(name)], folder.parent / "log")
        assert done.process.exitcode == 0, done.errors()
        check_whole()
        assert not half_written(folder)
        if count == OTHER_KILLS:
            break
    report(f"{name}: {count} kills in {longest:.1f} s, {late} came too late")
    assert count == OTHER_KILLS


def _again(command: str) -> list[str]:
    return [] if command == "compare" else ["--overwrite"]


def test_a_killed_segment_leaves_whole_files_alone(
    whole: Path, long_clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    arguments: list[object] = [
        "segment", whole, long_clip, "--masks", folder / "masks", "--video", folder / "v.mp4",
        "--lines", folder / "l.jsonl", "--components", folder / "c.csv", "--engine", "torch",
    ]  # fmt: skip
    expected: dict[str, bytes] = {}

    def check_killed() -> None:
        for path in folder.rglob("bin*.png"):
            assert read_grey(path).shape == (64, 96)
            assert path.read_bytes() == expected[path.name]
        for name in ("v.mp4", "l.jsonl", "c.csv"):
            if (folder / name).exists() and name != "v.mp4":
                assert (folder / name).read_bytes() == expected[name]
            elif (folder / name).exists():
                assert sum(1 for _ in cleanplate.open_source(folder / name)) == 100

    def check_whole() -> None:
        found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        del found["v.mp4"]  # FFmpeg's own threads decide some of its bytes
        expected.update(expected or found)
        assert found == expected
        assert len(found) == 102
        assert sum(1 for _ in cleanplate.open_source(folder / "v.mp4")) == 100

    _kill_often("segment", arguments, folder, check_killed, check_whole)


def test_a_killed_compare_goes_on_to_the_same_numbers(street: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    arguments: list[object] = [
        "compare", street, "-o", folder, "--methods", "median,mog2,two-stage", "--preset", "smoke",
        "--length", 0.1, "--device", "cpu", "--json",
    ]  # fmt: skip
    expected: list[object] = []

    def check_killed() -> None:
        for path in folder.rglob("*.json"):
            json.loads(path.read_text())
        for path in folder.rglob("*.png"):
            read_grey(path)
        for path in folder.rglob("*.safetensors"):
            cleanplate.load(path, "cpu", engine="torch")

    def check_whole() -> None:
        results = json.loads((folder / "results.json").read_text())["results"]
        found = [{k: v for k, v in row.items() if "second" not in k} for row in results]
        expected.extend([] if expected else found)
        assert found == expected
        assert len(found) == 3

    _kill_often("compare", arguments, folder, check_killed, check_whole)


def test_a_killed_export_leaves_no_file(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    frame = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
    expected: list[bytes] = []

    def probability() -> bytes:
        session = onnxruntime.InferenceSession(folder / "m.onnx")
        return bytes(session.run(["probability"], {"image": frame})[0].tobytes())

    def check_killed() -> None:
        if (folder / "m.onnx").exists():
            assert probability() == expected[0]

    def check_whole() -> None:
        assert [path.name for path in folder.iterdir()] == ["m.onnx"]
        expected.append(probability())
        assert expected[0] == expected[-1]

    arguments: list[object] = ["export", whole, "--to", "onnx", "-o", folder / "m.onnx"]
    _kill_often("export", arguments, folder, check_killed, check_whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 KiB (a page has 4), where this machine lets one be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


OUTPUTS = {
    "train": ["{street}", "-o", "{out}/m.safetensors", "--preset", "smoke", "--device", "cpu"],
    "segment": ["{whole}", "{clip}", "--masks", "{out}/masks", "--engine", "torch"],
    "segment video": ["{whole}", "{clip}", "--video", "{out}/v.mp4", "--engine", "torch"],
    "segment lines": ["{whole}", "{clip}", "--lines", "{out}/l.jsonl", "--engine", "torch"],
    "compare": ["{street}", "-o", "{out}/report", "--methods", "median", "--device", "cpu"],
    "export": ["{whole}", "--to", "onnx", "-o", "{out}/m.onnx"],
    "synth": ["baseline", "-o", "{out}/s", "--frames", "30", "--size", "96x64"],
}


def _arguments(name: str, **places: Path) -> list[object]:
    words = [name.split()[0], *OUTPUTS[name]]
    for place, path in places.items():
        words = [word.replace(f"{{{place}}}", str(path)) for word in words]
    return list(words)


def _check_refused(errors: str, code: int | None) -> None:
    assert code == 1, errors
    said = [line for line in errors.splitlines() if line.startswith("cleanplate: /")]
    assert len(said) == 1, errors
    assert "Traceback" not in errors
    assert "mistake of Cleanplate's" not in errors


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    name: str, street: Path, whole: Path, long_clip: Path, small_disk: Path, tmp_path: Path
) -> None:
    filling = small_disk / "filling"
    filling.write_bytes(bytes(92 * 1024))
    places = {"street": street, "whole": whole, "clip": long_clip, "out": small_disk}
    done = run(_arguments(name, **places), tmp_path / "log")
    _check_refused(done.errors(), done.process.exitcode)
    assert "No space left on device" in done.errors()
    assert not half_written(small_disk)
    for path in small_disk.rglob("*.png"):
        read_grey(path)
    assert not (small_disk / "m.onnx").exists()
    assert not (small_disk / "m.safetensors").exists()


@pytest.mark.parametrize("name", OUTPUTS)
def test_files_that_may_not_grow_are_said(
    name: str, street: Path, whole: Path, long_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    places = {"street": street, "whole": whole, "clip": long_clip, "out": tmp_path / "out"}
    world = World(most_file_bytes=100)
    done = run(_arguments(name, **places), tmp_path / "log", world)
    _check_refused(done.errors(), done.process.exitcode)
    assert not half_written(tmp_path / "out")


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_folder_that_cannot_be_written_is_said(
    name: str, street: Path, whole: Path, long_clip: Path, small_disk: Path, tmp_path: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    places = {"street": street, "whole": whole, "clip": long_clip, "out": small_disk}
    done = run(_arguments(name, **places), tmp_path / "log")
    _check_refused(done.errors(), done.process.exitcode)
    assert not any(small_disk.iterdir())


def test_a_live_stream_that_stands_still_for_a_while_goes_on(
    whole: Path, long_clip: Path, tmp_path: Path
) -> None:
    arguments: list[object] = [
        "live", whole, long_clip, "--video", tmp_path / "v.mp4", "--lines", tmp_path / "l.jsonl",
        "--engine", "torch",
    ]  # fmt: skip
    running = start(arguments, tmp_path / "log", World(clock_jumps=True))
    running.process.join(3)
    running.send(signal.SIGSTOP)
    running.process.join(2)
    assert not running.is_over(), running.errors()
    running.send(signal.SIGCONT)
    assert running.wait() == 0, running.errors()
    count = sum(1 for _ in cleanplate.open_source(tmp_path / "v.mp4"))
    lines = [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert count == len(lines) > 10
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
