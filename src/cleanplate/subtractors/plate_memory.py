"""The clean plate of every frame of a video: what was seen of each pixel, in the present light.

Each pixel is followed by a Kalman filter. Its gain is high where the background itself moves and
low where only the sensor's noise does, so that water is shown as it is and a wall gets smooth.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask, dilate
from cleanplate.subtractors.plate_light import (
    Floats,
    find_light_change,
    match_background,
    mean_square,
)
from cleanplate.subtractors.plate_motion import NO_SHIFT, contrast_beside, find_shift, shifted
from cleanplate.subtractors.plate_witness import NORMAL_MEAN, hear
from cleanplate.subtractors.protocol import Segmentation
from cleanplate.subtractors.state import check_size

MARGIN_PX, MARGIN_SHARE = 3, 80
"""A mask is grown by three pixels, or an 80th of the shorter side where that is more."""
SURE = 0.25
"""A pixel is clean where its probability of being foreground is below."""
LEAST_NOISE = 0.3
"""Variance in squared grey levels: rounding alone makes a third of it."""
MOST_ROUGH = 20.0
"""Noise over what one picture shows of it: HallAndMonitor's is smooth, 4 was too few there."""
SLOWEST = 0.0004
"""Unrest of a still pixel, as a share of the sensor's noise: a gain of 0.02 in the long run."""
RESTLESS_RATE, FREE_STEPS = 0.05, 5
"""How fast unrest is learned; after some frames a rare change counts for little."""
MOST_VARIANCE = 10.0
"""Times noise and unrest: a background moves to and fro and does not wander off."""
FINE_PX, FINE_SURPRISE = 3, 6.0
BROAD_PX, BROAD_SURPRISE = 7, 18.0
"""A mean square this many times that of noise is no noise; over so many pixels, or over more."""
RESTLESS_SURPRISE = 20.0
SURPRISED_GAIN, UNSEEN_GAIN, CONTRADICTED_GAIN = 0.01, 0.05, 0.003
"""How fast a surprise is taken over: one that no background speaks of; of a pixel never seen, or
one seen, that the method's background speaks against."""
TELLING = 16.0
"""A squared contrast this many times the noise shows a moving camera."""
BROKEN_FROM, BROKEN_TO, GIVEN_UP = 0.12, 0.3, 0.3
"""Share of surprises there between which the memory is given up; drawn water has up to 0.12."""
DOUBTFUL = 4.0
UNKNOWN = 1e6
"""Variance of a pixel never seen."""
SAMPLE_EVERY = 4
SAMPLE = (slice(None, None, SAMPLE_EVERY), slice(None, None, SAMPLE_EVERY))
LEAST_SAMPLE = 20


class PlateMemory:
    """Remembers a scene's clean pixels and gives a sharp plate for each frame.

    Give it successive frames with their segmentations, by any method. A plate depends on the
    frames before it and on none behind it; the memory is a few pictures large, however long the
    video.
    """

    def __init__(self) -> None:
        self._memory = np.zeros((0, 0, 3), np.float32)
        self._variance = np.zeros((0, 0), np.float32)
        self._restless = np.zeros((0, 0), np.float32)
        self._seen = np.zeros((0, 0), bool)
        self._contradicted = np.zeros((0, 0), bool)
        self._last = np.zeros((0, 0, 3), np.float32)
        self._was_clean = np.zeros((0, 0), bool)
        self._noise = LEAST_NOISE
        self._steps = 0

    def update(self, frame: Frame, segmentation: Segmentation) -> Frame:
        """Take the next frame and return its clean plate, ``(H, W, 3)`` uint8 RGB.

        Raises:
            VideoError: the frame has another size than those before.
        """
        clean = find_clean(segmentation)
        picture = frame.astype(np.float32)
        background = segmentation.background
        own = None if background is None else background.astype(np.float32)
        if self._steps == 0:
            self._start(picture, clean, own)
        else:
            check_size("clean plate", frame, (self._memory.shape[0], self._memory.shape[1]))
            self._learn_noise(picture, clean)
            self._follow_camera(picture, clean)
            self._follow_light(picture, clean)
        self._correct(picture, clean, own)
        self._last, self._was_clean = picture, clean
        self._steps += 1
        return self._plate(own)

    def _start(self, picture: Floats, clean: Mask, own: Floats | None) -> None:
        """Take the method's background in the frame's light for what is not seen yet."""
        size = picture.shape[:2]
        self._noise = max(_spatial_noise(picture), LEAST_NOISE)
        self._restless = np.zeros(size, np.float32)
        self._seen = np.zeros(size, bool)
        self._contradicted = np.zeros(size, bool)
        self._memory, self._variance = picture, np.full(size, UNKNOWN, np.float32)
        if own is None or not clean.any():
            return
        expected = np.full(size, 4 * self._noise, np.float32)
        self._memory = find_light_change(own, picture, clean, expected).apply(own)
        error = np.median(mean_square(picture - self._memory)[clean])
        self._variance = np.full(size, NORMAL_MEAN * error + self._noise, np.float32)

    def _learn_noise(self, picture: Floats, clean: Mask) -> None:
        """Split the change since the last frame into the sensor's noise and the scene's unrest."""
        both = clean & self._was_clean
        sample = both[SAMPLE]
        if sample.sum() < LEAST_SAMPLE:
            return
        before, after = self._last[SAMPLE][sample].mean(), picture[SAMPLE][sample].mean()
        gain = np.float32(np.clip(after / max(before, 1), 0.5, 2))
        change = cv2.blur(mean_square(picture - self._last * gain), (FINE_PX, FINE_PX))
        quiet = float(np.median(change[SAMPLE][sample])) / 2  # half: both frames are noisy
        rate = max(RESTLESS_RATE, 1 / self._steps)
        found = max(min(quiet, MOST_ROUGH * _spatial_noise(picture)), LEAST_NOISE)
        self._noise += rate * (found - self._noise)
        unrest = np.maximum(change - 3 * self._noise, 0)
        if self._steps > FREE_STEPS:  # a shadow that passes makes no restless pixel
            unrest = np.minimum(unrest, 2 * self._restless + 0.5 * self._noise)
        self._restless += np.float32(rate) * both * (unrest - self._restless)

    def _follow_camera(self, picture: Floats, clean: Mask) -> None:
        """Shift the memory along with a camera that shakes or pans."""
        shift = find_shift(self._memory, picture, clean & self._seen)
        if shift == NO_SHIFT:
            return
        self._memory = shifted(self._memory, shift)
        self._variance = shifted(self._variance, shift, UNKNOWN)
        self._restless = shifted(self._restless, shift)
        self._seen = shifted(self._seen.astype(np.float32), shift, 0.0) > 0.5

    def _follow_light(self, picture: Floats, clean: Mask) -> None:
        known = clean & self._seen & ~self._contradicted
        most = np.minimum(self._variance, 4 * self._noise)
        expected = np.asarray(self._noise + most + self._restless, np.float32)
        change = find_light_change(self._memory, picture, known, expected)
        self._memory = change.apply(self._memory)

    def _correct(self, picture: Floats, clean: Mask, own: Floats | None) -> None:
        """The Kalman step: the clean pixels pull the memory towards themselves."""
        grown = self._variance + self._restless + SLOWEST * self._noise
        bounded = np.minimum(grown, MOST_VARIANCE * (self._noise + self._restless))
        self._variance = np.where(self._seen, bounded, self._variance)
        innovation = picture - self._memory
        gain = self._variance / (self._variance + self._noise)
        surprise = self._surprise(innovation) & clean & self._seen
        broken = self._broken(surprise, clean & self._seen)
        trusted = np.full_like(gain, SURPRISED_GAIN)
        if own is not None:
            for_frame, against_frame = hear(own, self._memory, picture, clean)
            trusted[against_frame & self._seen] = CONTRADICTED_GAIN
            trusted[against_frame & ~self._seen] = UNSEEN_GAIN
            trusted[for_frame] = 1
            surprise |= against_frame & clean
            self._contradicted = against_frame
        gain = np.where(surprise, np.maximum(trusted, broken), gain) * clean
        self._memory = self._memory + cv2.merge([gain] * 3) * innovation
        jumped = surprise & (gain > 0.5)
        shrunk = np.where(surprise, self._variance, self._variance * (1 - gain))
        self._variance = np.where(jumped, self._noise, shrunk).astype(np.float32)
        self._seen |= clean & (~surprise | jumped)
        if broken > GIVEN_UP:  # what is hidden now is another place, too
            self._seen &= clean

    def _surprise(self, innovation: Floats) -> Mask:
        """Say where neither noise nor unrest explains a difference, fine or broad."""
        fine = cv2.blur(mean_square(innovation), (FINE_PX, FINE_PX))
        broad = mean_square(np.asarray(cv2.blur(innovation, (BROAD_PX, BROAD_PX))))
        unrest = RESTLESS_SURPRISE * self._variance
        is_fine = fine > FINE_SURPRISE * self._noise + unrest
        return np.asarray(is_fine | (broad > BROAD_SURPRISE / BROAD_PX**2 * self._noise + unrest))

    def _broken(self, surprise: Mask, known: Mask) -> float:
        """Say how surely the view is another, 0 to 1: by pixels that differ from those beside."""
        contrast = contrast_beside(self._memory[::SAMPLE_EVERY])
        known, surprise = known[::SAMPLE_EVERY, 1:], surprise[::SAMPLE_EVERY, 1:]
        telling = known & (contrast > TELLING * self._noise)
        if telling.sum() < LEAST_SAMPLE:
            telling = known
        share = float((surprise & telling).sum()) / max(int(telling.sum()), 1)
        return min(max((share - BROKEN_FROM) / (BROKEN_TO - BROKEN_FROM), 0.0), 1.0)

    def _plate(self, own: Floats | None) -> Frame:
        """Show the memory; where it is doubtful or missing, the method's background, matched."""
        uncertain = self._variance > DOUBTFUL * (self._noise + self._restless)
        doubtful = uncertain | ~self._seen
        if not doubtful.any() or not self._seen.any():
            return _rounded(self._memory)
        witness = np.zeros_like(self._memory) if own is None else own
        matched, error = match_background(witness, self._memory, self._seen & ~uncertain)
        error += self._noise
        part = np.where(self._seen, error / (error + self._variance), 0)
        part = np.where(doubtful, part, 1).astype(np.float32)
        return _rounded(np.asarray(cv2.blendLinear(self._memory, matched, part, 1 - part)))


def find_clean(segmentation: Segmentation) -> Mask:
    """Return where a frame surely shows the background, ``(H, W)``."""
    mask = segmentation.mask
    if segmentation.probability is not None:
        mask = mask | (segmentation.probability >= SURE)
    return ~dilate(mask, max(MARGIN_PX, min(mask.shape) // MARGIN_SHARE))


def _spatial_noise(picture: Floats) -> float:
    """Return the noise variance of one picture (Immerkaer 1996, with the median for the mean)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(picture, -1, kernel)[SAMPLE])
    return float(np.median(rough) / 0.6745 / 6) ** 2


def _rounded(picture: Floats) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(np.maximum(picture, 0)), np.uint8)
