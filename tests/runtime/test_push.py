"""What a camera shows, pushed to real servers on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cleanplate.errors import ConfigError
from cleanplate.runtime import push as push_module
from cleanplate.runtime.camera_list import Camera
from cleanplate.runtime.cameras import LiveRun
from cleanplate.runtime.moments import Moment
from cleanplate.runtime.newest import FIRST_WAIT_SECONDS
from cleanplate.runtime.push import END_SECONDS, Push
from cleanplate.scenes.video_writer import VideoWriter

SERVER = Path(__file__).with_name("rtmp_server.py")


def _moment(number: int) -> Moment:
    frame = np.full((49, 64, 3), number % 200, np.uint8)
    return Moment(number, number / 25, frame, frame[..., 0] > 250, None)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _receiver(port: int) -> subprocess.Popen[str]:
    address = f"rtmp://127.0.0.1:{port}/live/gate"
    return subprocess.Popen(
        [sys.executable, str(SERVER), address], stdout=subprocess.PIPE, text=True
    )


def test_a_server_that_comes_late_gets_the_newest_frames(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = _free_port()
    number, server = 0, None
    with Push(f"rtmp://anna:geheim@127.0.0.1:{port}/live/gate", "gate", "frame") as push:
        end = time.monotonic() + 30
        while "gate: push to" not in caplog.text or ": back" not in caplog.text:
            assert time.monotonic() < end, caplog.text
            number += 1
            push(_moment(number))
            time.sleep(0.2)  # brightness tells 200 moments apart
            if server is None and ": lost" in caplog.text:
                server, came = _receiver(port), number
        for _ in range(20):
            number += 1
            push(_moment(number))
            time.sleep(0.04)
    assert server is not None
    lines = server.communicate(timeout=20)[0].splitlines()
    shown = [tuple(map(int, line.split())) for line in lines]
    assert {size[:2] for size in shown} == {(48, 64)}
    first, last = shown[0][2], shown[-1][2]
    assert came - 3 <= first <= last
    assert last >= number - 10
    assert "geheim" not in caplog.text
    assert caplog.text.count(": lost") == caplog.text.count(": back") == 1


def test_a_server_that_answers_nothing_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        with Push(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/gate", "gate") as push:
            for number in range(1, 200):
                push(_moment(number))
            pushed = time.monotonic() - start
            silent.settimeout(10)
            silent.accept()[0].close()
    assert pushed < 1.0
    assert time.monotonic() - start < END_SECONDS + 4
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("address", "view", "message"),
    [
        ("http://anna:geheim@host/x", "mask", r"http://host/x: cannot be streamed to; give an rt"),
        ("gopher://anna:ge\uff03heim@host/x", "mask", r"gopher://host/x: cannot be streamed to"),
        ("rtmp://host/x", "masks", "cannot push 'masks'; use one of overlay, mask, plate, frame"),
    ],
)
def test_what_cannot_be_pushed_is_refused(address: str, view: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Push(address, "gate", view)


def test_a_camera_is_pushed_while_it_is_segmented(
    smoke_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VideoWriter(tmp_path / "camera.mp4", 25) as video:
        for number in range(1, 100):
            video.write(_moment(number).frame)
    port = _free_port()
    server = _receiver(port)
    monkeypatch.setenv("GATE_PUSH", f"rtmp://127.0.0.1:{port}/live/gate")
    camera = Camera(
        name="gate",
        model=str(smoke_model),
        source=str(tmp_path / "camera.mp4"),
        push_env="GATE_PUSH",
        push_view="plate",
    )
    run = LiveRun((camera,), "cpu", "torch")
    run.run()
    assert run.failed == {}
    assert len(server.communicate(timeout=20)[0].splitlines()) > 20


def test_waits_grow_where_a_server_never_takes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_module, "STEADY_SECONDS", 0.0)  # any attempt lasts longer
    monkeypatch.setattr(push_module, "LONGEST_WAIT_SECONDS", 60.0)
    attempts: list[float] = []

    def refuse(_: object) -> str:
        attempts.append(time.monotonic())
        return "refused"

    with Push("rtmp://127.0.0.1:9/gate", "gate") as push:
        monkeypatch.setattr(push, "_send", refuse)
        end = time.monotonic() + 4.0
        while time.monotonic() < end:
            push(_moment(1))
            time.sleep(0.02)
    gaps = np.diff(attempts)
    assert len(gaps) >= 2
    assert all(gap >= 0.9 * FIRST_WAIT_SECONDS * 2**turn for turn, gap in enumerate(gaps))


def test_a_view_without_a_server_is_refused(smoke_model: Path) -> None:
    camera = Camera(name="gate", model=str(smoke_model), push_view="mask")
    with pytest.raises(ConfigError, match="push_view needs push or push_env"):
        camera.pushed()


def test_a_camera_has_one_place_to_push_to(smoke_model: Path) -> None:
    camera = Camera(name="gate", model=str(smoke_model), push="rtmp://a/b", push_env="PUSH")
    with pytest.raises(ConfigError, match="give one of push and push_env"):
        camera.pushed()
