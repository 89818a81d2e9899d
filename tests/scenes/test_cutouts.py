from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import DatasetError, VideoError
from cleanplate.images import write_picture
from cleanplate.scenes import cutouts
from cleanplate.scenes.cutouts import LEAST_OBJECT_PX, cut_objects, read_objects
from cleanplate.scenes.pasting import (
    FAINT,
    LARGEST_SHARE,
    SOLID,
    Cutout,
    mirrored,
    paste,
    share_of_frame,
    shrink_by,
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


def voc_mask(*parts: tuple[slice, slice, tuple[int, int, int]]) -> NDArray[np.uint8]:
    mask = np.zeros((*SIZE, 3), np.uint8)
    for rows, columns, colour in parts:
        mask[rows, columns] = colour
    return mask


VOID = (224, 224, 192)
RED, GREEN = (128, 0, 0), (0, 128, 0)


def solid_sizes(objects: list[Cutout]) -> list[int]:
    return sorted(int((cutout.alpha >= SOLID).sum()) for cutout in objects)


@pytest.mark.parametrize("void", [VOID, (255, 255, 255)])
def test_voc_objects_are_told_apart_by_colour_and_void_is_no_object(
    tmp_path: Path, void: tuple[int, int, int]
) -> None:
    mask = voc_mask(
        (slice(4, 34), slice(4, 40), void),
        (slice(6, 30), slice(6, 20), RED),
        (slice(6, 30), slice(20, 36), GREEN),
    )
    folder = write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    assert solid_sizes(read_objects(folder, (200, 200))) == [24 * 14, 24 * 16]


def test_voc_s_border_becomes_a_soft_edge_that_fades(tmp_path: Path) -> None:
    mask = voc_mask((slice(4, 34), slice(4, 40), VOID), (slice(10, 28), slice(14, 30), RED))
    folder = write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    (cutout,) = read_objects(folder, (200, 200))
    middle = cutout.alpha[cutout.alpha.shape[0] // 2]
    edge = middle[: int(np.argmax(middle))]
    # 0.7 beside the object, less by a fifth of it each pixel outwards, and cut where it is faint
    assert edge == pytest.approx([0.14, 0.28, 0.42, 0.56, 0.7], abs=0.04)
    assert ((edge >= FAINT) & (edge < SOLID)).all()


def test_a_voc_object_in_two_parts_stays_one(tmp_path: Path) -> None:
    mask = voc_mask(
        (slice(6, 30), slice(6, 14), RED),
        (slice(6, 30), slice(14, 24), GREEN),
        (slice(6, 30), slice(24, 34), RED),
    )
    folder = write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    objects = read_objects(folder, (200, 200))
    assert solid_sizes(objects) == [24 * 10, 24 * (8 + 10)]
    assert sorted(cutout.alpha.shape[1] for cutout in objects) == [10, 28]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(0, 9), slice(20, 30)),
        (slice(31, 40), slice(20, 30)),
        (slice(9, 19), slice(0, 9)),
        (slice(9, 19), slice(51, 60)),
    ],
)
def test_voc_objects_that_the_picture_cuts_off_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rows: slice, columns: slice
) -> None:
    mask = voc_mask((rows, columns, RED), (slice(12, 24), slice(32, 44), GREEN))
    folder = write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    with caplog.at_level(logging.INFO):
        assert solid_sizes(read_objects(folder, (200, 200))) == [144]
    assert "1 objects touch their picture's border and are left out" in caplog.text


def test_voc_objects_know_their_class_where_its_mask_exists(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    places = (slice(6, 30), slice(6, 20)), (slice(6, 30), slice(24, 40))
    objects = voc_mask((*places[0], RED), (*places[1], GREEN))
    write_collection(tmp_path, "JPEGImages", "SegmentationObject", objects)
    # in VOC's palette a person (15) is (192, 128, 128) and a car (7) is (128, 128, 128)
    classes = voc_mask((*places[0], (192, 128, 128)), (*places[1], (128, 128, 128)))
    write_collection(tmp_path, "JPEGImages", "SegmentationClass", classes)
    with caplog.at_level(logging.INFO):
        found = read_objects(tmp_path, (200, 200))
    assert sorted((cutout.kind, cutout.alpha.shape[1]) for cutout in found) == [
        ("car", 16),
        ("person", 14),
    ]
    assert "2 cut-outs (1 car, 1 person)" in caplog.text.replace(
        "1 person, 1 car", "1 car, 1 person"
    )


@pytest.mark.parametrize("classes", [False, True])
def test_voc_without_object_masks_is_refused_with_what_is_missing(
    tmp_path: Path, classes: bool
) -> None:
    mask = voc_mask((slice(6, 30), slice(6, 20), RED))
    write_collection(tmp_path, "JPEGImages", "SegmentationClass", mask)
    if not classes:
        (tmp_path / "SegmentationClass" / "a.png").unlink()
        (tmp_path / "SegmentationClass").rmdir()
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").touch()
    with pytest.raises(DatasetError, match=rf"{tmp_path.name}: no SegmentationObject, .* copy tha"):
        read_objects(tmp_path, (100, 100))


def test_a_class_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    mask = voc_mask((slice(6, 30), slice(6, 20), RED))
    write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    (tmp_path / "SegmentationClass").mkdir()
    write_picture(tmp_path / "SegmentationClass" / "a.png", mask[:20, :30])
    with pytest.raises(DatasetError, match=r"SegmentationClass.a.png: mask is 30x20 but a.jpg is"):
        read_objects(tmp_path, (100, 100))


def test_a_truncated_mask_is_refused_by_name(tmp_path: Path) -> None:
    mask = voc_mask((slice(6, 30), slice(6, 20), RED))
    write_collection(tmp_path, "JPEGImages", "SegmentationObject", mask)
    (tmp_path / "SegmentationObject" / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(VideoError, match=r"SegmentationObject.a.png: not a complete picture"):
        read_objects(tmp_path, (100, 100))


def write_transparent(path: Path, alpha: NDArray[Any]) -> None:
    """Write a red object, in OpenCV's order blue, green, red, alpha."""
    picture = np.zeros((*alpha.shape, 4), alpha.dtype)
    picture[alpha > 0, 2] = np.iinfo(alpha.dtype).max
    picture[..., 3] = alpha
    assert cv2.imwrite(str(path), picture)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_with_alpha_is_one_object_in_its_own_colours(
    tmp_path: Path, dtype: type[np.uint8] | type[np.uint16]
) -> None:
    alpha = np.zeros(SIZE, dtype)
    alpha[6:30, 6:14] = alpha[6:30, 20:30] = np.iinfo(dtype).max
    alpha[6:30, 14] = np.iinfo(dtype).max // 2
    write_transparent(tmp_path / "a.PNG", alpha)
    (cutout,) = read_objects(tmp_path, (200, 200))
    assert cutout.alpha.shape == (24, 24)
    assert np.count_nonzero(cutout.alpha == 1) == 24 * 18
    assert cutout.alpha[:, 8] == pytest.approx(np.full(24, 0.5), abs=0.01)
    assert (cutout.frame[cutout.alpha == 1] == (255, 0, 0)).all()
    assert (cutout.place, cutout.kind) == (None, "")


def test_png_without_transparency_is_left_out_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    alpha = np.zeros(SIZE, np.uint8)
    alpha[6:30, 6:14] = 255
    write_transparent(tmp_path / "a.png", alpha)
    write_transparent(tmp_path / "opaque.png", np.full(SIZE, 255, np.uint8))
    write_picture(tmp_path / "plain.png", np.zeros((*SIZE, 3), np.uint8))
    write_transparent(tmp_path / "empty.png", np.zeros(SIZE, np.uint8))
    assert len(read_objects(tmp_path, (200, 200))) == 1
    assert "2 PNGs without transparency are left out" in caplog.text


def test_a_truncated_png_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(VideoError, match=r"a.png: not a complete picture"):
        read_objects(tmp_path, (100, 100))


def test_shrinking_keeps_an_object_s_colour_to_its_edge() -> None:
    frame, alpha = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.float32)
    frame[3:17, 3:17], alpha[3:17, 3:17] = 200, 1
    small = shrink_by(Cutout(frame, alpha, None), 0.3)
    assert small.alpha.shape == (6, 6)
    assert (small.frame[small.alpha >= FAINT] == 200).all()
    assert small.alpha.sum() == pytest.approx(alpha.sum() * 0.09, rel=0.01)


def test_objects_are_never_enlarged() -> None:
    cutout = square()
    assert shrink_by(cutout, 1.5) is cutout


def test_a_mirrored_object_looks_the_other_way() -> None:
    cutout = square()
    turned = mirrored(cutout)
    assert np.array_equal(turned.frame, cutout.frame[:, ::-1])
    assert np.array_equal(mirrored(turned).alpha, cutout.alpha)


def test_the_share_of_the_frame_is_its_larger_side_s() -> None:
    assert share_of_frame(square(10), (40, 200)) == 0.25
    assert share_of_frame(square(10), (200, 20)) == 0.5


def test_of_a_large_collection_evenly_spread_pictures_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutouts, "MOST_PICTURES", 3)
    for number in range(7):
        alpha = np.zeros(SIZE, np.uint8)
        alpha[:10, : 10 + number] = 255
        write_transparent(tmp_path / f"{number}.png", alpha)
    widths = [cutout.alpha.shape[1] for cutout in read_objects(tmp_path, (200, 200))]
    assert widths == [10, 13, 16]


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
        r"SegmentationObject\), in DAVIS's or in Penn-Fudan's, or PNGs with an alpha channel"
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
    ("collection", "least", "most"), [("davis", 77, 160), ("pennfudan", 36, 60), ("voc", 8, 8)]
)
def test_real_collections_give_plausible_counts(
    real_data: Path, collection: str, least: int, most: int
) -> None:
    objects = read_objects(real_data / collection, (240, 320))
    assert least <= len(objects) <= most
    assert all(cutout.alpha.max() >= SOLID for cutout in objects)
