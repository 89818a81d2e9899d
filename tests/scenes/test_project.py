from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleanplate.errors import ConfigError, NoFrameError, VideoError
from cleanplate.images import write_picture
from cleanplate.scenes.chain import ChainedSource
from cleanplate.scenes.frame_times import are_kept, kept_times, read_times
from cleanplate.scenes.opening import is_scene_folder, open_scene, open_source
from cleanplate.scenes.polygons import region_mask
from cleanplate.scenes.project_file import (
    INDEX,
    ProjectFile,
    RegionSettings,
    project_text,
    read_project_file,
)
from cleanplate.scenes.video import ArraySource
from cleanplate.scenes.video_writer import VideoWriter

SIZE = (48, 64)


def grey(level: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((*SIZE, 3), level, np.uint8)


def write_clip(path: Path, levels: range) -> None:
    with VideoWriter(path, 25) as writer:
        for level in levels:
            writer.write(grey(level))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "gate"
    (place / "videos").mkdir(parents=True)
    write_clip(place / "videos" / "a.mp4", range(10, 30))
    write_clip(place / "videos" / "b.mp4", range(100, 110))
    project = ProjectFile(name="Gate", videos=("videos/a.mp4", "videos/b.mp4"))
    (place / "project.toml").write_text(project_text(project))
    (place / "groundtruth").mkdir()
    codes = np.zeros(SIZE, np.uint8)
    codes[8:24, 8:24] = 255
    write_picture(place / "groundtruth" / "gt000025.png", codes)
    return place


def test_a_project_is_a_scene_whose_frames_run_on_through_its_videos(folder: Path) -> None:
    assert is_scene_folder(folder)
    scene = open_scene(folder)
    assert (scene.name, scene.frames.count, scene.labelled) == ("Gate", 30, (25,))
    means = {number: float(frame.mean()) for number, frame in scene.frames}
    assert list(means) == list(range(1, 31))
    for number, level in ((1, 10), (20, 29), (21, 100), (30, 109)):
        assert means[number] == pytest.approx(level, abs=2)
        assert scene.frame(number).mean() == pytest.approx(level, abs=2)
    assert open_source(folder).count == 30


def test_what_a_project_says_is_read_back() -> None:
    region = RegionSettings(include=(((0.0, 0.5), (4.0, 0.0), (4.0, 4.0)),))
    project = ProjectFile(name='A "gate"\n\u00fc', videos=("videos/a b.mp4",), region=region)
    assert project_text(ProjectFile(name="x")).count("region") == 0
    assert read_text(project) == project


def read_text(project: ProjectFile) -> ProjectFile:
    from cleanplate.settings import parse_settings

    return parse_settings(ProjectFile, project_text(project), "test")


@pytest.mark.parametrize("video", ["../a.mp4", "/a.mp4", "videos/../../a.mp4", "", "a\0.mp4"])
def test_a_video_outside_the_folder_is_refused(tmp_path: Path, video: str) -> None:
    (tmp_path / "project.toml").write_text(project_text(ProjectFile(name="x", videos=(video,))))
    with pytest.raises(ConfigError, match="move the file into it"):
        read_project_file(tmp_path)


def test_a_region_leaves_out_labels_and_only_those(folder: Path) -> None:
    region = RegionSettings(exclude=(((0.0, 0.0), (63.0, 0.0), (63.0, 15.0), (0.0, 15.0)),))
    project = read_project_file(folder).model_copy(update={"region": region})
    (folder / "project.toml").write_text(project_text(project))
    labels = open_scene(folder).truth(25).labels
    assert (labels[:16] == -1).all()
    assert (labels[16:] >= 0).all()
    assert int((labels == 1).sum()) == 8 * 16


def test_polygons_include_then_exclude() -> None:
    whole = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    hole = ((2.0, 2.0), (5.0, 2.0), (5.0, 5.0), (2.0, 5.0))
    assert region_mask([], [], (10, 10)).all()
    assert int(region_mask([hole], [], (10, 10)).sum()) == 16
    assert int(region_mask([whole], [hole], (10, 10)).sum()) == 84


def test_times_are_kept_and_read_anew_when_the_file_changes(folder: Path) -> None:
    path, kept = folder / "videos" / "a.mp4", folder / ".studio" / INDEX
    assert not are_kept(path, kept)
    first = kept_times(path, kept)
    assert are_kept(path, kept)
    assert first.count == 20
    again = kept_times(path, kept)
    assert (again.shown == first.shown).all()
    write_clip(path, range(10, 15))
    assert not are_kept(path, kept)
    assert kept_times(path, kept).count == 5
    for damaged in kept.iterdir():
        damaged.write_bytes(b"not what it was")
    assert kept_times(path, kept).count == read_times(path).count == 5


def test_a_chain_refuses_what_is_no_one_camera() -> None:
    one = ArraySource([grey(1), grey(2)], "one")
    other = ArraySource([np.zeros((10, 10, 3), np.uint8)], "other")
    with pytest.raises(VideoError, match="other is 10x10 but one is 64x48"):
        ChainedSource([one, other], "both")
    with pytest.raises(VideoError, match="bring one in"):
        ChainedSource([], "none")
    chain = ChainedSource([one, one], "twice")
    assert [int(chain.read(number).mean()) for number in (1, 2, 3, 4)] == [1, 2, 1, 2]
    for number in (0, 5):
        with pytest.raises(NoFrameError, match="it has 1 to 4"):
            chain.read(number)
