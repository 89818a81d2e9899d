"""The temporal median."""

import numpy as np
import pytest

from cleanplate.errors import VideoError
from cleanplate.subtractors.median import MedianBackground


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_it_is_the_median_rounded_half_up(count: int) -> None:
    frames = list(np.random.default_rng(count).integers(0, 256, (count, 70, 9, 3)).astype(np.uint8))
    model = MedianBackground()
    model.learn(frames)
    naive = np.floor(np.median(np.stack(frames), axis=0) + 0.5)
    assert np.array_equal(model.reconstruct(frames[0]), naive)


def test_what_passes_by_leaves_no_trace() -> None:
    frames = [np.full((6, 10, 3), 80, np.uint8) for _ in range(5)]
    for place, frame in enumerate(frames):
        frame[:, 2 * place : 2 * place + 2] = 250
    model = MedianBackground()
    model.learn(frames)
    assert (model.reconstruct(frames[0]) == 80).all()


def test_it_stays_as_it_was_learned_until_it_learns_anew() -> None:
    dark, bright = np.full((2, 4, 5, 3), [[[[10]]], [[[200]]]], np.uint8)
    model = MedianBackground()
    model.learn([dark])
    for _ in range(5):
        assert np.array_equal(model.reconstruct(bright), dark)
    model.learn([bright])
    assert np.array_equal(model.reconstruct(dark), bright)


def test_frames_of_two_sizes_are_refused() -> None:
    frames = [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)]
    with pytest.raises(VideoError, match="frame is 6x4 but those before were 5x4"):
        MedianBackground().learn(frames)
