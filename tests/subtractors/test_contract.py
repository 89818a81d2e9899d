"""One suite over every `Subtractor`."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cleanplate.config import load_preset
from cleanplate.errors import ConfigError, VideoError
from cleanplate.images import Frame, Mask
from cleanplate.networks.building import build
from cleanplate.networks.card import FORMAT, ModelCard, OperatingPoint
from cleanplate.networks.torch_engine import TorchEngine
from cleanplate.subtractors.methods import CLASSICAL_METHODS, make_method
from cleanplate.subtractors.protocol import HasState, LearnsBeforehand, Segmentation, Subtractor
from cleanplate.subtractors.state import load_state, save_state
from cleanplate.subtractors.two_stage import TwoStageSubtractor

Factory = Callable[[], Subtractor]
SIZE = (48, 65)
WARM_UP = 130  # GMG has no mask in its first 120 frames
WITHOUT_BACKGROUND = {"mog", "gmg"}
UNFREEZABLE = ("knn", "cnt", "gsoc", "lsbp")
WITH_STATE = ("median", "pca", "robust-pca", "fast-pcp", "gmm", "kde", "vibe")
LEARNING = ("median", "pca", "fast-pcp")


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
        validation=None, operating_point=OperatingPoint(), warning="", configuration=configuration,
    )  # fmt: skip
    return TwoStageSubtractor(TorchEngine(net, card), card)


CLASSICAL: dict[str, Factory] = {name: partial(make_method, name) for name in CLASSICAL_METHODS}
SUBTRACTORS: dict[str, Factory] = {"two-stage": _untrained, **CLASSICAL}

every_subtractor = pytest.mark.parametrize("make", SUBTRACTORS.values(), ids=SUBTRACTORS.keys())
every_classical = pytest.mark.parametrize("make", CLASSICAL.values(), ids=CLASSICAL.keys())


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """GSOC's and LSBP's threads race."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


def _still(count: int) -> list[Frame]:
    random = np.random.default_rng(0)
    coarse = random.integers(60, 180, (6, 8, 3)).astype(np.uint8)
    base = cv2.resize(coarse, (SIZE[1], SIZE[0])).astype(int)
    return [(base + random.integers(-2, 3, base.shape)).astype(np.uint8) for _ in range(count)]


def _crossing(count: int) -> list[tuple[Frame, Mask]]:
    """A yellow square that crosses the still scene in twelve steps, again and again; its masks."""
    drawn = []
    for index, frame in enumerate(_still(count)):
        mask = np.zeros(SIZE, bool)
        right = 7 * (index % 12) + 7
        mask[12:30, max(0, right - 18) : right] = True
        frame[mask] = (250, 230, 30)
        drawn.append((frame, mask))
    return drawn


def _ready(make: Factory, frames: list[Frame] | None = None) -> Subtractor:
    """Make a method, and have it learn where it must."""
    subtractor = make()
    if isinstance(subtractor, LearnsBeforehand):
        subtractor.learn(frames or _still(20))
    return subtractor


def _segment(subtractor: Subtractor, frame: Frame) -> Segmentation:
    cv2.setRNGSeed(0)  # KNN draws from OpenCV's global generator
    return subtractor.segment(frame)


def _same(first: Segmentation, second: Segmentation) -> bool:
    for one, other in zip(first, second, strict=True):
        if (one is None) != (other is None) or np.any(one != other):
            return False
    return True


@every_subtractor
def test_a_still_scene_has_no_foreground(make: Factory) -> None:
    subtractor = _ready(make)
    masks = [subtractor.segment(frame).mask for frame in _still(WARM_UP)]
    assert not masks[-1].any()


@every_subtractor
def test_everything_has_the_frames_size_and_type(make: Factory) -> None:
    subtractor, frame = _ready(make), _still(1)[0]
    for update in (True, True, subtractor.name in UNFREEZABLE):
        mask, probability, background = subtractor.segment(frame, update=update)
        assert mask.shape == SIZE
        assert mask.dtype == np.bool_
        if probability is not None:
            assert probability.shape == SIZE
            assert probability.dtype == np.float32
            assert probability.min() >= 0
            assert probability.max() <= 1
        assert (background is None) == (subtractor.name in WITHOUT_BACKGROUND)
        if background is not None:
            assert background.shape == frame.shape
            assert background.dtype == np.uint8


@every_subtractor
def test_a_frame_is_not_changed(make: Factory) -> None:
    frame = _still(1)[0]
    before = frame.copy()
    _ready(make).segment(frame)
    assert np.array_equal(frame, before)


@every_subtractor
def test_results_are_the_callers_own(make: Factory) -> None:
    frames = _still(4)
    first, second = _ready(make), _ready(make)
    for frame in frames:
        result = _segment(first, frame)
        assert _same(result, _segment(second, frame))
        result.mask[:] = True
        if result.background is not None:
            result.background[:] = 0


@every_subtractor
def test_a_frame_that_is_a_view_gives_the_same_mask(make: Factory) -> None:
    frames = _still(12)
    frames[-1][10:30, 20:40] = 250
    first, second = _ready(make), _ready(make)
    for frame in frames:
        plain = _segment(first, frame)
        view = _segment(second, np.flip(np.flip(frame, 1).copy(), 1))
        assert _same(plain, view)


@every_subtractor
def test_two_of_a_kind_give_the_same_and_share_nothing(make: Factory) -> None:
    frames = [frame for frame, _ in _crossing(30)]
    first, second, other = _ready(make), _ready(make), _ready(make)
    alone = [_segment(first, frame) for frame in frames]
    for frame, expected in zip(frames, alone, strict=True):
        other.segment(255 - frame)
        assert _same(_segment(second, frame), expected)


@every_classical
def test_an_object_that_comes_in_is_foreground(make: Factory) -> None:
    subtractor = _ready(make)
    for frame in _still(WARM_UP):
        subtractor.segment(frame)
    frame = _still(41)[-1]
    frame[10:30, 20:40] = 250
    mask = subtractor.segment(frame).mask
    assert mask[12:28, 22:38].mean() > 0.9
    assert mask[:, 45:].mean() < 0.05


@every_classical
def test_a_moving_square_is_found(make: Factory) -> None:
    subtractor, crossing = _ready(make), _crossing(12)
    for frame in _still(WARM_UP):
        subtractor.segment(frame)
    pairs = [(subtractor.segment(frame).mask, truth) for frame, truth in crossing]
    hits = sum(int((mask & truth).sum()) for mask, truth in pairs)
    assert hits / sum(int(truth.sum()) for _, truth in pairs) >= 0.95  # recall
    assert hits / sum(int(mask.sum()) for mask, _ in pairs) >= 0.95  # precision


@pytest.mark.parametrize("name", [name for name in SUBTRACTORS if name not in UNFREEZABLE])
def test_a_frame_without_update_leaves_no_trace(name: str) -> None:
    random = np.random.default_rng(1)
    kept, probed = _ready(SUBTRACTORS[name]), _ready(SUBTRACTORS[name])
    for number, (frame, _) in enumerate(_crossing(160)):
        if number < 12 or number % 9 == 0:
            strange = random.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
            for probe in (strange, np.full_like(frame, number), strange):
                probed.segment(probe, update=False)
        assert _same(kept.segment(frame), probed.segment(frame)), number


@pytest.mark.parametrize("name", [name for name in SUBTRACTORS if name not in UNFREEZABLE])
def test_a_frame_without_update_is_segmented_all_the_same(name: str) -> None:
    looking, learning = _ready(SUBTRACTORS[name]), _ready(SUBTRACTORS[name])
    for frame in _still(WARM_UP):
        looking.segment(frame)
        learning.segment(frame)
    frame = _crossing(5)[-1][0]
    looked, learned = looking.segment(frame, update=False), learning.segment(frame)
    assert np.mean(looked.mask != learned.mask) < 0.01
    assert name == "two-stage" or looked.mask.any()


@pytest.mark.parametrize("name", UNFREEZABLE)
def test_a_method_that_cannot_but_learn_refuses(name: str) -> None:
    subtractor, twin = make_method(name), make_method(name)
    for frame in _still(5):
        with pytest.raises(ConfigError, match=f"{name}: update=False is refused.*use mog2, mog"):
            subtractor.segment(255 - frame, update=False)
        assert _same(_segment(subtractor, frame), _segment(twin, frame))


@pytest.mark.parametrize("name", WITH_STATE)
@pytest.mark.parametrize("pause", [0, 7, 47])
def test_a_restored_state_goes_on_to_the_bit(name: str, pause: int, tmp_path: Path) -> None:
    crossing = [frame for frame, _ in _crossing(70)]
    subtractor, restored = _ready(SUBTRACTORS[name]), make_method(name)
    for frame in crossing[:pause]:
        subtractor.segment(frame)
    if isinstance(restored, LearnsBeforehand):
        restored.learn(crossing)
    restored.segment(255 - crossing[0])
    save_state(tmp_path / "state.safetensors", subtractor)
    load_state(tmp_path / "state.safetensors", restored)
    for frame in crossing[pause:]:
        assert _same(subtractor.segment(frame), restored.segment(frame))


@pytest.mark.parametrize("name", WITH_STATE)
def test_a_state_is_a_copy(name: str) -> None:
    subtractor, untouched = _ready(SUBTRACTORS[name]), _ready(SUBTRACTORS[name])
    frames = [frame for frame, _ in _crossing(12)]
    for frame in frames[:6]:
        subtractor.segment(frame)
        untouched.segment(frame)
    assert isinstance(subtractor, HasState)
    state = subtractor.state()
    subtractor.restore(state)
    for array in state.values():
        array[...] = 0
    for frame in frames[6:]:
        assert _same(subtractor.segment(frame), untouched.segment(frame))


@every_classical
def test_only_what_can_be_saved_says_so(make: Factory) -> None:
    subtractor = make()
    assert isinstance(subtractor, HasState) == (subtractor.name in WITH_STATE)
    assert isinstance(subtractor, LearnsBeforehand) == (subtractor.name in LEARNING)
    assert subtractor.learns_online == (subtractor.name not in LEARNING)
    assert not _untrained().learns_online


@pytest.mark.parametrize("name", LEARNING)
def test_a_method_that_must_learn_first_says_so(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: has no background yet; call learn"):
        make_method(name).segment(_still(1)[0])


@pytest.mark.parametrize("name", LEARNING)
def test_nothing_is_learned_from_no_frames(name: str) -> None:
    subtractor = make_method(name)
    assert isinstance(subtractor, LearnsBeforehand)
    with pytest.raises(ConfigError, match="at least one frame"):
        subtractor.learn([])


@every_classical
def test_a_frame_of_another_size_is_refused(make: Factory) -> None:
    frames = _still(2)
    subtractor = _ready(make)
    subtractor.segment(frames[0])
    with pytest.raises(VideoError, match="frame is 40x48 but those before were 65x48; resize it"):
        subtractor.segment(np.ascontiguousarray(frames[1][:, :40]))
    assert subtractor.segment(frames[1]).mask.shape == SIZE


@every_classical
@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("size", [(17, 23), (32, 9)])
def test_single_colours_and_odd_sizes_work(
    make: Factory, value: int, size: tuple[int, int]
) -> None:
    frame = np.full((*size, 3), value, np.uint8)
    subtractor = _ready(make, [frame] * 3)
    masks = [subtractor.segment(frame).mask for _ in range(60)]
    assert not masks[-1].any()
    assert subtractor.segment(255 - frame).mask.shape == size
