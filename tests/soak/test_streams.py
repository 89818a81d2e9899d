"""A camera that runs for months: memory, open files and threads stay what they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

import cleanplate
from cleanplate.images import Frame, write_picture
from cleanplate.runtime import newest
from cleanplate.runtime.live import watch
from cleanplate.runtime.newest import NewestFrames
from cleanplate.scenes.video_writer import VideoWriter
from tests.runtime.streaming import HttpCamera
from tests.soak.usage import check_flat, shortened, watched

pytestmark = pytest.mark.soak

SIZE = (48, 64)
FRAMES, BREAKS = shortened(200_000), shortened(500)
LIVE_FPS = 1000
"""So many frames a second come; those that come while one is worked on are dropped."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("soak") / "clip.mp4"
    with VideoWriter(path, LIVE_FPS) as video:
        for index in range(FRAMES):
            video.write(_frame(index))
    return path


def _frame(index: int) -> Frame:
    frame = np.full((*SIZE, 3), 90, np.uint8)
    left = index % (SIZE[1] - 12)
    frame[18:30, left : left + 12] = (200, 60, 40)
    return frame


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the clip's scene, from forty labelled frames."""
    folder = tmp_path_factory.mktemp("model")
    for number in range(1, 41):
        frame = _frame(number)
        codes = np.where(frame[..., 0] == 200, 255, 0).astype(np.uint8)
        for name, picture in (("input/in", frame), ("groundtruth/gt", codes)):
            place = folder / "gate" / f"{name}{number:06d}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            write_picture(place, picture)
    train = ("train", folder / "gate", "-o", folder / "m.safetensors", "--preset", "smoke")
    done = subprocess.run(_command(*train), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "m.safetensors"


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cleanplate.cli", *map(str, arguments)]


def _run(name: str, *arguments: object) -> None:
    """Run a command and hold that what it uses stays the same."""
    with subprocess.Popen(
        _command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        seen = watched(process.pid, lambda: process.poll() is None)
    assert process.returncode == 0
    check_flat(name, seen)


def test_segmenting_a_long_video_uses_no_more_at_its_end(
    clip: Path, model: Path, tmp_path: Path
) -> None:
    lines, masks = tmp_path / "l.jsonl", tmp_path / "m.mp4"
    once = _command("segment", model, clip, "--lines", tmp_path / "few.jsonl", "--stop", 3)
    subprocess.run(once, check=True, capture_output=True)  # the model is converted, not in the run
    _run(f"segment, {FRAMES} frames", "segment", model, clip, "--lines", lines, "--video", masks)
    assert lines.read_bytes().count(b"\n") == FRAMES


def test_a_live_camera_uses_no_more_after_a_long_time(
    clip: Path, model: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "l.jsonl"
    _run(f"live, {FRAMES} frames that come", "live", model, clip, "--lines", lines, "--overwrite")
    written = lines.read_text().splitlines()
    sys.stdout.write(f"of these {len(written)} were the newest and segmented\n")
    assert json.loads(written[-1])["frame"] > 0.9 * FRAMES
    assert len(written) > FRAMES // 20


@pytest.fixture
def fragile() -> Iterator[HttpCamera]:
    """A camera that cuts each connection after a few frames."""
    camera = HttpCamera([_frame(index) for index in range(40)])
    over = False

    def cut() -> None:
        known = 0
        while not over:
            if camera.connections > known:
                known = camera.connections
                time.sleep(0.15)
                camera.broken.set()
                time.sleep(0.02)
                camera.broken.clear()
            time.sleep(0.005)

    cutter = Thread(target=cut)
    cutter.start()
    yield camera
    over = True
    cutter.join()
    camera.close()


def test_a_stream_that_breaks_again_and_again_always_comes_back(
    fragile: HttpCamera, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(newest, "LONGEST_WAIT_SECONDS", 0.05)
    frames = NewestFrames(fragile.address, "gate")
    shown: list[int] = []

    def look() -> None:
        for _ in watch(cleanplate.load(model, "cpu", engine="torch"), frames):
            shown.append(fragile.connections)

    looker = Thread(target=look)
    looker.start()

    def goes_on() -> bool:
        return looker.is_alive() and fragile.connections <= BREAKS

    seen = watched(os.getpid(), goes_on)
    assert looker.is_alive()
    frames.stop()
    looker.join()
    check_flat(f"{BREAKS} breaks", seen)
    assert len(set(shown)) > 0.9 * BREAKS  # frames came through nearly every connection
