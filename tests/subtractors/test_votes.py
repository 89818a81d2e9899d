"""What three methods agree on."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.images import Frame
from cleanplate.scenes.alignment import moved_frame
from cleanplate.subtractors.opencv import make_opencv
from cleanplate.subtractors.votes import VOTERS, Voters

SIZE, COUNT, SIDE = (72, 96), 40, 16


@pytest.fixture
def threads() -> Iterator[int]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield 2
    cv2.setNumThreads(before)


def _plate() -> Frame:
    random = np.random.default_rng(0)
    coarse = random.integers(30, 200, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def _frames() -> list[Frame]:
    """A bright square that crosses the plate, in noise."""
    random = np.random.default_rng(1)
    frames = []
    for number in range(COUNT):
        frame = _plate()
        frame[_square(number)] = 255
        noisy = frame + random.normal(0, 2, frame.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return frames


def _square(number: int) -> tuple[slice, slice]:
    left = 2 * number
    return slice(30, 30 + SIDE), slice(left, left + SIDE)


def _votes(frames: list[Frame], reach: int = 0) -> NDArray[np.uint8]:
    voters = Voters(_plate(), reach)
    return np.stack([voters.vote(frame) for frame in frames])


def test_votes_are_the_methods_own_masks_without_specks() -> None:
    frames = _frames()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    expected = np.zeros((COUNT, *SIZE), int)
    for name in VOTERS:
        method = make_opencv(name)
        for index, frame in enumerate(frames):
            mask = method.segment(frame).mask.astype(np.uint8)
            expected[index] += cv2.medianBlur(mask, 5)
    cv2.setNumThreads(threads)
    assert np.array_equal(_votes(frames), expected)


def test_what_crosses_the_picture_gets_all_votes_and_the_rest_hardly_one() -> None:
    last = COUNT - 2
    votes = _votes(_frames())[last]
    inside = np.zeros(SIZE, bool)
    inside[_square(last)] = True
    assert votes[inside].mean() > 2.5
    assert votes[~inside].mean() < 0.2
    assert votes.max() == len(VOTERS)


def test_a_shaking_camera_does_not_vote_for_the_edges_it_moves() -> None:
    random = np.random.default_rng(2)
    shifts = [(int(down), int(across)) for down, across in random.integers(-3, 4, (COUNT, 2))]
    shaken = [
        np.ascontiguousarray(moved_frame(frame, shift))
        for frame, shift in zip(_frames(), shifts, strict=True)
    ]
    inside = np.zeros((COUNT, *SIZE), bool)
    for number, shift in enumerate(shifts):
        still = np.zeros(SIZE, bool)
        still[_square(number)] = True
        inside[number] = moved_frame(still, shift)
    late = slice(COUNT // 2, None)
    held, loose = _votes(shaken, reach=3)[late], _votes(shaken)[late]
    assert held[~inside[late]].mean() < 0.5 * loose[~inside[late]].mean()
    assert held[inside[late]].mean() > 2


def test_votes_repeat_to_the_bit_and_leave_opencvs_threads_as_they_were(threads: int) -> None:
    assert np.array_equal(_votes(_frames()), _votes(_frames()))
    assert cv2.getNumThreads() == threads
