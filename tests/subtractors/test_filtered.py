"""A median filter over another method's masks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.images import Frame
from cleanplate.subtractors.filtered import MedianFiltered
from cleanplate.subtractors.protocol import Segmentation

FRAME = np.zeros((9, 12, 3), np.uint8)


class Speckled:
    """Says the same of every frame, and remembers whether it was to learn."""

    name = "speckled"

    def __init__(self, mask: NDArray[np.bool_], learns_online: bool = True) -> None:
        self.learns_online = learns_online
        self.result = Segmentation(mask, np.zeros((9, 12), np.float32), FRAME.copy())
        self.updates: list[bool] = []

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        self.updates.append(update)
        return self.result


@pytest.mark.parametrize("side", [3, 5])
def test_each_pixel_becomes_what_most_pixels_around_it_are(side: int) -> None:
    mask = np.random.default_rng(3).random((9, 12)) < 0.5
    found = MedianFiltered(Speckled(mask), side, "filtered").segment(FRAME).mask
    assert found.dtype == bool
    around = np.pad(mask, side // 2, mode="edge")
    for row, column in np.ndindex(mask.shape):
        window = around[row : row + side, column : column + side]
        assert found[row, column] == (2 * window.sum() > side * side)


def test_only_the_mask_is_filtered() -> None:
    method = Speckled(np.eye(9, 12, dtype=bool))
    result = MedianFiltered(method, 5, "filtered").segment(FRAME)
    assert not result.mask.any()
    assert method.result.mask.any()
    assert result.probability is method.result.probability
    assert result.background is method.result.background


def test_the_rest_is_the_methods_own() -> None:
    for learns_online in (True, False):
        method = Speckled(np.zeros((9, 12), bool), learns_online)
        filtered = MedianFiltered(method, 5, "filtered")
        filtered.segment(FRAME)
        filtered.segment(FRAME, update=False)
        assert (filtered.name, filtered.learns_online) == ("filtered", learns_online)
        assert method.updates == [True, False]
