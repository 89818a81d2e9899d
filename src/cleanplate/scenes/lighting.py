"""The light of a drawn place: daylight that drifts, cast shadows, street lamps, headlights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Size
from cleanplate.scenes.drawing import Picture, Pose, Sprite, warp_sprite
from cleanplate.scenes.places import Place

_DRIFT, _COLOUR_DRIFT = 0.06, 0.012
_SUNSHINE = 1.2  # times an overcast day
_AMBIENT = (0.25, 0.26, 0.32)
_LAMP = (0.4, 0.33, 0.21)
_HEADLIGHT = (1.0, 0.95, 0.8)
_TAIL_LIGHT = (0.5, 0.05, 0.04)
_LAMP_HEIGHT_M, _HEADLIGHT_HEIGHT_M = 3.4, 0.64
_NOISE_FIELDS, _NOISE_SHIFT = 8, 32


class Actor(NamedTuple):
    """An object in one frame: what it is, how it looks, where it is."""

    kind: str
    sprite: Sprite
    pose: Pose


def multiply(picture: Picture, factors: Picture) -> Picture:
    """Return the picture ``(H, W, 3)`` with its channels multiplied by ``factors`` ``(3,)``.

    Whole rows at once: NumPy takes three times as long over an innermost axis of three.
    """
    height, width = picture.shape[:2]
    rows = picture.reshape(height, -1) * np.tile(factors, width)
    return rows.reshape(picture.shape)


class Daylight:
    """Light from everywhere, a few percent brighter and darker, bluer and redder by turns."""

    def __init__(self, rng: np.random.Generator, level: float = 1.0) -> None:
        self._level = level
        self._phases = rng.uniform(0, 2 * np.pi, 5)
        self._periods = np.append(rng.uniform(170, 320), rng.uniform(37, 71, 4))

    def gain(self, frame: int) -> Picture:
        """Return what each channel is multiplied with, ``(3,)``."""
        waves = np.sin(2 * np.pi * frame / self._periods + self._phases)
        wave = waves[0] + 0.2 * waves[1]
        gain = self._level * (1 + _DRIFT * wave + _COLOUR_DRIFT * waves[2:])
        return np.asarray(gain, np.float32)

    def show_empty(self, plate: Picture, frame: int) -> Picture:
        """Light the empty place: ``(H, W, 3)`` float32 in 0..255."""
        return multiply(plate, self.gain(frame))

    def show(
        self, stage: Picture, frame: int, actors: Sequence[Actor]
    ) -> tuple[Picture, Picture | None]:
        """Light the place with its actors.

        Returns:
            the lit picture, ``(H, W, 3)`` float32, and the glare on it in grey levels, ``(H, W)``,
            or None where nothing dazzles.
        """
        return multiply(stage, self.gain(frame)), None


def sunshine(place: Place, rng: np.random.Generator) -> Daylight:
    """Return the light of a sunny day, the same in every place."""
    del place
    return Daylight(rng, _SUNSHINE)


class Night(Daylight):
    """Darkness with lit windows, lanterns on the walls, and cars that bring their own light."""

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        super().__init__(rng)
        height = place.view.size[0]
        self._light, self._shining = _light_lanterns(place, rng)
        scale = float(place.view.pixels_per_metre(np.array([0.8 * height]))[0])
        self._cone, self._glow = _draw_cone(scale), _draw_glow(scale)

    def show_empty(self, plate: Picture, frame: int) -> Picture:
        """Light the empty place: lanterns and windows, no headlights."""
        return multiply(plate * self._light + self._shining, self.gain(frame))

    def show(
        self, stage: Picture, frame: int, actors: Sequence[Actor]
    ) -> tuple[Picture, Picture | None]:
        """Light the place by its lanterns, its windows and the cars' own lamps."""
        size = (stage.shape[0], stage.shape[1])
        light, shining = self._light.copy(), self._shining.copy()
        glare = np.zeros(size, np.float32)
        for actor in actors:
            if actor.kind == "car":
                front, back = _lamp_poses(actor)
                _add(light, self._cone, front, _HEADLIGHT)
                lamp = front._replace(y=front.y - _HEADLIGHT_HEIGHT_M * front.pixels_per_metre)
                tail = back._replace(y=back.y - 0.72 * back.pixels_per_metre)
                _add(shining, self._glow, lamp, _HEADLIGHT)
                _add(shining, self._glow, tail, _TAIL_LIGHT)
                _add(glare[..., None], self._glow, lamp, (1.0,))
        return multiply(stage * light + shining, self.gain(frame)), glare


def _light_lanterns(place: Place, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """Return the light that falls, a factor, and the light seen, grey levels: ``(H, W, 3)``."""
    height, width = place.view.size
    light = np.tile(np.array(_AMBIENT, np.float32), (height, width, 1))
    shining = place.windows.copy()
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    wall = place.lanes[0].path[0][1]
    reach = place.view.reach
    for x in np.linspace(-0.7, 0.7, 3) * reach + rng.uniform(-0.15, 0.15, 3):
        foot = place.view.project(np.array([[x, wall]]))
        (at, ground), metre = foot[0], float(place.view.pixels_per_metre(foot[:, 1])[0])
        lamp = ground - _LAMP_HEIGHT_M * metre
        across = (columns - at) / metre
        pool = np.exp(-((across / 5) ** 2) - ((rows - ground - metre) / metre / 3.4) ** 2)
        wash = np.exp(-((across / 2.2) ** 2) - ((rows - lamp - metre) / metre / 2.4) ** 2)
        away = np.hypot(across, (rows - lamp) / metre)
        light += _spread(pool + 0.7 * wash, _LAMP)
        shining += _spread(200 * np.exp(-((away / 0.3) ** 2)) + 30 * np.exp(-away / 0.5), _LAMP)
    return light, shining


def _spread(amount: NDArray[np.float64], colour: tuple[float, ...]) -> Picture:
    return np.asarray(amount[..., None] * np.array(colour), np.float32)


def _draw_cone(scale: float) -> Sprite:
    """Draw a headlight's beam on the road: a factor, 10 m long, heading right."""
    x = np.arange(round(10 * scale))[None] / scale
    half = round(1.6 * scale)
    y = np.arange(-half, half + 1)[:, None] / scale
    beam = 1.5 * np.exp(-x / 3.6) * (1 - np.exp(-x / 0.7)) * np.exp(-((y / (0.3 + 0.09 * x)) ** 2))
    beam *= (1 - x / 10).clip(0) ** 0.5
    return Sprite(np.asarray(beam, np.float32), scale, (0.0, float(half)))


def _draw_glow(scale: float) -> Sprite:
    """Draw a lamp looked at: grey levels, a bright core in a wide halo."""
    half = round(2.6 * scale)
    axis = np.arange(-half, half + 1) / scale
    away = np.hypot(axis[:, None], axis[None])
    glow = 230 * np.exp(-((away / 0.24) ** 2)) + 80 * np.exp(-away / 0.5)
    glow *= (1 - away / 2.6).clip(0)
    return Sprite(np.asarray(glow, np.float32), scale, (float(half), float(half)))


def _lamp_poses(actor: Actor) -> tuple[Pose, Pose]:
    """Return the ground below a car's front and below its back."""
    pose, sprite = actor.pose, actor.sprite
    half_m = sprite.pixels.shape[1] / sprite.pixels_per_metre / 2 - 0.42
    ahead = pose.facing * half_m * pose.pixels_per_metre
    front = pose._replace(x=pose.x + ahead, y=pose.y + pose.slope * ahead)
    return front, pose._replace(x=pose.x - ahead, y=pose.y - pose.slope * ahead)


def _add(picture: Picture, sprite: Sprite, pose: Pose, colour: tuple[float, ...]) -> None:
    placed = warp_sprite(sprite, pose, (picture.shape[0], picture.shape[1]))
    if placed is not None:
        window, patch = placed
        picture[window] += patch[..., None] * np.array(colour, np.float32)


class Sun:
    """A low sun on one side: every object's outline lies on the ground as a soft shadow."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._shear = float(rng.uniform(0.6, 1.1) * rng.choice((-1, 1)))
        self._squash = float(rng.uniform(-0.58, -0.4))

    def shade(self, actors: Sequence[Actor], size: Size) -> Picture:
        """Return how much of the sunlight is blocked, ``(H, W)`` float32 in [0, 1]."""
        shade = np.zeros(size, np.float32)
        for actor in actors:
            outline = np.ascontiguousarray(actor.sprite.pixels[..., 3])
            soft = cv2.GaussianBlur(outline, (0, 0), 0.07 * actor.sprite.pixels_per_metre + 0.4)
            lying = actor.pose._replace(shear=self._shear, squash=self._squash)
            placed = warp_sprite(actor.sprite._replace(pixels=np.asarray(soft)), lying, size)
            if placed is not None:
                window, patch = placed
                np.maximum(shade[window], patch, out=shade[window])
        return shade


class Noise:
    """A sensor's noise: a few fields drawn once and read at random places: drawing is slow."""

    def __init__(self, rng: np.random.Generator, size: Size, deviation: float) -> None:
        self._rng = rng
        self._size = size
        shape = (size[0] + _NOISE_SHIFT, size[1] + _NOISE_SHIFT, 3)
        self._fields = []
        for _ in range(_NOISE_FIELDS):
            field = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), 0.5)
            self._fields.append(np.asarray(field * (deviation / field.std()), np.float32))

    def add(self, picture: Picture) -> Frame:
        """Return the picture ``(H, W, 3)`` with noise, as uint8."""
        field = self._fields[self._rng.integers(_NOISE_FIELDS)]
        down, across = self._rng.integers(_NOISE_SHIFT, size=2)
        part = field[down : down + self._size[0], across : across + self._size[1]]
        return np.asarray(cv2.add(picture, part, dtype=cv2.CV_8U), np.uint8)
