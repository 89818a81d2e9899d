"""Objects that nobody has seen: random shapes of a random look, to be pasted into a scene.

With few labels stage 2 would learn their few objects by heart and miss whoever looks otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cleanplate.images import Frame, Size
from cleanplate.scenes.drawing import Picture, noise_tile
from cleanplate.scenes.pasting import LARGEST_SHARE, Cutout

ASPECTS = (0.35, 2.5)
"""Width over height."""
LEAST_SIDE = 8
LEAST_CONTRAST = 10
"""Where a stranger differs by fewer grey levels from what it covers, nobody could tell."""
NOISE_SIDE, ROUGHNESS, RAGGED = 96, 2.0, 0.25
RADIUS, SHARPNESS = 0.75, 16.0
GAINS, OFFSETS, FLATNESS = (0.2, 1.3), (-60, 60), (0.1, 0.5)
FLAT_SHARE = 0.5
"""Of the strangers have nearly one colour, as many objects do."""


def make_strangers(frames: NDArray[np.uint8], count: int, random: Generator) -> list[Cutout]:
    """Make objects whose look is a part of the frames ``(N, H, W, 3)``, in other colours."""
    noise = noise_tile(random, ROUGHNESS)
    strangers = []
    for _ in range(count):
        alpha = _shape(noise, (frames.shape[1], frames.shape[2]), random)
        look = _look(frames, (alpha.shape[0], alpha.shape[1]), random)
        strangers.append(Cutout(look, alpha, None, least_contrast=LEAST_CONTRAST))
    return strangers


def _shape(noise: Picture, size: Size, random: Generator) -> NDArray[np.float32]:
    """Make a blob as large as objects get; pasting shrinks it."""
    aspect = random.uniform(*ASPECTS)
    sides = LARGEST_SHARE * min(size) * np.array([1, aspect]) / max(1.0, aspect)
    height, width = np.clip(sides, min(LEAST_SIDE, *size), size).astype(int).tolist()
    top, left = random.integers(0, noise.shape[0] - NOISE_SIDE, 2).tolist()
    field = cv2.resize(noise[top : top + NOISE_SIDE, left : left + NOISE_SIDE], (width, height))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    inside = RADIUS - np.hypot(x, y) + RAGGED * field
    return np.asarray(1 / (1 + np.exp(-SHARPNESS * inside)), np.float32)


def _look(frames: NDArray[np.uint8], size: Size, random: Generator) -> Frame:
    frame = frames[random.integers(len(frames))]
    rows, columns = (
        int(random.integers(0, side - own + 1)) + np.arange(own)
        for side, own in zip(frame.shape[:2], size, strict=True)
    )
    part = frame[rows[:, None], columns].astype(np.float64)
    colour = random.uniform(*GAINS, 3) * part + random.uniform(*OFFSETS, 3)
    if random.random() < FLAT_SHARE:
        mean = colour.mean((0, 1))
        colour = mean + random.uniform(*FLATNESS) * (colour - mean)
    return np.asarray(np.rint(colour.clip(0, 255)), np.uint8)
