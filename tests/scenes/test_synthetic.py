from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice, pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import dilate
from cleanplate.scenes.cdnet import MOVING, SHADOW, STATIC, UNKNOWN, VIDEOS
from cleanplate.scenes.synthetic import CHALLENGES, Moment, draw

SIZE, SMALL = (120, 160), (72, 96)
FRAMES = 300
HALF = FRAMES // 2


FIXED = CHALLENGES[:4]
"""One still camera and everyday speed; these have been measured at `SIZE` since they exist."""
FALSE_CHANGE = ("badWeather", "nightVideos")
"""Flakes and headlights change what is not an object."""

OTHER_TIME_OR_PLACE = ("lowFramerate", "PTZ")
STILL = (*FIXED[:2], "nightVideos", "intermittentObjectMotion", "lowFramerate", "thermal")


@cache
def scene(challenge: str) -> tuple[Moment, ...]:
    size = SIZE if challenge in FIXED else SMALL
    return tuple(draw(challenge, frames=FRAMES, size=size))


@pytest.fixture(autouse=True, scope="module")
def _forget_scenes() -> Iterator[None]:
    yield
    scene.cache_clear()  # they hold 260 MB


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
    again = draw(challenge, frames=15, size=scene(challenge)[0].codes.shape)
    for first, second in zip(scene(challenge)[:15], again, strict=True):
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_another_seed_is_another_place_with_other_people(challenge: str) -> None:
    first = scene(challenge)[0]
    other = next(draw(challenge, size=first.codes.shape, seed=1))
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


@pytest.mark.parametrize("challenge", [c for c in CHALLENGES if c not in FALSE_CHANGE])
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


@pytest.mark.parametrize("challenge", [c for c in CHALLENGES if c not in FALSE_CHANGE])
def test_no_part_of_an_object_lies_outside_its_mask(challenge: str) -> None:
    for moment in scene(challenge)[::25]:
        outside = ~dilate(moment.codes != STATIC, 2)
        away = np.abs(moment.frame.astype(int) - moment.background).max(2)
        # noise alone; a far walker less than a pixel wide may cover half of none
        assert (away[outside] > 32).mean() < 0.002


@pytest.mark.parametrize("challenge", STILL)
def test_only_the_light_changes_in_the_background_of_a_still_place(challenge: str) -> None:
    first, *others = (moment.background.astype(float) for moment in scene(challenge)[::30])
    for other in others:
        light = np.median(other / first.clip(1), axis=(0, 1))
        dazzling = np.maximum(first, other) > 250
        assert np.abs(other - light * first)[~dazzling].max() < 6  # nobody walks in it


def test_there_is_a_scene_for_every_category_of_cdnet() -> None:
    assert set(CHALLENGES) == set(VIDEOS)


def shifts(moments: tuple[Moment, ...]) -> NDArray[np.float64]:
    """Return how far the background moves from frame to frame, in pixels, ``(n, 2)``."""
    greys = [
        cv2.cvtColor(moment.background, cv2.COLOR_RGB2GRAY).astype(np.float64) for moment in moments
    ]
    window = cv2.createHanningWindow(greys[0].shape[::-1], cv2.CV_64F)
    return np.array([cv2.phaseCorrelate(one, two, window)[0] for one, two in pairwise(greys)])


def test_a_jittering_camera_shakes_the_whole_view_and_stays_where_it_is() -> None:
    moments = tuple(draw("cameraJitter", frames=30, size=SIZE))
    assert np.median(np.hypot(*shifts(moments).T)) > 0.5
    # also against the first frame, not only from one to the next
    away = [shifts((moments[0], moment))[0] for moment in moments[1:]]
    assert 0.7 < np.abs(away).max() < 0.12 * SIZE[0]
    assert np.abs(shifts(scene("baseline")[:20])).max() < 0.1


def test_a_ptz_camera_sweeps_over_more_than_it_sees_at_once() -> None:
    first, *_, last = (moment.background for moment in scene("PTZ")[:100])
    near = scene("PTZ")[1].background.astype(int)
    assert np.abs(near - first).mean() < 8
    assert np.abs(last.astype(int) - first).mean() > 12
    across = np.abs(shifts(scene("PTZ")[:100])).sum(0)[0]
    assert across > SMALL[1] / 5


def test_at_a_low_frame_rate_objects_jump_on_a_place_that_stays() -> None:
    def overlap(challenge: str) -> float:
        masks = np.stack([m.codes == MOVING for m in draw(challenge, frames=60, size=SMALL)])
        return float((masks[1:] & masks[:-1]).sum() / (masks[1:] | masks[:-1]).sum())

    assert overlap("lowFramerate") < 0.7 < 0.8 < overlap("baseline")
    assert np.abs(shifts(scene("lowFramerate")[:20])).max() < 0.1


def test_heat_is_grey_and_most_objects_are_warmer_than_the_cool_place() -> None:
    warmer = []
    for moment in scene("thermal")[::25]:
        for picture in (moment.frame, moment.background):
            assert np.array_equal(picture[..., 0], picture[..., 1])
            assert np.array_equal(picture[..., 0], picture[..., 2])
        there = moment.codes == MOVING
        warmer.append((moment.frame[there].astype(int) - moment.background[there])[:, 0])
        assert moment.background.std() < 0.5 * scene("baseline")[0].background.std()
    assert (np.concatenate(warmer) > 15).mean() > 0.5


def test_a_thermal_cameras_pixel_errors_are_in_frame_and_background_and_stay() -> None:
    def fine(moment: Moment) -> NDArray[np.float64]:
        grey = moment.background[..., 0].astype(np.float64)
        return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), 1.5))

    first, later = fine(scene("thermal")[0]), fine(scene("thermal")[50])
    assert first.std() > 1
    assert np.corrcoef(first.ravel(), later.ravel())[0, 1] > 0.8


def test_hot_air_bends_the_view_without_moving_it_as_a_whole() -> None:
    moments = scene("turbulence")
    unrest = np.abs(moments[10].background.astype(int) - moments[11].background).max(2) > 5
    assert unrest.mean() > 0.05
    assert np.abs(shifts(moments[:40]).mean(0)).max() < 0.1


def test_hot_air_is_seen_in_colour_or_in_grey() -> None:
    firsts = [next(draw("turbulence", size=(64, 64), seed=seed)).background for seed in range(8)]
    greys = [bool((first == first[..., :1]).all()) for first in firsts]
    assert set(greys) == {True, False}


def test_falling_flakes_are_bright_and_few_and_neither_objects_nor_background() -> None:
    for moment in scene("badWeather")[::25]:
        empty = ~dilate(moment.codes != STATIC, 2)
        change = (moment.frame.astype(int) - moment.background).mean(2)[empty]
        assert 0.001 < (change > 20).mean() < 0.15
        assert (change < -20).mean() < 0.001


def test_flakes_fall() -> None:
    def flakes(moment: Moment) -> NDArray[np.bool_]:
        bright = (moment.frame.astype(int) - moment.background).min(2) > 25
        return np.asarray(bright & (moment.codes == STATIC))

    first, second = (flakes(moment) for moment in scene("badWeather")[20:22])
    assert (first & second).sum() < 0.5 * first.sum()


def test_haze_lowers_the_contrast() -> None:
    assert scene("badWeather")[0].background.std() < 0.75 * scene("baseline")[0].background.std()


def test_parked_objects_stay_foreground_and_uncover_the_same_place_when_they_leave() -> None:
    moments = scene("intermittentObjectMotion")
    codes = codes_of(moments)
    assert longest_stand(codes) >= 120
    stands = (codes[:20] == MOVING).all(0)
    assert stands.sum() > 50
    left = stands & (codes[20:] == STATIC).any(0)
    assert left.sum() > 0.5 * stands.sum()
    number = int(np.argmax([(code[left] == STATIC).sum() for code in codes]))
    bare = left & (codes[number] == STATIC) & ~dilate(codes[number] == MOVING, 2)
    assert bare.any()
    change = np.abs(moments[number].frame[bare].astype(int) - moments[number].background[bare])
    assert change.mean() < 5


def test_the_water_never_rests_and_the_street_does() -> None:
    def unrest(challenge: str) -> float:
        first, second = (moment.background.astype(int) for moment in scene(challenge)[10:12])
        return float((np.abs(first - second).max(2) > 10).mean())

    assert unrest("dynamicBackground") > 0.2
    assert unrest("baseline") == 0


@pytest.mark.parametrize("challenge", [c for c in CHALLENGES if c not in OTHER_TIME_OR_PLACE])
def test_the_light_drifts_a_few_percent(challenge: str) -> None:
    levels = np.array([moment.background.mean() for moment in scene(challenge)])
    assert 1.03 < levels.max() / levels.min() < 1.25
    assert np.abs(np.diff(levels)).max() < 0.03 * levels.mean()


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_somebody_is_in_nearly_every_frame_of_both_halves(challenge: str) -> None:
    share = (codes_of(scene(challenge)) == MOVING).mean((1, 2))
    for half in (share[:HALF], share[HALF:]):
        assert (half > 0.005).mean() > 0.95
        assert 0.02 < half.mean() < 0.25


@pytest.mark.parametrize("challenge", [c for c in CHALLENGES if c not in OTHER_TIME_OR_PLACE])
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
    least = 0.1 if challenge == "PTZ" else 0.2  # to them all that a turning camera sees is new
    assert least < f_measure(masks[HALF:], codes_of(scene(challenge)[HALF:])) < 0.9


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_temporal_median_is_not_enough(challenge: str) -> None:
    moments = scene(challenge)
    median = np.median(np.stack([moment.frame for moment in moments[:HALF:3]]), 0)
    away = np.stack([np.abs(moment.frame - median).max(2) for moment in moments[HALF:]])
    codes = codes_of(moments[HALF:])
    best = max(f_measure(away > threshold, codes) for threshold in (15, 20, 25, 30, 40))
    assert 0.2 < best < 0.95


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_longer_scene_begins_like_a_shorter_one(challenge: str) -> None:
    longer = scene(challenge)[:10]
    shorter = draw(challenge, frames=10, size=longer[0].codes.shape)
    for first, second in zip(shorter, longer, strict=True):
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one, other)


def test_frames_are_drawn_as_they_are_read() -> None:
    first = list(islice(draw("baseline", frames=5_000, size=(64, 64)), 2))
    assert len(first) == 2


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
