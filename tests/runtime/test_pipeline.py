"""A whole video segmented."""

from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import OutputError, VideoError
from cleanplate.images import Frame, read_grey, read_picture
from cleanplate.runtime.outputs import Outputs
from cleanplate.runtime.pipeline import segment_source
from cleanplate.runtime.selection import spread_frames
from cleanplate.scenes.video import ArraySource
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.subtractors.plate_memory import PlateMemory
from cleanplate.subtractors.protocol import Segmentation

RANDOM = np.random.default_rng(0)
FRAMES = [RANDOM.integers(0, 256, (49, 65, 3)).astype(np.uint8) for _ in range(7)]


class Red:
    name = "red"
    learns_online = False

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        return Segmentation(frame[..., 0] > 128, None, 255 - frame)


def test_masks_have_the_inputs_exact_size_and_number(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "masks", tmp_path / "plates")
    done = list(segment_source(Red(), ArraySource(FRAMES), outputs))
    assert done[-1][0] == 7
    memory = PlateMemory()
    for number, frame in enumerate(FRAMES, start=1):
        mask = read_grey(tmp_path / "masks" / f"bin{number:06d}.png")
        assert np.array_equal(mask, (frame[..., 0] > 128).astype(np.uint8) * 255)
        plate = read_picture(tmp_path / "plates" / f"bg{number:06d}.png")
        assert np.array_equal(plate, memory.update(frame, Red().segment(frame)))


def test_the_mask_video_has_every_frame(tmp_path: Path) -> None:
    list(segment_source(Red(), ArraySource(FRAMES), Outputs(None, None, tmp_path / "m.mp4")))
    video = cleanplate.open_source(tmp_path / "m.mp4")
    assert sum(1 for _ in video) == 7


def test_existing_outputs_are_refused_and_kept(tmp_path: Path) -> None:
    for outputs in (Outputs(tmp_path, None, None), Outputs(None, None, tmp_path / "m.mp4")):
        list(segment_source(Red(), ArraySource(FRAMES), outputs))
        kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(OutputError, match="exists already; give --overwrite"):
            list(segment_source(Red(), ArraySource(FRAMES[:1]), outputs))
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_overwrite_replaces_them(tmp_path: Path) -> None:
    for frames in (FRAMES[:1], FRAMES[1:2]):
        outputs = Outputs(tmp_path, None, None, overwrite=True)
        list(segment_source(Red(), ArraySource(frames), outputs))
    assert np.array_equal(read_grey(tmp_path / "bin000001.png") > 0, FRAMES[1][..., 0] > 128)


class EndsEarly(ArraySource):
    def __iter__(self):  # type: ignore[no-untyped-def]
        yield from list(super().__iter__())[:4]
        raise VideoError("x.mp4: ends after 4 of the 7 frames it declares")


def test_what_was_written_stays_when_the_video_ends_early(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "masks", None, tmp_path / "m.mp4")
    with pytest.raises(VideoError, match="ends after 4"):
        list(segment_source(Red(), EndsEarly(FRAMES), outputs))
    assert len(list((tmp_path / "masks").iterdir())) == 4
    assert sum(1 for _ in cleanplate.open_source(tmp_path / "m.mp4")) == 4


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outputs = Outputs(tmp_path / "file" / "masks", None, None)
    with pytest.raises(OutputError, match=r"file/masks: cannot be made"):
        list(segment_source(Red(), ArraySource(FRAMES), outputs))


def test_frames_are_spread_over_a_video_of_any_length(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", 25) as video:
        for value in range(100):
            video.write(np.full((32, 32, 3), 2 * value, np.uint8))
    frames = spread_frames(tmp_path / "v.mp4", 10)
    values = np.array([frame.mean() / 2 for frame in frames])
    assert len(frames) == 10
    assert values[0] < 5
    assert values[-1] > 80
    assert np.ptp(np.diff(values)) < 10
