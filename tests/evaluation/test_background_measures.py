"""SBI's measures of a background, against hand counts and plain loops."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.evaluation.background_measures import (
    BackgroundMeasures,
    MaskedMeasures,
    luma,
    mean_measures,
    measure_background,
    measure_masked,
    ms_ssim,
)

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def textured(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def disturbed(picture: NDArray[np.uint8], by: int = 25, seed: int = 9) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(-by, by + 1, picture.shape)
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def grey(rows: list[list[int]]) -> NDArray[np.uint8]:
    return np.array(rows, np.uint8)


def test_luma_is_in_studio_range_and_rounded() -> None:
    # 16 + 65.481 = 81.481, 16 + 128.553 = 144.553, 16 + 24.966 = 40.966
    colours = [[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    assert luma(np.array(colours, np.uint8)).tolist() == [[16, 235, 81, 145, 41]]


def test_grey_pictures_are_used_as_they_are() -> None:
    assert luma(grey([[0, 128, 255]])).tolist() == [[0, 128, 255]]


def test_identical_pictures_are_perfect() -> None:
    picture = textured(48, 64)
    found = measure_background(picture, picture.copy())
    assert (found.age, found.peps, found.pceps, found.psnr) == (0, 0, 0, 99)
    assert found.ms_ssim == pytest.approx(1, abs=1e-12)
    assert found.cqm == pytest.approx(99)  # 0.9449 * 99 + 0.0551 * (99 + 99) / 2


def test_a_pixel_is_an_error_above_twenty_levels_and_not_at_twenty() -> None:
    found = measure_background(grey([[100, 100, 100, 100]]), grey([[100, 120, 121, 79]]))
    assert found.age == (0 + 20 + 21 + 21) / 4
    assert found.peps == 2 / 4
    mse = (400 + 441 + 441) / 4
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / mse))


def test_black_and_white_lie_219_levels_apart() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    found = measure_background(black, white)
    assert (found.age, found.peps, found.pceps) == (219, 1, 1)
    assert found.psnr == pytest.approx(20 * math.log10(255 / 219))


def test_a_clustered_error_needs_its_four_neighbours_and_borders_do_not_veto() -> None:
    # marked x where all neighbours that exist are errors:
    # 1 1 0 0     x . . .
    # 1 1 1 0     . x . .
    # 0 1 0 0     . . . .
    # 0 0 0 1     . . . .
    errors = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    found = measure_background(grey((100 + 50 * errors).tolist()), np.full((4, 4), 100, np.uint8))
    assert found.peps == 7 / 16
    assert found.pceps == 2 / 16


@pytest.mark.parametrize("seed", range(5))
def test_clustered_errors_agree_with_plain_loops(seed: int) -> None:
    errors = np.random.default_rng(seed).random((9, 13)) < 0.8
    count = 0
    for row, column in np.ndindex(errors.shape):
        around = [(row, column), (row - 1, column), (row + 1, column)]
        around += [(row, column - 1), (row, column + 1)]
        inside = [(r, c) for r, c in around if 0 <= r < 9 and 0 <= c < 13]
        count += all(errors[place] for place in inside)
    picture = np.where(errors, 200, 100).astype(np.uint8)
    found = measure_background(picture, np.full(errors.shape, 100, np.uint8))
    assert found.pceps == pytest.approx(count / errors.size)
    assert count


def test_cqm_weighs_luma_and_signed_chroma() -> None:
    # (10, 20, 30): Y 20, U -10, V 10; (14, 20, 20): Y floor(74 / 4) = 18, U -6, V 0
    ours, truth = np.array([[[10, 20, 30]]], np.uint8), np.array([[[14, 20, 20]]], np.uint8)
    of_y, of_u, of_v = (20 * math.log10(255 / level) for level in (2, 4, 10))
    expected = 0.9449 * of_y + 0.0551 * (of_u + of_v) / 2
    assert measure_background(ours, truth).cqm == pytest.approx(expected)
    saturated = 0.9449 * of_y + 0.0551 * (99 + of_v) / 2  # both U are 0 in unsigned bytes
    assert measure_background(ours, truth, legacy=True).cqm == pytest.approx(saturated)


def test_grey_pictures_have_no_colour_measure() -> None:
    assert measure_background(grey([[1]]), grey([[1]])).cqm is None


def slow_ssim(
    one: NDArray[np.float64], two: NDArray[np.float64], width: int
) -> tuple[float, float]:
    """Return mean SSIM and mean structure by the two-dimensional window, pixel by pixel."""
    middle = (width - 1) / 2
    window = np.array(
        [
            [math.exp(-((r - middle) ** 2 + (c - middle) ** 2) / 4.5) for c in range(width)]
            for r in range(width)
        ]
    )
    window /= window.sum()
    both, structures = [], []
    for row in range(one.shape[0] - width + 1):
        for column in range(one.shape[1] - width + 1):
            x = one[row : row + width, column : column + width]
            y = two[row : row + width, column : column + width]
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            vxy = (window * (x - mx) * (y - my)).sum()
            structures.append((2 * vxy + 58.5225) / (vx + vy + 58.5225))
            both.append((2 * mx * my + 6.5025) / (mx**2 + my**2 + 6.5025) * structures[-1])
    return float(np.mean(both)), float(np.mean(structures))


def slow_half(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = plane.shape
    small = np.empty(((height + 1) // 2, (width + 1) // 2))
    for row, column in np.ndindex(small.shape):
        rows = (2 * row, min(2 * row + 1, height - 1))
        columns = (2 * column, min(2 * column + 1, width - 1))
        small[row, column] = np.mean([plane[r, c] for r in rows for c in columns])
    return small


@pytest.mark.parametrize(("height", "width", "window"), [(34, 41, 2), (53, 48, 3), (70, 64, 4)])
def test_multi_scale_similarity_agrees_with_plain_loops(
    height: int, width: int, window: int
) -> None:
    truth = textured(height, width)
    one, two = luma(disturbed(truth)), luma(truth)
    found = ms_ssim(one, two)
    expected = 1.0
    for scale, weight in enumerate(WEIGHTS):
        similarity, structure = slow_ssim(one, two, window)
        expected *= (similarity if scale == 4 else structure) ** weight
        one, two = slow_half(one), slow_half(two)
    assert found == pytest.approx(expected, rel=1e-9)
    assert 0.3 < expected < 1


def test_the_window_is_eleven_pixels_from_176_pixels_on() -> None:
    truth = textured(176, 180)
    one, two = luma(disturbed(truth)), luma(truth)
    wide = ms_ssim(one, two)
    for _ in range(4):
        one, two = slow_half(one), slow_half(two)
    assert one.shape == (11, 12)
    coarsest, _ = slow_ssim(one, two, 11)
    assert wide is not None
    assert 0 < coarsest < 1
    assert wide < coarsest ** WEIGHTS[4]


@pytest.mark.parametrize("size", [(31, 200), (200, 31), (8, 8)])
def test_pictures_too_small_for_five_scales_have_no_multi_scale_similarity(
    size: tuple[int, int],
) -> None:
    picture = textured(*size)
    assert measure_background(picture, picture).ms_ssim is None


def test_a_negative_picture_has_similarity_zero_and_no_complex_number() -> None:
    picture = textured(64, 64)
    assert measure_background(picture, 255 - picture).ms_ssim == 0


@pytest.mark.parametrize("legacy", [False, True])
def test_more_noise_is_worse_by_every_measure(legacy: bool) -> None:
    truth = textured(64, 80)
    little = measure_background(disturbed(truth, 10), truth, legacy)
    much = measure_background(disturbed(truth, 80), truth, legacy)
    assert little.age < much.age
    assert little.peps < much.peps
    assert little.pceps <= much.pceps
    assert little.psnr > much.psnr
    assert (little.ms_ssim or 0) > (much.ms_ssim or 1)
    assert (little.cqm or 0) > (much.cqm or 99)


def test_swapping_result_and_reference_changes_nothing() -> None:
    one, two = textured(40, 40, 1), textured(40, 40, 2)
    there, back = measure_background(one, two), measure_background(two, one)
    assert astuple(there) == pytest.approx(astuple(back))


def test_only_clean_pixels_are_measured_in_a_frame() -> None:
    result, frame = grey([[100, 100, 100, 100]]), grey([[104, 130, 255, 100]])
    clean = np.array([[True, True, False, False]])
    found = measure_masked(result, frame, clean)
    assert (found.age, found.peps) == ((4 + 30) / 2, 1 / 2)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / ((16 + 900) / 2)))


def test_a_frame_clean_everywhere_is_measured_like_a_reference() -> None:
    result, frame = textured(20, 30, 1), textured(20, 30, 2)
    masked = measure_masked(result, frame, np.ones((20, 30), bool))
    whole = measure_background(result, frame)
    assert (masked.age, masked.peps, masked.psnr) == (whole.age, whole.peps, whole.psnr)


def test_without_a_clean_pixel_nothing_is_measured() -> None:
    found = measure_masked(textured(4, 4), textured(4, 4), np.zeros((4, 4), bool))
    assert found == MaskedMeasures(None, None, None)


def test_means_leave_undefined_values_out() -> None:
    means = mean_measures(
        [
            BackgroundMeasures(2.0, 0.2, 0.1, None, 30.0, None),
            BackgroundMeasures(4.0, 0.4, 0.1, 0.5, 40.0, None),
        ]
    )
    assert list(means) == ["age", "peps", "pceps", "ms_ssim", "psnr", "cqm"]
    assert means["age"] == 3
    assert means["ms_ssim"] == 0.5
    assert means["psnr"] == 35
    assert means["cqm"] is None


def test_means_of_masked_measures_have_their_names() -> None:
    masked = [MaskedMeasures(1.0, 0.0, 40.0), MaskedMeasures(None, None, None)]
    assert mean_measures(masked) == {"age": 1.0, "peps": 0.0, "psnr": 40.0}
    assert mean_measures([]) == {}


def test_pictures_of_different_sizes_are_refused() -> None:
    message = r"shapes differ: \(4, 4, 3\), \(4, 5, 3\)"
    with pytest.raises(ValueError, match=message):
        measure_background(textured(4, 4), textured(4, 5))
    with pytest.raises(ValueError, match=message):
        measure_masked(textured(4, 4), textured(4, 5), np.ones((4, 4), bool))
    with pytest.raises(ValueError, match=r"shapes differ: mask \(4, 5\), frame \(4, 4, 3\)"):
        measure_masked(textured(4, 4), textured(4, 4), np.ones((4, 5), bool))
