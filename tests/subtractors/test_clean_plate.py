"""The clean plate at full resolution."""

import numpy as np
import pytest

from cleanplate.errors import VideoError
from cleanplate.images import Frame
from cleanplate.subtractors.clean_plate import clean_plate
from cleanplate.subtractors.protocol import Segmentation

PLATE = np.random.default_rng(0).integers(50, 200, (70, 30, 3)).astype(np.uint8)
OWN = np.full_like(PLATE, 7)


class White:
    """Calls white pixels foreground and knows only a flat background."""

    name = "white"
    learns_online = False

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        return Segmentation((frame == 255).all(-1), None, OWN)


def _frames(places: list[int]) -> list[Frame]:
    frames = []
    for left in places:
        frame = PLATE.copy()
        frame[20:50, left : left + 6] = 255
        frames.append(frame)
    return frames


def test_a_moving_object_leaves_no_trace() -> None:
    plate = clean_plate(White(), _frames([0, 12, 24]))
    assert np.array_equal(plate, PLATE)


def test_what_was_never_seen_clean_comes_from_the_methods_background() -> None:
    plate = clean_plate(White(), _frames([10, 10]))
    around = PLATE[10:60, 4:22].mean()
    assert abs(plate[20:50, 10:16].mean() - around) < 10  # in the colours of what lies around
    assert plate[20:50, 10:16].std() < 20  # flat, as that background is
    assert np.array_equal(plate[:10], PLATE[:10])


def test_a_single_picture_keeps_its_clean_pixels() -> None:
    plate = clean_plate(White(), _frames([10]))
    assert np.array_equal(plate[:, 20:], PLATE[:, 20:])
    assert (plate[20:50, 10:16] < 255).all()


class Covered(White):
    """Calls everything foreground."""

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        return Segmentation(np.ones(frame.shape[:2], bool), None, OWN)


def test_where_nothing_was_seen_the_methods_background_is_all_there_is() -> None:
    assert np.array_equal(clean_plate(Covered(), _frames([10, 12])), OWN)


def test_without_frames_there_is_no_plate() -> None:
    with pytest.raises(VideoError, match="at least one frame"):
        clean_plate(White(), [])
