"""The kernel density, against the sum written out."""

import time

import cv2
import numpy as np
import pytest

from cleanplate.images import Frame
from cleanplate.subtractors.kde import ElgammalKde

SHAPE = (6, 7, 3)


def _noise(count: int, seed: int = 0) -> list[Frame]:
    random = np.random.default_rng(seed)
    base = random.integers(40, 200, SHAPE)
    spread = random.uniform(0, 12, SHAPE)
    return [
        (base + random.normal(0, 1, SHAPE) * spread).clip(0, 255).astype(np.uint8)
        for _ in range(count)
    ]


def _density(samples: np.ndarray, sigmas: np.ndarray, colour: np.ndarray) -> float:
    """The article's equation for one pixel: samples ``(N, 3)``, bandwidths and colour ``(3,)``."""
    total = 0.0
    for sample in samples.astype(float):
        kernels = np.exp(-((colour - sample) ** 2) / (2 * sigmas**2)) / np.sqrt(2 * np.pi) / sigmas
        total += float(np.prod(kernels))
    return total / len(samples)


@pytest.mark.parametrize("seen", [10, 31, 130])
def test_masks_follow_from_the_density(seen: int) -> None:
    method = ElgammalKde()
    for frame in _noise(seen):
        method.segment(frame)
    state = method.state()
    count = int(state["counters"][0])
    assert count == {10: 10, 31: 20, 130: 50}[seen]
    probe = _noise(1)[0]
    probe[:, ::2] += np.random.default_rng(1).integers(0, 50, probe[:, ::2].shape).astype(np.uint8)
    mask = method.segment(probe, update=False).mask
    for y, x in np.ndindex(SHAPE[:2]):
        samples, sigmas = state["samples"][:count, :, y, x], state["sigmas"][:, y, x].astype(float)
        assert mask[y, x] == (_density(samples, sigmas, probe[y, x].astype(float)) < 1e-7)
    assert 0 < mask.mean() < 1


def test_bandwidths_come_from_the_median_change() -> None:
    method, frames = ElgammalKde(), _noise(10)
    for frame in frames:
        method.segment(frame)
    changes = np.abs(np.diff(np.stack(frames).astype(float), axis=0))
    sigmas = np.clip(np.median(changes, axis=0) / (0.68 * np.sqrt(2)), 0.5, 36.5)
    assert np.allclose(method.state()["sigmas"], sigmas.transpose(2, 0, 1))


def test_bandwidths_and_background_follow_in_bands() -> None:
    method, frames = ElgammalKde(), _noise(10)
    for frame in [*frames, *_noise(220, seed=5)]:
        method.segment(np.repeat(frame, 4, axis=0))
    state = method.state()
    samples, place = state["samples"].astype(float), int(state["counters"][1])
    changes = np.abs(np.diff(np.roll(samples, -place, axis=0), axis=0))
    sigmas = np.clip(np.median(changes, axis=0) / (0.68 * np.sqrt(2)), 0.5, 36.5)
    assert np.abs(state["sigmas"] - sigmas).mean() < 0.5
    assert np.abs(state["background"] - np.median(samples, axis=0)).mean() < 2


def test_every_second_frame_is_sampled_once_it_has_learned() -> None:
    method, counts = ElgammalKde(), []
    for frame in _noise(16):
        method.segment(frame)
        counts.append(int(method.state()["counters"][0]))
    assert counts == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11, 11, 12, 12, 13]


def test_there_is_no_foreground_before_it_has_learned() -> None:
    method = ElgammalKde()
    for index in range(10):
        assert not method.segment(np.full(SHAPE, 25 * index, np.uint8)).mask.any()


def test_foreground_does_not_enter_the_model() -> None:
    method = ElgammalKde()
    for frame in _noise(120):
        method.segment(frame)
    covered = _noise(1)[0]
    covered[2:4, 2:5] = 255
    for _ in range(150):
        mask = method.segment(covered).mask
    assert mask[2:4, 2:5].all()
    assert method.state()["samples"][:, :, 2:4, 2:5].max() < 255


@pytest.mark.slow
def test_it_keeps_up_with_a_camera() -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    random = np.random.default_rng(0)
    frames = [random.integers(90, 110, (240, 320, 3)).astype(np.uint8) for _ in range(8)]
    method = ElgammalKde()
    for index in range(110):
        method.segment(frames[index % 8])
    start = time.perf_counter()
    for index in range(40):
        method.segment(frames[index % 8])
    cv2.setNumThreads(threads)
    assert 40 / (time.perf_counter() - start) > 10
