"""ViBe: its rule pixel by pixel, and what may enter the samples."""

import time

import cv2
import numpy as np
import pytest

from cleanplate.images import Frame
from cleanplate.subtractors.vibe import Vibe

SHAPE = (12, 15, 3)


def _frame(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, SHAPE).astype(np.uint8)


def test_a_pixel_is_background_where_two_samples_are_near() -> None:
    method = Vibe()
    random = np.random.default_rng(0)
    for seed in range(3):
        method.segment(_frame(seed))
    samples = method.state()["samples"].astype(int)
    frame = np.empty(SHAPE, np.uint8)
    for y, x in np.ndindex(SHAPE[:2]):
        offset = random.integers(-40, 41, 3)
        frame[y, x] = (samples[random.integers(20), :, y, x] + offset).clip(0, 255)
    mask = method.segment(frame, update=False).mask
    for y, x in np.ndindex(SHAPE[:2]):
        apart = np.abs(samples[:, :, y, x] - frame[y, x].astype(int)).sum(axis=1)
        assert mask[y, x] == ((apart <= 90).sum() < 2)
    assert 0 < mask.mean() < 1


def test_the_radius_belongs_to_the_background() -> None:
    method = Vibe()
    method.segment(np.full(SHAPE, 100, np.uint8))
    near, far = np.full((2, *SHAPE), 100, np.uint8)
    near[...] += np.array([40, 30, 20], np.uint8)
    far[...] += np.array([40, 30, 21], np.uint8)
    assert not method.segment(near, update=False).mask.any()
    assert method.segment(far, update=False).mask.all()


def test_first_samples_come_from_the_neighbourhood() -> None:
    method, frame = Vibe(), _frame(0)
    method.segment(frame)
    samples = method.state()["samples"]
    padded = np.pad(frame, ((1, 1), (1, 1), (0, 0)), mode="edge")
    for y, x in np.ndindex(SHAPE[:2]):
        around = {tuple(colour) for colour in padded[y : y + 3, x : x + 3].reshape(-1, 3)}
        assert {tuple(colour) for colour in samples[:, :, y, x]} <= around


def test_foreground_never_enters_directly() -> None:
    method = Vibe()
    method.segment(np.full(SHAPE, 50, np.uint8))
    frame = np.full(SHAPE, 50, np.uint8)
    frame[3:9, 4:11] = 240
    for _ in range(60):
        assert method.segment(frame).mask[3:9, 4:11].all()
    assert (method.state()["samples"] == 50).all()


def test_a_ghost_is_absorbed_from_its_border_inwards() -> None:
    method = Vibe()
    first = np.full((21, 21, 3), 50, np.uint8)
    first[5:16, 5:16] = 240
    method.segment(first)
    gone = np.full_like(first, 50)
    masks = [method.segment(gone).mask for _ in range(400)]
    shares = [mask[5:16, 5:16].mean() for mask in masks]
    assert shares[0] > 0.6
    assert shares[-1] < shares[0] / 2
    middle, rim = masks[100][8:13, 8:13], masks[100][[5, 15], 5:16]
    assert rim.mean() < middle.mean()


def test_about_one_sample_in_sixteen_pixels_is_renewed_each_way() -> None:
    method = Vibe()
    still = np.full((100, 100, 3), 50, np.uint8)
    method.segment(still)
    before = method.state()["samples"]
    method.segment(still + np.uint8(1))
    renewed = (method.state()["samples"] != before).any(axis=1).sum()
    assert renewed == pytest.approx(2 * 100 * 100 / 16, rel=0.1)


def test_a_colour_goes_to_its_own_pixel_and_to_all_eight_neighbours() -> None:
    method = Vibe()
    still = np.full((60, 70, 3), 100, np.uint8)
    method.segment(still)
    rows, columns = np.indices(still.shape[:2])
    marked = still.copy()
    marked[..., 0] += (1 + rows % 5).astype(np.uint8)  # a pixel's place, as far as neighbours go
    marked[..., 1] += (1 + columns % 5).astype(np.uint8)
    method.segment(marked)
    samples = np.asarray(method.state()["samples"], int)
    number, y, x = np.nonzero(samples[:, 0] != 100)
    down = (samples[number, 0, y, x] - 101 - y + 2) % 5 - 2
    right = (samples[number, 1, y, x] - 101 - x + 2) % 5 - 2
    steps = set(zip(down.tolist(), right.tolist(), strict=True))
    assert steps == {(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)}


def test_the_seed_decides_the_samples() -> None:
    states = []
    for seed in (0, 0, 1):
        method = Vibe(seed)
        for number in range(3):
            method.segment(_frame(number))
        states.append(method.state()["samples"])
    assert np.array_equal(states[0], states[1])
    assert not np.array_equal(states[0], states[2])


def test_the_background_is_the_median_of_three_samples() -> None:
    method = Vibe()
    method.segment(_frame(0))
    background = method.segment(_frame(1), update=False).background
    assert background is not None
    samples = np.asarray(method.state()["samples"][:3], np.uint8)
    assert np.array_equal(background, np.median(samples, axis=0).transpose(1, 2, 0))


@pytest.mark.slow
def test_it_keeps_up_with_a_camera() -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    random = np.random.default_rng(0)
    frames = [random.integers(90, 110, (240, 320, 3)).astype(np.uint8) for _ in range(8)]
    method = Vibe()
    start = time.perf_counter()
    for index in range(60):
        method.segment(frames[index % 8])
    cv2.setNumThreads(threads)
    assert 60 / (time.perf_counter() - start) > 25
