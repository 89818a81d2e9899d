"""A real RTSP server on loopback; needs what system-packages.txt lists."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import av
import pytest

import cleanplate
from cleanplate.errors import VideoError
from cleanplate.runtime.camera_list import Camera
from cleanplate.runtime.cameras import LiveRun
from cleanplate.runtime.newest import NewestFrames
from cleanplate.scenes.video_writer import VideoWriter

pytestmark = pytest.mark.live
PYTHON = "/usr/bin/python3"
CHECK = "import gi; gi.require_version('GstRtspServer', '1.0')"
USER, PASSWORD = "anna", "geheim"
MOST_LAG_MS = 150.0


class RtspCamera:
    """The server in a process of its own, which can be killed and started again."""

    def __init__(self, video: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._video = video
        self.address = f"rtsp://{USER}:{PASSWORD}@127.0.0.1:{self._port}/cam"
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("rtsp_server.py")
        arguments = [str(self._port), str(self._video), USER, PASSWORD]
        self._process = subprocess.Popen(
            [PYTHON, str(script), *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def rtsp(drawn_scene: Path, tmp_path: Path) -> Iterator[RtspCamera]:
    if not shutil.which(PYTHON) or subprocess.run([PYTHON, "-c", CHECK], check=False).returncode:
        pytest.skip("no GStreamer RTSP server: install what system-packages.txt lists")
    frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]
    with VideoWriter(tmp_path / "camera.mp4", 25) as video:
        for index in range(1500):
            video.write(frames[index % len(frames)])
    found = RtspCamera(tmp_path / "camera.mp4")
    yield found
    found.kill()


def _wait(run: LiveRun, frames: int, worker: Thread) -> None:
    while run.totals.get("gate") is None or run.totals["gate"].frames < frames:
        time.sleep(0.05)
        assert worker.is_alive(), run.failed


def test_a_camera_that_is_killed_and_comes_back_goes_on_being_segmented(
    rtsp: RtspCamera, smoke_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    camera = Camera(
        name="gate", model=str(smoke_model), source=rtsp.address, video=str(tmp_path / "m.mp4")
    )
    run = LiveRun((camera,), "cpu")
    worker = Thread(target=run.run, args=(60.0,))
    worker.start()
    _wait(run, 50, worker)
    rtsp.kill()
    time.sleep(1.0)
    before = run.totals["gate"].frames
    rtsp.start()
    _wait(run, before + 50, worker)
    run.stop()
    worker.join(20)
    total = run.totals["gate"].as_dict()
    assert total["lag_ms"] < MOST_LAG_MS
    assert run.failed == {}
    lines = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("gate: lost") for line in lines) == 1
    assert sum(line.startswith("gate: back after") for line in lines) == 1
    assert PASSWORD not in caplog.text
    written = sum(1 for _ in cleanplate.open_source(tmp_path / "m.mp4"))
    assert written == total["frames"]


def test_a_wrong_password_is_an_error_without_the_password(rtsp: RtspCamera) -> None:
    wrong = rtsp.address.replace(PASSWORD, "falsch")
    with pytest.raises(VideoError, match=r"rtsp://127\.0\.0\.1:\d+/cam: ") as caught:
        next(iter(NewestFrames(wrong)))
    assert "falsch" not in str(caught.value)


def test_what_a_camera_shows_is_pushed_to_a_server_with_a_password(
    rtsp: RtspCamera, smoke_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    camera = Camera(
        name="gate",
        model=str(smoke_model),
        source=rtsp.address,
        push=rtsp.address.replace("/cam", "/in"),
        push_view="mask",
    )
    run = LiveRun((camera,), "cpu")
    worker = Thread(target=run.run, args=(60.0,))
    worker.start()
    _wait(run, 200, worker)
    run.stop()
    worker.join(20)
    assert run.failed == {}
    assert run.totals["gate"].as_dict()["lag_ms"] < MOST_LAG_MS
    assert ": lost" not in caplog.text
    rtsp.kill()
    with av.open(str(tmp_path / "camera.mp4.pushed.mkv")) as kept:
        assert sum(1 for _ in kept.decode(video=0)) > 50
