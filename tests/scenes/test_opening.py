from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cleanplate.errors import DatasetError, VideoError
from cleanplate.evaluation.background_measures import measure_background
from cleanplate.images import write_picture
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.video_writer import VideoWriter

Crossing = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def video(tmp_path: Path, crossing: Crossing) -> Path:
    with VideoWriter(tmp_path / "yard.mp4", 10) as writer:
        for frame in crossing[0]:
            writer.write(frame)
    return tmp_path / "yard.mp4"


@pytest.fixture
def masks(tmp_path: Path, crossing: Crossing) -> Path:
    """Masks of 0 and 255 for the frames 3, 7 and 20."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for number in (3, 7, 20):
        write_picture(folder / f"frame_{number}.png", crossing[1][number - 1])
    return folder


def test_a_cdnet_folder_is_opened_whole(scene_folder: Path) -> None:
    scene = open_scene(scene_folder)
    assert scene.name == "crossing"
    assert scene.size == (64, 64)
    assert scene.frames.count == 24
    assert len(scene.label_files) == 24
    assert scene.temporal_region == (5, 24)


def test_all_five_codes_reach_the_truth(scene_folder: Path, crossing: Crossing) -> None:
    truth = open_scene(scene_folder).truth(12)
    mask = crossing[1][11]
    ring = 16 * 16 - 14 * 14
    assert np.array_equal(truth.labels == 1, mask)
    assert np.count_nonzero(truth.labels == -1) == ring + 2 * 64
    assert np.count_nonzero(truth.shadow) == 3 * 14
    assert np.count_nonzero(truth.unclean) == 16 * 16 + 3 * 14


def test_a_scene_may_be_named_by_text(scene_folder: Path) -> None:
    assert open_scene(str(scene_folder)).name == "crossing"


def test_a_scene_is_named_after_its_folder_even_from_within(
    scene_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scene_folder)
    assert open_scene(".").name == "crossing"


@pytest.mark.parametrize(("parent", "category"), [("cameraJitter", "cameraJitter"), ("mine", "")])
def test_the_category_is_one_of_cdnet_s_or_empty(
    tmp_path: Path, write_scene: Callable[..., Path], parent: str, category: str
) -> None:
    frames = np.zeros((2, 6, 8, 3), np.uint8)
    assert open_scene(write_scene(tmp_path / parent / "yard", frames, {})).category == category


def test_neither_roi_nor_temporal_region_is_needed(
    tmp_path: Path, write_scene: Callable[..., Path]
) -> None:
    scene = open_scene(write_scene(tmp_path / "yard", np.zeros((2, 6, 8, 3), np.uint8), {}))
    assert (scene.roi, scene.temporal_region) == (None, None)


def test_nothing_but_the_first_frame_is_read_at_opening(scene_folder: Path) -> None:
    for path in [*(scene_folder / "input").iterdir(), *(scene_folder / "groundtruth").iterdir()]:
        if path.name != "in000001.png":
            path.write_bytes(b"")
    assert open_scene(scene_folder).size == (64, 64)


def test_a_video_s_masks_are_named_by_frames_from_1(
    video: Path, masks: Path, crossing: Crossing
) -> None:
    scene = open_scene(video, labels=masks)
    assert scene.labelled == (3, 7, 20)
    for number in scene.labelled:
        assert np.array_equal(scene.truth(number).labels == 1, crossing[1][number - 1])


def test_a_video_scene_reads_the_frame_of_its_label(
    video: Path, masks: Path, crossing: Crossing
) -> None:
    frame = open_scene(video, labels=masks).frame(7)
    errors = [np.abs(frame.astype(int) - other).mean() for other in crossing[0]]
    assert int(np.argmin(errors)) == 6


def test_a_video_scene_is_named_after_its_file(video: Path, masks: Path) -> None:
    assert open_scene(video, labels=masks).name == "yard"


def test_a_folder_of_pictures_takes_masks_too(scene_folder: Path, masks: Path) -> None:
    scene = open_scene(scene_folder / "input", labels=masks)
    assert scene.split("half").scored == (7, 20)


def test_masks_of_0_and_1_are_refused_with_their_values(video: Path, tmp_path: Path) -> None:
    (tmp_path / "ones").mkdir()
    write_picture(tmp_path / "ones" / "3.png", np.eye(64, dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"3.png: mask holds values 1; use 0 and 255, or"):
        open_scene(video, labels=tmp_path / "ones").split("all")


def test_a_missing_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere: no such scene; check the path"):
        open_scene(tmp_path / "nowhere")


def test_a_folder_that_is_no_scene_says_what_is_needed(tmp_path: Path) -> None:
    message = (
        f"{tmp_path}: not a scene in CDNet layout; it needs the folders input and groundtruth, "
        "or give the masks with --labels"
    )
    with pytest.raises(DatasetError, match=message):
        open_scene(tmp_path)


def test_a_video_without_masks_says_what_is_needed(video: Path) -> None:
    with pytest.raises(DatasetError, match=r"yard.mp4: not a scene .* the masks with --labels"):
        open_scene(video)


def test_a_scene_without_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    (tmp_path / "groundtruth").mkdir()
    with pytest.raises(DatasetError, match=r"input: no numbered pictures; put pictures such as"):
        open_scene(tmp_path)


def test_a_missing_folder_of_masks_is_refused(video: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none: cannot be opened \(.+\); give a folder"):
        open_scene(video, labels=tmp_path / "none")


def test_a_folder_without_masks_is_refused(video: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty: no numbered pictures; put masks such as 0"):
        open_scene(video, labels=tmp_path / "empty")


def test_a_missing_video_with_masks_is_refused(tmp_path: Path, masks: Path) -> None:
    with pytest.raises(VideoError, match=r"none.mp4: no such file; check the path"):
        open_scene(tmp_path / "none.mp4", labels=masks)


def test_two_masks_of_one_frame_are_refused(video: Path, masks: Path) -> None:
    (masks / "000007.png").touch()
    with pytest.raises(DatasetError, match=r"000007.png and frame_7.png are both frame 7; remove"):
        open_scene(video, labels=masks)


def test_two_frames_of_one_number_are_refused(scene_folder: Path) -> None:
    (scene_folder / "input" / "in000003.jpg").touch()
    with pytest.raises(DatasetError, match=r"in000003.jpg and in000003.png are both frame 3"):
        open_scene(scene_folder)


def test_a_scene_without_reference_has_no_plates(scene_folder: Path) -> None:
    assert open_scene(scene_folder).plates == {}


def test_a_drawn_scene_has_the_plate_of_every_frame(drawn_scene: Path) -> None:
    plates = open_scene(drawn_scene).plates
    assert list(plates) == list(range(1, 41))
    assert plates[7] == drawn_scene / "background" / "bg000007.png"


@pytest.mark.parametrize("name", ["GT_yard.png", "GT_other.jpg", "background.png"])
def test_a_single_reference_stands_for_every_frame(scene_folder: Path, name: str) -> None:
    write_picture(scene_folder / name, np.zeros((64, 64, 3), np.uint8))
    assert open_scene(scene_folder).plates == dict.fromkeys(range(1, 25), scene_folder / name)


def test_plates_of_each_frame_go_before_a_single_one(drawn_scene: Path, tmp_path: Path) -> None:
    folder = tmp_path / "street"
    shutil.copytree(drawn_scene, folder)
    write_picture(folder / "GT_street.png", np.zeros((64, 96, 3), np.uint8))
    assert open_scene(folder).plates[1].name == "bg000001.png"


def test_of_two_references_neither_is_used_and_both_are_named(
    scene_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("GT_a.png", "background.png"):
        write_picture(scene_folder / name, np.zeros((64, 64, 3), np.uint8))
    with caplog.at_level(logging.WARNING):
        assert open_scene(scene_folder).plates == {}
    assert "crossing: GT_a.png and background.png could each be" in caplog.text


def test_a_folder_named_background_with_other_things_is_no_reference(scene_folder: Path) -> None:
    (scene_folder / "background").mkdir()
    (scene_folder / "background" / "notes.txt").touch()
    assert open_scene(scene_folder).plates == {}


@pytest.mark.real
def test_hall_and_monitor_has_its_true_background(real_data: Path) -> None:
    scene = open_scene(real_data / "sbi2015" / "HallAndMonitor")
    plate = scene.plate(scene.labelled[-1])
    assert plate is not None
    assert plate.shape == (240, 352, 3)
    frames = np.stack([scene.frame(number) for number in scene.labelled[::6]])
    found = measure_background(np.median(frames, 0).astype(np.uint8), plate)
    assert 1 < found.age < 5
    assert (found.ms_ssim or 0) > 0.9


@pytest.mark.real
@pytest.mark.parametrize(("collection", "least"), [("cdnet", 6), ("sbi2015", 7), ("ucsd", 12)])
def test_every_real_scene_opens_splits_and_reads(
    real_data: Path, collection: str, least: int
) -> None:
    folders = sorted(path.parent for path in (real_data / collection).rglob("input"))
    assert len(folders) >= least
    for folder in folders:
        scene = open_scene(folder)
        split = scene.split("half")
        assert 0 <= len(split.scored) - len(split.training) <= 1, folder
        for number in (split.training[0], split.scored[-1]):
            assert scene.frame(number).shape == (*scene.size, 3), folder
            assert (scene.truth(number).labels >= 0).any(), folder


@pytest.mark.real
def test_real_scenes_have_the_labelled_frames_that_are_known(real_data: Path) -> None:
    """Counted by hand from the label files, see the manifest beside them."""
    expected = {
        "cdnet/baseline/highway": (801, 470, 1270),
        "cdnet/baseline/pedestrians": (800, 300, 1099),
        "cdnet/baseline/office": (701, 570, 1270),
        "cdnet/dynamicBackground/canoe": (200, 850, 1072),
        "cdnet/cameraJitter/traffic": (671, 900, 1570),
        "cdnet/PTZ/zoomInZoomOut": (200, 501, 813),
        "sbi2015/Board": (227, 1, 227),
        "sbi2015/HallAndMonitor": (148, 0, 294),
        "ucsd/rain": (14, 75, 88),
        "ucsd/skiing": (101, 1, 101),
    }
    found = {}
    for name in expected:
        labelled = open_scene(real_data / name).labelled
        found[name] = (len(labelled), labelled[0], labelled[-1])
    assert found == expected
