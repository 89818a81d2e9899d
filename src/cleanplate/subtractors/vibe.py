"""Samples of past colours at every pixel, renewed at random."""

from __future__ import annotations

import copy
import json

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Frame, Mask
from cleanplate.subtractors.protocol import Segmentation, State
from cleanplate.subtractors.state import check_size, check_state

Planes = NDArray[np.uint8]

SAMPLES, RADIUS, LEAST_MATCHES, SUBSAMPLING = 20, 20, 2, 16
"""The article's."""
COLOUR_RADIUS = int(4.5 * RADIUS)
"""The public programs': a colour is near where its channels differ by no more than this in sum."""
_NEIGHBOURS = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x])


class Vibe:
    """Barnich and Van Droogenbroeck 2011, "ViBe: a universal background subtraction algorithm".

    A pixel is background where at least 2 of its 20 samples are near. A background pixel then
    overwrites, at random, a sample of its own and one of a neighbour's. Foreground never enters:
    it is absorbed from its border inwards. Samples start as draws from the first frame's 3 x 3
    neighbourhoods. Patented (see `methods.PATENT_NOTES`).

    The background image is the median of the first three samples: cheap, and enough against the
    specks that single samples show.

    Args:
        seed: of all that is drawn at random; equal seeds give equal masks.
    """

    name = "vibe"
    learns_online = True

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._samples: Planes | None = None  # (N, 3, H, W)

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame and, with ``update``, learn from it.

        Raises:
            VideoError: the frame has another size than those before.
        """
        planes = np.ascontiguousarray(frame.transpose(2, 0, 1))  # (3, H, W)
        samples = self._samples
        if samples is None:
            random = self._random if update else copy.deepcopy(self._random)
            samples = _first_samples(planes, random)
        _, _, height, width = samples.shape
        check_size(self.name, frame, (height, width))
        mask = _classify(samples, planes)
        if update:
            self._samples = samples
            self._learn(samples, planes, mask)
        return Segmentation(mask, None, _median_of_three(samples))

    def _learn(self, samples: Planes, planes: Planes, mask: Mask) -> None:
        _, _, height, width = samples.shape
        for is_neighbour in (False, True):
            drawn = self._random.integers(0, SUBSAMPLING, mask.shape, np.uint8) == 0
            y, x = np.nonzero(drawn & ~mask)
            colours = planes[:, y, x].T
            if is_neighbour:
                step = _NEIGHBOURS[self._random.integers(0, len(_NEIGHBOURS), len(y))]
                y = np.clip(y + step[:, 0], 0, height - 1)
                x = np.clip(x + step[:, 1], 0, width - 1)
            samples[self._random.integers(0, SAMPLES, len(y)), :, y, x] = colours

    def state(self) -> State:
        """Return samples and the random generator's state, or nothing at the start."""
        if self._samples is None:
            return {}
        words = json.dumps(self._random.bit_generator.state).encode()
        return {"samples": self._samples.copy(), "generator": np.frombuffer(words, np.uint8).copy()}

    def restore(self, state: State) -> None:
        """Take up saved samples and go on drawing where the saved one stopped.

        Raises:
            ConfigError: the state is another method's, or damaged.
        """
        generator = np.random.PCG64(self._seed)
        if state:
            layout = {
                "samples": (np.uint8, (SAMPLES, 3, "H", "W")),
                "generator": (np.uint8, ("G",)),
            }
            check_state(self.name, state, layout)
            try:
                generator.state = json.loads(state["generator"].tobytes())
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                raise ConfigError(
                    f"vibe: its state's generator is damaged ({error}); save it again"
                ) from error
        self._random = np.random.Generator(generator)
        self._samples = state["samples"].astype(np.uint8) if state else None


def _first_samples(planes: Planes, random: np.random.Generator) -> Planes:
    """Draw each pixel's samples from its 3 x 3 neighbourhood; at the border, pixels repeat."""
    _, height, width = planes.shape
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows, columns = np.indices((height, width))
    samples = np.empty((SAMPLES, *planes.shape), np.uint8)
    for sample in samples:
        place = random.integers(0, 9, (height, width))
        sample[...] = padded[:, rows + place // 3, columns + place % 3]
    return samples


def _classify(samples: Planes, planes: Planes) -> Mask:
    """Return the foreground ``(H, W)``: pixels with too few samples near."""
    matches = np.zeros(planes.shape[1:], np.uint8)
    frame = planes.reshape(-1, planes.shape[2])  # (3 H, W): OpenCV's own vector code, one call
    for sample in samples:
        parts = cv2.absdiff(frame, sample.reshape(frame.shape)).reshape(planes.shape)
        # sums stop at 255, far above the radius
        apart = cv2.add(cv2.add(parts[0], parts[1]), parts[2])
        matches += apart <= COLOUR_RADIUS
    return matches < LEAST_MATCHES


def _median_of_three(samples: Planes) -> Frame:
    first, second, third = (sample.reshape(-1, sample.shape[2]) for sample in samples[:3])
    larger = cv2.min(cv2.max(first, second), third)
    median = cv2.max(cv2.min(first, second), larger).reshape(samples.shape[1:])
    return np.ascontiguousarray(median.transpose(1, 2, 0))
