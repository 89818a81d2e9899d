from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cleanplate import images
from cleanplate.errors import OutputError, VideoError

RNG = np.random.default_rng(0)
FRAME = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)


def naive_shrunk_labels(labels: NDArray[np.int8], factor: int) -> NDArray[np.int8]:
    """Shrink by counting: ignored from half the area, else the majority of what is known."""
    height, width = (side // factor for side in labels.shape)
    shrunk = np.zeros((height, width), np.int8)
    for row, column in np.ndindex(height, width):
        block = [
            int(labels[row * factor + y, column * factor + x])
            for y in range(factor)
            for x in range(factor)
        ]
        known = [value for value in block if value != -1]
        if 2 * len(known) <= len(block):
            shrunk[row, column] = -1
        elif 2 * known.count(1) >= len(known):
            shrunk[row, column] = 1
    return shrunk


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    factor=st.sampled_from([2, 4]),
    shares=st.sampled_from([(0.5, 0.3, 0.2), (0.3, 0.3, 0.4), (0.9, 0.05, 0.05), (0.2, 0.2, 0.6)]),
)
def test_labels_shrink_by_the_majority_of_their_area(
    seed: int, factor: int, shares: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, -1], np.int8), (4 * factor, 5 * factor), p=shares)
    shrunk = images.resize_labels(labels, (4, 5))
    assert np.array_equal(shrunk, naive_shrunk_labels(labels, factor))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_labels_of_large_areas_survive_enlarging(factor: int) -> None:
    labels = np.zeros((12, 12), np.int8)
    labels[:, 4:8], labels[:, 8:] = 1, -1
    enlarged = images.resize_labels(labels, (12 * factor, 12 * factor))
    for column in range(12):
        middle = enlarged[:, column * factor + factor // 2]
        assert (middle == labels[0, column]).all()


@pytest.mark.parametrize("value", [0, 1, -1])
def test_labels_of_one_value_keep_it_at_any_size(value: int) -> None:
    labels = np.full((7, 9), value, np.int8)
    for size in ((3, 4), (7, 9), (15, 11)):
        assert (images.resize_labels(labels, size) == value).all()


def test_labels_stay_labels_when_resized() -> None:
    labels = RNG.integers(-1, 2, (37, 41)).astype(np.int8)
    resized = images.resize_labels(labels, (19, 50))
    assert resized.dtype == np.int8
    assert resized.shape == (19, 50)
    assert set(np.unique(resized)) <= {-1, 0, 1}


def test_shrinking_a_frame_averages_areas() -> None:
    means = FRAME.reshape(6, 2, 5, 2, 3).astype(float).mean((1, 3))
    shrunk = images.resize_frame(FRAME, (6, 5))
    assert np.abs(shrunk - means).max() <= 0.5


def test_a_frame_of_the_wanted_size_is_returned_as_it_is() -> None:
    assert images.resize_frame(FRAME, (12, 10)) is FRAME


def test_a_map_keeps_its_mean_when_shrunk() -> None:
    values = RNG.random((12, 10)) < 0.5
    assert images.resize_map(values, (6, 5)).mean() == pytest.approx(values.mean(), abs=1e-6)


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_dilating_grows_in_all_eight_directions(radius: int) -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    expected = np.zeros((9, 9), bool)
    expected[4 - radius : 5 + radius, 4 - radius : 5 + radius] = True
    assert np.array_equal(images.dilate(mask, radius), expected)


@pytest.mark.parametrize(
    ("size", "most", "multiple", "expected"),
    [
        ((240, 320), 110_000, 1, (240, 320)),
        ((240, 320), 19_200, 1, (120, 160)),
        ((1080, 1920), 110_000, 8, (248, 440)),
        ((240, 320), 110_000, 16, (240, 320)),
        ((237, 319), 110_000, 16, (240, 320)),
        ((4, 3), 100, 16, (16, 16)),
        ((10, 1000), 100, 1, (1, 100)),
    ],
)
def test_a_fitting_size_keeps_the_shape_and_the_area(
    size: images.Size, most: int, multiple: int, expected: images.Size
) -> None:
    assert images.fitting_size(size, most, multiple) == expected


def test_frames_become_images_and_come_back() -> None:
    frames = RNG.integers(0, 256, (3, 12, 10, 3), dtype=np.uint8)
    assert np.array_equal(images.to_frames(images.to_image(frames)), frames)


def test_an_image_is_channels_first_between_0_and_1() -> None:
    frame = np.zeros((4, 5, 3), np.uint8)
    frame[1, 2] = (255, 51, 0)
    image = images.to_image(frame)
    assert tuple(image.shape) == (1, 3, 4, 5)
    assert image[0, :, 1, 2].tolist() == pytest.approx([1, 0.2, 0])


def test_what_leaves_0_to_1_is_clipped_not_wrapped() -> None:
    image = images.to_image(FRAME)
    assert (images.to_frames(image + 2) == 255).all()
    assert (images.to_frames(image - 2) == 0).all()


def test_a_png_keeps_every_pixel(tmp_path: Path) -> None:
    images.write_picture(tmp_path / "a.png", FRAME)
    assert np.array_equal(images.read_picture(tmp_path / "a.png"), FRAME)


def test_a_mask_is_written_as_0_and_255(tmp_path: Path) -> None:
    mask = RNG.random((6, 7)) < 0.5
    images.write_picture(tmp_path / "bin.png", mask)
    assert np.array_equal(images.read_grey(tmp_path / "bin.png"), mask * np.uint8(255))


def test_a_frame_view_that_is_not_contiguous_is_written_right(tmp_path: Path) -> None:
    images.write_picture(tmp_path / "a.png", FRAME[::2, ::-1])
    assert np.array_equal(images.read_picture(tmp_path / "a.png"), FRAME[::2, ::-1])


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.txt"])
def test_a_kind_of_picture_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    message = rf"{name}: OpenCV cannot write this kind of picture; use .png or .jpg"
    with pytest.raises(OutputError, match=message):
        images.write_picture(tmp_path / name, FRAME)


@pytest.mark.parametrize("read", [images.read_picture, images.read_grey])
@pytest.mark.parametrize("data", [b"", b"no picture at all"], ids=["empty", "text"])
def test_a_file_that_is_no_picture_is_refused_with_its_length(
    tmp_path: Path, read: object, data: bytes
) -> None:
    assert callable(read)
    (tmp_path / "a.png").write_bytes(data)
    message = rf"a.png: not a complete picture \({len(data)} bytes\); copy the file again or"
    with pytest.raises(VideoError, match=message):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_picture_is_refused_whatever_its_kind(
    tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"a{suffix}"
    images.write_picture(path, RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(VideoError, match=rf"a{suffix}: not a complete picture"):
        images.read_picture(path)


@pytest.mark.parametrize("name", ["missing.png", "folder.png"])
def test_a_picture_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(VideoError, match=rf"{name}: cannot be read \(.+\); check the path"):
        images.read_picture(tmp_path / name)
