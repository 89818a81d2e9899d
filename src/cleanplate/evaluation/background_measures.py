"""How near a reconstructed background is to the true one: SBI's and SBMnet's six measures.

After the organisers' MATLAB scripts of 2016 (Maddalena and Petrosino; Jodoin et al.), NumPy only.
All but CQM compare the luma, which for colour is `rgb2ycbcr`'s: studio range, white is 235.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask
from cleanplate.measures import mean_of_defined

Plane = NDArray[np.float64]

ERROR_ABOVE = 20
"""A pixel whose grey levels differ by more than this is an error pixel."""
PEAK = 255
PSNR_OF_EQUALS = 99.0
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Wang, Simoncelli and Bovik 2003: the share of each scale, from the finest to the coarsest."""
STABILISERS = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)
WINDOW, WINDOW_SIGMA = 11, 1.5
COARSEST = 2 ** (len(SCALE_WEIGHTS) - 1)
LUMA_SHARE = 0.9449
"""The rest of CQM is its chroma's (Yalman and Erturk 2013)."""


@dataclass(frozen=True)
class BackgroundMeasures:
    """One background against the true one; None where a measure cannot be computed.

    Attributes:
        age: average grey-level error, 0 to 255, low is good.
        peps: share of error pixels, 0 to 1, low is good.
        pceps: share of error pixels whose four neighbours are errors too, 0 to 1, low is good.
        ms_ssim: multi-scale structural similarity, 0 to 1, high is good; None below 32 pixels.
        psnr: peak signal-to-noise ratio in dB, high is good; 99 for equals.
        cqm: colour image quality measure in dB, high is good; 99 for equals, None for grey ones.
    """

    age: float
    peps: float
    pceps: float
    ms_ssim: float | None
    psnr: float
    cqm: float | None


@dataclass(frozen=True)
class MaskedMeasures:
    """One background against the frame where nothing hides it; None where no pixel counts.

    A stand-in for scenes without a true background ("masked AGE" and so on). It says nothing of
    the hidden pixels, which are what a reconstruction is for.
    """

    age: float | None
    peps: float | None
    psnr: float | None


def measure_background(result: Frame, reference: Frame, legacy: bool = False) -> BackgroundMeasures:
    """Measure a background.

    Args:
        result: ``(H, W, 3)`` uint8 RGB; or ``(H, W)``, grey, which is used as it is.
        reference: the true background, same shape.
        legacy: let CQM's negative chroma saturate at 0, as in the tables published for SBI.

    Raises:
        ValueError: the shapes differ.
    """
    _check_shapes(result, reference)
    ours, truth = luma(result), luma(reference)
    difference = np.abs(ours - truth)
    errors = np.asarray(difference > ERROR_ABOVE, bool)
    return BackgroundMeasures(
        age=float(difference.mean()),
        peps=float(errors.mean()),
        pceps=float(_clustered(errors).mean()),
        ms_ssim=ms_ssim(ours, truth),
        psnr=_psnr(difference),
        cqm=_cqm(result, reference, legacy) if result.ndim == 3 else None,
    )


def measure_masked(result: Frame, frame: Frame, clean: Mask) -> MaskedMeasures:
    """Measure a background where the frame shows it.

    Args:
        result: ``(H, W, 3)`` uint8 RGB, or ``(H, W)``, grey.
        frame: the frame of that moment, same shape.
        clean: ``(H, W)``, True where the frame is labelled static (0): no shadow, no border.

    Raises:
        ValueError: the shapes differ.
    """
    _check_shapes(result, frame)
    if clean.shape != frame.shape[:2]:
        raise ValueError(f"shapes differ: mask {clean.shape}, frame {frame.shape}")
    if not clean.any():
        return MaskedMeasures(None, None, None)
    difference = np.abs(luma(result) - luma(frame))[clean]
    errors = difference > ERROR_ABOVE
    return MaskedMeasures(float(difference.mean()), float(errors.mean()), _psnr(difference))


def mean_measures(
    measures: Sequence[BackgroundMeasures] | Sequence[MaskedMeasures],
) -> dict[str, float | None]:
    """Return the plain mean of each measure over those defined; of none, no means at all."""
    names = [field.name for field in dataclasses.fields(measures[0])] if measures else []
    return {name: mean_of_defined([getattr(one, name) for one in measures])[0] for name in names}


def luma(picture: Frame) -> Plane:
    """Return MATLAB's luma ``(H, W)``, 16 to 235 in whole numbers; grey pictures stay."""
    if picture.ndim == 2:
        return picture.astype(np.float64)
    weighted = picture.astype(np.float64) @ np.array([65.481, 128.553, 24.966])
    return np.asarray(np.floor(16 + weighted / PEAK + 0.5), np.float64)


def _check_shapes(result: Frame, other: Frame) -> None:
    if result.shape != other.shape:
        raise ValueError(f"shapes differ: {result.shape}, {other.shape}")


def _clustered(errors: Mask) -> Mask:
    """Erode by the 3x3 plus; what lies outside the picture does not veto, as in MATLAB."""
    padded = np.pad(errors, 1, constant_values=True)
    beside = padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(errors & beside & padded[:-2, 1:-1] & padded[2:, 1:-1], bool)


def _psnr(difference: NDArray[np.float64]) -> float:
    error = float(np.square(difference).mean())
    return 10 * math.log10(PEAK**2 / error) if error else PSNR_OF_EQUALS


def _cqm(result: Frame, reference: Frame, legacy: bool) -> float:
    planes = zip(_reversible(result, legacy), _reversible(reference, legacy), strict=True)
    of_luma, *of_chroma = (_psnr(ours - truth) for ours, truth in planes)
    return LUMA_SHARE * of_luma + (1 - LUMA_SHARE) * sum(of_chroma) / 2


def _reversible(picture: Frame, legacy: bool) -> tuple[Plane, Plane, Plane]:
    """Return JPEG 2000's reversible transform: Y, U and V of whole numbers."""
    red, green, blue = np.moveaxis(picture.astype(np.float64), 2, 0)
    chroma = red - green, blue - green
    if legacy:  # the original subtracts unsigned bytes
        chroma = np.maximum(chroma[0], 0), np.maximum(chroma[1], 0)
    return np.floor((red + 2 * green + blue) / 4), *chroma


def ms_ssim(result: Plane, reference: Plane) -> float | None:
    """Return the multi-scale structural similarity of two luma planes ``(H, W)`` in 0 to 255.

    The structure of all five scales and the luminance of the coarsest, multiplied; a negative mean
    counts as 0. The window is 11 pixels, or a sixteenth of the shorter side where that is less
    than 176 pixels; where it would be a single pixel there is no structure, and the answer is None.
    """
    width = min(WINDOW, min(result.shape) // COARSEST)
    if width < 2:
        return None
    product = 1.0
    for scale, (similarity, structure) in enumerate(_scales(result, reference, width)):
        value = structure if scale < len(SCALE_WEIGHTS) - 1 else similarity
        product *= max(0.0, value) ** SCALE_WEIGHTS[scale]
    return product


def _scales(result: Plane, reference: Plane, width: int) -> Iterator[tuple[float, float]]:
    """Yield the mean SSIM and the mean of its structure term, at each scale."""
    for scale in range(len(SCALE_WEIGHTS)):
        if scale:
            result, reference = _halved(result), _halved(reference)
        yield _ssim(result, reference, width)


def _ssim(one: Plane, two: Plane, width: int) -> tuple[float, float]:
    mean_one, mean_two = _blurred(one, width), _blurred(two, width)
    spread = _blurred(one * one + two * two, width) - mean_one**2 - mean_two**2
    shared = _blurred(one * two, width) - mean_one * mean_two
    structure = (2 * shared + STABILISERS[1]) / (spread + STABILISERS[1])
    luminance = (2 * mean_one * mean_two + STABILISERS[0]) / (
        mean_one**2 + mean_two**2 + STABILISERS[0]
    )
    return float((luminance * structure).mean()), float(structure.mean())


def _blurred(plane: Plane, width: int) -> Plane:
    """Weigh by a Gaussian window, wherever the whole window fits: MATLAB's ``valid``."""
    places = np.arange(width) - (width - 1) / 2
    window = np.exp(-(places**2) / (2 * WINDOW_SIGMA**2))
    window /= window.sum()
    for _ in range(2):  # down, then across
        rows = len(plane) - width + 1
        total = window[0] * plane[:rows]
        for tap in range(1, width):
            total += window[tap] * plane[tap : tap + rows]
        plane = total.T
    return plane


def _halved(plane: Plane) -> Plane:
    """Average blocks of 2x2; an odd last row or column counts twice (MATLAB's ``symmetric``)."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
