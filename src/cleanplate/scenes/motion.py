"""What moves in a drawn place: objects along their lanes, water and leaves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.scenes.drawing import Picture, noise_tile, sample_tile
from cleanplate.scenes.places import HORIZON, Lane, Place, View

Track = NDArray[np.float64]

_STANDS_FRAMES = (55, 85)
_PARKS_FRAMES = (140, 260)
_BRAKES_M = 2.5
_GAP_M = {"car": 5.6, "boat": 8.0, "walker": 1.1}
_DOWN_COST = 1.5
"""A step towards the camera is foreshortened: a pixel down is this many times one across."""


class Visit(NamedTuple):
    """One object's way through the picture.

    Attributes:
        kind: ``car``, ``walker`` or ``boat``.
        seed: what it looks like.
        start: the frame it sets out in; may be negative.
        feet: where it stands in each frame from then on, ``(n, 2)`` pixels x, y.
        scale: pixels per metre there, ``(n,)``.
        walked: metres gone so far, ``(n,)``.
        facing: 1 heading right, -1 left, ``(n,)``.
        slope: the lane's rise in the picture, pixels down per pixel right.
    """

    kind: str
    seed: int
    start: int
    feet: Track
    scale: Track
    walked: Track
    facing: Track
    slope: float


def plan_visits(place: Place, rng: np.random.Generator, frames: int) -> list[Visit]:
    """Plan who comes by in the first ``frames`` frames; a longer plan begins the same."""
    visits: list[Visit] = []
    for number, lane in enumerate(place.lanes):
        seed = int(rng.integers(2**31))
        visits += _plan_lane(lane, place.view, np.random.default_rng(seed), frames, number % 2 == 0)
    return visits


def add_parking(place: Place, rng: np.random.Generator) -> Place:
    """Return a street where cars park at both kerbs and walkers wait, all for a long time."""
    del rng
    _, first, _, second, front = place.lanes
    far, near = first.path[0][1], second.path[0][1]
    depth = (near - far) / 0.5  # of the road, see `draw_place`
    parking = [(second, far - 0.15 * depth), (first, near + 0.18 * depth)]
    lanes = [
        lane._replace(path=tuple((x, row) for x, _ in lane.path), stay=_PARKS_FRAMES)
        for lane, row in parking
    ]
    waiting = front._replace(path=tuple((-x, row - 0.03) for x, row in front.path))
    lanes.append(waiting._replace(stay=_PARKS_FRAMES))
    return place._replace(lanes=(*place.lanes, *lanes))


def _plan_lane(
    lane: Lane, view: View, rng: np.random.Generator, frames: int, stands: bool
) -> Iterator[Visit]:
    """Send one object after another down a lane; every other one stands still on its way."""
    start, last = -int(rng.integers(30, 70)), None
    while start < frames:
        visit = _travel(lane, view, rng, start, stands or lane.stay is not None)
        if lane.stay is not None and last is None:
            visit = _already_there(visit, float(rng.uniform(0.2, 0.75)))
        while last is not None and _nearest_m(last, visit) < _GAP_M[lane.kind]:
            visit = visit._replace(start=visit.start + 6)
        if visit.start < frames:
            yield visit
        start, last, stands = visit.start + int(rng.integers(24, 90)), visit, not stands


def _already_there(visit: Visit, gone: float) -> Visit:
    """Return the visit begun so early that ``gone`` of its stand is over in frame 0."""
    still = np.flatnonzero((np.diff(visit.feet, axis=0) == 0).all(1))
    return visit._replace(start=-int(still[0] + gone * len(still)))


def _travel(lane: Lane, view: View, rng: np.random.Generator, start: int, stands: bool) -> Visit:
    """Follow a lane at a speed of its own, perhaps braking, standing and going on."""
    corners = np.array(lane.path) + np.array([0, rng.uniform(-0.006, 0.006)])
    route = view.project(_subdivide(corners))
    scale = view.pixels_per_metre(route[:, 1])
    across, down = np.diff(route, axis=0).T
    steps_m = np.hypot(across, _DOWN_COST * down) / scale[1:]
    walked = np.concatenate([[0.0], steps_m.cumsum()])
    speed = np.full(len(steps_m), lane.speed * rng.uniform(0.8, 1.25))
    inside = (route > 0) & (route < (view.size[1], view.size[0]))
    seen = np.flatnonzero(inside.all(1))
    stop = int(seen[int(len(seen) * rng.uniform(0.2, 0.8))])
    hold = float(rng.integers(*(lane.stay or _STANDS_FRAMES)))
    if stands:
        near = np.abs(walked[1:] - walked[stop]) / _BRAKES_M
        speed *= np.sqrt(near).clip(0.1, 1)
    heading = np.sign(np.append(across, across[-1]))
    times = np.concatenate([[0.0], (steps_m / speed).cumsum()])
    if stands:  # the place is repeated, so that interpolation between the two stands exactly still
        times = np.concatenate([times[: stop + 1], times[stop:] + hold])
        keep = np.r_[: stop + 1, stop : len(route)]
        route, scale, walked, heading = route[keep], scale[keep], walked[keep], heading[keep]
    now = np.arange(int(times[-1]))
    feet = np.stack([np.interp(now, times, axis) for axis in route.T], 1)
    slope = (route[-1, 1] - route[0, 1]) / (route[-1, 0] - route[0, 0])
    return Visit(
        lane.kind,
        int(rng.integers(2**31)),
        start,
        feet,
        np.interp(now, times, scale),
        np.interp(now, times, walked),
        np.where(np.interp(now, times, heading) < 0, -1, 1),
        0.0 if lane.kind == "walker" else float(slope),
    )


def _subdivide(corners: Track) -> Track:
    legs = [np.linspace(begin, end, 200, endpoint=False) for begin, end in pairwise(corners)]
    return np.concatenate([*legs, corners[-1:]])


def _nearest_m(first: Visit, second: Visit) -> float:
    """Return the least distance while both are on their way, in metres."""
    begin = max(first.start, second.start)
    end = min(first.start + len(first.feet), second.start + len(second.feet))
    if begin >= end:
        return np.inf
    ours = np.s_[begin - first.start : end - first.start]
    theirs = np.s_[begin - second.start : end - second.start]
    away = np.hypot(*(first.feet[ours] - second.feet[theirs]).T)
    return float((away / first.scale[ours]).min())


class MovingPlace:
    """A place whose water ripples and whose leaves sway; a place without water is still."""

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        self._still = place.still
        self._moves = bool(place.water.any())  # leaves hang still where there is no wind
        if not self._moves:
            return
        height, width = place.still.shape[:2]
        self._swell, self._ripple = noise_tile(rng, 1.3), noise_tile(rng, 1.0)
        wet = np.flatnonzero(place.water.max(1) > 0)
        self._wet = slice(int(wet[0]), int(wet[-1]) + 1)
        self._water = place.water[self._wet, :, None]
        self._colour = place.still[self._wet]
        down = np.arange(self._wet.start, self._wet.stop)[:, None]
        depth = (down / height - HORIZON).clip(0.05)
        across = (np.arange(width)[None] - width / 2) / height
        # tile pixels; waves are longer along the shore
        self._along, self._away = across / depth * 42.0, 1 / depth * 70.0
        self._mirror_x = np.asarray(np.arange(width)[None] + 0 * down, np.float32)
        self._mirror_y = np.asarray(2 * self._wet.start - down + 0 * across, np.float32)
        self._dry = slice(0, self._wet.start)
        leaves = cv2.GaussianBlur(place.leaves[self._dry], (0, 0), height / 120)
        self._reach = np.asarray(leaves * height / 55, np.float32)  # pixels at the widest
        rows_x, rows_y = np.arange(width)[None], np.arange(self._wet.start)[:, None]
        self._leaf_x = np.asarray(rows_x + 0 * rows_y, np.float32)
        self._leaf_y = np.asarray(rows_y + 0 * rows_x, np.float32)
        wind = sample_tile(noise_tile(rng, 1.4), rows_x / height * 500, rows_y / height * 500)
        self._phase = wind * 1.6

    def at(self, frame: int) -> Picture:
        """Return the place in one frame, ``(H, W, 3)`` float32 in 0..255, free to be changed."""
        picture = self._still.copy()
        if self._moves:
            picture[self._dry] = self._swayed(frame)
            picture[self._wet] += self._water * (self._rippled(frame) - picture[self._wet])
        return picture

    def _swayed(self, frame: int) -> Picture:
        gust = 0.65 + 0.35 * np.sin(frame / 23)
        sway = np.sin(self._phase + 0.9 * frame) + 0.6 * np.sin(1.7 * self._phase - 0.37 * frame)
        shift = self._reach * np.asarray(gust * sway, np.float32)
        return _shifted(self._still, self._leaf_x + shift, self._leaf_y + 0.4 * shift)

    def _rippled(self, frame: int) -> Picture:
        swell = sample_tile(self._swell, self._along + 2.1 * frame, self._away + 3.1 * frame)
        ripple = sample_tile(self._ripple, 2 * self._along - 3.7 * frame, 2 * self._away)
        slope = swell + 0.6 * ripple
        mirror = _shifted(self._still, self._mirror_x + slope, self._mirror_y + 5 * slope)
        water = 0.62 * self._colour + 0.38 * mirror
        glint = np.maximum(slope - 1.3, 0)
        return np.asarray(water + (14 * slope + 60 * glint)[..., None], np.float32)


def _shifted(picture: Picture, x: Picture, y: Picture) -> Picture:
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)
