"""One suite over every `Subtractor`."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cleanplate.config import load_preset
from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.networks.two_stage import build
from cleanplate.networks.weights import FORMAT, ModelCard
from cleanplate.subtractors.opencv import OPENCV_METHODS, make_opencv
from cleanplate.subtractors.protocol import Subtractor
from cleanplate.subtractors.two_stage import TwoStageSubtractor

Factory = Callable[[], Subtractor]
SIZE = (48, 65)


def _untrained() -> TwoStageSubtractor:
    torch.manual_seed(0)
    configuration = load_preset("smoke")
    net = build(configuration, SIZE)
    head = net.segmentation_net.head
    assert isinstance(head, torch.nn.Conv2d)
    assert head.bias is not None
    torch.nn.init.zeros_(head.weight)  # says background everywhere, whatever it sees
    head.bias.data.copy_(torch.tensor([1.0, 1, 1, 1, -1, -1, -1, -1]))
    card = ModelCard(
        format=FORMAT, version="0", preset="smoke", scene="yard", category="", frame_size=SIZE,
        split="half", training_frames=(1,), label_fingerprint="", label_digests=(), seed=0,
        validation=None, warning="", configuration=configuration,
    )  # fmt: skip
    return TwoStageSubtractor(net, card)


SUBTRACTORS: dict[str, Factory] = {
    "two-stage": _untrained,
    **{name: lambda name=name: make_opencv(name) for name in OPENCV_METHODS},  # type: ignore[misc]
}

every_subtractor = pytest.mark.parametrize("make", SUBTRACTORS.values(), ids=SUBTRACTORS.keys())


def _still(count: int) -> list[Frame]:
    random = np.random.default_rng(0)
    base = random.integers(60, 180, (*SIZE, 3))
    return [(base + random.integers(-2, 3, base.shape)).astype(np.uint8) for _ in range(count)]


@every_subtractor
def test_a_still_scene_has_no_foreground(make: Factory) -> None:
    subtractor = make()
    masks = [subtractor.segment(frame).mask for frame in _still(40)]
    assert not masks[-1].any()


@every_subtractor
def test_everything_has_the_frames_size_and_type(make: Factory) -> None:
    frame = _still(1)[0]
    mask, probability, background = make().segment(frame)
    assert mask.shape == SIZE
    assert mask.dtype == np.bool_
    if probability is not None:
        assert probability.shape == SIZE
        assert probability.dtype == np.float32
        assert probability.min() >= 0
        assert probability.max() <= 1
    assert background is not None
    assert background.shape == frame.shape
    assert background.dtype == np.uint8


@every_subtractor
def test_a_frame_is_not_changed(make: Factory) -> None:
    frame = _still(1)[0]
    before = frame.copy()
    make().segment(frame)
    assert np.array_equal(frame, before)


@every_subtractor
def test_a_frame_that_is_a_view_gives_the_same_mask(make: Factory) -> None:
    frames = _still(12)
    frames[-1][10:30, 20:40] = 250
    first, second = make(), make()
    for frame in frames:
        plain = first.segment(frame)
        view = second.segment(np.flip(np.flip(frame, 1).copy(), 1))
        assert np.array_equal(plain.mask, view.mask)


@every_subtractor
def test_two_of_a_kind_do_not_share_state(make: Factory) -> None:
    frames = _still(6)
    alone = [make_and_run(make, frames)]
    first, second = make(), make()
    for frame in frames:
        second.segment(255 - frame)
        last = first.segment(frame)
    assert np.array_equal(last.mask, alone[0])


def make_and_run(make: Factory, frames: list[Frame]) -> np.ndarray:
    subtractor = make()
    return [subtractor.segment(frame).mask for frame in frames][-1]


@pytest.mark.parametrize("make", [f for n, f in SUBTRACTORS.items() if n != "two-stage"])
def test_an_object_that_comes_in_is_foreground(make: Factory) -> None:
    subtractor = make()
    for frame in _still(40):
        subtractor.segment(frame)
    frame = _still(41)[-1]
    frame[10:30, 20:40] = 250
    mask = subtractor.segment(frame).mask
    assert mask[12:28, 22:38].mean() > 0.9
    assert mask[:, 45:].mean() < 0.05


def test_the_classical_methods_learn_online_and_ours_does_not() -> None:
    assert not _untrained().learns_online
    assert all(make_opencv(name).learns_online for name in OPENCV_METHODS)


def test_opencvs_shadows_are_background() -> None:
    subtractor = make_opencv("mog2")
    for frame in _still(60):
        subtractor.segment(frame)
    frame = (_still(61)[-1] * 0.7).astype(np.uint8)
    raw = subtractor._subtractor.apply(np.ascontiguousarray(frame[..., ::-1]), learningRate=0)
    assert (raw == 127).mean() > 0.5
    assert not subtractor.segment(frame).mask[raw == 127].any()


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ConfigError, match="method 'vibe2' is unknown; use mog2, knn"):
        make_opencv("vibe2")
