"""A density of past colours at every pixel, without any shape assumed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Frame, Mask
from cleanplate.subtractors.protocol import Segmentation, State
from cleanplate.subtractors.state import Layout, check_size, check_state

Floats = NDArray[np.float32]

SAMPLES, WINDOW, LEARNING_FRAMES, THRESHOLD = 50, 100, 10, 1e-7
"""bgslibrary's; the article has about 100 samples and a threshold of 1e-6 to 1e-8."""
LEAST_SIGMA, MOST_SIGMA = 0.5, 36.5
"""bgslibrary's limits of the bandwidth, in grey levels."""
BANDS = 20
"""Bandwidths and background are brought up to date in this many bands of rows, one with each new
sample: medians are dear, and noise changes slowly."""
FIRST_LOOK = 4
"""Samples that every pixel is compared with; most are known as background by then."""
_AT_ONCE = 8192
"""Pixels compared with all other samples at a time, to stay in the cache."""


@dataclass
class _Density:
    """The samples and what follows from them.

    Attributes:
        samples: ``(N, 3, H, W)`` uint8, a ring; those from ``count`` on are empty.
        sigmas: bandwidths ``(3, H, W)`` float32.
        background: ``(3, H, W)`` uint8, the samples' median.
        count: samples there are.
        place: where the next one goes.
        frames: frames learned.
        band: the band that comes next.
    """

    samples: NDArray[np.uint8]
    sigmas: Floats
    background: NDArray[np.uint8]
    count: int = 0
    place: int = 0
    frames: int = 0
    band: int = 0


class ElgammalKde:
    """Elgammal, Harwood and Davis 2000, "Non-parametric model for background subtraction".

    A pixel is foreground where the mean of Gaussian kernels round its samples falls below
    ``threshold``. The bandwidth of each channel follows from the median change between samples.
    Every second frame is sampled. The first 10 all enter and have no foreground; until the ring is
    full, what is foreground enters too. From then on it does not: this is the article's short-term
    model, as blind sampling would make background of any colour seen once in 100 frames. In turn
    what changes for good stays foreground. Neither the long-term model nor the neighbours' vote of
    the article is here.

    The background image is the samples' median, renewed a band of rows at a time.

    Args:
        samples: N, at least 10.
        window: frames that the samples are spread over.
        threshold: density below which a pixel is foreground.
    """

    name = "kde"
    learns_online = True

    def __init__(
        self, samples: int = SAMPLES, window: int = WINDOW, threshold: float = THRESHOLD
    ) -> None:
        self._samples = samples
        self._stride = max(1, window // samples)
        self._threshold = threshold
        self._density: _Density | None = None

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame and, with ``update``, learn from it.

        Raises:
            VideoError: the frame has another size than those before.
        """
        planes = np.ascontiguousarray(frame.transpose(2, 0, 1))  # (3, H, W)
        density = self._density
        if density is None:
            if not update:
                return Segmentation(np.zeros(frame.shape[:2], bool), None, frame.copy())
            density = self._density = self._start(planes)
        _, _, height, width = density.samples.shape
        check_size(self.name, frame, (height, width))
        if density.count >= LEARNING_FRAMES:
            mask = self._classify(density, planes)
        else:
            mask = np.zeros((height, width), bool)
        if update:
            self._learn(density, planes, mask)
        background = np.ascontiguousarray(density.background.transpose(1, 2, 0))
        return Segmentation(mask, None, background)

    def _start(self, planes: NDArray[np.uint8]) -> _Density:
        samples = np.zeros((self._samples, *planes.shape), np.uint8)
        return _Density(samples, np.full(planes.shape, LEAST_SIGMA, np.float32), planes.copy())

    def _classify(self, density: _Density, planes: NDArray[np.uint8]) -> Mask:
        """Return the foreground ``(H, W)``: where the kernels' sum does not reach the limit.

        The sum only grows, so a pixel that has reached it needs no more samples.
        """
        factors = -0.5 / np.square(density.sigmas)
        scale = density.sigmas.prod(axis=0) * np.float32((2 * np.pi) ** 1.5)
        limits = np.float32(self._threshold * density.count) * scale
        sums = np.zeros(limits.shape, np.float32)
        for sample in density.samples[:FIRST_LOOK]:
            exponents = np.zeros(limits.shape, np.float32)
            for plane, past, factor in zip(planes, sample, factors, strict=True):
                difference = cv2.absdiff(plane, past)
                square = cv2.multiply(difference, difference, dtype=cv2.CV_32F)
                cv2.accumulateProduct(square, factor, exponents)
            sums += cv2.exp(exponents)
        rest = density.samples[FIRST_LOOK : density.count].reshape(-1, 3, sums.size)
        open_pixels = np.flatnonzero(sums < limits)
        for start in range(0, len(open_pixels), _AT_ONCE):
            some = open_pixels[start : start + _AT_ONCE]
            differences = rest[:, :, some].astype(np.float32)  # (N, 3, some)
            differences -= planes.reshape(3, -1)[:, some]
            np.square(differences, out=differences)
            differences *= factors.reshape(3, -1)[:, some]
            sums.reshape(-1)[some] += np.exp(differences.sum(axis=1)).sum(axis=0)
        return np.asarray(sums < limits)

    def _learn(self, density: _Density, planes: NDArray[np.uint8], mask: Mask) -> None:
        density.frames += 1
        is_learning = density.count < LEARNING_FRAMES
        if not is_learning and density.frames % self._stride:
            return
        is_full = density.count == self._samples
        slot = density.samples[density.place]
        np.copyto(slot, planes, where=~mask if is_full else True)
        density.place = (density.place + 1) % self._samples
        density.count = min(density.count + 1, self._samples)
        if is_learning:
            _renew(density, slice(None))
        else:
            height = planes.shape[1]
            rows = [density.band * height // BANDS, (density.band + 1) * height // BANDS]
            _renew(density, slice(*rows))
            density.band = (density.band + 1) % BANDS

    def state(self) -> State:
        """Return samples, bandwidths and places, or nothing at the start."""
        density = self._density
        if density is None:
            return {}
        counters = [density.count, density.place, density.frames, density.band]
        return {
            "samples": density.samples.copy(),
            "sigmas": density.sigmas.copy(),
            "background": density.background.copy(),
            "counters": np.array(counters),
        }

    def restore(self, state: State) -> None:
        """Take up a saved state.

        Raises:
            ConfigError: the state is another method's, of another N, or damaged.
        """
        if not state:
            self._density = None
            return
        planes = (3, "H", "W")
        layout: Layout = {
            "samples": (np.uint8, (self._samples, *planes)),
            "sigmas": (np.float32, planes),
            "background": (np.uint8, planes),
            "counters": (np.int64, (4,)),
        }
        check_state(self.name, state, layout)
        limits = [self._samples + 1, self._samples, np.iinfo(np.int64).max, BANDS]
        if not all(0 <= a < b for a, b in zip(state["counters"], limits, strict=True)):
            raise ConfigError("kde: its state's counters are out of range; save it again")
        self._density = _Density(
            state["samples"].astype(np.uint8),
            state["sigmas"].astype(np.float32),
            state["background"].astype(np.uint8),
            *map(int, state["counters"]),
        )


def _renew(density: _Density, rows: slice) -> None:
    """Bring bandwidths and background of some rows up to date."""
    samples = density.samples[: density.count, :, rows]
    if samples.size == 0:
        return
    # time runs along the last axis from the oldest sample on: a sort wants its values together
    oldest = density.place % density.count
    ordered = np.ascontiguousarray(np.moveaxis(np.roll(samples, -oldest, axis=0), 0, -1))
    if density.count > 1:
        flat = ordered.reshape(-1, density.count)
        changes = cv2.absdiff(flat[:, 1:].copy(), flat[:, :-1].copy())
        medians = np.median(changes, axis=-1).reshape(ordered.shape[:-1])
        sigmas = medians / (0.68 * np.sqrt(2))
        density.sigmas[:, rows] = np.clip(sigmas, LEAST_SIGMA, MOST_SIGMA)
    middle = density.count // 2
    density.background[:, rows] = np.partition(ordered, middle, axis=-1)[..., middle]
