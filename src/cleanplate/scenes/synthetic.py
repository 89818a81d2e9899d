"""Drawn scenes with exact masks and exact backgrounds, one for each of CDNet's eleven challenges.

They stand in for real scenes in tests, examples and first trials: a street in all weathers and
before all kinds of cameras, and a waterfront whose water and trees never rest. Objects enter, pass,
stand and leave.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError, OutputError
from cleanplate.files import make_folder, write_bytes
from cleanplate.images import Frame, Size
from cleanplate.scenes import cdnet
from cleanplate.scenes.cdnet import MOVING, SHADOW, STATIC, UNKNOWN
from cleanplate.scenes.challenges import CHALLENGES as _TABLE
from cleanplate.scenes.challenges import Challenge
from cleanplate.scenes.drawing import (
    GAIT_PHASES,
    STRIDE_M,
    Picture,
    Pose,
    Sprite,
    choose_colour,
    draw_object,
    warp_sprite,
)
from cleanplate.scenes.lighting import Actor, Noise, Sun
from cleanplate.scenes.motion import MovingPlace, Visit, plan_visits
from cleanplate.scenes.places import Place, draw_place

CHALLENGES: tuple[str, ...] = tuple(_TABLE)
EVERY_CHALLENGE = "all"
LEAST_SIDE = 64
MOST_SIDE = 8192
DRAWN_MARK = ".cleanplate-drawn"
"""Lies in a drawn scene's folder, so that only such a folder is ever replaced."""

_SHADOW_DEPTH = 0.42  # of the light; CDNet's annotators label what is clearly darker
_SHADOW_FROM = 0.4
_COVERED_FROM = 0.5
_GLARE_FROM = 45.0  # with this many grey levels on top, nobody can say what lies behind


class Moment(NamedTuple):
    """One frame and the truth about it.

    Attributes:
        frame: what the camera sees, ``(H, W, 3)`` uint8 RGB.
        codes: CDNet's label codes, ``(H, W)`` uint8.
        background: the same moment with nobody there and no noise, ``(H, W, 3)`` uint8 RGB.
    """

    frame: Frame
    codes: NDArray[np.uint8]
    background: Frame


def draw(
    challenge: str, *, frames: int = 300, size: Size = (240, 320), seed: int = 0
) -> Iterator[Moment]:
    """Draw a scene, frame by frame as it is read; a longer scene begins like a shorter one.

    Args:
        challenge: one of `CHALLENGES`.
        frames: how many frames.
        size: height and width in pixels, from 64 each.
        seed: another seed is another place with other people; the same seed gives equal bits.

    Raises:
        ConfigError: the challenge is unknown, or the frames or the size are too small or large.
    """
    if challenge not in CHALLENGES:
        raise ConfigError(
            f"unknown drawn scene {challenge!r}; choose one of {', '.join(CHALLENGES)}"
        )
    if frames < 1 or min(size) < LEAST_SIDE or max(size) > MOST_SIDE:
        raise ConfigError(
            f"cannot draw {frames} frames of {size[1]}x{size[0]}; ask for at least 1 frame of "
            f"{LEAST_SIDE}x{LEAST_SIDE}, and at most {MOST_SIDE} pixels a side"
        )
    return _draw_moments(challenge, frames, size, seed)


def _draw_moments(challenge: str, frames: int, size: Size, seed: int) -> Iterator[Moment]:
    seeds = np.random.SeedSequence([seed, CHALLENGES.index(challenge)]).spawn(7)
    scenery, traffic, waves, weather, sensor, mount, change = map(np.random.default_rng, seeds)
    rules = _TABLE[challenge]
    camera = rules.camera(size, mount)
    place = rules.prepare(draw_place(rules.place, scenery, camera.place_size), change)
    moving = MovingPlace(place, waves)
    cast = _Cast(place, plan_visits(place, traffic, frames * rules.tempo), rules)
    light = rules.light(place, weather)
    sun = Sun(weather) if rules.is_sunny else None
    noise = Noise(sensor, size, rules.noise)
    for number in range(frames):
        now = number * rules.tempo
        see = camera.at(now)
        stage = moving.at(now)
        background = see(light.show_empty(stage, now))
        actors = cast.at(now)
        codes = np.full(size, STATIC, np.uint8)
        if sun is not None:
            shade = sun.shade(actors, camera.place_size)
            stage *= (1 - _SHADOW_DEPTH * shade)[..., None]
            codes[see(shade) >= _SHADOW_FROM] = SHADOW
        cover = np.zeros(camera.place_size, np.float32)
        for actor in actors:
            _paste(stage, cover, actor)
        lit, glare = light.show(stage, now, actors)
        if glare is not None:
            codes[see(glare) >= _GLARE_FROM] = UNKNOWN
        codes[see(cover) >= _COVERED_FROM] = MOVING
        frame = camera.develop(noise.add(see(lit)))
        yield Moment(frame, codes, camera.develop(np.asarray(cv2.convertScaleAbs(background))))


def _paste(stage: Picture, cover: Picture, actor: Actor) -> None:
    """Put an object in front of what is there; ``cover`` (H, W) gathers the alphas."""
    placed = warp_sprite(actor.sprite, actor.pose, (stage.shape[0], stage.shape[1]))
    if placed is None:
        return
    window, patch = placed
    alpha = patch[..., 3]
    stage[window] *= 1 - alpha[..., None]
    stage[window] += patch[..., :3]
    cover[window] += (1 - cover[window]) * alpha


class _Cast:
    """The objects on their way; sprites are drawn when one sets out and dropped when it is gone."""

    def __init__(self, place: Place, visits: list[Visit], rules: Challenge) -> None:
        self._place = place
        self._coming = sorted(visits, key=lambda visit: visit.start, reverse=True)
        self._rules = rules
        self._here: list[tuple[Visit, tuple[Sprite, ...]]] = []

    def at(self, frame: int) -> list[Actor]:
        """Return the objects of a frame, far ones first; frames must come in order."""
        while self._coming and self._coming[-1].start <= frame:
            visit = self._coming.pop()
            if frame < visit.start + len(visit.feet):  # else it came and went between two frames
                self._here.append((visit, self._dress(visit)))
        self._here = [
            (visit, sprites)
            for visit, sprites in self._here
            if frame < visit.start + len(visit.feet)
        ]
        actors = [_pose(visit, sprites, frame - visit.start) for visit, sprites in self._here]
        return sorted(actors, key=lambda actor: actor.pose.y)

    def _dress(self, visit: Visit) -> tuple[Sprite, ...]:
        rng = np.random.default_rng(visit.seed)
        height, width = self._place.view.size
        across = visit.feet[:, 0]
        middle = int(np.abs(across - width / 2).argmin())
        x, y = visit.feet[middle].clip(0, (width - 1, height - 1)).astype(int)
        row = max(0, y - int(visit.scale[middle]))  # the ground a metre behind it
        spot = self._place.still[row : row + 5, max(0, x - 9) : x + 10]
        red, green, blue = (float(part) for part in spot.mean((0, 1)))
        colour = choose_colour(rng, visit.kind, (red, green, blue), self._rules.camouflage)
        scale = visit.scale.max(where=(across >= 0) & (across < width), initial=1.0)
        sprites = draw_object(visit.kind, rng, colour, float(scale))
        if self._rules.dress is None:
            return sprites
        return self._rules.dress(sprites, visit.kind, float(spot.mean()), rng)


def _pose(visit: Visit, sprites: tuple[Sprite, ...], age: int) -> Actor:
    phase = int(visit.walked[age] / STRIDE_M * GAIT_PHASES) % len(sprites)
    x, y = visit.feet[age]
    pose = Pose(
        float(x), float(y), float(visit.scale[age]), int(visit.facing[age]), slope=visit.slope
    )
    return Actor(visit.kind, sprites[phase], pose)


def write_drawn_scene(
    folder: Path,
    challenge: str,
    *,
    frames: int = 300,
    size: Size = (240, 320),
    seed: int = 0,
    overwrite: bool = False,
) -> int:
    """Write a drawn scene in CDNet's layout, its clean backgrounds beside; returns the frame count.

    Raises:
        ConfigError: see `draw`.
        OutputError: the folder holds a scene already, or cannot be written.
    """
    moments = draw(challenge, frames=frames, size=size, seed=seed)
    mark = folder / DRAWN_MARK
    if folder.is_dir() and any(folder.iterdir()):
        if not mark.exists():
            raise OutputError(f"{folder}: holds files that were not drawn; choose an empty folder")
        if not overwrite:
            raise OutputError(f"{folder}: holds a scene already; give --overwrite to replace it")
        for name in cdnet.WRITTEN_FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
    make_folder(folder)
    write_bytes(mark, f"{challenge} {frames} {size} {seed}\n".encode())
    return cdnet.write_scene(folder, moments)


def folders_of(challenge: str, folder: Path, seed: int) -> dict[str, Path]:
    """Return the folder of each challenge to draw: of ``all``, as CDNet lays its categories out."""
    if challenge != EVERY_CHALLENGE:
        return {challenge: folder}
    return {name: folder / name / f"{name}{seed}" for name in CHALLENGES}


def parse_size(text: str) -> Size:
    """Read ``WIDTHxHEIGHT`` as (height, width).

    Raises:
        ConfigError: it is not of that form.
    """
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and len(text) < 12):
        raise ConfigError(f"size {text!r} is not understood; write WIDTHxHEIGHT such as 320x240")
    return int(height), int(width)
