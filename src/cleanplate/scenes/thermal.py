"""A drawn place as its warmth shows it: cool walls and ground, warm walkers and engines."""

from __future__ import annotations

import cv2
import numpy as np

from cleanplate.scenes.drawing import Picture, Sprite
from cleanplate.scenes.places import Place

_GROUND, _GROUND_CONTRAST = 82.0, 0.3  # grey levels; how much of the daylight's contrast is left
_WARM = {"walker": (135.0, 205.0), "car": (105.0, 180.0), "boat": (105.0, 180.0)}
_OWN_CONTRAST = 0.28
_NEARLY_GROUND = 0.25
"""The share of objects that differ by only a few levels from the ground behind them."""
_LEAST_AWAY, _MOST_AWAY = 9.0, 18.0


def cool_place(place: Place, rng: np.random.Generator) -> Place:
    """Return the place in grey levels of warmth, in three equal channels."""
    grey = cv2.cvtColor(place.still, cv2.COLOR_RGB2GRAY)
    level = _GROUND + float(rng.uniform(-12, 12))
    cool = level + _GROUND_CONTRAST * (grey - float(grey.mean()))
    return place._replace(still=_three(np.asarray(cool, np.float32)))


def warm_sprites(
    sprites: tuple[Sprite, ...], kind: str, behind: float, rng: np.random.Generator
) -> tuple[Sprite, ...]:
    """Return an object's sprites in grey levels of warmth.

    Args:
        sprites: as drawn, in colours.
        kind: ``car``, ``walker`` or ``boat``.
        behind: the grey level of what it passes.
        rng: decides how warm it is.
    """
    level = float(rng.uniform(*_WARM[kind]))
    if rng.random() < _NEARLY_GROUND:
        level = behind + float(rng.choice((-1, 1)) * rng.uniform(_LEAST_AWAY, _MOST_AWAY))
    return tuple(sprite._replace(pixels=_warm(sprite.pixels, level)) for sprite in sprites)


def _warm(pixels: Picture, level: float) -> Picture:
    alpha = pixels[..., 3]
    grey = pixels[..., :3].mean(2)  # times alpha
    middle = float(grey.sum() / max(1e-6, float(alpha.sum())))
    warm = (level - _OWN_CONTRAST * middle) * alpha + _OWN_CONTRAST * grey
    return np.asarray(np.concatenate([_three(warm), alpha[..., None]], 2), np.float32)


def _three(grey: Picture) -> Picture:
    return np.asarray(np.repeat(grey[..., None], 3, axis=2), np.float32)
