"""Everything that can be written of a segmented video, read back."""

import csv
import json
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

import cleanplate
from cleanplate.errors import ConfigError, OutputError, VideoError
from cleanplate.images import Frame, Mask
from cleanplate.runtime.coco import run_lengths
from cleanplate.runtime.outputs import Outputs
from cleanplate.runtime.pipeline import Step, segment_source
from cleanplate.runtime.region import Region
from cleanplate.runtime.selection import Selection
from cleanplate.scenes.video import ArraySource
from cleanplate.subtractors.protocol import Segmentation

HEIGHT, WIDTH, COUNT = 48, 64, 30
BUSY = range(11, 16)
"""Numbers of the frames in which a square is there; also a flicker in frame 24."""


def _frame(number: int) -> Frame:
    frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    frame[:4, :4] = 3 * number
    if number in BUSY:
        frame[10:20, 2 * number : 2 * number + 12] = (220, 40, 40)
    if number == 24:
        frame[30:34, 30:34] = (220, 40, 40)
    return frame


class RedIsForeground:
    name = "red"
    learns_online = False

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        mask = (frame[..., 0] > 150) & (frame[..., 1] < 100)
        return Segmentation(mask, None, np.full_like(frame, 60))


def _run(
    outputs: Outputs, selection: Selection | None = None, region: Region | None = None
) -> list[Step]:
    source = ArraySource([_frame(number) for number in range(1, COUNT + 1)])
    return list(
        segment_source(RedIsForeground(), source, outputs, selection or Selection(), region)
    )


def _video(path: Path) -> list[Frame]:
    return [frame for _, frame in cleanplate.open_source(path)]


def test_the_overlay_marks_the_foreground_and_nothing_else(tmp_path: Path) -> None:
    _run(Outputs(overlay=tmp_path / "o.mp4"))
    shown = _video(tmp_path / "o.mp4")
    assert len(shown) == COUNT
    still, busy = shown[2].astype(int), shown[12].astype(int)
    assert np.abs(still[24:, 24:] - 60).max() < 8
    assert busy[15, 30:34].mean(0)[0] > 200
    assert np.abs(busy[40:, :20] - 60).max() < 8


def test_side_by_side_shows_frame_plate_and_mask(tmp_path: Path) -> None:
    _run(Outputs(side_by_side=tmp_path / "s.mp4"))
    shown = _video(tmp_path / "s.mp4")[12].astype(int)
    assert shown.shape == (HEIGHT, 3 * WIDTH, 3)
    frame, plate, mask = np.split(shown, 3, 1)
    inside = (slice(12, 18), slice(29, 35))
    assert frame[inside][..., 0].mean() > 180
    assert abs(plate[inside].mean() - 60) < 10
    assert mask[inside].min() > 200
    assert mask[30:].max() < 40


def test_the_clean_video_shows_nobody(tmp_path: Path) -> None:
    _run(Outputs(clean_video=tmp_path / "c.mp4"))
    assert all(
        np.abs(frame[8:].astype(int) - 60).max() < 12 for frame in _video(tmp_path / "c.mp4")
    )


@pytest.mark.parametrize("name", ["f.webm", "f.mov"])
def test_the_foreground_alone_is_transparent_around(name: str, tmp_path: Path) -> None:
    _run(Outputs(foreground=tmp_path / name))
    alphas = []
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        # FFmpeg's own VP9 decoder ignores alpha, libvpx does not
        decoder = av.CodecContext.create("libvpx-vp9", "r") if name.endswith("webm") else None
        for packet in container.demux(stream):
            for shown in decoder.decode(packet) if decoder is not None else packet.decode():
                assert isinstance(shown, av.VideoFrame)
                alphas.append(shown.to_ndarray(format="rgba")[..., 3])
    assert len(alphas) == COUNT
    assert alphas[12][12:18, 28:34].min() > 240
    assert alphas[12][30:].max() < 16
    assert alphas[2].max() < 16


def test_pictures_of_the_foreground_have_alpha(tmp_path: Path) -> None:
    import cv2

    _run(Outputs(foreground=tmp_path / "cut"))
    assert len(list((tmp_path / "cut").iterdir())) == COUNT
    picture = cv2.imread(str(tmp_path / "cut" / "fg000013.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == (HEIGHT, WIDTH, 4)
    wanted = RedIsForeground().segment(_frame(13)).mask
    assert np.array_equal(picture[..., 3] == 255, wanted)
    assert np.array_equal(picture[wanted][:, 2::-1], _frame(13)[wanted])


def test_transparency_in_a_file_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"choose a \.webm or \.mov file, or a folder"):
        _run(Outputs(foreground=tmp_path / "f.mp4"))


def _decoded(segmentation: dict[str, list[int]]) -> Mask:
    counts = segmentation["counts"]
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    height, width = segmentation["size"]
    return np.asarray(values.reshape(width, height).T, bool)


@given(arrays(bool, (5, 7)))
def test_run_lengths_give_the_mask_back(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(_decoded(run_lengths(mask)), mask)


def test_lines_hold_every_mask(tmp_path: Path) -> None:
    _run(Outputs(lines=tmp_path / "m.jsonl"), Selection(start=10, stop=14))
    found = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [one["frame"] for one in found] == [10, 11, 12, 13, 14]
    assert found[1]["seconds"] == 0.4
    for one in found:
        wanted = RedIsForeground().segment(_frame(one["frame"])).mask
        assert np.array_equal(_decoded(one["segmentation"]), wanted)
        assert one["foreground"] == wanted.sum()


def test_the_table_has_each_connected_part(tmp_path: Path) -> None:
    _run(Outputs(components=tmp_path / "c.csv"))
    with (tmp_path / "c.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == [*BUSY, 24]
    assert {key: rows[1][key] for key in ("left", "top", "width", "height", "area")} == {
        "left": "24", "top": "10", "width": "12", "height": "10", "area": "120",
    }  # fmt: skip
    assert (float(rows[1]["x"]), float(rows[1]["y"])) == (29.5, 14.5)


def test_an_event_is_a_clip_with_what_came_before_and_after(tmp_path: Path) -> None:
    _run(Outputs(events=tmp_path / "e", roll_seconds=0.2))
    with (tmp_path / "e" / "events.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            "event": "1", "first_frame": "11", "start_seconds": "0.4",
            "last_frame": "15", "end_seconds": "0.56",
        }
    ]  # fmt: skip
    clip = _video(tmp_path / "e" / "event0001.mp4")
    # five before, five of it, five after; the flicker is no event
    assert len(clip) == 15
    numbers = [round(float(frame[:3, :3].mean()) / 3) for frame in clip]
    assert np.abs(np.array(numbers) - np.arange(6, 21)).max() <= 1


def test_small_parts_and_other_regions_do_not_count(tmp_path: Path) -> None:
    _run(Outputs(components=tmp_path / "a.csv"), region=Region(least_area=50))
    assert "\n24," not in (tmp_path / "a.csv").read_text()
    only = Region([((25, 25), (40, 25), (40, 40), (25, 40))])
    _run(Outputs(components=tmp_path / "b.csv"), region=only)
    assert [line.split(",")[0] for line in (tmp_path / "b.csv").read_text().splitlines()[1:]] == [
        "24"
    ]


def test_one_of_so_many_frames_plays_as_long(tmp_path: Path) -> None:
    steps = _run(Outputs(video=tmp_path / "m.mp4"), Selection(every=5))
    assert [step.number for step in steps] == list(range(1, 31, 5))
    source = cleanplate.open_source(tmp_path / "m.mp4")
    assert source.rate_fps == 5


def test_whatever_is_there_already_is_refused_before_any_work(tmp_path: Path) -> None:
    for outputs in (
        Outputs(lines=tmp_path / "m.jsonl"),
        Outputs(events=tmp_path / "e"),
        Outputs(foreground=tmp_path / "cut"),
        Outputs(overlay=tmp_path / "o.mp4"),
    ):
        _run(outputs)
        with pytest.raises(OutputError, match="exists already"):
            _run(outputs)


def test_what_was_written_before_an_interruption_is_whole(tmp_path: Path) -> None:
    outputs = Outputs(
        video=tmp_path / "m.mp4", lines=tmp_path / "m.jsonl", components=tmp_path / "c.csv",
        events=tmp_path / "e",
    )  # fmt: skip
    source = ArraySource([_frame(number) for number in range(1, COUNT + 1)])
    steps = segment_source(RedIsForeground(), source, outputs)
    for step in steps:
        if step.number == 13:
            break
    steps.close()
    assert len(_video(tmp_path / "m.mp4")) == 13
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 13
    assert len(_video(tmp_path / "e" / "event0001.mp4")) == 13
    assert "1,11," in (tmp_path / "e" / "events.csv").read_text()
    assert not [path.name for path in tmp_path.rglob("*.part*")]


def test_an_error_before_the_first_frame_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "l.jsonl").write_text("precious")
    outputs = Outputs(
        lines=tmp_path / "l.jsonl", components=tmp_path / "c.csv", events=tmp_path / "e",
        overwrite=True,
    )  # fmt: skip
    with pytest.raises(VideoError, match=r"gone\.png"):
        _run(outputs, region=Region([tmp_path / "gone.png"]))
    assert [path.name for path in tmp_path.iterdir()] == ["l.jsonl"]
    assert (tmp_path / "l.jsonl").read_text() == "precious"


def test_an_older_file_is_kept_beside_what_an_error_left(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").write_text("precious")
    source = ArraySource([_frame(number) for number in range(1, COUNT + 1)])
    outputs = Outputs(lines=tmp_path / "l.jsonl", overwrite=True)
    steps = segment_source(RedIsForeground(), source, outputs)
    for _ in range(3):
        next(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    assert (tmp_path / "l.jsonl").read_text() == "precious"
    assert len((tmp_path / "l.partial.jsonl").read_text().splitlines()) == 3


def test_a_stopped_coco_file_is_whole_json_of_the_frames_so_far(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    source = ArraySource([_frame(number) for number in range(1, COUNT + 1)])
    steps = segment_source(RedIsForeground(), source, Outputs(coco=path))
    for _ in range(12):
        next(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    coco = json.loads(path.read_text())
    assert [image["id"] for image in coco["images"]] == list(range(1, 13))
    assert {found["image_id"] for found in coco["annotations"]} == {11, 12}


def test_a_stopped_job_goes_on_where_it_stopped(tmp_path: Path) -> None:
    outputs = Outputs(masks=tmp_path / "masks")
    _run(outputs, Selection(stop=10))
    _run(outputs, Selection(start=11))
    assert len(list((tmp_path / "masks").iterdir())) == COUNT
    with pytest.raises(OutputError, match=r"bin000005\.png: exists already"):
        _run(outputs, Selection(start=5))


def test_one_place_for_two_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is asked for twice"):
        _run(Outputs(video=tmp_path / "x.mp4", overlay=tmp_path / "x.mp4"))


def test_a_video_of_a_kind_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"choose an \.mp4 file"):
        _run(Outputs(video=tmp_path / "m.webm"))


def test_clean_plates_of_a_method_without_a_background_are_refused(tmp_path: Path) -> None:
    class Masks(RedIsForeground):
        def segment(self, frame: Frame, update: bool = True) -> Segmentation:
            return super().segment(frame, update)._replace(background=None)

    source = ArraySource([_frame(1), _frame(2)])
    outputs = Outputs(clean_video=tmp_path / "c.mp4", backgrounds=tmp_path / "plates")
    with pytest.raises(ConfigError, match="red: has no background"):
        list(segment_source(Masks(), source, outputs))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
