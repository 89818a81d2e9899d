"""A trained model as a subtractor."""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import cleanplate
from cleanplate.errors import ConfigError, VideoError
from cleanplate.images import Frame, resize_frame
from cleanplate.networks.engine import Engine, Frames
from cleanplate.networks.engine_choice import choose_device
from cleanplate.subtractors.two_stage import TwoStageSubtractor


@pytest.fixture
def trained(smoke_model: Path) -> TwoStageSubtractor:
    return cleanplate.load(smoke_model, "cpu")


def _frames(folder: Path) -> list[Frame]:
    return [frame for _, frame in cleanplate.open_source(folder / "input")]


def test_the_order_of_frames_plays_no_part(trained: TwoStageSubtractor, drawn_scene: Path) -> None:
    frames = _frames(drawn_scene)[:6]
    forward = [trained.segment(frame).mask for frame in frames]
    backward = [trained.segment(frame).mask for frame in reversed(frames)]
    assert all(map(np.array_equal, forward, reversed(backward)))
    assert any(mask.any() for mask in forward)


def test_a_frame_as_stage_1_sees_it_has_the_detail_of_its_background(
    trained: TwoStageSubtractor, drawn_scene: Path
) -> None:
    frame = _frames(drawn_scene)[-1]
    seen, background = trained.as_seen(frame), trained.reconstruct(frame)
    assert seen.shape == frame.shape
    assert seen.dtype == np.uint8

    def detail(picture: Frame) -> float:
        return float(np.abs(np.diff(picture.astype(int), axis=1)).mean())

    assert detail(seen) < 0.75 * detail(frame)
    assert detail(background) < 1.25 * detail(seen)
    assert abs(float(seen.mean()) - float(frame.mean())) < 1


def test_apply_takes_bgr_and_gives_the_mask_of_segment(
    trained: TwoStageSubtractor, drawn_scene: Path
) -> None:
    rgb = _frames(drawn_scene)[-1]
    mask = trained.apply(rgb[..., ::-1])
    result = trained.segment(rgb)
    assert mask.dtype == np.uint8
    assert mask.flags.c_contiguous
    assert np.array_equal(mask == 255, result.mask)
    assert set(np.unique(mask)) <= {0, 255}
    assert result.background is not None
    assert np.array_equal(trained.getBackgroundImage()[..., ::-1], result.background)


def test_apply_fills_a_mask_that_is_given(trained: TwoStageSubtractor, drawn_scene: Path) -> None:
    bgr = np.ascontiguousarray(_frames(drawn_scene)[-1][..., ::-1])
    mine = np.full(bgr.shape[:2], 9, np.uint8)
    assert trained.apply(bgr, mine, 0.5) is mine
    assert np.array_equal(mine, trained.apply(bgr))
    reference = cv2.createBackgroundSubtractorMOG2().apply(bgr)
    assert (mine.shape, mine.dtype) == (reference.shape, reference.dtype)


def test_there_is_no_background_before_the_first_image(smoke_model: Path) -> None:
    with pytest.raises(ConfigError, match="call apply with an image first"):
        cleanplate.load(smoke_model).getBackgroundImage()


def test_frames_of_another_size_work_with_one_warning(
    smoke_model: Path, drawn_scene: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subtractor = cleanplate.load(smoke_model, "cpu")
    frame = _frames(drawn_scene)[-1]
    large = resize_frame(frame, (151, 201))
    with caplog.at_level(logging.WARNING):
        results = [subtractor.segment(large) for _ in range(3)]
    assert results[0].mask.shape == (151, 201)
    assert [record.message for record in caplog.records] == [
        "frames are 201x151 but the model was trained on 96x64; they are resized and back"
    ]
    small = cv2.resize(results[0].mask.astype(np.uint8), (96, 64)) > 0
    assert (small == subtractor.segment(frame).mask).mean() > 0.97


class _Counting:
    """An engine that counts how often stage 1 runs."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.long_term, self.reach = engine.name, engine.long_term, engine.reach
        self.decide = engine.decide
        self._engine = engine
        self.looked = 0

    def surround(self, frames: Frames, long_term: NDArray[np.uint8] | None) -> Any:
        self.looked += 1
        return self._engine.surround(frames, long_term)


def test_the_background_is_made_every_so_many_frames_and_when_the_light_changes(
    smoke_model: Path, drawn_scene: Path
) -> None:
    loaded = cleanplate.load(smoke_model, "cpu", engine="torch")
    counting = _Counting(loaded.engine)
    model = TwoStageSubtractor(counting, loaded.card, every=4)
    assert model.learns_online
    frames = _frames(drawn_scene)[:9]
    for frame in frames:
        model.segment(frame)
    assert counting.looked == 3
    brighter = (frames[0] * 0.8).astype(np.uint8)
    assert np.array_equal(model.segment(brighter).mask, loaded.segment(brighter).mask)
    assert counting.looked == 4


def test_a_frame_that_is_not_to_be_learned_from_leaves_the_kept_background(
    smoke_model: Path, drawn_scene: Path
) -> None:
    loaded = cleanplate.load(smoke_model, "cpu", engine="torch")
    first, other, then = _frames(drawn_scene)[:3]
    plain, asked = (TwoStageSubtractor(loaded.engine, loaded.card, every=9) for _ in range(2))
    for model in (plain, asked):
        model.segment(first)
    asked.segment((other * 0.5).astype(np.uint8), update=False)
    found, wanted = asked.segment(then).probability, plain.segment(then).probability
    assert found is not None
    assert wanted is not None
    assert np.array_equal(found, wanted)


def test_a_mask_of_another_size_is_refused(trained: TwoStageSubtractor) -> None:
    with pytest.raises(VideoError, match=r"fgmask is uint8 of shape \(9, 9\)"):
        trained.apply(np.zeros((64, 96, 3), np.uint8), np.zeros((9, 9), np.uint8))


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(ConfigError, match="device 'tpu' is unknown; use auto, cpu or cuda"):
        choose_device("tpu")
