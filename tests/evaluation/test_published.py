"""Result archives of changedetection.net, as a folder and as a zip, sound and not."""

import logging
import shutil
import struct
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

import cleanplate
from cleanplate.errors import DatasetError
from cleanplate.evaluation import published
from cleanplate.evaluation.published import PublishedResults
from cleanplate.evaluation.scoring import score_results
from cleanplate.images import write_picture
from cleanplate.scenes.scene import Scene

CATEGORY = "baseline"


@pytest.fixture
def scene(scene_folder: Path) -> Scene:
    return cleanplate.open_scene(scene_folder)


@pytest.fixture
def results(tmp_path: Path, scene: Scene) -> Path:
    """Masks of frames 5 to 24 in an upload's layout: the truth, and one corner in addition."""
    for number in range(5, 25):
        mask = scene.truth(number).labels == 1
        mask[:9, :9] = True
        write_picture(place(tmp_path / "up") / f"bin{number:06d}.png", mask)
    return tmp_path / "up"


def place(root: Path) -> Path:
    folder = root / "results" / CATEGORY / "crossing"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def zipped(folder: Path, above: str = "") -> Path:
    """Zip a folder beside it, its entries under the folder ``above``."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, f"{above}{file.relative_to(folder).as_posix()}")
    return path


def score(path: Path, scene: Scene, allow_missing: bool = False) -> object:
    with PublishedResults(path) as found:
        return found.score(scene, CATEGORY, scene.labelled, "all", "theirs", allow_missing)


def refusal(path: Path, scene: Scene) -> str:
    with pytest.raises(DatasetError) as caught:
        score(path, scene)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_and_a_zip_score_like_the_masks_alone(results: Path, scene: Scene) -> None:
    alone = score_results(scene, scene.labelled, place(results), "all")
    assert (alone.counts.fp, alone.counts.fn) == (20 * 81, 0)
    with PublishedResults(results) as found:
        result = found.score(scene, CATEGORY, scene.labelled, "all", "theirs")
    assert (result.counts, result.frames_scored) == (alone.counts, 20)
    assert (result.scene, result.method, result.split) == ("crossing", "theirs", "all")
    assert result.seconds == 0
    assert score(zipped(results), scene) == result


@pytest.mark.parametrize("above", ["", "SomeMethod/v2/"])
@pytest.mark.parametrize("inside", ["", "results"])
def test_any_or_no_folders_may_lie_above(
    results: Path, scene: Scene, above: str, inside: str
) -> None:
    assert score(zipped(results / inside, above), scene) == score(results, scene)
    assert score(results / inside, scene) == score(results, scene)


def test_the_videos_own_folder_is_enough(results: Path, scene: Scene) -> None:
    assert score(place(results), scene) == score(results, scene)


def test_a_category_of_ones_own_is_a_folders_name(results: Path) -> None:
    (results / "results" / CATEGORY).rename(results / "results" / "yard")
    with PublishedResults(results) as found:
        assert found.videos == (("yard", "crossing"),)
        masks = found.open_video("yard", "crossing")
    assert list(masks) == list(range(5, 25))
    assert masks[5].read().sum() == 81 + 14 * 14
    assert masks[5].where.endswith("results/yard/crossing/bin000005.png")


def test_names_are_compared_exactly_and_a_near_one_is_shown(results: Path, scene: Scene) -> None:
    (results / "results" / CATEGORY).rename(results / "results" / "Baseline")
    for path in (results, zipped(results)):
        said = refusal(path, scene)
        assert "no masks of baseline/crossing among its 1 videos, such as Baseline/cr" in said


def test_a_video_that_is_there_twice_is_refused(results: Path, scene: Scene) -> None:
    shutil.copytree(results / "results", results / "copy")
    assert "baseline/crossing is there twice" in refusal(results, scene)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused(results: Path, scene: Scene) -> None:
    path = zipped(results)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"results/{CATEGORY}/crossing/bin000005.png", b"other")
    assert "is there twice; remove one" in refusal(path, scene)


def test_two_files_of_one_frame_are_refused(results: Path, scene: Scene) -> None:
    shutil.copy(place(results) / "bin000005.png", place(results) / "bin5.png")
    assert "bin5.png: is frame 5, as is bin000005.png; remove one" in refusal(results, scene)


def test_missing_masks_are_counted_and_the_first_is_named(
    results: Path, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (9, 12, 13):
        (place(results) / f"bin{number:06d}.png").unlink()
    said = refusal(results, scene)
    assert "3 of the 20 masks of baseline/crossing are missing, the first is frame 9" in said
    with caplog.at_level(logging.WARNING), PublishedResults(results) as found:
        result = found.score(scene, CATEGORY, scene.labelled, "all", "theirs", allow_missing=True)
    assert result.frames_scored == 17
    assert result.counts.fp == 17 * 81
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_masks_of_other_frames_only_are_refused_whatever_is_allowed(
    results: Path, scene: Scene
) -> None:
    for number in range(5, 25):
        (place(results) / f"bin{number:06d}.png").rename(place(results) / f"bin9{number:05d}.png")
    with pytest.raises(DatasetError, match="20 of the 20 masks"):
        score(results, scene, allow_missing=True)


@pytest.mark.parametrize(("value", "found"), [(127, 0), (128, 64 * 64)])
def test_foreground_is_above_half(results: Path, value: int, found: int) -> None:
    write_picture(place(results) / "bin000005.png", np.full((64, 64), value, np.uint8))
    with PublishedResults(zipped(results)) as opened:
        assert opened.open_video(CATEGORY, "crossing")[5].read().sum() == found


def test_a_mask_of_another_size_is_named(results: Path, scene: Scene) -> None:
    write_picture(place(results) / "bin000007.png", np.zeros((60, 90), np.uint8))
    for path in (results, zipped(results)):
        assert "bin000007.png" in refusal(path, scene)
        assert "mask is 90x60 but the labels are 64x64" in refusal(path, scene)


def test_jpeg_masks_are_refused_with_the_reason(results: Path, scene: Scene) -> None:
    (place(results) / "bin000005.png").rename(place(results) / "bin000005.JPG")
    for path in (results, zipped(results)):
        assert "JPEG blurs a mask's edge; give the masks as PNG" in refusal(path, scene)
    _, jpeg = cv2.imencode(".jpg", np.zeros((64, 64), np.uint8))
    (place(results) / "bin000005.JPG").unlink()
    (place(results) / "bin000005.png").write_bytes(jpeg.tobytes())
    assert "bin000005.png: no PNG, it begins with b'\\xff\\xd8" in refusal(results, scene)
    (place(results) / "bin000005.png").rename(place(results) / "bin000005.bmp")
    assert "bin000005.bmp: no PNG; give the masks as PNG" in refusal(results, scene)


def test_a_damaged_mask_is_named(results: Path, scene: Scene) -> None:
    path = place(results) / "bin000005.png"
    path.write_bytes(path.read_bytes()[:50])
    assert "bin000005.png: not a complete picture (50 bytes)" in refusal(results, scene)
    assert "'results/baseline/crossing/bin000005.png'" in refusal(zipped(results), scene)


def test_a_damaged_entry_is_named(results: Path, scene: Scene) -> None:
    mask = (place(results) / "bin000005.png").read_bytes()
    path = zipped(results)
    path.write_bytes(path.read_bytes().replace(mask, mask[:-1] + b"?", 1))
    assert "bin000005.png': damaged (Bad CRC-32" in refusal(path, scene)


def test_a_mask_far_too_large_is_refused_undecoded(
    results: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place(results) / "bin000005.png"
    mask = path.read_bytes()
    path.write_bytes(mask[:16] + struct.pack(">II", 100_000, 100_000) + mask[24:])
    for where in (results, zipped(results)):
        assert "is 100000x100000, over the limit of" in refusal(where, scene)
    monkeypatch.setattr(published, "MOST_MASK_BYTES", 50)
    assert "bin000005.png: is over the limit of 50 bytes" in refusal(results, scene)
    assert "over the limit of 50" in refusal(zipped(results), scene)


def test_what_is_no_archive_is_named(tmp_path: Path, scene: Scene) -> None:
    (tmp_path / "up.zip").write_bytes(b"Rar!")
    assert "up.zip: not a complete zip" in refusal(tmp_path / "up.zip", scene)
    assert "none.zip: cannot be read (No such file" in refusal(tmp_path / "none.zip", scene)


def test_an_archive_without_masks_is_named(tmp_path: Path, scene: Scene) -> None:
    (tmp_path / "empty" / CATEGORY).mkdir(parents=True)
    (tmp_path / "empty" / CATEGORY / "notes.txt").touch()
    for path in (tmp_path / "empty", zipped(tmp_path / "empty")):
        assert "no masks in it; put them there as CATEGORY/VIDEO/bin000001.png" in refusal(
            path, scene
        )
