"""Which part of a video is worked on."""

from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import ConfigError
from cleanplate.images import write_picture
from cleanplate.runtime.selection import Selection, parse_moment
from cleanplate.scenes.video import ArraySource, FrameSource
from cleanplate.scenes.video_writer import VideoWriter

FRAMES = [np.full((32, 32, 3), 5 * value, np.uint8) for value in range(40)]


@pytest.fixture(params=["arrays", "folder", "video"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> FrameSource:
    if request.param == "arrays":
        return ArraySource(FRAMES)
    if request.param == "folder":
        for number, frame in enumerate(FRAMES, start=1):
            write_picture(tmp_path / f"in{number:06d}.png", frame)
        return cleanplate.open_source(tmp_path)
    with VideoWriter(tmp_path / "v.mp4", 25) as video:
        for frame in FRAMES:
            video.write(frame)
    return cleanplate.open_source(tmp_path / "v.mp4")


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(), range(1, 41)),
        (Selection(start=38), range(38, 41)),
        (Selection(stop=4), range(1, 5)),
        (Selection(start=5, stop=30, every=7), range(5, 31, 7)),
        (Selection(every=13), range(1, 41, 13)),
        (Selection(start=41), range(0)),
    ],
)
def test_the_chosen_frames_come_with_their_numbers(
    source: FrameSource, selection: Selection, numbers: range
) -> None:
    found = list(selection.frames(source))
    assert [number for number, _ in found] == list(numbers)
    assert all(abs(float(frame.mean()) - 5 * (n - 1)) < 3 for n, frame in found)
    assert selection.count(source) == len(numbers)


@pytest.mark.parametrize(
    ("text", "number"), [("250", 250), ("0", 1), ("2s", 51), ("1:30", 2251), ("1:00:00.2", 90006)]
)
def test_moments_are_numbers_or_times(text: str, number: int) -> None:
    assert parse_moment(text, 25) == number


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "-3s", "1.5", "nan:1"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no moment"):
        parse_moment(text, 25)


def test_a_video_that_claims_a_thousand_million_frames_takes_no_memory() -> None:
    class Claims(ArraySource):
        count = 10**9
        numbers = range(1, 10**9 + 1)

    chosen = Selection(start=7, every=10).numbers(Claims(FRAMES))
    assert (len(chosen), chosen[0], chosen[1]) == (10**8, 7, 17)
