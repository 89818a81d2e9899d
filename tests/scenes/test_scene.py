from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import ConfigError, DatasetError, VideoError
from cleanplate.images import write_picture
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.scene import Scene

HEIGHT, WIDTH = 6, 8
WriteScene = Callable[..., Path]


def frames(count: int) -> NDArray[np.uint8]:
    return np.zeros((count, HEIGHT, WIDTH, 3), np.uint8)


def codes(value: int = 0) -> NDArray[np.uint8]:
    """Return labels of one value with one foreground pixel, or none where all is 85."""
    labels = np.full((HEIGHT, WIDTH), value, np.uint8)
    if value != 85:
        labels[1, 1] = 255
    return labels


@pytest.fixture
def ten(tmp_path: Path, write_scene: WriteScene) -> Path:
    """Frames 370 to 379, all labelled."""
    labels = {number: codes() for number in range(370, 380)}
    return write_scene(tmp_path / "ten", frames(10), labels, first=370)


def test_the_half_split_trains_on_the_first_half(scene_folder: Path) -> None:
    split = open_scene(scene_folder).split("half")
    assert split.training == tuple(range(5, 15))
    assert split.scored == tuple(range(15, 25))


def test_of_an_odd_number_of_labels_the_smaller_half_trains(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    folder = write_scene(tmp_path / "odd", frames(5), {number: codes() for number in range(1, 6)})
    split = open_scene(folder).split("half")
    assert (split.training, split.scored) == ((1, 2), (3, 4, 5))


def test_the_half_split_counts_labelled_frames_not_numbers(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    labels = {number: codes() for number in (3, 4, 5, 9)}
    split = open_scene(write_scene(tmp_path / "gaps", frames(10), labels)).split("half")
    assert (split.training, split.scored) == ((3, 4), (5, 9))


def test_split_all_trains_on_every_label(ten: Path) -> None:
    split = open_scene(ten).split("all")
    assert (split.training, split.scored) == (tuple(range(370, 380)), ())


@pytest.mark.parametrize("text", ["371\n375\n", "375 371", "371\n371\n375\n\n"])
def test_a_list_trains_on_its_numbers_and_scores_the_others(
    ten: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "train.txt").write_text(text)
    split = open_scene(ten).split(f"list:{tmp_path / 'train.txt'}")
    assert split.training == (371, 375)
    assert split.scored == (370, 372, 373, 374, 376, 377, 378, 379)


def test_a_list_split_is_named_without_its_folder(ten: Path, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("371")
    assert open_scene(ten).split(f"list:{tmp_path / 'train.txt'}").name == "list:train.txt"


def test_listed_frames_that_do_not_count_are_named_in_one_warning(
    scene_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "train.txt").write_text("2 7 99 12")
    split = open_scene(scene_folder).split(f"list:{tmp_path / 'train.txt'}")
    assert split.training == (7, 12)
    assert caplog.messages == ["train.txt: frames 2, 99 have no label that counts and are left out"]


def test_of_many_listed_frames_that_do_not_count_twenty_are_named(
    ten: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "train.txt").write_text(" ".join(map(str, [*range(1, 31), 370])))
    open_scene(ten).split(f"list:{tmp_path / 'train.txt'}")
    assert "19, 20 have no label" in caplog.text


def test_a_list_that_is_no_list_is_refused(ten: Path, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("371\nframe 5\n")
    with pytest.raises(DatasetError, match=r"train.txt: .*'frame'; write one frame number a line"):
        open_scene(ten).split(f"list:{tmp_path / 'train.txt'}")


def test_a_missing_list_is_refused(ten: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none.txt: cannot be read \(.+\); check the path"):
        open_scene(ten).split(f"list:{tmp_path / 'none.txt'}")


@pytest.mark.parametrize("name", ["third", "list", "Half", ""])
def test_an_unknown_split_is_refused_with_the_known_ones(ten: Path, name: str) -> None:
    known = "use half, half:N, all, none or list:FILE"
    with pytest.raises(ConfigError, match=f"split '{name}' is unknown; {known}"):
        open_scene(ten).split(name)


def test_n_labels_are_evenly_spread_over_the_training_half_and_show_foreground(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    shown, empty = codes(), np.zeros((HEIGHT, WIDTH), np.uint8)
    labels = {number: empty if number in (1, 5) else shown for number in range(1, 21)}
    scene = open_scene(write_scene(tmp_path / "twenty", frames(20), labels))
    assert scene.split("half:4").training == (3, 6, 8, 10)
    assert scene.split("half:4").scored == scene.split("half").scored == tuple(range(11, 21))
    assert scene.split("half:1").training == (7,)
    assert scene.split("half:50").training == (2, 3, 4, 6, 7, 8, 9, 10)


def test_without_labels_nothing_trains_and_the_second_half_is_scored(ten: Path) -> None:
    split = open_scene(ten).split("half:0")
    assert split.training == ()
    assert split.scored == open_scene(ten).split("half").scored
    assert open_scene(ten).split("none").scored == ()


def test_training_by_time_looks_at_nothing_behind_the_first_scored_frame(ten: Path) -> None:
    split = open_scene(ten).split("half:2")
    first = split.scored[0]
    assert split.may_look_at(first - 1)
    assert not any(split.may_look_at(number) for number in (first, first + 1, first + 100))


def test_training_by_a_list_looks_at_all_but_the_scored_frames(ten: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("372 379")
    split = open_scene(ten).split(f"list:{tmp_path / 'list.txt'}")
    assert [n for n in range(370, 380) if split.may_look_at(n)] == [372, 379]


def test_a_count_of_labels_that_is_no_number_is_refused(ten: Path) -> None:
    with pytest.raises(ConfigError, match="write half:N with a number N"):
        open_scene(ten).split("half:few")


def test_a_scene_without_labels_says_how_to_label(tmp_path: Path, write_scene: WriteScene) -> None:
    scene = open_scene(write_scene(tmp_path / "bare", frames(3), {}))
    message = (
        r"bare: no labelled frame; label some frames \(0 background, 255 foreground\) "
        "and name each mask by its frame's number"
    )
    with pytest.raises(DatasetError, match=message):
        scene.split("half")


@pytest.mark.parametrize(
    ("labels", "region", "first", "message"),
    [
        ({2: 0}, "3 5", 1, "no labelled frame in the temporal region 3 to 5; label some there"),
        ({7: 0, 8: 0}, None, 1, "no label picture has the number of a frame; name each mask by"),
        ({1: 85, 3: 85}, None, 1, r"all pixels of its 2 label pictures are ignored; label backg"),
        ({3: 85, 5: 85, 6: 0}, "3 5", 1, "all pixels of its 2 label pictures are ignored"),
    ],
)
def test_a_scene_whose_labels_cannot_be_used_says_why(
    tmp_path: Path,
    write_scene: WriteScene,
    labels: dict[int, int],
    region: str | None,
    first: int,
    message: str,
) -> None:
    drawn = {number: codes(value) for number, value in labels.items()}
    more = {} if region is None else {"region": region}
    folder = write_scene(tmp_path / "sad", frames(6), drawn, first=first, **more)
    with pytest.raises(DatasetError, match=f"^sad: {message}"):
        open_scene(folder).split("half")


def test_a_label_that_is_gone_is_named(ten: Path) -> None:
    scene = open_scene(ten)
    scene.label_files[371].unlink()
    with pytest.raises(DatasetError, match=r"gt000371\.png: cannot be read \(No such file"):
        scene.digest(371)


def test_a_scene_belongs_to_its_category_or_to_the_folder_around_it(ten: Path) -> None:
    scene = dataclasses.replace(open_scene(ten), category="baseline", collection="cdnet")
    assert scene.group == "baseline"
    assert dataclasses.replace(scene, category="").group == "cdnet"


@pytest.mark.parametrize(("digits", "is_read"), [(9, True), (10, False)])
def test_a_count_of_labels_has_nine_digits_at_most(ten: Path, digits: int, is_read: bool) -> None:
    scene, name = open_scene(ten), f"half:{'9' * digits}"
    if is_read:
        assert scene.split(name).training == tuple(range(370, 375))
    else:
        with pytest.raises(ConfigError, match="is not understood"):
            scene.split(name)


def test_two_labels_are_labelled_frames(tmp_path: Path, write_scene: WriteScene) -> None:
    scene = open_scene(write_scene(tmp_path / "two", frames(3), {1: codes(), 2: codes()}))
    (tmp_path / "none.txt").write_text("3")
    with pytest.raises(DatasetError, match="of 2 labelled frames leaves none"):
        scene.split(f"list:{tmp_path / 'none.txt'}")


def test_one_label_cannot_be_halved(tmp_path: Path, write_scene: WriteScene) -> None:
    scene = open_scene(write_scene(tmp_path / "one", frames(3), {2: codes()}))
    message = (
        "one: split half of 1 labelled frame leaves none to train on; "
        "label more frames or use --split all"
    )
    with pytest.raises(DatasetError, match=message):
        scene.split("half")


def test_one_label_can_train(tmp_path: Path, write_scene: WriteScene) -> None:
    scene = open_scene(write_scene(tmp_path / "one", frames(3), {2: codes()}))
    assert scene.split("all").training == (2,)


def test_a_list_without_a_usable_frame_leaves_none_to_train_on(ten: Path, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("1 2 3")
    with pytest.raises(DatasetError, match="of 10 labelled frames leaves none to train on"):
        open_scene(ten).split(f"list:{tmp_path / 'train.txt'}")


def test_both_ends_of_the_temporal_region_count(tmp_path: Path, write_scene: WriteScene) -> None:
    labels = {number: codes() for number in range(1, 11)}
    folder = write_scene(tmp_path / "region", frames(10), labels, region="3 7")
    assert open_scene(folder).labelled == (3, 4, 5, 6, 7)


def test_a_temporal_region_may_reach_beyond_the_frames(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    labels = {number: codes() for number in range(470, 475)}
    folder = write_scene(tmp_path / "part", frames(5), labels, first=470, region="472 1700")
    assert open_scene(folder).labelled == (472, 473, 474)


def test_frames_that_are_85_everywhere_are_unlabelled(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    labels = {1: codes(85), 2: codes(), 3: codes(85), 4: codes()}
    assert open_scene(write_scene(tmp_path / "some", frames(4), labels)).labelled == (2, 4)


def test_a_frame_with_labels_outside_the_roi_alone_is_unlabelled(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    left = np.full((HEIGHT, WIDTH), 85, np.uint8)
    left[:, 0] = 0
    roi = np.full((HEIGHT, WIDTH), 255, np.uint8)
    roi[:, 0] = 0
    folder = write_scene(tmp_path / "some", frames(2), {1: left, 2: codes()}, roi=roi)
    assert open_scene(folder).labelled == (2,)


def test_a_frame_without_a_label_file_is_unlabelled(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    folder = write_scene(tmp_path / "few", frames(10), {4: codes(), 8: codes()})
    assert open_scene(folder).labelled == (4, 8)


def test_labels_without_a_frame_are_left_out_with_a_warning(
    tmp_path: Path, write_scene: WriteScene, caplog: pytest.LogCaptureFixture
) -> None:
    labels = {number: codes() for number in (1, 2, 7, 8, 9)}
    scene = open_scene(write_scene(tmp_path / "more", frames(3), labels))
    assert scene.labelled == (1, 2)
    assert caplog.messages == ["more: 3 label pictures have no frame and are left out"]


def test_a_whole_scene_warns_of_nothing(
    scene_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        open_scene(scene_folder).split("half")
    assert caplog.messages == []


@pytest.mark.parametrize("first", [0, 1, 370])
def test_a_frame_and_its_label_have_the_same_number(
    tmp_path: Path, write_scene: WriteScene, first: int
) -> None:
    pictures = frames(4)
    labels = {}
    for index in range(4):
        pictures[index] += np.uint8(10 * index)
        labels[first + index] = codes()
        labels[first + index][5, index] = 255
    scene = open_scene(write_scene(tmp_path / "numbered", pictures, labels, first=first))
    assert scene.labelled == tuple(range(first, first + 4))
    for index in range(4):
        assert scene.frame(first + index).max() == 10 * index
        assert scene.truth(first + index).labels[5].tolist().index(1) == index


def test_a_mask_of_another_size_is_refused_with_both_sizes(
    tmp_path: Path, write_scene: WriteScene
) -> None:
    folder = write_scene(tmp_path / "sizes", frames(2), {1: np.zeros((5, 9), np.uint8)})
    message = "gt000001.png: mask is 9x5 but its frame is 8x6; export the mask at the frame's size"
    with pytest.raises(DatasetError, match=message):
        open_scene(folder).truth(1)


def test_unknown_codes_are_found_before_training(tmp_path: Path, write_scene: WriteScene) -> None:
    folder = write_scene(tmp_path / "strange", frames(2), {1: codes(), 2: codes(99)})
    with pytest.raises(DatasetError, match=r"gt000002.png: mask holds values 99; use 0 and 255"):
        open_scene(folder).split("half")


def test_a_truncated_label_is_refused_by_name(ten: Path) -> None:
    path = ten / "groundtruth" / "gt000375.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(VideoError, match=r"gt000375.png: not a complete picture .*; copy the file"):
        open_scene(ten).split("half")


@pytest.mark.parametrize(("height", "width"), [(6, 8), (9, 12), (6, 12), (4, 5), (4, 12)], ids=str)
def test_the_roi_counts_in_the_part_common_with_the_frame(
    tmp_path: Path, write_scene: WriteScene, height: int, width: int
) -> None:
    roi = np.full((height, width), 255, np.uint8)
    roi[2, 3] = 0
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    folder = write_scene(tmp_path / "roi", frames(1), {1: labels}, roi=roi)
    expected = [
        [0 if y < height and x < width and (y, x) != (2, 3) else -1 for x in range(WIDTH)]
        for y in range(HEIGHT)
    ]
    assert open_scene(folder).truth(1).labels.tolist() == expected


def test_without_a_roi_every_pixel_counts(ten: Path) -> None:
    assert (open_scene(ten).truth(370).labels >= 0).all()


def fingerprint_of(scene: Scene) -> str:
    return scene.fingerprint(scene.split("half").training)


def test_the_fingerprint_is_of_numbers_and_files(ten: Path) -> None:
    parts = []
    for number in (370, 371):
        data = (ten / "groundtruth" / f"gt000{number}.png").read_bytes()
        parts.append(f"{number}:{hashlib.sha256(data).hexdigest()}")
    expected = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    assert open_scene(ten).fingerprint((370, 371)) == expected


def test_the_fingerprint_stays_the_same(ten: Path) -> None:
    assert fingerprint_of(open_scene(ten)) == fingerprint_of(open_scene(ten))


def test_the_fingerprint_changes_with_a_training_label(ten: Path) -> None:
    before = fingerprint_of(open_scene(ten))
    write_picture(ten / "groundtruth" / "gt000371.png", codes(50))
    assert fingerprint_of(open_scene(ten)) != before


def test_the_fingerprint_does_not_change_with_a_scored_label(ten: Path) -> None:
    before = fingerprint_of(open_scene(ten))
    write_picture(ten / "groundtruth" / "gt000379.png", codes(50))
    assert fingerprint_of(open_scene(ten)) == before


def test_the_fingerprint_changes_with_the_frames_chosen(ten: Path) -> None:
    scene = open_scene(ten)
    assert scene.fingerprint((370, 371)) != scene.fingerprint((370, 372))


def with_plate(scene: Scene, plate: NDArray[np.uint8], folder: Path) -> Scene:
    write_picture(folder / "plate.png", plate)
    return dataclasses.replace(scene, plates={371: folder / "plate.png"})


def test_a_plate_is_read_in_the_order_red_green_blue(ten: Path, tmp_path: Path) -> None:
    plate = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    found = with_plate(open_scene(ten), plate, tmp_path).plate(371)
    assert found is not None
    assert np.array_equal(found, plate)


def test_a_frame_without_reference_has_no_plate(ten: Path, tmp_path: Path) -> None:
    assert open_scene(ten).plate(371) is None
    assert with_plate(open_scene(ten), frames(1)[0], tmp_path).plate(372) is None


def test_a_plate_of_another_size_is_refused(ten: Path, tmp_path: Path) -> None:
    scene = with_plate(open_scene(ten), np.zeros((5, 9, 3), np.uint8), tmp_path)
    message = r"plate.png: background is 9x5 but the frames are 8x6; give the background at the"
    with pytest.raises(DatasetError, match=message):
        scene.plate(371)


def test_a_plate_that_is_no_picture_is_refused_by_name(ten: Path, tmp_path: Path) -> None:
    scene = with_plate(open_scene(ten), frames(1)[0], tmp_path)
    (tmp_path / "plate.png").write_bytes(b"\x89PNG")
    with pytest.raises(VideoError, match=r"plate.png: not a complete picture"):
        scene.plate(371)
