"""A camera on loopback, segmented while it runs."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread, Timer

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import ConfigError, VideoError
from cleanplate.images import Frame
from cleanplate.runtime.camera_list import Camera, read_cameras
from cleanplate.runtime.cameras import LiveRun
from cleanplate.runtime.live import LiveMoment, watch
from cleanplate.runtime.newest import NewestFrames
from cleanplate.runtime.page import Page
from cleanplate.scenes import stream
from cleanplate.scenes.stream import Arrival, redacted
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.subtractors.protocol import Segmentation
from tests.runtime.streaming import HttpCamera


def _numbered(count: int = 200, size: tuple[int, int] = (48, 64)) -> list[Frame]:
    return [np.full((*size, 3), 20 + value, np.uint8) for value in range(count)]


@pytest.fixture
def camera() -> Iterator[HttpCamera]:
    found = HttpCamera(_numbered())
    yield found
    found.close()


class Slow:
    name = "slow"
    learns_online = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        time.sleep(self._seconds)
        return Segmentation(frame[..., 0] > 250, None, None)


def _collect(
    frames: NewestFrames, until: Callable[[list[LiveMoment]], bool], seconds: float = 0.0
) -> list[LiveMoment]:
    found: list[LiveMoment] = []
    end = time.monotonic() + 30
    for live in watch(Slow(seconds), frames):
        found.append(live)
        if until(found) or time.monotonic() > end:
            frames.stop()
    return found


def test_a_reader_that_is_too_slow_gets_the_newest_frame(camera: HttpCamera) -> None:
    found = _collect(NewestFrames(camera.address), lambda seen: len(seen) >= 8, seconds=0.15)
    assert all(live.dropped >= 2 for live in found[2:])
    assert max(live.lag_ms for live in found[2:]) < 1000  # eight frames of waiting would be more
    numbers = [live.moment.number for live in found]
    values = [float(live.moment.frame.mean()) - 20 for live in found]
    assert np.abs(np.diff(values) - np.diff(numbers)).max() <= 1


def test_a_stream_that_breaks_is_opened_again_with_one_line_each_way(
    camera: HttpCamera, caplog: pytest.LogCaptureFixture
) -> None:
    frames = NewestFrames(camera.address, "gate")
    broken: list[int] = []

    def until(seen: list[LiveMoment]) -> bool:
        if len(seen) == 5:
            camera.broken.set()
            broken.append(len(seen))
            Timer(1.2, camera.broken.clear).start()
        return len(seen) >= 15

    found = _collect(frames, until)
    assert len(found) == 15
    assert camera.connections == 2
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split("(")[0].strip() for line in lines if "lost" in line] == ["gate: lost"]
    assert sum("gate: back after" in line for line in lines) == 1
    assert "geheim" not in caplog.text
    assert "s3cret" not in caplog.text


def test_a_stream_that_stalls_is_opened_again(
    camera: HttpCamera, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "READ_SECONDS", 1.0)

    def until(seen: list[LiveMoment]) -> bool:
        if len(seen) == 5:
            camera.stalled.set()
            Timer(2.0, camera.stalled.clear).start()
        return len(seen) >= 12

    assert len(_collect(NewestFrames(camera.address, "gate"), until)) == 12
    assert camera.connections >= 2
    assert "gate: lost" in caplog.text
    assert "gate: back after" in caplog.text


def test_frames_of_another_size_are_brought_to_the_first_ones(camera: HttpCamera) -> None:
    def until(seen: list[LiveMoment]) -> bool:
        if len(seen) == 5:
            camera.broken.set()
            camera.frames = _numbered(size=(96, 128))
            Timer(0.5, camera.broken.clear).start()
        return len(seen) >= 12

    found = _collect(NewestFrames(camera.address), until)
    assert {live.moment.frame.shape for live in found} == {(48, 64, 3)}
    assert len(found) == 12


def test_a_camera_that_was_never_there_is_an_error() -> None:
    with pytest.raises(VideoError, match=r"http://127\.0\.0\.1:9/x: ") as caught:
        next(iter(NewestFrames("http://anna:geheim@127.0.0.1:9/x")))
    assert "geheim" not in str(caught.value)


def test_a_file_plays_once_at_its_own_speed(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 25) as video:
        for frame in _numbered(25):
            video.write(frame)
    start = time.monotonic()
    found = _collect(NewestFrames(str(tmp_path / "v.mp4")), lambda _: False)
    assert 0.8 < time.monotonic() - start < 3
    assert len(found) >= 15
    with pytest.raises(VideoError, match="no such file"):
        next(iter(NewestFrames(str(tmp_path / "gone.mp4"))))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://anna:geheim@host:554/live", "rtsp://host:554/live"),
        ("rtsp://anna:ge/heim@host/live", "rtsp://host/live"),
        ("rtsp://an%40na:ge@heim@host/live", "rtsp://host/live"),
        ("http://host/cam?user=anna&password=geheim&fps=5", "http://host/cam?user=***&password=***&fps=5"),
        ("http://host/cam?access_token=geheim#x", "http://host/cam?access_token=***#x"),
        ("http://host/cgi?loginuse=anna&loginpas=geheim", "http://host/cgi?loginuse=***&loginpas=***"),
        ("/dev/video0", "/dev/video0"),
    ],
)  # fmt: skip
def test_user_and_password_are_cut_from_addresses(address: str, shown: str) -> None:
    assert redacted(address) == shown


def _get(address: str, host: str | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(address, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read(20000)
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_cameras_run_side_by_side_with_a_page_and_files(
    camera: HttpCamera, smoke_model: Path, drawn_scene: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    camera.frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]
    monkeypatch.setenv("YARD", camera.address)
    (tmp_path / "cameras.toml").write_text(
        f'[[camera]]\nname = "gate"\nmodel = {json.dumps(str(smoke_model))}\n'
        f"source = {json.dumps(camera.address)}\nvideo = {json.dumps(str(tmp_path / 'gate.mp4'))}\n"
        f'[[camera]]\nname = "yard"\nmodel = {json.dumps(str(smoke_model))}\n'
        f'source_env = "YARD"\ncomponents = {json.dumps(str(tmp_path / "yard.csv"))}\n'
    )
    page = Page(0, ["gate", "yard"])
    run = LiveRun(read_cameras(tmp_path / "cameras.toml"), "cpu", "torch", page)
    worker = Thread(target=run.run, args=(8.0,))
    worker.start()
    while not all(name in run.totals and run.totals[name].frames > 5 for name in ("gate", "yard")):
        time.sleep(0.05)
        assert worker.is_alive()
    status, body = _get(page.address)
    assert status == 200
    assert b"/gate.mjpg?view=plate" in body
    assert b"geheim" not in body
    status, body = _get(page.address + "gate.mjpg?view=mask")
    assert status == 200
    assert body.count(b"\xff\xd8\xff") >= 1
    assert set(json.loads(_get(page.address + "status.json")[1])) == {"gate", "yard"}
    assert _get(page.address, "evil.example")[0] == 403
    assert _get(page.address + "other.mjpg")[0] == 404
    run.stop()
    worker.join(20)
    assert not worker.is_alive()
    page.close()
    assert run.failed == {}
    seen = sum(1 for _ in cleanplate.open_source(tmp_path / "gate.mp4"))
    assert seen == run.totals["gate"].frames
    assert (tmp_path / "yard.csv").read_text().startswith("frame,seconds,left")


def test_one_camera_that_fails_leaves_the_others_running(
    camera: HttpCamera, smoke_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = Camera(name="good", model=str(smoke_model), source=camera.address)
    bad = Camera(name="bad", model=str(smoke_model), source="http://127.0.0.1:9/x")
    run = LiveRun((good, bad), "cpu", "torch")
    with caplog.at_level(logging.CRITICAL, logger="cleanplate"):  # it is an error, and meant to be
        run.run(3.0)
    assert set(run.failed) == {"bad"}
    assert run.totals["good"].frames > 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "camera is missing"),
        ('[[camera]]\nname="a b"\nmodel="m"\nsource="s"', "name"),
        ('[[camera]]\nname="a"\nmodel="m"\nsauce="s"', "did you mean camera.0.source"),
    ],
)
def test_a_wrong_list_of_cameras_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "cameras.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_cameras(tmp_path / "cameras.toml")


def test_a_camera_needs_one_source_and_its_variable_must_be_set(smoke_model: Path) -> None:
    with pytest.raises(ConfigError, match="give one of source and source_env"):
        Camera(name="a", model="m").address()
    with pytest.raises(ConfigError, match="variable NOT_THERE is not set"):
        Camera(name="a", model="m", source_env="NOT_THERE").address()


def test_regions_and_outputs_of_a_list_of_cameras_are_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "runtime.md").read_text()
    (tmp_path / "cameras.toml").write_text(text.split("```toml\n")[1].split("```")[0])
    gate, yard = read_cameras(tmp_path / "cameras.toml")
    assert gate.roi == ("0,120 319,120 319,239 0,239",)
    assert gate.outputs().events == Path("gate-events")
    assert yard.source_env == "YARD_CAMERA"


def test_a_wrong_type_of_source_does_not_show_the_password(tmp_path: Path) -> None:
    (tmp_path / "cameras.toml").write_text(
        '[[camera]]\nname="a"\nmodel="m"\nsource=["rtsp://anna:geheim@host/x"]'
    )
    with pytest.raises(ConfigError, match="source") as caught:
        read_cameras(tmp_path / "cameras.toml")
    assert "geheim" not in str(caught.value)


def test_two_cameras_do_not_write_to_one_place(smoke_model: Path, tmp_path: Path) -> None:
    shared = str(tmp_path / "m.mp4")
    cameras = tuple(
        Camera(name=name, model=str(smoke_model), source="x.mp4", video=shared) for name in "ab"
    )
    run = LiveRun(cameras, "cpu", "torch")
    with pytest.raises(ConfigError, match=r"camera b: .*m\.mp4 is another camera's too"):
        run.run()


def test_whatever_breaks_a_reader_ends_the_wait() -> None:
    def broken(address: str) -> Iterator[Arrival]:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "title")
        yield

    with pytest.raises(VideoError, match="cannot be read on"):
        next(iter(NewestFrames("rtsp://host/x", open_stream=broken)))
