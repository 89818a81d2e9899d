"""The clean plate of every frame of a video."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from cleanplate.errors import VideoError
from cleanplate.images import Frame, Mask
from cleanplate.subtractors.plate_light import match_background, spread_known
from cleanplate.subtractors.plate_memory import PlateMemory
from cleanplate.subtractors.plate_motion import NO_SHIFT, find_shift, shifted
from cleanplate.subtractors.protocol import Segmentation

HEIGHT, WIDTH, SIDE = 80, 120, 16
NOISE = 4.0


def _place(seed: int = 0, width: int = WIDTH) -> np.ndarray:
    """Draw a place with detail of all sizes, ``(80, width, 3)`` float32."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, width, 3), 120, np.float32)
    for sigma in (1.5, 4, 16):
        field = cv2.GaussianBlur(random.standard_normal(picture.shape), (0, 0), sigma)
        picture += (18 / field.std() * field).astype(np.float32)
    return picture.clip(30, 200)


PLACE = _place()


def _blurred(picture: np.ndarray) -> Frame:
    """Return what a stage 1 might say of it."""
    return cv2.GaussianBlur(picture, (0, 0), 3).round().astype(np.uint8)


def _see(
    place: np.ndarray, hidden: Mask | None = None, random: np.random.Generator | None = None
) -> tuple[Frame, Segmentation]:
    """Return a frame of the place with a red object, and its exact segmentation."""
    mask = np.zeros(place.shape[:2], bool) if hidden is None else hidden
    frame = np.where(mask[..., None], np.array([220, 20, 20], np.float32), place)
    if random is not None:
        frame = frame + random.normal(0, NOISE, frame.shape)
    picture = np.rint(frame.clip(0, 255)).astype(np.uint8)
    return picture, Segmentation(mask, None, _blurred(place))


def _square(left: int, top: int = 30, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Mask:
    mask = np.zeros(size, bool)
    mask[top : top + SIDE, max(0, left) : max(0, left + SIDE)] = True
    return mask


def _far(plate: Frame, place: np.ndarray, where: Mask | None = None) -> float:
    """Return the mean error in grey levels."""
    error = np.abs(plate - np.clip(place, 0, 255)).mean(-1)
    return float(error.mean() if where is None else error[where].mean())


def _run(memory: PlateMemory, seen: Iterator[tuple[Frame, Segmentation]]) -> Frame:
    plate = None
    for frame, segmentation in seen:
        plate = memory.update(frame, segmentation)
    assert plate is not None
    return plate


def _passing(count: int, light: Callable[[int], float] = lambda _: 1.0, seed: int = 0):  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    for step in range(count):
        yield _see(PLACE * light(step), _square(4 * step - SIDE), random)


def test_a_passing_object_leaves_no_trace() -> None:
    memory = PlateMemory()
    for step, (frame, segmentation) in enumerate(_passing(30)):
        plate = memory.update(frame, segmentation)
        if step > 15:  # its place was seen before it came
            assert _far(plate, PLACE, segmentation.mask) < 2.5


def test_noise_is_averaged_away() -> None:
    plate = _run(PlateMemory(), (_see(PLACE, None, np.random.default_rng(n)) for n in range(40)))
    once, _ = _see(PLACE, None, np.random.default_rng(0))
    assert _far(plate, PLACE) < 0.35 * _far(once, PLACE)


@pytest.mark.parametrize("light", [0.7, 1.2])
def test_a_light_change_is_followed_also_behind_an_object_that_stands(light: float) -> None:
    standing = _square(50)
    memory, random = PlateMemory(), np.random.default_rng(0)
    _run(memory, (_see(PLACE, None, random) for _ in range(10)))
    _run(memory, (_see(PLACE, standing, random) for _ in range(3)))
    plate = _run(memory, (_see(PLACE * light, standing, random) for _ in range(2)))
    assert _far(plate, PLACE * light, standing) < 3
    assert _far(plate, PLACE * light) < 3


def test_a_shadow_that_lingers_is_not_taken_for_the_place() -> None:
    memory, random = PlateMemory(), np.random.default_rng(0)
    street = np.asarray(cv2.GaussianBlur(PLACE, (0, 0), 4))
    shaded = street * np.where(_square(50)[..., None], 0.6, 1.0)
    nobody = np.zeros((HEIGHT, WIDTH), bool)
    _run(memory, (_see(street, None, random) for _ in range(10)))
    for _ in range(30):  # the mask says nothing, and only the method's background knows
        frame, _ = _see(shaded, None, random)
        plate = memory.update(frame, Segmentation(nobody, None, _blurred(street)))
    inside = _square(50)
    assert _far(plate, street, inside) < 0.3 * _far(np.rint(shaded), street, inside)


def test_a_pixel_never_seen_takes_the_methods_background_in_the_colours_around() -> None:
    standing = _square(50)
    memory = PlateMemory()
    for _ in range(5):
        frame, segmentation = _see(PLACE, standing)
        own = np.clip(_blurred(PLACE).astype(int) - 25, 0, 255).astype(np.uint8)
        plate = memory.update(frame, segmentation._replace(background=own))
    assert _far(plate, PLACE, standing) < _far(_blurred(PLACE), PLACE, standing) + 4
    assert _far(plate, PLACE, ~standing) < 2


def test_without_a_background_a_hole_is_filled_from_around() -> None:
    frame, segmentation = _see(np.full_like(PLACE, 90), _square(50))
    plate = PlateMemory().update(frame, segmentation._replace(background=None))
    assert np.abs(plate.astype(int) - 90).max() <= 1


def test_what_an_object_hid_is_shown_once_it_has_left() -> None:
    memory = PlateMemory()
    _run(memory, (_see(PLACE, _square(50)) for _ in range(10)))
    plate = _run(memory, (_see(PLACE) for _ in range(2)))
    assert _far(plate, PLACE, _square(50)) < 2


def test_a_panned_camera_leaves_no_ghosts() -> None:
    wide, random = _place(1, WIDTH + 80), np.random.default_rng(0)
    memory = PlateMemory()
    for step in range(30):
        view = wide[:, 2 * step : 2 * step + WIDTH]
        frame, segmentation = _see(view, _square(50), random)
        plate = memory.update(frame, segmentation)
        assert _far(plate, view, ~segmentation.mask) < NOISE
    hidden = _square(50)  # its place was seen to the right of the object before
    assert _far(plate, view, hidden) < _far(_blurred(view), view, hidden)


def test_another_view_replaces_the_old_one_at_once() -> None:
    other, memory = _place(2), PlateMemory()
    _run(memory, (_see(PLACE) for _ in range(10)))
    assert _far(_run(memory, iter([_see(other)])), other) < 2


def test_restless_water_is_shown_as_it_is() -> None:
    memory, random = PlateMemory(), np.random.default_rng(0)
    water = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    water[40:] = 1
    for _ in range(40):
        waves = cv2.GaussianBlur(random.standard_normal(PLACE.shape), (0, 0), 2)
        moment = PLACE + water * (15 / waves.std() * waves)
        frame, _ = _see(moment, None, random)
        empty = np.zeros((HEIGHT, WIDTH), bool)
        plate = memory.update(frame, Segmentation(empty, None, _blurred(PLACE)))
    assert _far(plate, moment, water[..., 0] > 0) < 5  # the mean water is 12 grey levels off
    assert _far(plate, moment, water[..., 0] == 0) < 1.5


def test_equal_input_gives_equal_plates_and_the_input_is_left_alone() -> None:
    one = _run(PlateMemory(), _passing(12))
    two = _run(PlateMemory(), _passing(12))
    assert np.array_equal(one, two)
    frame, segmentation = _see(PLACE, _square(20))
    kept = frame.copy()
    PlateMemory().update(frame, segmentation)
    assert np.array_equal(frame, kept)


def test_a_plate_knows_nothing_of_later_frames() -> None:
    short, long = PlateMemory(), PlateMemory()
    first = [short.update(*seen) for seen in _passing(6)]
    again = [long.update(*seen) for seen in _passing(12)][:6]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 33), (49, 65), (64, 64)])
@pytest.mark.parametrize("has_own", [True, False])
def test_every_size_gives_plates_of_its_own(size: tuple[int, int], has_own: bool) -> None:
    memory, random = PlateMemory(), np.random.default_rng(0)
    for share in (0.0, 0.3, 1.0, 0.0):
        frame = random.integers(0, 256, (*size, 3)).astype(np.uint8)
        probability = (random.random(size) < share).astype(np.float32)
        own = frame if has_own else None
        plate = memory.update(frame, Segmentation(probability > 0.5, probability, own))
        assert plate.shape == frame.shape
        assert plate.dtype == np.uint8


def test_frames_of_another_size_are_refused() -> None:
    memory = PlateMemory()
    memory.update(*_see(PLACE))
    with pytest.raises(VideoError, match="clean plate"):
        memory.update(*_see(PLACE[:40]))


def test_a_shift_is_found_and_undone() -> None:
    moved = shifted(PLACE, (3.0, -5.0))
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    down, across = find_shift(PLACE, moved, everywhere)
    assert (down, across) == pytest.approx((3, -5), abs=0.4)
    assert find_shift(PLACE, PLACE, everywhere) == NO_SHIFT
    assert find_shift(PLACE, _place(2), everywhere) == NO_SHIFT


def test_what_is_known_is_kept_and_the_rest_lies_between() -> None:
    values = np.tile(np.linspace(0, 90, 10, dtype=np.float32)[None, :, None], (4, 1, 3))
    weight = np.ones((4, 10), np.float32)
    weight[:, 3:7] = 0
    filled = spread_known(np.where(weight[..., None] > 0, values, -1), weight)
    assert np.array_equal(filled[weight > 0], values[weight > 0])
    assert (filled[:, 3:7] > 15).all()
    assert (filled[:, 3:7] < 75).all()


def test_a_matched_background_errs_by_its_blur_alone() -> None:
    own = _blurred(PLACE).astype(np.float32)
    matched, error = match_background(own - 30, PLACE, ~_square(50))
    assert np.abs(matched - own)[_square(50)].mean() < 8
    assert error < np.square(PLACE - own).mean()
