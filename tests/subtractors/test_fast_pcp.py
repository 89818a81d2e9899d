"""Batch robust PCA."""

import numpy as np

from cleanplate.images import Frame
from cleanplate.subtractors.fast_pcp import FastPcp


def _scene(count: int) -> tuple[Frame, list[Frame]]:
    """A place under changing light, and what a car makes of it."""
    random = np.random.default_rng(0)
    place = random.integers(60, 160, (20, 30, 3))
    frames = []
    for index in range(count):
        frame = np.rint(place * random.uniform(0.9, 1.1)).astype(np.uint8)
        frame[5:10, index % 25 : index % 25 + 5] = (250, 20, 20)
        frames.append(frame)
    return place.astype(np.uint8), frames


def test_the_basis_is_orthonormal_and_of_low_rank() -> None:
    model = FastPcp()
    model.learn(_scene(50)[1])
    state = np.asarray(model.state()["low_rank_basis"], np.float64)
    basis = state.reshape(-1, 20 * 30 * 3)
    assert 1 <= len(basis) <= 2
    assert np.abs(basis @ basis.T - np.eye(len(basis))).max() < 1e-5


def test_light_is_background_and_a_car_is_not() -> None:
    place, frames = _scene(50)
    model = FastPcp()
    model.learn(frames)
    brighter = np.rint(place * 1.08).astype(np.uint8)
    assert np.abs(model.reconstruct(brighter).astype(int) - brighter)[12:].max() < 8
    covered = brighter.copy()
    covered[12:18, 10:16] = 250
    error = np.abs(model.reconstruct(covered).astype(int) - brighter)
    assert error[12:].max() < 20


def test_one_frame_is_its_own_background() -> None:
    place, _ = _scene(1)
    model = FastPcp()
    model.learn([place])
    assert np.abs(model.reconstruct(place).astype(int) - place).max() <= 1


def test_black_frames_have_a_black_background() -> None:
    model = FastPcp()
    model.learn([np.zeros((4, 5, 3), np.uint8)] * 3)
    assert not model.reconstruct(np.full((4, 5, 3), 99, np.uint8)).any()
