"""OpenCV's methods."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.opencv import OPENCV_METHODS, make_opencv


def _frames(count: int) -> list[Frame]:
    random = np.random.default_rng(0)
    coarse = random.integers(60, 180, (6, 8, 3)).astype(np.uint8)
    base = cv2.resize(coarse, (65, 48)).astype(int)
    return [(base + random.integers(-4, 5, base.shape)).astype(np.uint8) for _ in range(count)]


@pytest.mark.parametrize("name", ["mog2", "mog", "gmg", "cnt"])
def test_masks_are_opencvs_own(name: str) -> None:
    makers: dict[str, Callable[[], Any]] = {
        "mog2": cv2.createBackgroundSubtractorMOG2,
        "mog": cv2.bgsegm.createBackgroundSubtractorMOG,
        "gmg": cv2.bgsegm.createBackgroundSubtractorGMG,
        "cnt": cv2.bgsegm.createBackgroundSubtractorCNT,
    }
    plain = makers[name]()
    ours = make_opencv(name)
    for index, frame in enumerate(_frames(150)):
        frame[10:30, index % 40 : index % 40 + 9] = 240
        expected = plain.apply(np.ascontiguousarray(frame[..., ::-1])) > 127
        assert np.array_equal(ours.segment(frame).mask, expected)


def test_shadows_are_background() -> None:
    subtractor = make_opencv("mog2")
    for frame in _frames(60):
        subtractor.segment(frame)
    frame = (_frames(61)[-1] * 0.7).astype(np.uint8)
    raw = subtractor._subtractor.apply(np.ascontiguousarray(frame[..., ::-1]), learningRate=0)
    assert (raw == 127).mean() > 0.5
    assert not subtractor.segment(frame).mask[raw == 127].any()


def test_backgrounds_are_rgb() -> None:
    frames = [np.full((48, 65, 3), (200, 100, 50), np.uint8)] * 100
    for name in ("mog2", "knn", "gsoc", "lsbp", "cnt"):
        subtractor = make_opencv(name)
        for frame in frames:
            background = subtractor.segment(frame).background
        assert background is not None
        wanted = [124] * 3 if name == "cnt" else [200, 100, 50]
        assert np.abs(background[24, 30].astype(int) - wanted).max() <= 1, name


def test_mog2_without_freezing_gives_the_same_masks_and_refuses_to_freeze() -> None:
    full, light = make_opencv("mog2"), make_opencv("mog2", can_freeze=False)
    frames = _frames(20)
    for frame in frames:
        assert np.array_equal(full.segment(frame).mask, light.segment(frame).mask)
    with pytest.raises(ConfigError, match="update=False is refused"):
        light.segment(frames[0], update=False)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ConfigError, match="method 'vibe2' is unknown; use mog2, knn"):
        make_opencv("vibe2")
    assert OPENCV_METHODS == ("mog2", "knn", "mog", "gmg", "cnt", "gsoc", "lsbp")
