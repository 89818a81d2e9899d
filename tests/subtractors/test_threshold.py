"""A background image and a threshold."""

import numpy as np
import pytest

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.median import MedianBackground
from cleanplate.subtractors.protocol import HasState, LearnsBeforehand
from cleanplate.subtractors.threshold import ThresholdSubtractor, distance


class Flat:
    """Knows one grey and nothing else."""

    name = "flat"
    learns_online = False

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        return np.full_like(frame, 100)


def test_the_distance_is_the_largest_of_any_channel() -> None:
    random = np.random.default_rng(0)
    frame, background = random.integers(0, 256, (2, 5, 7, 3)).astype(np.uint8)
    naive = np.abs(frame.astype(int) - background).max(axis=-1)
    assert np.array_equal(distance(frame, background), naive)
    assert distance(frame, background).dtype == np.uint8


@pytest.mark.parametrize("level", [0, 1, 15, 25, 51, 127])
def test_a_pixel_at_the_threshold_is_background_and_one_above_is_not(level: int) -> None:
    frame = np.full((2, 3, 3), 100, np.uint8)
    frame[0, :, 1] += np.uint8(level)
    frame[1, :, 2] += np.uint8(level + 1)
    mask = ThresholdSubtractor(Flat(), level / 255).segment(frame).mask
    assert not mask[0].any()
    assert mask[1].all()


def test_a_threshold_between_two_levels_separates_them() -> None:
    frame = np.array([[[125] * 3, [126] * 3]], np.uint8)
    assert ThresholdSubtractor(Flat(), 0.1).segment(frame).mask.tolist() == [[False, True]]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match="give a number from 0 to 1"):
        ThresholdSubtractor(Flat(), threshold)


def test_it_can_do_what_its_model_can() -> None:
    plain, full = ThresholdSubtractor(Flat(), 0.1), ThresholdSubtractor(MedianBackground(), 0.1)
    assert not isinstance(plain, LearnsBeforehand)
    assert not isinstance(plain, HasState)
    assert isinstance(full, LearnsBeforehand)
    assert isinstance(full, HasState)
    frame = np.full((4, 5, 3), 9, np.uint8)
    full.learn([frame])
    assert np.array_equal(full.state()["median"], frame)
    assert (plain.name, full.name) == ("flat", "median")
