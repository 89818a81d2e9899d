"""What each of CDNet's eleven challenges is in a drawn scene: one line of a table for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cleanplate.images import Size
from cleanplate.scenes.camera import (
    Camera,
    HeatCamera,
    ShakenCamera,
    ShimmeringCamera,
    TurningCamera,
)
from cleanplate.scenes.drawing import Sprite
from cleanplate.scenes.lighting import Daylight, Night, sunshine
from cleanplate.scenes.motion import add_parking
from cleanplate.scenes.places import Place
from cleanplate.scenes.thermal import cool_place, warm_sprites
from cleanplate.scenes.weather import Snowfall, lay_snow

Dress = Callable[[tuple[Sprite, ...], str, float, np.random.Generator], tuple[Sprite, ...]]


def _overcast(place: Place, rng: np.random.Generator) -> Daylight:
    del place
    return Daylight(rng)


def _unchanged(place: Place, rng: np.random.Generator) -> Place:
    del rng
    return place


@dataclass(frozen=True)
class Challenge:
    """What is drawn, under which light, and what looks at it.

    Attributes:
        place: ``street`` or ``waterfront``.
        prepare: changes the place once, before anything moves.
        light: lights the place.
        is_sunny: objects cast shadows.
        camera: looks at the place.
        dress: changes an object's sprites; None leaves them.
        noise: the sensor's, standard deviation in grey levels.
        camouflage: the share of objects coloured like their background.
        tempo: how much time passes from frame to frame.
    """

    place: str = "street"
    prepare: Callable[[Place, np.random.Generator], Place] = _unchanged
    light: Callable[[Place, np.random.Generator], Daylight] = _overcast
    is_sunny: bool = False
    camera: Callable[[Size, np.random.Generator], Camera] = Camera
    dress: Dress | None = None
    noise: float = 3.5
    camouflage: float = 0.35
    tempo: int = 1


CHALLENGES: dict[str, Challenge] = {
    "baseline": Challenge(),
    "shadow": Challenge(light=sunshine, is_sunny=True),
    "dynamicBackground": Challenge(place="waterfront"),
    "nightVideos": Challenge(light=Night, noise=5.0, camouflage=0.1),
    "cameraJitter": Challenge(camera=ShakenCamera),
    "badWeather": Challenge(prepare=lay_snow, light=Snowfall, camouflage=0.15),
    "intermittentObjectMotion": Challenge(prepare=add_parking, camouflage=0.2),
    "lowFramerate": Challenge(tempo=9),
    "PTZ": Challenge(camera=TurningCamera),
    "thermal": Challenge(prepare=cool_place, camera=HeatCamera, dress=warm_sprites, noise=3.0),
    "turbulence": Challenge(camera=ShimmeringCamera, camouflage=0.2),
}
"""A challenge's place in this order is part of its seed: new ones go last."""
