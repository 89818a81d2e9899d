from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import DatasetError, VideoError
from cleanplate.images import write_picture
from cleanplate.scenes.cutouts import (
    FAINT,
    LARGEST_SHARE,
    LEAST_OBJECT_PX,
    SOLID,
    Cutout,
    cut_objects,
    paste,
    read_objects,
)

SIZE = (40, 60)


def picture_with(*boxes: tuple[int, int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a textured frame and a mask of boxes (top, left, height, width)."""
    frame = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    mask = np.zeros(SIZE, bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    return frame, mask


def square(side: int = 10, value: int = 200) -> Cutout:
    frame, mask = picture_with((5, 5, side, side))
    frame[mask] = value
    return cut_objects(frame, mask, from_scene=True)[0]


def canvas() -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    return np.full((*SIZE, 3), 50, np.uint8), np.zeros(SIZE, np.int8)


def test_every_connected_object_is_cut_out() -> None:
    objects = cut_objects(*picture_with((2, 3, 10, 8), (20, 30, 6, 12)), from_scene=True)
    assert [cutout.alpha.shape for cutout in objects] == [(10, 8), (6, 12)]


def test_an_object_of_the_scene_remembers_its_place() -> None:
    objects = cut_objects(*picture_with((2, 3, 10, 8), (20, 30, 6, 12)), from_scene=True)
    assert [cutout.place for cutout in objects] == [(2, 3), (20, 30)]


def test_an_object_from_elsewhere_has_no_place() -> None:
    assert cut_objects(*picture_with((2, 3, 10, 8)), from_scene=False)[0].place is None


def test_a_cutout_holds_the_pixels_of_its_box() -> None:
    frame, mask = picture_with((2, 3, 10, 8))
    cutout = cut_objects(frame, mask, from_scene=True)[0]
    assert np.array_equal(cutout.frame, frame[2:12, 3:11])


@pytest.mark.parametrize(("width", "found"), [(5, 0), (6, 1)])
def test_objects_under_30_pixels_are_left(width: int, found: int) -> None:
    assert LEAST_OBJECT_PX == 30
    assert len(cut_objects(*picture_with((2, 3, 5, width)), from_scene=True)) == found


def test_a_mask_without_objects_gives_none() -> None:
    assert cut_objects(*picture_with(), from_scene=True) == []


def test_edges_are_soft_and_the_middle_is_solid() -> None:
    alpha = square().alpha
    assert (alpha[2:-2, 2:-2] == 1).all()
    edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert (edge < 1).all()
    assert (edge > FAINT).all()


def test_alpha_of_a_cutout_leaves_its_neighbour_out() -> None:
    _, mask = picture_with((5, 5, 12, 4), (5, 5, 4, 12), (12, 12, 6, 6))
    frame = np.zeros((*SIZE, 3), np.uint8)
    corner = cut_objects(frame, mask, from_scene=True)[0]
    assert corner.alpha.shape == (12, 12)
    assert (corner.alpha[8:, 8:] == 0).all()


def test_pasting_changes_only_where_alpha_is() -> None:
    frame, labels = canvas()
    cutout = square()
    cutout.alpha[:, :4] = 0
    paste(frame, labels, cutout, (20, 30))
    changed = np.zeros(SIZE, bool)
    changed[20:30, 34:40] = True
    assert np.array_equal((frame != 50).any(-1), changed)
    assert not labels[~changed].any()


def test_a_pasted_pixel_is_the_mixture_that_alpha_says() -> None:
    frame, labels = canvas()
    cutout = square(value=200)
    paste(frame, labels, cutout, (20, 30))
    for row, column in np.ndindex(10, 10):
        expected = 50 + float(cutout.alpha[row, column]) * (200 - 50)
        assert abs(int(frame[20 + row, 30 + column, 0]) - expected) <= 0.51


def test_solid_pixels_become_foreground_and_edges_ignored() -> None:
    frame, labels = canvas()
    cutout = square()
    paste(frame, labels, cutout, (20, 30))
    for row, column in np.ndindex(10, 10):
        alpha = cutout.alpha[row, column]
        expected = 1 if alpha >= SOLID else -1 if alpha >= FAINT else 0
        assert labels[20 + row, 30 + column] == expected


def test_a_pasted_square_has_both_foreground_and_ignored_pixels() -> None:
    frame, labels = canvas()
    paste(frame, labels, square(), (20, 30))
    assert set(np.unique(labels[20:30, 30:40])) == {-1, 1}


def test_existing_foreground_is_never_ignored() -> None:
    frame, labels = canvas()
    labels[15:35, 25:45] = 1
    paste(frame, labels, square(), (20, 30))
    assert (labels[15:35, 25:45] == 1).all()


def test_ignored_pixels_under_a_solid_object_become_foreground() -> None:
    frame, labels = canvas()
    labels[:] = -1
    paste(frame, labels, square(), (20, 30))
    assert (labels[22:28, 32:38] == 1).all()


@pytest.mark.parametrize(
    "place", [(-4, 30), (36, 30), (20, -4), (20, 56), (-4, -4), (36, 56)], ids=str
)
def test_what_lies_outside_the_frame_is_cut_off(place: tuple[int, int]) -> None:
    frame, labels = canvas()
    paste(frame, labels, square(), place)
    large, large_labels = np.full((80, 100, 3), 50, np.uint8), np.zeros((80, 100), np.int8)
    paste(large, large_labels, square(), (place[0] + 20, place[1] + 20))
    assert np.array_equal(frame, large[20:60, 20:80])
    assert np.array_equal(labels, large_labels[20:60, 20:80])


@pytest.mark.parametrize("place", [(-10, 30), (40, 30), (20, -10), (20, 60), (90, 90)], ids=str)
def test_an_object_wholly_outside_changes_nothing(place: tuple[int, int]) -> None:
    frame, labels = canvas()
    paste(frame, labels, square(), place)
    assert (frame == 50).all()
    assert not labels.any()


@pytest.mark.parametrize(("gain", "value"), [(0.5, 100), (1.0, 200), (2.0, 255)])
def test_gain_brightens_the_object_up_to_white(gain: float, value: int) -> None:
    frame, labels = canvas()
    paste(frame, labels, square(value=200), (20, 30), gain)
    assert (frame[24:26, 34:36] == value).all()


def write_collection(
    folder: Path, pictures: str, masks: str, mask: NDArray[np.uint8], ending: str = ""
) -> Path:
    """Write one picture and its mask picture in a collection's layout."""
    for name in (pictures, masks):
        (folder / name).mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(0).integers(0, 256, (*mask.shape[:2], 3), dtype=np.uint8)
    suffix = ".png" if pictures == "PNGImages" else ".jpg"
    write_picture(folder / pictures / f"a{suffix}", picture)
    write_picture(folder / masks / f"a{ending}.png", mask)
    return folder


def test_voc_objects_are_told_apart_by_colour_and_void_is_left_out(tmp_path: Path) -> None:
    mask = np.zeros((*SIZE, 3), np.uint8)
    mask[4:34, 4:40] = (224, 224, 192)
    mask[6:30, 6:20] = (128, 0, 0)
    mask[6:30, 20:36] = (0, 128, 0)
    folder = write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    shapes = sorted(cutout.alpha.shape for cutout in read_objects(folder, (100, 100)))
    assert shapes == [(24, 14), (24, 16)]


def test_davis_objects_lie_in_folders_of_sequences(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[6:30, 6:20] = 255
    write_collection(tmp_path, "JPEGImages/480p/dog", "Annotations/480p/dog", mask)
    objects = read_objects(tmp_path, (100, 100))
    assert [cutout.alpha.shape for cutout in objects] == [(24, 14)]


def test_penn_fudan_s_people_are_told_apart_by_number(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[6:30, 6:20] = 1
    mask[6:30, 20:36] = 2
    write_collection(tmp_path, "PNGImages", "PedMasks", mask, "_mask")
    shapes = sorted(cutout.alpha.shape for cutout in read_objects(tmp_path, (100, 100)))
    assert shapes == [(24, 14), (24, 16)]


@pytest.mark.parametrize("size", [(20, 400), (400, 20), (30, 30)])
def test_objects_are_shrunk_to_fit_the_frame(tmp_path: Path, size: tuple[int, int]) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[6:30, 6:54] = 255
    write_collection(tmp_path, "JPEGImages", "Annotations", mask)
    height, width = read_objects(tmp_path, size)[0].alpha.shape
    assert height <= round(LARGEST_SHARE * size[0])
    assert width <= round(LARGEST_SHARE * size[1])
    assert width / height == pytest.approx(2, rel=0.15)


def test_slivers_that_would_have_no_foreground_are_left_out(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[6:30, 6:20] = mask[36, 4:50] = 255
    write_collection(tmp_path, "JPEGImages", "Annotations", mask)
    assert len(read_objects(tmp_path, (100, 200))) == 1


def test_a_picture_without_a_mask_is_passed_over(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[6:30, 6:20] = 255
    write_collection(tmp_path, "JPEGImages", "Annotations", mask)
    (tmp_path / "JPEGImages" / "b.jpg").touch()
    assert len(read_objects(tmp_path, (100, 100))) == 1


@pytest.mark.parametrize("contents", ["nothing", "no folder", "empty masks"])
def test_a_folder_without_cutouts_says_what_belongs_there(tmp_path: Path, contents: str) -> None:
    folder = tmp_path / "objects"
    if contents != "no folder":
        folder.mkdir()
    if contents == "empty masks":
        write_collection(folder, "JPEGImages", "Annotations", np.zeros(SIZE, np.uint8))
    message = (
        r"objects: no cut-outs; give a folder in PASCAL VOC layout \(JPEGImages and "
        r"SegmentationObject\), in DAVIS's or in Penn-Fudan's"
    )
    with pytest.raises(DatasetError, match=message):
        read_objects(folder, (100, 100))


def test_a_mask_of_another_size_than_its_picture_is_refused(tmp_path: Path) -> None:
    write_collection(tmp_path, "JPEGImages", "Annotations", np.full((20, 30), 255, np.uint8))
    write_picture(tmp_path / "JPEGImages" / "a.jpg", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"a.png: mask is 30x20 but a.jpg is 60x40; give the"):
        read_objects(tmp_path, (100, 100))


def test_a_truncated_picture_is_refused_by_name(tmp_path: Path) -> None:
    write_collection(tmp_path, "JPEGImages", "Annotations", np.full(SIZE, 255, np.uint8))
    path = tmp_path / "JPEGImages" / "a.jpg"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(VideoError, match=r"a.jpg: not a complete picture"):
        read_objects(tmp_path, (100, 100))


@pytest.mark.real
@pytest.mark.parametrize(
    ("collection", "least", "most"), [("davis", 77, 160), ("pennfudan", 36, 60), ("voc", 10, 60)]
)
def test_real_collections_give_plausible_counts(
    real_data: Path, collection: str, least: int, most: int
) -> None:
    objects = read_objects(real_data / collection, (240, 320))
    assert least <= len(objects) <= most
    assert all(cutout.alpha.max() >= SOLID for cutout in objects)
