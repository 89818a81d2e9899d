"""Eigenbackgrounds."""

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame
from cleanplate.subtractors.pca import PcaBackground

SHAPE = (12, 17, 3)


def _lit(count: int) -> list[Frame]:
    """A place under two lamps of changing strength."""
    random = np.random.default_rng(0)
    place, first, second = random.uniform(0, 60, (3, *SHAPE))
    strengths = random.uniform(0, 1.3, (count, 2))
    return [np.rint(place + a * first + b * second).astype(np.uint8) for a, b in strengths]


def _naive(frames: list[Frame], frame: Frame, dimension: int) -> NDArray[np.float64]:
    rows = np.stack([f.reshape(-1) for f in frames]).astype(float)
    mean = rows.mean(axis=0)
    basis = np.linalg.svd(rows - mean, full_matrices=False)[2][:dimension]
    background = mean + basis.T @ (basis @ (frame.reshape(-1) - mean))
    return np.asarray(np.clip(background, 0, 255).reshape(SHAPE), np.float64)


def test_it_is_the_projection_that_a_singular_value_decomposition_gives() -> None:
    frames = _lit(30)
    frame = frames[0].copy()
    frame[2:7, 3:9] = 250
    for dimension in (1, 2, 10):
        model = PcaBackground(dimension)
        model.learn(frames)
        assert np.abs(model.reconstruct(frame) - _naive(frames, frame, dimension)).max() < 0.51


def test_light_as_it_was_learned_is_background_and_an_object_is_not() -> None:
    frames = _lit(30)
    model = PcaBackground(2)
    model.learn(frames[:20])
    for frame in frames[20:]:
        assert np.abs(model.reconstruct(frame).astype(int) - frame).max() <= 2
    covered = frames[25].copy()
    covered[:3, :3] = 255
    assert np.abs(model.reconstruct(covered).astype(int) - covered)[:3, :3].mean() > 100


def test_vectors_without_variance_are_not_kept() -> None:
    frames = _lit(3)
    model = PcaBackground()
    model.learn([frames[0], frames[1], frames[0], frames[1]])
    assert model.state()["basis"].shape == (1, *SHAPE)
    model.learn([frames[0]] * 4)
    assert model.state()["basis"].shape == (0, *SHAPE)
    assert np.array_equal(model.reconstruct(frames[2]), frames[0])


def test_the_basis_is_orthonormal() -> None:
    model = PcaBackground()
    model.learn(_lit(30))
    basis = np.asarray(model.state()["basis"], np.float64).reshape(-1, np.prod(SHAPE))
    assert np.abs(basis @ basis.T - np.eye(len(basis))).max() < 1e-4
