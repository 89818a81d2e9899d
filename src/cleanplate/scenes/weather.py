"""Bad weather in a drawn place: snow that lies, haze that takes the contrast, flakes that fall."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Size
from cleanplate.scenes.drawing import Picture, noise_tile, sample_tile
from cleanplate.scenes.lighting import Actor, Daylight, multiply
from cleanplate.scenes.places import HORIZON, Place

_DARKNESS = 0.72  # of an overcast day
_HAZE = (172.0, 178.0, 186.0)
_HAZE_FAR, _HAZE_NEAR = 0.55, 0.18  # share of the haze in what is seen, at the top and the bottom
_HAZE_DRIFT = 0.12
_LYING = (222.0, 226.0, 232.0)
_WHITENESS = 295.0  # of a flake; grey levels before the dim light falls on it
_DEPTHS = ((150, 0.006, 1.0, 0.45), (70, 0.011, 1.6, 0.6), (22, 0.02, 3.2, 0.6))
"""Far, middle and near flakes: how many to a square of the picture's height squared, how far they
fall in a frame (picture heights), their width in pixels at 240 rows, how much they hide."""
_SUBPIXELS = 3  # bits behind the point of OpenCV's drawing coordinates


def lay_snow(place: Place, rng: np.random.Generator) -> Place:
    """Return the place with patches of snow on the ground; walls stay bare."""
    height, width = place.view.size
    rows = np.arange(height)[:, None] / height
    depth = (rows - HORIZON).clip(0.05)
    across = (np.arange(width)[None] - width / 2) / height
    patches = sample_tile(noise_tile(rng, 1.3), across / depth * 40, 60 / depth)
    foot = place.lanes[0].path[0][1]  # the far pavement
    ground = ((rows - foot) * 20).clip(0, 1)
    amount = np.asarray(ground * (0.35 + 0.3 * patches).clip(0, 0.85), np.float32)[..., None]
    return place._replace(still=place.still + amount * (np.array(_LYING, np.float32) - place.still))


class Snowfall(Daylight):
    """Dim daylight through haze; flakes fall in the frame and are absent from the background."""

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        super().__init__(rng, _DARKNESS)
        size = place.view.size
        self._haze = np.linspace(_HAZE_FAR, _HAZE_NEAR, size[0], dtype=np.float32)[:, None]
        self._colour = np.tile(np.array(_HAZE, np.float32), size[1])
        self._drift_frames = float(rng.uniform(90, 160))
        wind = float(rng.uniform(-0.6, 0.6))
        self._layers = [_Flakes(rng, size, wind, *depth) for depth in _DEPTHS]

    def show_empty(self, plate: Picture, frame: int) -> Picture:
        """Light the empty place and put the haze before it."""
        wave = np.float32(np.sin(2 * np.pi * frame / self._drift_frames))
        share = self._haze * (1 + _HAZE_DRIFT * wave)
        hazy = plate.reshape(plate.shape[0], -1) * (1 - share) + share * self._colour
        return multiply(hazy.reshape(plate.shape), self.gain(frame))

    def show(
        self, stage: Picture, frame: int, actors: Sequence[Actor]
    ) -> tuple[Picture, Picture | None]:
        """Light the place with its actors, and let it snow."""
        lit = self.show_empty(stage, frame)
        cover = np.zeros(stage.shape[:2], np.uint8)
        for layer in self._layers:
            np.maximum(cover, layer.at(frame), out=cover)
        hidden = np.asarray(cv2.merge([cover] * 3), np.float32) / np.float32(255)
        lit *= 1 - hidden
        lit += multiply(hidden, _WHITENESS * self.gain(frame))
        return lit, None


class _Flakes:
    """Flakes at one distance, each falling and swaying at its own pace."""

    def __init__(
        self,
        rng: np.random.Generator,
        size: Size,
        wind: float,
        number: int,
        fall: float,
        width: float,
        opacity: float,
    ) -> None:
        height, columns = size
        count = max(4, round(number * columns / height))
        self._size = size
        self._start = rng.uniform(0, 1, (count, 2))
        self._fall = height * fall * rng.uniform(0.75, 1.3, count)
        self._drift = self._fall * (wind + rng.uniform(-0.15, 0.15, count))
        self._sway = height * 0.008 * rng.uniform(0.3, 1, count)
        self._phase, self._pace = rng.uniform(0, 6.28, count), rng.uniform(0.1, 0.35, count)
        self._thickness = max(1, round(width * height / 240))
        self._softness = width * height / 240 / 3
        levels = 255 * opacity * rng.uniform(0.6, 1, count)
        self._levels = [int(level) for level in levels]

    def at(self, frame: int) -> NDArray[np.uint8]:
        """Return how much the flakes hide, ``(H, W)`` uint8: 255 is all."""
        height, width = self._size
        fallen = self._start[:, 1] + self._fall * frame / height / 1.1
        # where it comes down next is elsewhere: the golden ratio scatters well
        x = self._start[:, 0] + 0.618 * np.floor(fallen) + self._drift * frame / width
        down = (fallen % 1 * 1.1 - 0.05) * height
        across = (x % 1 * 1.1 - 0.05) * width + self._sway * np.sin(
            self._pace * frame + self._phase
        )
        end_x, end_y = across + 0.5 * self._drift, down + 0.5 * self._fall
        ends = np.stack([across, down, end_x, end_y], 1) * (1 << _SUBPIXELS)
        cover = np.zeros(self._size, np.uint8)
        for (left, top, right, bottom), level in zip(
            ends.astype(int).tolist(), self._levels, strict=True
        ):
            cv2.line(
                cover, (left, top), (right, bottom), level, self._thickness, cv2.LINE_AA, _SUBPIXELS
            )
        if self._softness > 0.5:
            cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), self._softness), np.uint8)
        return cover
