"""The commands that run a trained model, as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import cleanplate
from cleanplate.scenes.video_writer import VideoWriter

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Run:
    def call(*arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cleanplate.cli", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == expect, done.stderr
        return done

    return call


@pytest.fixture
def clip(drawn_scene: Path, tmp_path: Path) -> Path:
    frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]
    with VideoWriter(tmp_path / "clip.mp4", 25) as video:
        for index in range(100):
            video.write(frames[index % len(frames)])
    return tmp_path / "clip.mp4"


def test_segment_writes_parts_of_a_video_in_every_form(
    run: Run, smoke_model: Path, clip: Path, tmp_path: Path
) -> None:
    done = run(
        "segment", smoke_model, clip, "--overlay", tmp_path / "o.mp4", "--lines",
        tmp_path / "l.jsonl", "--start", "1s", "--stop", "60", "--every", 2, "--min-area", 20,
        "--roi", "0,0 95,0 95,63 0,63", "--exclude", "0,0 95,0 95,9 0,9", "--background-every", 5,
        "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["frames"], found["engine"]) == (18, "openvino")
    lines = [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(26, 61, 2))
    assert any(line["foreground"] for line in lines)
    assert sum(1 for _ in cleanplate.open_source(tmp_path / "o.mp4")) == 18


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_a_playable_file_and_says_where_it_was(
    stop: signal.Signals, smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]
    with VideoWriter(tmp_path / "long.mp4", 25) as video:
        for index in range(6000):
            video.write(frames[index % len(frames)])
    command = [sys.executable, "-m", "cleanplate.cli", "segment", str(smoke_model)]
    command += [str(tmp_path / "long.mp4"), "--video", str(tmp_path / "m.mp4"), "--engine", "torch"]
    working = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        # who runs the tests in the background has it ignored, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    part, end = tmp_path / ".m.part.mp4", time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    working.send_signal(stop)
    _, errors = working.communicate(timeout=60)
    assert working.returncode == 130, errors
    assert "stopped after frame" in errors
    assert "Traceback" not in errors
    count = sum(1 for _ in cleanplate.open_source(tmp_path / "m.mp4"))
    assert 0 < count < 6000
    assert f"stopped after frame {count} " in errors
    assert not part.exists()


def test_live_plays_a_file_as_a_camera(
    run: Run, smoke_model: Path, clip: Path, tmp_path: Path
) -> None:
    done = run("live", smoke_model, clip, "--page", 0, "--video", tmp_path / "m.mp4", "--json")
    found = json.loads(done.stdout)["cameras"]["camera"]
    assert found["frames"] > 50
    assert "look at http://127.0.0.1:" in done.stderr
    assert sum(1 for _ in cleanplate.open_source(tmp_path / "m.mp4")) == found["frames"]
    assert "give MODEL and SOURCE" in run("live", expect=2).stderr
    gone = run("live", smoke_model, tmp_path / "gone.mp4", expect=1)
    assert "no such file" in gone.stderr
    assert "Traceback" not in gone.stderr


def test_export_says_how_near_the_file_is(run: Run, smoke_model: Path, tmp_path: Path) -> None:
    done = run("export", smoke_model, "--to", "onnx", "-o", tmp_path / "m.onnx", "--json")
    assert json.loads(done.stdout)["most_pixels_different"] <= 0.001
    assert (tmp_path / "m.onnx").stat().st_size > 1000
    again = run("export", smoke_model, "--to", "onnx", "-o", tmp_path / "m.onnx", expect=1)
    assert "exists already" in again.stderr


def test_the_commands_start_without_torch(smoke_model: Path, clip: Path, tmp_path: Path) -> None:
    run_once = [sys.executable, "-X", "importtime", "-m", "cleanplate.cli", "segment"]
    run_once += [str(smoke_model), str(clip), "--lines", str(tmp_path / "l.jsonl"), "--stop", "1"]
    for _ in range(2):  # the first run may convert the model, which needs torch
        done = subprocess.run(
            [*run_once, "--overwrite"], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    assert "| torch\n" not in done.stderr
    assert "openvino" in done.stderr


def test_a_part_without_frames_is_named_before_anything_is_written(
    run: Run, smoke_model: Path, clip: Path, tmp_path: Path
) -> None:
    done = run(
        "segment", smoke_model, clip, "--lines", tmp_path / "l.jsonl", "--start", "1:00", expect=1
    )
    assert "none of its 100 frames is chosen" in done.stderr
    assert not (tmp_path / "l.jsonl").exists()
