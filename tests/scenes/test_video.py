from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cleanplate.errors import OutputError, VideoError
from cleanplate.images import write_picture
from cleanplate.scenes.opening import open_source
from cleanplate.scenes.video import ArraySource, FolderSource, FrameSource, PartSource
from cleanplate.scenes.video_file import FORWARD_FRAMES, VideoSource
from cleanplate.scenes.video_writer import VideoWriter

COUNT = FORWARD_FRAMES + 26  # far enough apart that reading by number must search
HEIGHT, WIDTH = 48, 64
FIRST_JPEG = 370
RATE_FPS = 12.5
LOSSY = 12.0
"""The largest mean error of a compressed frame, in grey levels; the frame beside is 16 off."""


class Made(NamedTuple):
    """A kind of source: how to open it, its frames' numbers, rate, and largest mean error."""

    open: Callable[[], FrameSource]
    numbers: range
    rate_fps: float
    largest_error: float


def drawn_frames(count: int = COUNT) -> NDArray[np.uint8]:
    """Draw a texture that moves to the left, so that every frame is another picture."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(20, 256, (HEIGHT // 8, WIDTH // 8 + count))
    wide = coarse.repeat(8, 0).repeat(8, 1)
    red = (wide[..., None] * [1, 0.6, 0.3]).astype(np.uint8)  # swapped channels would be noticed
    return np.stack([red[:, 3 * index : 3 * index + WIDTH] for index in range(count)])


def write_video(
    path: Path,
    frames: NDArray[np.uint8],
    options: dict[str, str],
    codec: str = "libx264",
    muxer: dict[str, str] | None = None,
) -> Path:
    """Write a video as other programs do: with B-frames, and key frames where ``g`` says."""
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        stream.options = dict(options)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def make_arrays(folder: Path) -> Made:
    frames = list(drawn_frames())
    return Made(lambda: ArraySource(frames), range(1, COUNT + 1), 25, 0)


def make_folder_of_png(folder: Path) -> Made:
    for number, frame in enumerate(drawn_frames(), start=1):
        write_picture(folder / f"in{number:06d}.png", frame)
    return Made(lambda: FolderSource(folder), range(1, COUNT + 1), 25, 0)


def make_folder_of_jpeg(folder: Path) -> Made:
    for number, frame in enumerate(drawn_frames(), start=FIRST_JPEG):
        write_picture(folder / f"in{number:06d}.jpg", frame)
    return Made(lambda: FolderSource(folder), range(FIRST_JPEG, FIRST_JPEG + COUNT), 25, LOSSY)


def make_own(folder: Path, suffix: str, in_pieces: bool = False) -> Made:
    path = folder / f"own{suffix}"
    with VideoWriter(path, RATE_FPS, in_pieces=in_pieces) as writer:
        for frame in drawn_frames():
            writer.write(frame)
    return Made(lambda: VideoSource(path), range(1, COUNT + 1), RATE_FPS, LOSSY)


def make_foreign(folder: Path, suffix: str, codec: str = "libx264", **options: str) -> Made:
    path = write_video(folder / f"foreign{suffix}", drawn_frames(), options, codec)
    return Made(lambda: VideoSource(path), range(1, COUNT + 1), 25, LOSSY)


def longer_frames() -> NDArray[np.uint8]:
    """The drawn frames and some more behind them."""
    return np.concatenate([drawn_frames(), drawn_frames(9)])


def make_part_of_folder(folder: Path) -> Made:
    for number, frame in enumerate(longer_frames(), start=FIRST_JPEG):
        write_picture(folder / f"in{number:06d}.png", frame)
    numbers = range(FIRST_JPEG, FIRST_JPEG + COUNT)
    return Made(lambda: PartSource(FolderSource(folder), numbers[-1]), numbers, 25, 0)


def make_part_of_video(folder: Path) -> Made:
    path = write_video(folder / "longer.mp4", longer_frames(), {"g": "12"})
    return Made(lambda: PartSource(VideoSource(path), COUNT), range(1, COUNT + 1), 25, LOSSY)


B_FRAMES = {"bf": "3", "x264-params": "b-adapt=0:scenecut=0"}
OPEN_GOP = {"bf": "3", "x264-params": "b-adapt=0:scenecut=0:open-gop=1", "g": "12"}
SOURCES: dict[str, Callable[[Path], Made]] = {
    "arrays": make_arrays,
    "folder of PNG": make_folder_of_png,
    "folder of JPEG from 370": make_folder_of_jpeg,
    "own mp4": lambda folder: make_own(folder, ".mp4"),
    "own mp4 in pieces": lambda folder: make_own(folder, ".mp4", in_pieces=True),
    "own mkv": lambda folder: make_own(folder, ".mkv"),
    "mp4 with B-frames": lambda folder: make_foreign(folder, ".mp4", g="12", **B_FRAMES),
    "mp4 with open groups": lambda folder: make_foreign(folder, ".mp4", **OPEN_GOP),
    "mp4 with one key frame": lambda folder: make_foreign(folder, ".mp4", g="999", **B_FRAMES),
    "mkv with B-frames": lambda folder: make_foreign(folder, ".mkv", g="12", **B_FRAMES),
    "mpeg transport stream": lambda folder: make_foreign(folder, ".ts", g="12", **B_FRAMES),
    "avi of MPEG-4": lambda folder: make_foreign(folder, ".avi", "mpeg4", g="12", bf="2"),
    "part of a folder": make_part_of_folder,
    "part of a video": make_part_of_video,
    "mpeg program stream": lambda folder: make_foreign(
        folder, ".mpg", "mpeg2video", g="12", bf="2"
    ),
}


@pytest.fixture(scope="module", params=SOURCES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return SOURCES[request.param](tmp_path_factory.mktemp("source"))


def test_iteration_yields_every_number_in_order(made: Made) -> None:
    assert [number for number, _ in made.open()] == list(made.numbers)


def test_iteration_yields_the_pictures_that_were_written(made: Made) -> None:
    errors = [
        np.abs(frame.astype(int) - drawn).mean()
        for (_, frame), drawn in zip(made.open(), drawn_frames(), strict=True)
    ]
    assert max(errors) <= made.largest_error


def test_iterating_twice_gives_the_same(made: Made) -> None:
    source = made.open()
    for (_, once), (_, again) in zip(source, source, strict=True):
        assert np.array_equal(once, again)


def test_reading_in_any_order_gives_the_iterated_frames(made: Made) -> None:
    source = made.open()
    iterated = dict(source)
    order = list(iterated)
    random.Random(0).shuffle(order)
    wrong = [
        number for number in order if not np.array_equal(source.read(number), iterated[number])
    ]
    assert wrong == []


def test_the_first_frame_read_may_be_any(made: Made) -> None:
    iterated = dict(made.open())
    middle = made.numbers[len(made.numbers) * 2 // 3]
    assert np.array_equal(made.open().read(middle), iterated[middle])


def test_reading_while_iterating_disturbs_neither(made: Made) -> None:
    source = made.open()
    iterated = dict(source)
    for number, frame in source:
        assert np.array_equal(source.read(made.numbers[-1]), iterated[made.numbers[-1]])
        assert np.array_equal(frame, iterated[number])
        if number >= made.numbers[2]:
            break


def test_a_frame_is_rgb_of_eight_bits_and_of_the_source_s_size(made: Made) -> None:
    source = made.open()
    frame = source.read(made.numbers[0])
    assert source.size == (HEIGHT, WIDTH)
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8


def test_count_is_the_number_of_frames_or_unknown(made: Made) -> None:
    assert made.open().count in (COUNT, None)


def test_rate_is_the_file_s_or_25(made: Made) -> None:
    assert made.open().rate_fps == pytest.approx(made.rate_fps, rel=1e-3)


def test_every_number_that_is_iterated_is_contained(made: Made) -> None:
    source = made.open()
    assert all(number in source for number in made.numbers)
    assert made.numbers[0] - 1 not in source


@pytest.mark.parametrize("beyond", ["before the first", "after the last"])
def test_a_missing_number_is_refused_by_number(made: Made, beyond: str) -> None:
    number = made.numbers[0] - 1 if beyond == "before the first" else made.numbers[-1] + 1
    with pytest.raises(VideoError, match=rf"there is no frame {number}\b"):
        made.open().read(number)


def test_after_a_missing_number_reading_goes_on(made: Made) -> None:
    source = made.open()
    with pytest.raises(VideoError):
        source.read(made.numbers[-1] + 1)
    assert source.read(made.numbers[5]).shape == (HEIGHT, WIDTH, 3)


def other_size_arrays(folder: Path) -> FrameSource:
    return ArraySource([np.zeros((20, 30, 3), np.uint8), np.zeros((20, 31, 3), np.uint8)])


def other_size_folder(folder: Path) -> FrameSource:
    write_picture(folder / "in1.png", np.zeros((20, 30, 3), np.uint8))
    write_picture(folder / "in2.png", np.zeros((20, 31, 3), np.uint8))
    return FolderSource(folder)


@pytest.mark.parametrize("make", [other_size_arrays, other_size_folder])
def test_frames_of_differing_size_are_refused(
    tmp_path: Path, make: Callable[[Path], FrameSource]
) -> None:
    message = "2(.png)? is 31x20 but the first frame is 30x20; give frames of one size"
    with pytest.raises(VideoError, match=message):
        list(make(tmp_path))


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8)], ids=["float", "grey"]
)
def test_arrays_that_are_no_frames_are_refused(frame: NDArray[np.uint8]) -> None:
    with pytest.raises(VideoError, match=r"clip: frame 1 is .* give \(height, width, 3\) uint8"):
        ArraySource([frame], "clip")


def test_no_arrays_at_all_are_refused() -> None:
    with pytest.raises(VideoError, match="clip: no frames; give at least one"):
        ArraySource([], "clip")


def test_grey_pictures_become_three_equal_channels(tmp_path: Path) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    write_picture(tmp_path / "in1.png", grey)
    frame = FolderSource(tmp_path).read(1)
    assert np.array_equal(frame, np.stack([grey] * 3, -1))


def test_a_folder_of_20000_pictures_opens_in_under_a_second(tmp_path: Path) -> None:
    write_picture(tmp_path / "in000001.png", np.zeros((4, 4, 3), np.uint8))
    for number in range(2, 20_001):
        os.link(tmp_path / "in000001.png", tmp_path / f"in{number:06d}.png")
    start = perf_counter()
    source = FolderSource(tmp_path)
    assert perf_counter() - start < 1
    assert source.count == 20_000


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_truncated_picture_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    for number in (1, 2):
        write_picture(tmp_path / f"in{number}{suffix}", drawn_frames(1)[0])
    path = tmp_path / f"in2{suffix}"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    message = rf"in2{suffix}: not a complete picture \(\d+ bytes\); copy the file again or remove"
    with pytest.raises(VideoError, match=message):
        FolderSource(tmp_path).read(2)


def test_a_picture_removed_after_opening_is_refused_by_name(tmp_path: Path) -> None:
    for number in (1, 2):
        write_picture(tmp_path / f"in{number}.png", drawn_frames(1)[0])
    source = FolderSource(tmp_path)
    (tmp_path / "in2.png").unlink()
    with pytest.raises(VideoError, match=r"in2.png: cannot be read \(.*\); check the path"):
        source.read(2)


@pytest.fixture
def truncated(tmp_path: Path) -> Path:
    """A video whose index is at its beginning and whose last third is missing."""
    muxer = {"movflags": "faststart"}
    path = write_video(tmp_path / "cut.mp4", drawn_frames(), {"g": "12"}, muxer=muxer)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


def test_a_video_that_ends_early_is_refused_with_its_counts(truncated: Path) -> None:
    message = rf"cut.mp4: ends after \d+ frames although it declares {COUNT}; copy the file again"
    with pytest.raises(VideoError, match=message):
        list(VideoSource(truncated))


def test_the_frames_before_an_early_end_are_given(truncated: Path) -> None:
    seen: list[int] = []
    with pytest.raises(VideoError):
        seen.extend(number for number, _ in VideoSource(truncated))
    assert seen == list(range(1, len(seen) + 1))
    assert COUNT // 3 < len(seen) < COUNT


def test_a_frame_behind_an_early_end_is_refused(truncated: Path) -> None:
    with pytest.raises(VideoError, match=rf"cut.mp4: there is no frame {COUNT}; the video ends"):
        VideoSource(truncated).read(COUNT)


def test_a_missing_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"none.mp4: no such file; check the path"):
        open_source(tmp_path / "none.mp4")


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"hello, this is no video" * 100)
    with pytest.raises(VideoError, match=r"a.mp4: not a readable video \(.+\); re-encode it"):
        open_source(tmp_path / "a.mp4")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(VideoError, match=r"a.mp4: not a readable video"):
        open_source(tmp_path / "a.mp4")


def test_a_file_with_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 800), np.int16), format="s16", layout="mono"
        )
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(VideoError, match=r"sound.wav: holds no video stream; give a file with"):
        open_source(path)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"no numbered pictures; put pictures such as in000001"):
        open_source(tmp_path)


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (47, 64)])
def test_odd_sides_are_padded_by_one_pixel(tmp_path: Path, height: int, width: int) -> None:
    frames = drawn_frames(3)[:, :height, :width]
    with VideoWriter(tmp_path / "odd.mp4", 25) as writer:
        for frame in frames:
            writer.write(frame)
    source = VideoSource(tmp_path / "odd.mp4")
    assert source.size == (48, 64)
    error = np.abs(source.read(1)[:height, :width].astype(int) - frames[0]).mean()
    assert error < 16


def test_a_video_stays_playable_when_its_block_raises(tmp_path: Path) -> None:
    def write_seven_and_fail() -> None:
        with VideoWriter(tmp_path / "out.mp4", 25) as writer:
            for frame in drawn_frames(7):
                writer.write(frame)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_seven_and_fail()
    assert len(list(VideoSource(tmp_path / "out.mp4"))) == 7


def test_pieces_play_although_their_writer_was_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; import numpy as np; "
        "from cleanplate.scenes.video_writer import VideoWriter; "
        "video = VideoWriter(Path(sys.argv[1]), 25, in_pieces=True); "
        "[video.write(np.full((48, 64, 3), i % 250, np.uint8)) for i in range(600)]; "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out.mp4")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.mp4").exists()
    (part,) = tmp_path.glob(".out.part.mp4")
    assert sum(1 for _ in VideoSource(part)) >= 250


def test_pieces_play_although_their_writer_was_killed_at_the_end(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, threading; from pathlib import Path; import numpy as np; "
        "from cleanplate.scenes.video_writer import VideoWriter; "
        "noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8); "
        "video = VideoWriter(Path(sys.argv[1]), 25, in_pieces=True); "
        "[video.write(np.roll(noise, i, 0)) for i in range(280)]; "
        "threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGKILL)).start(); video.close(); "
        "signal.pause()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out.mp4")], check=False)
    (left,) = tmp_path.glob("*out*.mp4")
    assert sum(1 for _ in VideoSource(left)) >= 250


@pytest.mark.parametrize("most_frames", [100, 10_000])
def test_what_fits_on_a_full_disk_plays_and_the_rest_is_said(
    tmp_path: Path, most_frames: int
) -> None:
    most_bytes = 100_000 if most_frames == 100 else 4_000_000  # full at the end, or on the way
    code = (
        "import resource, sys; from pathlib import Path; import numpy as np; "
        "from cleanplate.errors import OutputError; "
        "from cleanplate.scenes.video_writer import VideoWriter; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes})); "
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "random = np.random.default_rng(0)\n"
        "try:\n"
        "    with VideoWriter(Path(sys.argv[1]), 25, in_pieces=True) as video:\n"
        f"        for _ in range({most_frames}):\n"
        "            video.write(random.integers(0, 255, (48, 64, 3), np.uint8))\n"
        "except OutputError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out.mp4")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "cannot be written on (File too large); make room" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    readable = 0
    with suppress(VideoError):
        for _ in VideoSource(tmp_path / "out.mp4"):
            readable += 1
    assert readable >= (250 if most_frames > 100 else 0)


def test_after_a_damaged_place_the_other_frames_are_right(tmp_path: Path) -> None:
    grey = [np.full((48, 64, 3), 20 + number // 2, np.uint8) for number in range(400)]
    path = write_video(tmp_path / "v.mp4", np.stack(grey), {"g": "12"})
    with av.open(str(path)) as container:
        places = [packet.pos or 0 for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for place in places[288:300]:
        data[place + 5 : place + 40] = b"\xff" * 35
    path.write_bytes(data)
    source = VideoSource(path)
    assert abs(int(source.read(5).mean()) - 22) < 4
    with suppress(VideoError):
        source.read(298)
    for number in (6, 7, 40):
        assert abs(int(source.read(number).mean()) - (20 + (number - 1) // 2)) < 4


def test_a_name_with_a_colon_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(Path("gate-12:30:00.mp4"), 25) as video:
        video.write(drawn_frames(1)[0])
    assert sum(1 for _ in VideoSource(Path("gate-12:30:00.mp4"))) == 1


def test_only_the_finished_video_is_left(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25) as writer:
        writer.write(drawn_frames(1)[0])
        assert not (tmp_path / "out.mp4").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_video_of_no_frames_leaves_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_not_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25) as writer:
        writer.write(drawn_frames(1)[0])
        with pytest.raises(VideoError, match=r"out.mp4: .* is 30x20 but the first frame is 64x48"):
            writer.write(np.zeros((20, 30, 3), np.uint8))


@pytest.mark.parametrize("name", ["missing/out.mp4", "out", "out.txt", "taken.mp4"])
def test_a_video_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken.mp4").mkdir()
    with pytest.raises(OutputError, match=rf"{name}: cannot be written \(.+\); choose an .mp4"):
        VideoWriter(tmp_path / name, 25)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.mp4"]


def test_a_video_that_claims_a_billion_frames_is_refused_at_once(
    tmp_path: Path,
) -> None:
    with VideoWriter(tmp_path / "v.mp4", 25) as video:
        for _ in range(24):
            video.write(np.zeros((64, 64, 3), np.uint8))
    data = bytearray((tmp_path / "v.mp4").read_bytes())
    times = data.index(b"stts")  # one entry: so many frames of so many ticks
    data[times + 12 : times + 16] = (10**9).to_bytes(4, "big")
    (tmp_path / "v.mp4").write_bytes(data)
    start = perf_counter()
    with pytest.raises(VideoError, match=r"says that it has 1000000000 frames but has only \d+"):
        VideoSource(tmp_path / "v.mp4")
    assert perf_counter() - start < 1


def _patched_video(path: Path, old: bytes, new: bytes) -> Path:
    with VideoWriter(path, 25) as video:
        for _ in range(5):
            video.write(np.zeros((64, 64, 3), np.uint8))
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def test_a_video_that_no_decoder_is_known_for_is_named(tmp_path: Path) -> None:
    path = _patched_video(tmp_path / "v.mp4", b"avc1", b"zzzz")
    with pytest.raises(VideoError, match=r"v\.mp4: .* that no decoder is known for"):
        open_source(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_title_that_is_no_text_does_not_matter(tmp_path: Path, suffix: str) -> None:
    path = _patched_video(tmp_path / f"v{suffix}", b"Lavf", b"\x88\xff\xfe\x80")
    assert sum(1 for _ in open_source(path)) == 5
