"""Drawn things: noise textures, and the sprites of cars, walkers and boats.

A sprite is drawn in metres at four times its size and shrunk, so that its edges are smooth. Colours
are RGB in 0..255, in daylight; the light falls on them where the sprite is pasted.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Size

Picture = NDArray[np.float32]
Colour = tuple[float, float, float]
Point = tuple[float, float]

GAIT_PHASES = 8
STRIDE_M = 1.5
_OVERSAMPLING = 4
_GLASS: Colour = (48, 56, 66)
_RUBBER: Colour = (24, 24, 26)
_PAINTS: tuple[Colour, ...] = (
    (176, 32, 30), (28, 54, 120), (222, 222, 218), (30, 30, 34), (150, 154, 158),
    (196, 160, 40), (36, 96, 70), (120, 78, 50), (86, 118, 150),
)  # fmt: skip
_CLOTHES: tuple[Colour, ...] = (
    (34, 38, 58), (150, 40, 44), (222, 214, 198), (60, 84, 58), (92, 92, 96),
    (204, 140, 50), (52, 90, 148), (26, 26, 28), (116, 84, 62),
)  # fmt: skip


class Sprite(NamedTuple):
    """A small picture to be pasted.

    Attributes:
        pixels: ``(h, w, 4)`` float32: RGB in 0..255 times alpha, and alpha in [0, 1];
            a light's or a shadow's has one channel, ``(h, w)``.
        pixels_per_metre: the scale it was drawn at.
        anchor: the pixel ``(x, y)`` that stands on the ground.
    """

    pixels: Picture
    pixels_per_metre: float
    anchor: Point


class Pose(NamedTuple):
    """How a sprite is put into the picture.

    Attributes:
        x: the pixel column its anchor comes to.
        y: the pixel row.
        pixels_per_metre: its scale there.
        facing: 1 as drawn, -1 mirrored.
        slope: the ground's rise, pixels down per pixel right.
        shear: pixels right per pixel down of the sprite; a shadow lies so.
        squash: height against the sprite's; a shadow's may be negative, falling towards us.
    """

    x: float
    y: float
    pixels_per_metre: float
    facing: int = 1
    slope: float = 0.0
    shear: float = 0.0
    squash: float = 1.0


def warp_sprite(
    sprite: Sprite, pose: Pose, size: Size
) -> tuple[tuple[slice, slice], Picture] | None:
    """Return the part of a picture of ``size`` that a sprite covers and its pixels there.

    None when it lies outside.
    """
    scale = pose.pixels_per_metre / sprite.pixels_per_metre
    turn = scale * np.array(
        [[pose.facing, pose.shear], [pose.slope * pose.facing, pose.squash]], np.float64
    )
    shift = np.array([pose.x, pose.y]) - turn @ np.array(sprite.anchor)
    rows, columns = sprite.pixels.shape[:2]
    corners = turn @ np.array([[0, columns, 0, columns], [0, 0, rows, rows]]) + shift[:, None]
    left, top = np.floor(corners.min(1)).astype(int).clip(0)
    right, bottom = np.minimum(np.ceil(corners.max(1)).astype(int) + 1, (size[1], size[0]))
    if left >= right or top >= bottom:
        return None
    matrix = np.column_stack([turn, shift - (left, top)])
    box = (int(right - left), int(bottom - top))
    patch = cv2.warpAffine(sprite.pixels, matrix, box, flags=cv2.INTER_LINEAR)
    return np.s_[top:bottom, left:right], np.asarray(patch, np.float32)


def noise_tile(rng: np.random.Generator, roughness: float, side: int = 256) -> Picture:
    """Return noise ``(side, side)`` of mean 0 and deviation 1 that tiles without a seam.

    Args:
        rng: the source of randomness.
        roughness: amplitude falls as frequency to this power: 0 is white, 2 is cloudy.
        side: pixels along each edge.
    """
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    down, along = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    frequency = np.hypot(down, along)
    frequency[0, 0] = np.inf
    tile = np.fft.irfft2(spectrum / frequency**roughness, s=(side, side))
    return np.asarray(tile / tile.std(), np.float32)


def sample_tile(tile: Picture, along: NDArray[np.floating], down: NDArray[np.floating]) -> Picture:
    """Read a tile at positions ``(H, W)`` in tile pixels, wrapped round and interpolated."""
    side = tile.shape[0]
    # the remainder of each axis before it is spread out, and by floor: NumPy's % is slow
    wrapped = (axis - side * np.floor(axis / side) for axis in (along, down))
    x, y = (np.asarray(axis, np.float32) for axis in np.broadcast_arrays(*wrapped))
    drawn = cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(drawn, np.float32)


def choose_colour(rng: np.random.Generator, kind: str, behind: Colour, camouflage: float) -> Colour:
    """Choose a paint or a coat: with probability ``camouflage`` nearly the colour ``behind``."""
    if rng.random() < camouflage:
        return _shade(behind, 1 + rng.choice((-1, 1)) * rng.uniform(0.05, 0.16))
    colours = _CLOTHES if kind == "walker" else _PAINTS
    return _shade(colours[rng.integers(len(colours))], rng.uniform(0.85, 1.15))


def draw_object(
    kind: str, rng: np.random.Generator, colour: Colour, pixels_per_metre: float
) -> tuple[Sprite, ...]:
    """Draw a ``car``, ``boat`` or ``walker`` heading right; a walker in each phase of its gait."""
    if kind == "car":
        return (_draw_car(rng, colour, pixels_per_metre),)
    if kind == "boat":
        return (_draw_boat(rng, colour, pixels_per_metre),)
    trousers = _shade(_CLOTHES[rng.integers(len(_CLOTHES))], 0.7)
    height = float(rng.uniform(1.6, 1.9))
    look = int(rng.integers(2**31))
    return tuple(
        _draw_walker(np.random.default_rng(look), colour, trousers, height, phase, pixels_per_metre)
        for phase in range(GAIT_PHASES)
    )


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255.0, max(0.0, part * factor)) for part in colour)
    return red, green, blue


class _Sketch:
    """A canvas in metres: x from the middle to the right, y upwards from the ground."""

    def __init__(self, width_m: float, height_m: float, pixels_per_metre: float) -> None:
        self.pixels_per_metre = pixels_per_metre
        self._scale = pixels_per_metre * _OVERSAMPLING
        self._margin = 0.3  # room for the blurred edge of a shadow
        self._size = (
            max(2, round((height_m + 2 * self._margin) * pixels_per_metre)),
            max(2, round((width_m + 2 * self._margin) * pixels_per_metre)),
        )
        rows, columns = (side * _OVERSAMPLING for side in self._size)
        self._colour = np.zeros((rows, columns, 3), np.uint8)
        self._cover = np.zeros((rows, columns), np.uint8)
        self._origin = (columns / 2, rows - self._margin * self._scale)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        corners = np.array([self._place(point) for point in points], np.int32)
        cv2.fillPoly(self._colour, [corners], colour)
        cv2.fillPoly(self._cover, [corners], 255)

    def disc(self, centre: Point, radii: Point, colour: Colour) -> None:
        axes = (round(radii[0] * self._scale), round(radii[1] * self._scale))
        cv2.ellipse(self._colour, self._place(centre), axes, 0, 0, 360, colour, -1)
        cv2.ellipse(self._cover, self._place(centre), axes, 0, 0, 360, 255, -1)

    def limb(self, points: list[Point], thickness_m: float, colour: Colour) -> None:
        corners = np.array([self._place(point) for point in points], np.int32)
        thickness = max(1, round(thickness_m * self._scale))
        cv2.polylines(self._colour, [corners], False, colour, thickness)
        cv2.polylines(self._cover, [corners], False, 255, thickness)

    def finish(self, rng: np.random.Generator) -> Sprite:
        """Shrink to the sprite's size, light it from above and roughen its surface."""
        cover = self._cover.astype(np.float32)[..., None] / 255
        full = np.concatenate([self._colour * cover, cover], 2)
        rows, columns = self._size
        pixels = cv2.resize(full, (columns, rows), interpolation=cv2.INTER_AREA)
        light = np.linspace(1.1, 0.85, rows, dtype=np.float32)[:, None]
        grain = noise_tile(rng, 0.8, 64)
        along = np.arange(columns) * (16 / self.pixels_per_metre)  # grain has a size in metres
        down = np.arange(rows)[:, None] * (16 / self.pixels_per_metre)
        pixels[..., :3] *= (light + 0.05 * sample_tile(grain, along, down))[..., None]
        anchor = (self._origin[0] / _OVERSAMPLING, self._origin[1] / _OVERSAMPLING)
        return Sprite(np.asarray(pixels, np.float32), self.pixels_per_metre, anchor)

    def _place(self, point: Point) -> tuple[int, int]:
        x, y = self._origin
        return round(x + point[0] * self._scale), round(y - point[1] * self._scale)


def _draw_car(rng: np.random.Generator, paint: Colour, pixels_per_metre: float) -> Sprite:
    length, roof = float(rng.uniform(3.7, 4.7)), float(rng.uniform(1.4, 1.65))
    back, front = -length / 2, length / 2
    is_estate = rng.random() < 0.4
    rear_roof = back + (0.25 if is_estate else 0.95)
    rear_foot = back + (0.05 if is_estate else 0.45)
    sketch = _Sketch(length, roof, pixels_per_metre)
    sketch.polygon([(back + 0.4, 0.08), (front - 0.4, 0.08), (front, 0.4), (back, 0.4)], _RUBBER)
    belt = 0.92
    cabin = [(rear_foot, belt), (rear_roof, roof - 0.02), (rear_roof + 0.4, roof)]
    cabin += [(front - 1.9, roof), (front - 1.6, roof - 0.06), (front - 0.95, belt)]
    sketch.polygon(cabin, paint)
    hood = [(front - 0.95, belt + 0.02), (front - 0.15, belt - 0.14), (front, belt - 0.35)]
    sketch.polygon(
        [(back + 0.05, 0.25), (back, 0.6), (back + 0.05, belt), *hood, (front - 0.03, 0.25)], paint
    )
    low, high, middle = belt + 0.03, roof - 0.12, (rear_roof + front - 1.6) / 2
    glass = _shade(_GLASS, float(rng.uniform(0.7, 1.9)))
    sketch.polygon(
        [(rear_foot + 0.25, low), (rear_roof + 0.15, high), (middle, high), (middle, low)], glass
    )
    pillar = middle + 0.09
    sketch.polygon([(pillar, low), (pillar, high), (front - 1.75, high), (front - 1.2, low)], glass)
    sketch.polygon([(back, 0.36), (front, 0.36), (front - 0.02, 0.26), (back, 0.26)], _RUBBER)
    dark = _shade(paint, 0.7)
    for seam in (middle, middle + 0.95, middle - 0.85):
        sketch.limb([(seam, 0.36), (seam, belt)], 0.03, dark)
    sketch.limb([(back + 0.1, 0.6), (front - 0.1, 0.6)], 0.03, dark)
    sketch.disc((front - 0.12, 0.64), (0.16, 0.09), (236, 232, 206))
    sketch.disc((back + 0.07, 0.72), (0.09, 0.12), (160, 20, 18))
    for wheel in (back + 0.8, front - 0.8):
        sketch.disc((wheel, 0.34), (0.4, 0.38), dark)
        sketch.disc((wheel, 0.31), (0.32, 0.32), _RUBBER)
        sketch.disc((wheel, 0.31), (0.17, 0.17), (140, 142, 146))
    return sketch.finish(rng)


def _draw_boat(rng: np.random.Generator, paint: Colour, pixels_per_metre: float) -> Sprite:
    length, cabin = float(rng.uniform(4.5, 6.5)), float(rng.uniform(1.5, 2.0))
    back, front = -length / 2, length / 2
    sketch = _Sketch(length, cabin + 1.6, pixels_per_metre)
    roof = [(back + 1.0, 0.7), (back + 1.1, cabin), (0.6, cabin), (1.2, 0.7)]
    sketch.polygon(roof, (214, 210, 200))
    for window in (back + 1.3, back + 2.2):
        right, low, high = window + 0.65, cabin - 0.6, cabin - 0.15
        sketch.polygon([(window, low), (window, high), (right, high), (right, low)], _GLASS)
    hull = [(back, 0.0), (back - 0.0, 0.8), (front - 0.9, 0.78), (front, 0.98), (front - 0.8, 0.0)]
    sketch.polygon(hull, paint)
    sketch.polygon([(back, 0.0), (back, 0.16), (front - 0.66, 0.16), (front - 0.8, 0.0)], _RUBBER)
    sketch.limb([(back, 0.74), (front - 0.3, 0.8)], 0.09, (236, 234, 228))
    sketch.limb([(-0.2, cabin), (-0.2, cabin + 1.3)], 0.09, (90, 84, 76))
    skipper = _CLOTHES[rng.integers(len(_CLOTHES))]
    sketch.limb([(back + 0.5, 0.7), (back + 0.5, 1.3)], 0.4, skipper)
    sketch.disc((back + 0.52, 1.68), (0.14, 0.17), (206, 160, 130))
    return sketch.finish(rng)


def _draw_walker(
    rng: np.random.Generator,
    coat: Colour,
    trousers: Colour,
    height: float,
    phase: int,
    pixels_per_metre: float,
) -> Sprite:
    hip, shoulder, skin = 0.5 * height, 0.81 * height, (206, 160, 130)
    swing = float(np.sin(2 * np.pi * phase / GAIT_PHASES))
    sketch = _Sketch(0.9, height, pixels_per_metre)
    for side, tint in ((-1, 0.75), (1, 1.0)):
        angle = side * swing
        knee = (0.17 * angle + 0.04, 0.28 * height)
        foot = (0.36 * angle - 0.05 * (angle < 0), 0.05 + 0.05 * max(0.0, -angle))
        sketch.limb([(0.0, hip), knee, foot], 0.17, _shade(trousers, tint))
        sketch.disc((foot[0] + 0.06, foot[1]), (0.13, 0.055), _RUBBER)
    bag = rng.random() < 0.4
    if bag:
        sketch.disc((-0.2, 0.68 * height), (0.15, 0.22), (70, 52, 40))
    elbow, hand = (-0.14 * swing, 0.64 * height), (-0.26 * swing + 0.08, 0.5 * height)
    sketch.limb([(0.0, shoulder - 0.05), (-elbow[0], elbow[1]), (-hand[0], hand[1])], 0.11, coat)
    body = [(-0.17, hip - 0.06), (-0.2, shoulder - 0.06), (-0.09, shoulder + 0.03)]
    sketch.polygon(
        [*body, (0.11, shoulder + 0.03), (0.2, shoulder - 0.08), (0.17, hip - 0.06)], coat
    )
    sketch.limb([(0.0, shoulder - 0.06), elbow, hand], 0.12, _shade(coat, 0.82))
    sketch.disc(hand, (0.06, 0.06), skin)
    sketch.disc((0.03, 0.925 * height), (0.12, 0.075 * height), skin)
    hair = _shade((96, 70, 44), float(rng.uniform(0.3, 1.8)))
    sketch.disc((-0.01, 0.95 * height), (0.125, 0.055 * height), hair)
    return sketch.finish(rng)
