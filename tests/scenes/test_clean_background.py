from __future__ import annotations

from functools import cache
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cleanplate.images import dilate
from cleanplate.scenes.cdnet import decode_labels
from cleanplate.scenes.clean_background import (
    RING_PX,
    clean_backgrounds,
    distances_from,
    guess_unclean,
    long_term_background,
)
from cleanplate.scenes.synthetic import draw

Stack = tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]
Pixel = tuple[int, int]


def hole_around(dirty: NDArray[np.bool_], start: Pixel) -> set[Pixel]:
    """Return the unclean pixels connected to one of them, diagonally too."""
    found, waiting = {start}, [start]
    while waiting:
        y, x = waiting.pop()
        for near in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
            inside = 0 <= near[0] < dirty.shape[0] and 0 <= near[1] < dirty.shape[1]
            if inside and dirty[near] and near not in found:
                found.add(near)
                waiting.append(near)
    return found


def naive_pixel(
    stack: Stack, index: int, pixel: Pixel, hole: set[Pixel], channel: int
) -> int | None:
    """Return one value of one background as the module's text says, or None where inpainted."""
    frames, unclean, foreground = stack
    value = [int(frame[pixel][channel]) for frame in frames]
    if not unclean[index][pixel]:
        return value[index]
    clean = [other for other in range(len(frames)) if not unclean[other][pixel]]
    if not clean:
        seen = [value[n] for n in range(len(frames)) if not foreground[n][pixel]]
        return round(median(seen)) if seen else None
    nearest = min(clean, key=lambda other: (abs(other - index), other))
    changes = [
        int(frames[index][y, x, channel]) - int(frames[nearest][y, x, channel])
        for y, x in np.ndindex(frames.shape[1:3])
        if any(max(abs(y - row), abs(x - column)) <= RING_PX for row, column in hole)
        and not unclean[index][y, x]
        and not unclean[nearest][y, x]
    ]
    return min(255, max(0, round(value[nearest] + (median(changes) if changes else 0))))


@st.composite
def stacks(drawn: st.DrawFn) -> Stack:
    count, height, width = (drawn(st.integers(1, most)) for most in (5, 6, 7))
    rng = np.random.default_rng(drawn(st.integers(0, 2**32)))
    unclean = rng.random((count, height, width)) < drawn(st.sampled_from([0.1, 0.4, 0.7, 0.95]))
    foreground = unclean & (rng.random(unclean.shape) < drawn(st.sampled_from([0.3, 0.9])))
    frames = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    return frames, unclean, foreground


@settings(max_examples=60, deadline=None)
@given(stacks())
def test_backgrounds_equal_a_slow_second_way(stack: Stack) -> None:
    backgrounds, known = clean_backgrounds(*stack)
    frames, unclean, _ = stack
    for index in range(len(frames)):
        for pixel in np.ndindex(frames.shape[1:3]):
            y, x = pixel
            hole = hole_around(unclean[index], (y, x)) if unclean[index][y, x] else set()
            for channel in range(3):
                expected = naive_pixel(stack, index, (y, x), hole, channel)
                assert bool(known[y, x]) == (expected is not None)
                if expected is not None:
                    assert backgrounds[index, y, x, channel] == expected


def still(count: int, size: tuple[int, int] = (9, 9), value: int = 100) -> Stack:
    """A grey scene without objects, to put things into."""
    frames = np.full((count, *size, 3), value, np.uint8)
    return frames, np.zeros((count, *size), bool), np.zeros((count, *size), bool)


def test_a_clean_pixel_keeps_its_own_value() -> None:
    rng = np.random.default_rng(0)
    frames, unclean, foreground = still(3)
    frames[:] = rng.integers(0, 256, frames.shape)
    unclean[1, 4, 4] = True
    backgrounds = clean_backgrounds(frames, unclean, foreground).frames
    assert np.array_equal(backgrounds[~unclean], frames[~unclean])


def test_the_value_nearest_in_time_is_taken() -> None:
    frames, unclean, foreground = still(6)
    frames[:, 4, 4, 0] = [10, 20, 30, 40, 50, 60]
    unclean[1:4, 4, 4] = True
    filled = clean_backgrounds(frames, unclean, foreground).frames[:, 4, 4, 0]
    assert filled.tolist() == [10, 10, 10, 50, 50, 60]


def test_of_two_equally_near_the_earlier_is_taken() -> None:
    frames, unclean, foreground = still(3)
    frames[:, 4, 4, 0] = [10, 20, 30]
    unclean[1, 4, 4] = True
    assert clean_backgrounds(frames, unclean, foreground).frames[1, 4, 4, 0] == 10


def test_the_ring_carries_a_change_of_light_into_the_hole() -> None:
    frames, unclean, foreground = still(2)
    frames[1] += np.uint8(25)
    unclean[1, 3:6, 3:6] = foreground[1, 3:6, 3:6] = True
    frames[1, 3:6, 3:6] = 255
    assert (clean_backgrounds(frames, unclean, foreground).frames[1] == 125).all()


def test_each_hole_has_its_own_change_of_light() -> None:
    frames, unclean, foreground = still(2, size=(9, 30))
    frames[1, :, :15] += np.uint8(25)
    for columns in (slice(3, 6), slice(22, 25)):
        unclean[1, 3:6, columns] = True
        frames[1, 3:6, columns] = 255
    background = clean_backgrounds(frames, unclean, foreground).frames[1]
    assert (background[:, :15] == 125).all()
    assert (background[:, 15:] == 100).all()


def test_corrected_values_stay_within_8_bits() -> None:
    frames, unclean, foreground = still(2)
    frames[0, 4, 4] = 250
    frames[1] += np.uint8(25)
    unclean[1, 4, 4] = True
    assert (clean_backgrounds(frames, unclean, foreground).frames[1, 4, 4] == 255).all()


def test_a_pixel_never_clean_gets_the_median_of_its_values_without_foreground() -> None:
    frames, unclean, foreground = still(5)
    frames[:, 4, 4, 0] = [200, 10, 30, 20, 200]
    unclean[:, 4, 4] = True
    foreground[[0, 4], 4, 4] = True
    backgrounds, known = clean_backgrounds(frames, unclean, foreground)
    assert backgrounds[:, 4, 4, 0].tolist() == [20] * 5
    assert known.all()


def test_a_pixel_always_foreground_is_inpainted_and_unknown() -> None:
    frames, unclean, foreground = still(3)
    frames[:, 3:6, 3:6] = 255
    unclean[:, 3:6, 3:6] = foreground[:, 3:6, 3:6] = True
    backgrounds, known = clean_backgrounds(frames, unclean, foreground)
    assert np.abs(backgrounds.astype(int) - 100).max() <= 2  # the inpainting rounds
    assert np.array_equal(known, ~unclean[0])


def test_what_is_given_is_not_changed() -> None:
    frames, unclean, foreground = still(3)
    unclean[1, 4, 4] = True
    frames[1, 4, 4] = 0
    before = frames.copy()
    clean_backgrounds(frames, unclean, foreground)
    assert np.array_equal(frames, before)


class Drawn:
    """A drawn scene, its exact backgrounds, the backgrounds made, and where objects stood."""

    def __init__(self, challenge: str) -> None:
        moments = list(draw(challenge, frames=80, size=(96, 128), seed=1))
        truths = [decode_labels(moment.codes, "drawn") for moment in moments]
        self.frames = np.stack([moment.frame for moment in moments])
        self.exact = np.stack([moment.background for moment in moments]).astype(float)
        self.holes = np.stack([dilate(truth.unclean, 3) for truth in truths])
        foreground = np.stack([truth.labels == 1 for truth in truths])
        self.made = clean_backgrounds(self.frames, self.holes, foreground)
        self.objects = foreground & self.made.known

    def error(self, backgrounds: NDArray[np.uint8] | NDArray[np.float64]) -> float:
        """Return the mean absolute error where objects stood."""
        difference = np.abs(backgrounds - self.exact)
        return float(difference[self.objects].mean())


@cache
def drawn_scene(challenge: str) -> Drawn:
    return Drawn(challenge)


MEASURED = {"baseline": 3.20, "shadow": 3.66, "nightVideos": 15.18}
"""The mean absolute error where objects stood, in grey levels; the noise of one frame alone is 2.8,
at night 5.6. The frames themselves are 38.4, 59.9 and 29.7 off, the temporal median 15.6, 28.2 and
17.3 (at night lamps of passing cars light the ground, which no other moment shows)."""


@pytest.mark.parametrize("challenge", MEASURED)
def test_backgrounds_of_a_drawn_scene_are_near_the_exact_ones(challenge: str) -> None:
    scene = drawn_scene(challenge)
    assert scene.error(scene.made.frames) < 1.1 * MEASURED[challenge]


@pytest.mark.parametrize("challenge", MEASURED)
def test_backgrounds_are_better_than_the_frames_themselves(challenge: str) -> None:
    scene = drawn_scene(challenge)
    assert scene.error(scene.made.frames) < scene.error(scene.frames)


@pytest.mark.parametrize("challenge", MEASURED)
def test_backgrounds_are_better_than_the_temporal_median(challenge: str) -> None:
    scene = drawn_scene(challenge)
    assert scene.error(scene.made.frames) < scene.error(np.median(scene.frames, 0)[None])


@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_the_long_term_background_is_the_median_of_what_is_not_hidden(
    count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (count, 3, 4, 3), np.uint8)
    unclean = rng.random((count, 3, 4)) < 0.5
    found = long_term_background(frames, unclean)
    for y in range(3):
        for x in range(4):
            free = ~unclean[:, y, x] if not unclean[:, y, x].all() else np.ones(count, bool)
            for channel in range(3):
                value = median(frames[free, y, x, channel].tolist())
                assert found[y, x, channel] == int(value + 0.5)


def test_distances_tell_a_still_pixel_from_a_restless_one_and_from_a_passing_object() -> None:
    frames = np.full((11, 1, 3, 3), 100, np.uint8)
    frames[::2, 0, 1] = 130  # restless: to and fro
    frames[4, 0, 2] = 250  # an object passes once
    background = np.full((1, 3, 3), 100, np.uint8)
    usual, often = np.moveaxis(distances_from(background, frames), 2, 0)[:, 0].astype(int)
    assert usual.tolist() == [0, 4 * 30, 0]
    assert often.tolist() == [0, 4 * 30, 0]


def test_distances_beyond_their_range_are_its_end() -> None:
    frames = np.full((3, 1, 1, 3), 255, np.uint8)
    assert distances_from(np.zeros((1, 1, 3), np.uint8), frames).tolist() == [[[255, 255]]]


def test_an_object_is_guessed_unclean_and_a_change_of_light_is_not() -> None:
    median_frame = np.full((8, 8, 3), 100, np.uint8)
    frames = np.full((2, 8, 8, 3), 130, np.uint8)  # brighter all over
    frames[1, 2:4, 2:4] = 30
    guessed = guess_unclean(frames, median_frame, np.zeros((8, 8), np.float32))
    assert not guessed[0].any()
    assert guessed[1].sum() == 4
    assert not guess_unclean(frames, median_frame, np.full((8, 8), 40, np.float32)).any()
