"""The long-term background of a shaking camera."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.images import Frame
from cleanplate.networks.resizing import moved
from cleanplate.scenes.alignment import (
    find_shift,
    moved_frame,
    reach_of,
)

REACH = 6


@pytest.fixture(scope="module")
def place() -> Frame:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)


@given(down=st.integers(-REACH, REACH), across=st.integers(-REACH, REACH))
def test_any_shift_within_reach_is_found_whatever_the_light(down: int, across: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    place = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)
    seen = moved_frame(place, (down, across))
    darker = np.asarray(seen * 0.7 + 10, np.uint8)
    assert find_shift(darker, place, REACH) == (down, across)


def test_a_large_object_does_not_look_like_a_moved_camera(place: Frame) -> None:
    seen = place.copy()
    seen[20:70, 30:80] = (200, 30, 30)
    assert find_shift(seen, place, REACH) == (0, 0)


def test_another_view_is_not_followed(place: Frame) -> None:
    other = np.random.default_rng(2).integers(0, 256, place.shape, dtype=np.uint8)
    assert find_shift(other, place, REACH) == (0, 0)
    flat = np.full_like(place, 90)
    assert find_shift(flat, place, REACH) == (0, 0)
    assert find_shift(place, flat, REACH) == (0, 0)


def test_a_frame_smaller_than_the_search_is_left_alone(place: Frame) -> None:
    assert find_shift(place[:12, :12], place[:12, :12], REACH) == (0, 0)


def test_few_moved_frames_are_no_shaking() -> None:
    still = [(0, 0)] * 99
    assert reach_of([*still, (4, -7)]) == 0
    assert reach_of([*still, *[(4, -7)] * 6]) == 7


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-4, 2)])
def test_images_and_frames_move_alike_and_edges_repeat(
    place: Frame, shift: tuple[int, int]
) -> None:
    image = torch.from_numpy(place).permute(2, 0, 1)[None]
    as_frame = moved(image, shift)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(as_frame, moved_frame(place, shift))
    down, across = shift
    for row, column in ((0, 0), (0, 119), (89, 0), (45, 60)):
        source = np.clip(row - down, 0, 89), np.clip(column - across, 0, 119)
        assert np.array_equal(as_frame[row, column], place[source])
