from __future__ import annotations

from pathlib import Path

import pytest

from cleanplate.errors import DatasetError
from cleanplate.scenes.numbering import numbered_pictures, spread


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("in000001.jpg", 1),
        ("gt000370.PNG", 370),
        ("000000.png", 0),
        ("cam2_frame17.bmp", 17),
        ("2024-05-01 003 b.jpeg", 3),
    ],
)
def test_the_last_run_of_digits_is_the_number(tmp_path: Path, name: str, number: int) -> None:
    assert list(numbered_pictures(touch(tmp_path, name), "pictures")) == [number]


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "in10.png", "in9.png", "in100.png", "in371.jpg")
    assert list(numbered_pictures(tmp_path, "pictures")) == [9, 10, 100, 371]


def test_a_number_leads_to_its_file(tmp_path: Path) -> None:
    touch(tmp_path, "in10.png", "in9.png")
    assert numbered_pictures(tmp_path, "pictures")[10] == tmp_path / "in10.png"


def test_what_is_no_numbered_picture_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "in1.png", "Thumbs2.db", ".in3.png", "cover.png", "notes4.txt")
    assert list(numbered_pictures(tmp_path, "pictures")) == [1]


def test_two_files_of_one_number_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "in000007.jpg", "in7.png")
    message = "in000007.jpg and in7.png are both frame 7; remove one"
    with pytest.raises(DatasetError, match=message) as caught:
        numbered_pictures(tmp_path, "pictures")
    assert str(tmp_path) in str(caught.value)


def test_a_folder_without_numbered_pictures_says_what_belongs_there(tmp_path: Path) -> None:
    touch(tmp_path, "cover.png", "1.txt")
    with pytest.raises(DatasetError, match=r"no numbered pictures; put masks such as 1\.png there"):
        numbered_pictures(tmp_path, "masks such as 1.png")


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none: cannot be opened \(.+\); give a folder"):
        numbered_pictures(tmp_path / "none", "pictures")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "file")
    with pytest.raises(DatasetError, match=r"file: cannot be opened \(.+\); give a folder"):
        numbered_pictures(tmp_path / "file", "pictures")


@pytest.mark.parametrize(
    ("most", "chosen"),
    [
        (9, [3, 5, 7, 9, 11]),
        (5, [3, 5, 7, 9, 11]),
        (3, [3, 7, 11]),
        (2, [3, 11]),
        (1, [3]),
    ],
)
def test_evenly_spread_numbers_begin_with_the_first_and_end_with_the_last(
    most: int, chosen: list[int]
) -> None:
    assert spread([3, 5, 7, 9, 11], most) == chosen


def test_all_numbers_are_a_list_of_their_own() -> None:
    numbers = [1, 2]
    assert spread(numbers, 2) is not numbers
    assert spread(range(100), 4) == [0, 33, 66, 99]
