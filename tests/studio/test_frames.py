"""Every kind of video gives its exact frames, quickly, in bounded memory."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cleanplate.scenes.chain import ChainedSource
from cleanplate.scenes.frame_times import read_times
from cleanplate.scenes.video_file import VideoSource
from cleanplate.studio.candidates import easy_numbers
from cleanplate.studio.frames import Cache
from tests.studio.serving import Client, Process, level, studio

PAGE_SECONDS, STEP_SECONDS, MOST_MIB = 1.0, 0.1, 500
QUIET = {"x265-params": "log-level=error"}


def write(
    path: Path,
    *,
    count: int = 40,
    size: tuple[int, int] = (48, 64),
    codec: str = "libx264",
    layout: str = "yuv420p",
    turned: int = 0,
    durations: tuple[int, ...] = (1,),
    **options: str,
) -> Path:
    """Write a video whose frame N is grey of level 5 N, up to 200, its top left corner white."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = *size, layout
        stream.codec_context.time_base = Fraction(1, 100)
        if turned:
            stream.set_display_rotation(turned)
        at = 0
        for index in range(count):
            pixels: NDArray[np.uint8] = np.full((*size, 3), 5 * (index + 1) % 200, np.uint8)
            pixels[:16, :16] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 100)
            at += 4 * durations[index % len(durations)]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def middle(client: Client, number: int) -> float:
    data = client.get(f"/api/frames/{number}.jpg").body
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return float(picture[24:, 24:].mean())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("plain.mp4", {}),
        ("b-frames.mp4", {"bf": "3", "g": "12"}),
        ("one-key.mp4", {"g": "999", "bf": "2"}),
        ("variable-rate.mkv", {"durations": (1, 5, 1, 1, 9, 2)}),
        (
            "ten-bit.mp4",
            {"codec": "libx265", "layout": "yuv420p10le", "x265-params": "log-level=1"},
        ),
        ("ten-bit.mkv", {"layout": "yuv422p10le"}),
        ("full-colour.mkv", {"layout": "yuv444p"}),
        ("odd.mkv", {"size": (49, 65), "layout": "yuv444p"}),
        ("ffv1.mkv", {"codec": "ffv1", "layout": "yuv444p", "size": (51, 67)}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("stream.ts", {"g": "10"}),
        ("old.avi", {"codec": "mpeg4"}),
    ],
)
def test_every_frame_is_the_one_of_its_number_in_any_order(
    tmp_path: Path, name: str, kind: dict[str, object]
) -> None:
    (tmp_path / "videos").mkdir()
    write(tmp_path / "videos" / name, **kind)  # type: ignore[arg-type]
    with studio(tmp_path) as client:
        project = client.wait_for_frames()
        assert project["trouble"] == ""
        assert project["frames"] == 40
        for number in (33, 1, 40, 2, 12, 11, 10, 39):
            assert middle(client, number) == pytest.approx(5 * number % 200, abs=6)


@pytest.mark.parametrize(
    ("turned", "corner"),
    [
        (90, (slice(-12, None), slice(0, 12))),
        (180, (slice(-12, None), slice(-12, None))),
        (270, (slice(0, 12), slice(-12, None))),
    ],
)
def test_what_a_phone_filmed_on_its_side_stands_upright(
    tmp_path: Path, turned: int, corner: tuple[slice, slice]
) -> None:
    source = VideoSource(write(tmp_path / "phone.mp4", turned=turned))
    assert source.size == ((64, 48) if turned != 180 else (48, 64))
    for frame in (source.read(3), next(iter(source))[1]):
        assert frame.shape[:2] == source.size
        assert frame[corner].min() > 200
        assert frame[24:30, 24:30].max() < 60


def test_the_number_of_frames_is_exact_where_a_file_declares_none(tmp_path: Path) -> None:
    path = write(tmp_path / "live.ts", count=37)
    assert VideoSource(path).count is None
    times = read_times(path)
    assert times.count == 37
    assert VideoSource(path, times).count == 37


def test_stepping_back_decodes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "one-key.mp4", g="999")
    source = VideoSource(path, read_times(path), remembered=8)
    source.read(30)
    source._seek = lambda number: pytest.fail(f"searched for {number}")  # type: ignore[method-assign]
    for number in range(29, 22, -1):
        assert source.read(number)[30:, 30:].mean() == pytest.approx(5 * number, abs=4)


def test_a_video_cut_off_in_the_middle_shows_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    path = write(tmp_path / "videos" / "cut.mkv", g="5")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with studio(tmp_path) as client:
        project = client.wait_for_frames()
        assert 5 < project["frames"] < 40
        assert middle(client, 3) == pytest.approx(15, abs=6)


def test_candidates_are_key_frames_where_these_are_near(tmp_path: Path) -> None:
    path = write(tmp_path / "keys.mp4", count=100, g="10", sc_threshold="0")
    source = ChainedSource([VideoSource(path, read_times(path))], "keys")
    assert len(easy_numbers(source, 5)) == 5
    assert all(number % 10 == 1 for number in easy_numbers(source, 5))
    one = ChainedSource([VideoSource(write(tmp_path / "one.mp4", g="999"))], "one")
    assert len(easy_numbers(one, 10)) == 10


def test_a_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = Cache(30)
    for key in "abc":
        cache.keep(key, bytes(10))
    assert cache.find("a") == bytes(10)
    cache.keep("d", bytes(10))
    assert cache.find("b") is None
    assert cache.find("a") is not None


def test_a_thumbnail_is_kept_by_the_browser(client: Client) -> None:
    answer = client.get("/api/thumbnails/9.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert level(answer.body) == pytest.approx(36, abs=4)
    assert "immutable" in answer.headers["cache-control"]


def write_two_hours(minute: Path, long: Path) -> None:
    """Repeat a minute 120 times without decoding it."""
    made = {"count": 1500, "size": (1080, 1920), "g": "50", "preset": "ultrafast"}
    write(minute, **made)  # type: ignore[arg-type]
    with av.open(str(minute)) as source, av.open(str(long), "w") as to:
        copied = source.streams.video[0]
        stream = to.add_stream_from_template(copied)
        packets = [packet for packet in source.demux(copied) if packet.size]
        length = len(packets) * int(packets[0].duration or 1)
        for turn in range(120):
            with av.open(str(minute)) as again:
                for packet in again.demux(again.streams.video[0]):
                    if packet.size:
                        packet.pts = int(packet.pts or 0) + turn * length
                        packet.dts = int(packet.dts or 0) + turn * length
                        packet.stream = stream
                        to.mux(packet)


@pytest.mark.slow
def test_two_hours_of_1080p_are_stepped_through_quickly_in_bounded_memory(tmp_path: Path) -> None:
    long = tmp_path / "project" / "videos" / "long.mp4"
    long.parent.mkdir(parents=True)
    write_two_hours(tmp_path / "minute.mp4", long)
    process = Process(tmp_path / "project")
    client = process.client
    start = time.monotonic()
    assert client.get("/").status == 200
    assert time.monotonic() - start < PAGE_SECONDS
    assert client.wait_for_frames()["frames"] == 180_000
    client.get("/api/frames/90000.jpg")
    steps = []
    for number in (90001, 90002, 90003, 90002, 90001, 90000, 89999, 89998):
        start = time.monotonic()
        assert client.get(f"/api/frames/{number}.jpg").status == 200
        steps.append(time.monotonic() - start)
    for number in range(5000, 180_000, 9000):
        assert client.get(f"/api/thumbnails/{number}.jpg?near=1").status == 200
        assert client.get(f"/api/frames/{number}.jpg").status == 200
    assert client.get("/api/proposals/90000.png").status == 200
    assert process.memory_mib() < MOST_MIB
    process.end()
    assert sorted(steps)[len(steps) // 2] < STEP_SECONDS  # the machine may be busy for one of them


@pytest.mark.parametrize("number", [0, 31, -(10**30)])
def test_a_thumbnail_near_a_frame_that_is_not_there_says_so(client: Client, number: int) -> None:
    answer = client.get(f"/api/thumbnails/{number}.jpg?near=true")
    assert answer.status == 404
    assert str(number) in answer.error


@pytest.mark.parametrize("source", ["auto", "mog2", "median"])
@pytest.mark.parametrize("number", [0, 31, 10**6])
def test_a_proposal_for_a_frame_that_is_not_there_says_so(
    client: Client, source: str, number: int
) -> None:
    answer = client.get(f"/api/proposals/{number}.png?source={source}")
    assert answer.status in (400, 404)
    assert str(number) in answer.error
