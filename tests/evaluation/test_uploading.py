"""Masks of whole scenes and the zip to upload."""

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import cleanplate
from cleanplate.errors import DatasetError, OutputError, VideoError
from cleanplate.evaluation.published import PublishedResults
from cleanplate.evaluation.scoring import score
from cleanplate.evaluation.uploading import METHOD_MARK, write_masks, write_upload
from cleanplate.images import Frame
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.video import ArraySource
from cleanplate.subtractors.opencv import make_opencv
from cleanplate.subtractors.protocol import Segmentation

CATEGORY = "baseline"


class Counter:
    """Says foreground where red is bright and counts the frames it saw."""

    def __init__(self, learns_online: bool, name: str = "counter") -> None:
        self.name, self.learns_online, self.seen = name, learns_online, 0

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        self.seen += 1
        return Segmentation(frame[..., 0] > 128, None, None)


@pytest.fixture
def scene(scene_folder: Path) -> Scene:
    return cleanplate.open_scene(scene_folder)


def place(folder: Path) -> Path:
    return folder / "results" / CATEGORY / "crossing"


def test_what_is_uploaded_scores_like_the_method_itself(scene: Scene, tmp_path: Path) -> None:
    assert list(write_masks(scene, CATEGORY, make_opencv("mog2"), tmp_path)) == list(range(1, 21))
    assert write_upload(tmp_path / "up.zip", tmp_path) == 20
    numbers = scene.split("half").scored
    direct = score(scene, numbers, make_opencv("mog2"), "half")
    with PublishedResults(tmp_path / "up.zip") as found:
        result = found.score(scene, CATEGORY, numbers, "half", "mog2")
    assert result.counts == direct.counts
    assert result.counts.tp > 0
    assert replace(direct, seconds=0.0) == result


def test_there_is_a_mask_of_0_and_255_for_each_frame_of_the_region(
    scene: Scene, tmp_path: Path
) -> None:
    list(write_masks(scene, CATEGORY, Counter(False), tmp_path))
    masks = sorted(place(tmp_path).glob("*.png"))
    assert [mask.name for mask in masks] == [f"bin{number:06d}.png" for number in range(5, 25)]
    values = cv2.imread(str(masks[0]), cv2.IMREAD_UNCHANGED)
    assert values is not None
    assert values.ndim == 2
    assert set(np.unique(values)) == {0, 255}


@pytest.mark.parametrize(("learns_online", "seen"), [(True, 24), (False, 20)])
def test_only_a_method_that_learns_online_sees_the_frames_before_the_region(
    scene: Scene, tmp_path: Path, learns_online: bool, seen: int
) -> None:
    counter = Counter(learns_online)
    list(write_masks(scene, CATEGORY, counter, tmp_path))
    assert counter.seen == seen


def test_frames_behind_the_region_are_not_looked_at(scene: Scene, tmp_path: Path) -> None:
    counter = Counter(True)
    short = replace(scene, temporal_region=(5, 9))
    assert list(write_masks(short, CATEGORY, counter, tmp_path))[-1] == 5
    assert counter.seen == 9


def test_what_is_there_is_not_segmented_again(scene: Scene, tmp_path: Path) -> None:
    list(write_masks(scene, CATEGORY, Counter(True), tmp_path))
    again = Counter(True)
    assert list(write_masks(scene, CATEGORY, again, tmp_path)) == [20]
    assert again.seen == 0


@pytest.mark.parametrize(("learns_online", "seen"), [(True, 24), (False, 14)])
def test_work_that_was_broken_off_goes_on(
    scene: Scene, tmp_path: Path, learns_online: bool, seen: int
) -> None:
    steps = write_masks(scene, CATEGORY, Counter(learns_online), tmp_path)
    assert [next(steps) for _ in range(6)][-1] == 6
    again = Counter(learns_online)
    assert list(write_masks(scene, CATEGORY, again, tmp_path))[-1] == 20
    assert again.seen == seen
    assert len(list(place(tmp_path).glob("*.png"))) == 20


def test_another_methods_masks_are_left_alone(scene: Scene, tmp_path: Path) -> None:
    list(write_masks(scene, CATEGORY, Counter(False, "one"), tmp_path))
    with pytest.raises(OutputError, match="holds masks of one, not of two; choose another folder"):
        list(write_masks(scene, CATEGORY, Counter(False, "two"), tmp_path))
    place(tmp_path / "by-hand").mkdir(parents=True)
    (place(tmp_path / "by-hand") / "bin000005.png").touch()
    with pytest.raises(OutputError, match="holds masks of some other origin, not of one"):
        list(write_masks(scene, CATEGORY, Counter(False, "one"), tmp_path / "by-hand"))


def test_a_scene_without_a_region_is_segmented_whole(
    write_scene: Callable[..., Path], tmp_path: Path
) -> None:
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    folder = write_scene(tmp_path / "whole", frames, {}, first=0)
    list(write_masks(cleanplate.open_scene(folder), CATEGORY, Counter(True), tmp_path))
    names = sorted(path.name for path in (tmp_path / "results" / CATEGORY / "whole").glob("*.png"))
    assert names == ["bin000000.png", "bin000001.png", "bin000002.png"]


def test_frames_that_are_not_there_get_no_mask_and_are_told_of(
    scene: Scene, scene_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (scene_folder / "input" / "in000011.png").unlink()
    list(write_masks(cleanplate.open_scene(scene_folder), CATEGORY, Counter(True), tmp_path))
    written = {path.name for path in tmp_path.rglob("bin*.png")}
    assert written == {f"bin{number:06d}.png" for number in range(5, 25) if number != 11}
    assert "1 of the 20 frames of its temporal region are missing" in caplog.text


def test_masks_of_no_category_are_refused(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no category"):
        list(write_masks(scene, "", Counter(True), tmp_path))


def test_masks_of_another_model_of_the_same_method_are_replaced(
    scene: Scene, tmp_path: Path
) -> None:
    for origin in ("first", "first", "second"):
        method = Counter(True)
        list(write_masks(scene, CATEGORY, method, tmp_path, origin))
        mark = next(tmp_path.rglob(METHOD_MARK))
        assert mark.read_text() == f"{method.name}\n{origin}"
    assert len(list(tmp_path.rglob("bin*.png"))) == 20


def test_frames_that_end_early_are_an_error(scene: Scene, tmp_path: Path) -> None:
    class Short(ArraySource):
        def __contains__(self, number: object) -> bool:
            return True

    frames = Short([scene.frame(number) for number in range(1, 11)])
    with pytest.raises(VideoError, match="ends after 6 of the 20 frames to segment"):
        list(write_masks(replace(scene, frames=frames), CATEGORY, Counter(True), tmp_path))


def test_equal_masks_make_equal_archives_in_order(scene: Scene, tmp_path: Path) -> None:
    list(write_masks(scene, "yard", Counter(False), tmp_path / "a"))
    list(write_masks(scene, CATEGORY, Counter(False), tmp_path / "a"))
    write_upload(tmp_path / "one.zip", tmp_path / "a")
    for mask in (tmp_path / "a").rglob("*.png"):
        os.utime(mask, (10**9, 10**9))
    write_upload(tmp_path / "two.zip", tmp_path / "a" / "results")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert names[0] == "results/baseline/crossing/bin000005.png"
    assert names[-1] == "results/yard/crossing/bin000024.png"


def test_a_failed_upload_leaves_the_older_one(scene: Scene, tmp_path: Path) -> None:
    list(write_masks(scene, CATEGORY, Counter(False), tmp_path))
    write_upload(tmp_path / "up.zip", tmp_path)
    before = (tmp_path / "up.zip").read_bytes()
    (place(tmp_path) / "bin000024.png").rename(place(tmp_path) / "bin000024.jpg")
    with pytest.raises(DatasetError, match="JPEG blurs a mask's edge"):
        write_upload(tmp_path / "up.zip", tmp_path)
    assert (tmp_path / "up.zip").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_place_that_cannot_be_written_is_named(scene: Scene, tmp_path: Path) -> None:
    list(write_masks(scene, CATEGORY, Counter(False), tmp_path))
    with pytest.raises(OutputError, match=r"absent/up\.zip: cannot be written \(No such file"):
        write_upload(tmp_path / "absent" / "up.zip", tmp_path)
