from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from time import perf_counter

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import dilate
from cleanplate.scenes.cdnet import MOVING, SHADOW, STATIC, UNKNOWN
from cleanplate.scenes.synthetic import CHALLENGES, Moment, draw

SIZE = (120, 160)
FRAMES = 300
HALF = FRAMES // 2


@cache
def scene(challenge: str) -> tuple[Moment, ...]:
    return tuple(draw(challenge, frames=FRAMES, size=SIZE))


@pytest.fixture(autouse=True, scope="module")
def _forget_scenes() -> Iterator[None]:
    yield
    scene.cache_clear()  # they hold 160 MB


def codes_of(moments: tuple[Moment, ...]) -> NDArray[np.uint8]:
    return np.stack([moment.codes for moment in moments])


def f_measure(masks: NDArray[np.bool_], codes: NDArray[np.uint8]) -> float:
    true, scored = codes == MOVING, codes != UNKNOWN
    hits = np.count_nonzero(masks & true)
    wrong = np.count_nonzero((masks != true) & scored)
    return 2 * hits / (2 * hits + wrong)


def longest_stand(codes: NDArray[np.uint8]) -> int:
    longest, standing = 0, np.zeros(codes.shape[1:], int)
    for moment in codes:
        standing = (standing + 1) * (moment == MOVING)
        longest = max(longest, int(standing.max()))
    return longest


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_the_same_seed_gives_equal_bits(challenge: str) -> None:
    again = draw(challenge, frames=15, size=SIZE)
    for first, second in zip(scene(challenge)[:15], again, strict=True):
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_another_seed_is_another_place_with_other_people(challenge: str) -> None:
    first, other = scene(challenge)[0], next(draw(challenge, size=SIZE, seed=1))
    change = np.abs(first.background.astype(int) - other.background)
    assert change.mean() > 5
    assert not np.array_equal(first.codes, other.codes)


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_every_frame_has_its_size_and_only_known_codes(challenge: str) -> None:
    size = (65, 97)
    moments = list(draw(challenge, frames=20, size=size, seed=3))
    assert len(moments) == 20
    for moment in moments:
        assert moment.frame.shape == moment.background.shape == (*size, 3)
        assert moment.codes.shape == size
        assert {part.dtype for part in moment} == {np.dtype(np.uint8)}
        assert set(np.unique(moment.codes)) <= {STATIC, SHADOW, UNKNOWN, MOVING}


@pytest.mark.parametrize("size", [(64, 64), (64, 200), (200, 64)])
@pytest.mark.parametrize("challenge", CHALLENGES)
def test_small_wide_and_tall_pictures_have_objects_too(
    challenge: str, size: tuple[int, int]
) -> None:
    moments = tuple(draw(challenge, frames=20, size=size, seed=2))
    assert (codes_of(moments) == MOVING).any()


@pytest.mark.parametrize("challenge", ["baseline", "shadow", "dynamicBackground"])
def test_away_from_objects_the_frame_is_the_background_and_noise(challenge: str) -> None:
    for moment in scene(challenge)[::25]:
        empty = ~dilate(moment.codes != STATIC, 9)
        change = moment.frame[empty].astype(float) - moment.background[empty]
        assert np.abs(change).mean() < 4
        assert abs(change.mean()) < 0.5


def test_at_night_only_the_cars_lights_add_to_the_background() -> None:
    for moment in scene("nightVideos")[::25]:
        empty = ~dilate(moment.codes != STATIC, 3)
        change = cv2.blur(moment.frame.astype(np.float32) - moment.background, (5, 5))
        assert change[empty].min() > -8


def test_objects_differ_from_the_background() -> None:
    for challenge in CHALLENGES:
        moments = scene(challenge)[::25]
        away = [
            np.abs(
                moment.frame[moment.codes == MOVING].astype(float)
                - moment.background[moment.codes == MOVING]
            ).max(1)
            for moment in moments
        ]
        assert np.median(np.concatenate(away)) > 15, challenge


def test_shadows_are_darker_than_the_background() -> None:
    for moment in scene("shadow")[::10]:
        shadow = moment.codes == SHADOW
        if shadow.sum() > 20:
            ratio = moment.frame[shadow].mean() / moment.background[shadow].mean()
            assert 0.5 < ratio < 0.8


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_only_the_shadow_scene_has_shadows_and_only_the_night_unknown_glare(
    challenge: str,
) -> None:
    codes = codes_of(scene(challenge))
    assert (codes == SHADOW).any() == (challenge == "shadow")
    assert (codes == UNKNOWN).any() == (challenge == "nightVideos")


def test_the_water_never_rests_and_the_street_does() -> None:
    def unrest(challenge: str) -> float:
        first, second = (moment.background.astype(int) for moment in scene(challenge)[10:12])
        return float((np.abs(first - second).max(2) > 10).mean())

    assert unrest("dynamicBackground") > 0.2
    assert unrest("baseline") == 0


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_the_light_drifts_a_few_percent(challenge: str) -> None:
    levels = np.array([moment.background.mean() for moment in scene(challenge)])
    assert 1.03 < levels.max() / levels.min() < 1.25
    assert np.abs(np.diff(levels)).max() < 0.02 * levels.mean()


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_somebody_is_in_nearly_every_frame_of_both_halves(challenge: str) -> None:
    share = (codes_of(scene(challenge)) == MOVING).mean((1, 2))
    for half in (share[:HALF], share[HALF:]):
        assert (half > 0.005).mean() > 0.95
        assert 0.02 < half.mean() < 0.25


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_in_both_halves_somebody_stands_still_for_fifty_frames(challenge: str) -> None:
    codes = codes_of(scene(challenge))
    assert longest_stand(codes[:HALF]) >= 50
    assert longest_stand(codes[HALF:]) >= 50


@pytest.mark.parametrize(
    "make", [cv2.createBackgroundSubtractorMOG2, cv2.createBackgroundSubtractorKNN]
)
@pytest.mark.parametrize("challenge", CHALLENGES)
def test_opencv_finds_objects_but_not_all(challenge: str, make: object) -> None:
    subtractor = make()  # type: ignore[operator]
    masks = np.stack([subtractor.apply(moment.frame) > 127 for moment in scene(challenge)])
    assert 0.2 < f_measure(masks[HALF:], codes_of(scene(challenge)[HALF:])) < 0.9


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_temporal_median_is_not_enough(challenge: str) -> None:
    moments = scene(challenge)
    median = np.median(np.stack([moment.frame for moment in moments[:HALF:3]]), 0)
    away = np.stack([np.abs(moment.frame - median).max(2) for moment in moments[HALF:]])
    codes = codes_of(moments[HALF:])
    best = max(f_measure(away > threshold, codes) for threshold in (15, 20, 25, 30, 40))
    assert 0.2 < best < 0.95


def test_a_longer_scene_begins_like_a_shorter_one() -> None:
    short = list(draw("shadow", frames=10, size=SIZE))
    for first, second in zip(short, scene("shadow"), strict=False):
        assert np.array_equal(first.frame, second.frame)


def test_frames_are_drawn_as_they_are_read() -> None:
    first = list(islice(draw("baseline", frames=5_000, size=(64, 64)), 2))
    assert len(first) == 2


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_drawing_speed_is_shown(challenge: str) -> None:
    moments = draw(challenge, frames=41)
    next(moments)
    start = perf_counter()
    count = sum(1 for _ in moments)
    print(f"{challenge}: {count / (perf_counter() - start):.0f} frames/s at 320x240")  # noqa: T201
    assert count == 40


def test_an_unknown_challenge_names_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"'fog'; choose one of baseline, shadow, dynamic.*, night"
    ):
        draw("fog")


def test_a_picture_too_small_for_objects_is_refused() -> None:
    with pytest.raises(ConfigError, match="300 frames of 64x63; ask for at least 1 frame of 64x64"):
        draw("baseline", size=(63, 64))


def test_a_scene_has_at_least_one_frame() -> None:
    with pytest.raises(ConfigError, match="cannot draw 0 frames"):
        draw("baseline", frames=0)
