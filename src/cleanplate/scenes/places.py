"""Drawn places, empty of people: a street and a waterfront, each seed its own.

A place is painted straight on and then warped as if the camera were turned a little. Places in it
are ``(x, y)`` in picture heights, x from the middle and y from the top, whatever the size.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Size
from cleanplate.scenes.drawing import Colour, Picture, Point, noise_tile, sample_tile

Column = NDArray[np.float64]

HORIZON = 0.12
_CAMERA_M = 6.6  # its height: a metre on the ground is 1 / 6.6 of the distance below the horizon
_FOCUS = 0.9
_MARGIN = 0.3
_VEHICLE = 0.35  # how much further out than a walker a car or a boat sets out
_WALLS: tuple[Colour, ...] = (
    (142, 84, 66), (186, 170, 142), (150, 148, 146), (112, 98, 88), (196, 182, 160), (128, 108, 82),
)  # fmt: skip


class Lane(NamedTuple):
    """A path that one kind of object takes, over and over.

    Attributes:
        kind: ``car``, ``walker`` or ``boat``.
        path: corner points on the ground, straight on; the first and last lie outside the picture.
        speed: metres a frame, on average.
        stay: each one stops for so many frames, and one stands there from the start; None: no.
    """

    kind: str
    path: tuple[Point, ...]
    speed: float
    stay: tuple[int, int] | None = None


class Place(NamedTuple):
    """An empty place.

    Attributes:
        still: its colours in daylight, ``(H, W, 3)`` float32 in 0..255.
        windows: what its lit windows give off at night, likewise.
        water: where there is water, ``(H, W)`` float32 in [0, 1].
        leaves: where leaves sway, likewise.
        lanes: where objects move, far ones first.
        view: the camera.
    """

    still: Picture
    windows: Picture
    water: Picture
    leaves: Picture
    lanes: tuple[Lane, ...]
    view: View


class View:
    """A camera over the ground, turned by ``turn``: how much nearer the right edge is drawn."""

    def __init__(self, size: Size, turn: float) -> None:
        self.size = size
        height, width = size
        self.reach = width / height / 2
        near, far, bottom = 1 + turn, 1 - turn, 1 - HORIZON
        reach = np.array([-self.reach, self.reach, self.reach, -self.reach])
        straight = np.stack([reach, HORIZON + bottom * np.array([0.3, 0.3, 1, 1])], 1)
        turned = straight.copy()
        turned[:, 1] = HORIZON + bottom * np.array([0.3 * far, 0.3 * near, near, far])
        self._matrix = cv2.getPerspectiveTransform(
            (straight * height).astype(np.float32), (turned * height).astype(np.float32)
        )

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn straight places ``(n, 2)`` in picture heights into pixels ``(n, 2)``."""
        ends = np.column_stack([points * self.size[0], np.ones(len(points))]) @ self._matrix.T
        return np.asarray(ends[:, :2] / ends[:, 2:] + (self.size[1] / 2, 0), np.float64)

    def pixels_per_metre(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scale of what stands on the ground at pixel rows ``(n,)``."""
        return np.asarray((rows - HORIZON * self.size[0]).clip(1) / _CAMERA_M, np.float64)

    def warp(self, canvas: Picture) -> Picture:
        """Show a canvas as this camera sees it: ``(H, W)`` or ``(H, W, 3)``."""
        height, width = self.size
        columns = canvas.shape[1]
        to_straight = np.array([[1, 0, -(columns - 1) / 2], [0, 1, -_MARGIN * height], [0, 0, 1.0]])
        to_picture = np.array([[1, 0, (width - 1) / 2], [0, 1, 0], [0, 0, 1.0]])
        matrix = to_picture @ self._matrix @ to_straight
        return np.asarray(cv2.warpPerspective(canvas, matrix, (width, height)), np.float32)


class _Canvas:
    """A place while it is painted, straight on and wider than the picture by a margin."""

    def __init__(self, size: Size) -> None:
        height, width = size
        rows, columns = round(height * (1 + 2 * _MARGIN)), round(width * (1 + 2 * _MARGIN))
        self.height = height
        self.y: Column = (np.arange(rows)[:, None] - _MARGIN * height) / height
        self.x: Column = (np.arange(columns)[None] - (columns - 1) / 2) / height
        self.pixels: Picture = np.zeros((rows, columns, 3), np.float32)
        depth = (self.y - HORIZON).clip(0.02)
        self.ground_x, self.ground_z = self.x / depth * _CAMERA_M, _FOCUS / depth * _CAMERA_M

    def step(self, distance: Column) -> Column:
        """Return 1 where ``distance`` (picture heights) is positive, with an edge of one pixel."""
        return (distance * self.height + 0.5).clip(0, 1)

    def band(self, top: float, bottom: float) -> Column:
        return self.step(self.y - top) * self.step(bottom - self.y)

    def paint(self, alpha: Column, colour: Colour | Picture) -> None:
        cover = np.broadcast_to(alpha, self.pixels.shape[:2]).astype(np.float32)[..., None]
        self.pixels += cover * (np.asarray(colour, np.float32) - self.pixels)

    def paint_box(
        self, left: float, top: float, width: float, height: float, colour: Colour
    ) -> None:
        """Paint a rectangle, touching only its own pixels: a wall has many."""
        across = self.step(self.x[0] - left) * self.step(left + width - self.x[0])
        down = self.band(top, top + height)[:, 0]
        columns, rows = np.flatnonzero(across), np.flatnonzero(down)
        if columns.size and rows.size:
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            alpha = (down[:, None] * across)[part].astype(np.float32)[..., None]
            self.pixels[part] += alpha * (np.asarray(colour, np.float32) - self.pixels[part])

    def roughen(self, alpha: Column, noise: Picture, amount: float) -> None:
        """Scale the brightness where ``alpha`` is by 1 + amount * noise."""
        self.pixels *= (1 + alpha * amount * noise).astype(np.float32)[..., None]


def draw_place(kind: str, rng: np.random.Generator, size: Size) -> Place:
    """Draw a ``street`` or a ``waterfront`` of ``size``."""
    view = View(size, float(rng.uniform(0.04, 0.12) * rng.choice((-1, 1))))
    canvas, windows = _Canvas(size), _Canvas(size)
    leaves = np.zeros(canvas.pixels.shape[:2], np.float32)
    water = np.zeros_like(leaves)
    shore = 0.4 if kind == "street" else 0.34
    clouds = sample_tile(noise_tile(rng, 1.6), canvas.x * 120, canvas.y * 300)
    canvas.paint(np.ones((1, 1)), (1 + 0.07 * clouds[..., None]) * (158, 172, 186))
    _paint_houses(canvas, windows, rng, shore, tallest=3 if kind == "street" else 2)
    for _ in range(3 if kind == "street" else 12):
        _paint_tree(canvas, leaves, rng, shore)
    if kind == "street":
        lanes = _paint_street(canvas, rng, shore, view.reach + 0.15)
    else:
        lanes = _paint_waterfront(canvas, rng, shore, view.reach + 0.15)
        water = np.asarray(canvas.band(shore + 0.05, 0.76) + 0 * canvas.x, np.float32)
    leaves *= np.asarray(canvas.step(shore - canvas.y), np.float32)
    still = view.warp(canvas.pixels).clip(4, 245)
    lit, wet, green = (view.warp(part) for part in (windows.pixels, water, leaves))
    return Place(still, lit, wet, green, lanes, view)


def _paint_houses(
    canvas: _Canvas, windows: _Canvas, rng: np.random.Generator, foot: float, tallest: int
) -> None:
    metre = (foot - HORIZON) / _CAMERA_M
    grain = sample_tile(noise_tile(rng, 0.9), canvas.x / metre * 12, canvas.y / metre * 12)
    courses = np.sin(2 * np.pi * canvas.y / metre / 0.5) * np.ones_like(canvas.x)
    left = float(canvas.x[0, 0] - rng.uniform(0, 4) * metre)
    while left < canvas.x[0, -1]:
        floors, columns = int(rng.integers(tallest - 1, tallest + 2)), int(rng.integers(3, 6))
        spacing = float(rng.uniform(2.2, 3.0)) * metre
        width, height = columns * spacing, (floors * 3.1 + 0.8) * metre
        across = canvas.step(canvas.x - left) * canvas.step(left + width - canvas.x)
        wall = across * canvas.band(foot - height, foot)
        tint = np.asarray(_WALLS[rng.integers(len(_WALLS))]) * rng.uniform(0.8, 1.1)
        canvas.paint(wall, tuple(tint))
        canvas.roughen(wall, grain, 0.07)
        canvas.roughen(wall, np.asarray(courses, np.float32), float(rng.uniform(0, 0.05)))
        canvas.paint_box(left, foot - height, width, 0.35 * metre, tuple(tint * 0.6))
        for floor in range(floors):
            for column in range(columns):
                corner = left + (column + 0.5) * spacing, foot - (floor * 3.1 + 2.6) * metre
                _paint_window(canvas, windows, rng, corner, metre, floor == 0 and column == 1)
        left += width + float(rng.choice((0.0, 0.0, 2.5))) * metre


def _paint_window(
    canvas: _Canvas,
    windows: _Canvas,
    rng: np.random.Generator,
    corner: Point,
    metre: float,
    is_door: bool,
) -> None:
    """Paint a window or a door; ``corner`` is the middle of its top edge."""
    x, y = corner
    width, height = (metre, 2.6 * metre) if is_door else (1.2 * metre, 1.55 * metre)
    left, rim, bar = x - width / 2, 0.12 * metre, 0.1 * metre
    canvas.paint_box(left - rim, y - rim, width + 2 * rim, height + 2 * rim, (204, 198, 186))
    tone = float(rng.uniform(0.6, 1.7))
    glass = (84.0, 54.0, 38.0) if is_door else (46 * tone, 54 * tone, 64 * tone)
    canvas.paint_box(left, y, width, height, glass)
    canvas.paint_box(x - bar / 2, y, bar, height, (190, 184, 172))
    if rng.random() < 0.22 and not is_door:
        windows.paint_box(left, y, width, height, (120, 92, 44))
        windows.paint_box(x - bar / 2, y, bar, height, (40, 30, 14))


def _paint_tree(canvas: _Canvas, leaves: Picture, rng: np.random.Generator, foot: float) -> None:
    metre = (foot - HORIZON) / _CAMERA_M
    x, reach = float(rng.uniform(canvas.x[0, 0], canvas.x[0, -1])), float(rng.uniform(1.7, 3.4))
    height = float(rng.uniform(3.5, 7.0))
    top = foot - height * metre
    canvas.paint_box(x - 0.2 * metre, top, 0.4 * metre, height * metre, (70, 56, 44))
    edge = sample_tile(noise_tile(rng, 1.1), canvas.x / metre * 9, canvas.y / metre * 9)
    away = np.hypot(canvas.x - x, (canvas.y - top) / 0.9) / reach / metre
    crown = np.asarray(((1.05 - away) * 5 + 0.9 * edge).clip(0, 1), np.float64)
    green = np.array([62, 80, 42]) * rng.uniform(0.75, 1.3) * rng.uniform(0.88, 1.12, 3)
    clumps = sample_tile(noise_tile(rng, 1.0), canvas.x / metre * 14, canvas.y / metre * 14)
    side = (top - canvas.y) / (reach * metre)  # lit from above
    shade = (1 + 0.3 * clumps + 0.22 * side).clip(0.35, 1.8)
    canvas.paint(crown, np.asarray(shade[..., None] * green, np.float32))
    np.maximum(leaves, crown, out=leaves, casting="same_kind")


def _paint_ground(
    canvas: _Canvas,
    rng: np.random.Generator,
    alpha: Column,
    colour: Colour,
    amount: float,
    slab_m: float = 0.0,
) -> None:
    """Cover a strip of ground: fine grain, large stains and perhaps slabs, all lying flat."""
    canvas.paint(alpha, colour)
    fine = sample_tile(noise_tile(rng, 0.5), canvas.ground_x * 14, canvas.ground_z * 14)
    stains = sample_tile(noise_tile(rng, 1.5), canvas.ground_x * 6, canvas.ground_z * 6)
    canvas.roughen(alpha, fine, 0.5 * amount)
    canvas.roughen(alpha, stains, amount)
    for axis in (canvas.ground_x, canvas.ground_z) if slab_m else ():
        joint = np.abs((axis / slab_m) % 1 - 0.5) > 0.46
        canvas.roughen(alpha, np.asarray(joint, np.float32), -0.14)


def _paint_street(
    canvas: _Canvas, rng: np.random.Generator, wall: float, end: float
) -> tuple[Lane, ...]:
    kerb, edge = wall + float(rng.uniform(0.06, 0.09)), float(rng.uniform(0.82, 0.86))
    tone = float(rng.uniform(0.75, 1.2))
    pavement: Colour = (150 * tone, 144 * tone, 134 * tone)
    for top, bottom in ((wall, kerb), (edge, 2.0)):
        strip = canvas.band(top, bottom)
        if top == edge and rng.random() < 0.4:  # a lawn on our side
            _paint_ground(canvas, rng, strip, (84, 98, 52), 0.1)
        else:
            _paint_ground(canvas, rng, strip, pavement, 0.07, slab_m=0.8)
    asphalt = float(rng.uniform(72, 108))
    road = canvas.band(kerb, edge)
    _paint_ground(canvas, rng, road, (asphalt, asphalt, asphalt * 1.03), 0.08)
    middle = kerb + 0.4 * (edge - kerb)
    far, near = kerb + 0.24 * (edge - kerb), kerb + 0.74 * (edge - kerb)
    for lane in (far, near):
        track = np.exp(-(((canvas.y - lane) / 0.035) ** 2)) * road
        canvas.roughen(track, np.ones((1, 1), np.float32), -0.1)
    dash = canvas.band(middle, middle + 0.012) * (canvas.ground_x % 5 < 2.4)
    canvas.paint(dash * 0.8, (206, 202, 190))
    for line in (kerb, edge - 0.014):
        canvas.paint(canvas.band(line, line + 0.014) + 0 * canvas.x, (172, 168, 160))
    walk, front, way = (wall + kerb) / 2 + 0.012, (edge + 1) / 2, float(rng.choice((-1, 1)))
    turn, wide = float(rng.uniform(-0.4, 0.4)) * end, end + _VEHICLE
    return (
        Lane("walker", ((-way * end, walk), (way * end, walk)), 0.11),
        Lane("car", ((way * wide, far), (-way * wide, far)), 0.3),
        Lane("walker", ((turn, 1.35), (-turn, walk + 0.01), (way * end, walk + 0.01)), 0.13),
        Lane("car", ((-way * wide, near), (way * wide, near)), 0.28),
        Lane("walker", ((way * end, front + 0.04), (-way * end, front)), 0.12),
    )


def _paint_waterfront(
    canvas: _Canvas, rng: np.random.Generator, shore: float, end: float
) -> tuple[Lane, ...]:
    _paint_ground(canvas, rng, canvas.band(shore, shore + 0.05), (136, 128, 108), 0.12)
    tone = float(rng.uniform(0.8, 1.15))
    water = np.array([54, 78, 76]) * rng.uniform(0.8, 1.2, 3)
    canvas.paint(canvas.band(shore + 0.05, 0.76), tuple(water))
    quay = canvas.band(0.76, 2.0)
    _paint_ground(canvas, rng, quay, (140 * tone, 132 * tone, 122 * tone), 0.07, slab_m=1.0)
    canvas.paint(canvas.band(0.76, 0.785) + 0 * canvas.x, (104, 98, 92))
    way, wide = float(rng.choice((-1, 1))), end + _VEHICLE
    return (
        Lane("walker", ((way * end, shore + 0.035), (-way * end, shore + 0.035)), 0.14),
        Lane("boat", ((way * wide, 0.5), (-way * wide, 0.5)), 0.24),
        Lane("boat", ((-way * wide, 0.66), (way * wide, 0.66)), 0.22),
        Lane("walker", ((-way * end, 0.87), (way * end, 0.87)), 0.13),
        Lane("walker", ((way * end, 0.95), (-way * end, 0.95)), 0.11),
    )
