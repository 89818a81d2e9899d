"""The mixture of Gaussians, against one written pixel by pixel."""

import math
import time
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.images import Frame
from cleanplate.subtractors.gmm import StaufferGrimsonGmm

Colour = NDArray[np.float64]
SHAPE = (6, 7, 3)


@dataclass(eq=False)
class Component:
    weight: float
    mean: Colour
    variance: float

    @property
    def order(self) -> float:
        return self.weight / math.sqrt(self.variance)


class NaivePixel:
    """One pixel's mixture, as the articles tell it."""

    def __init__(self, most: int, rate: float) -> None:
        self.most, self.rate, self.seen = most, rate, 0
        self.mixture: list[Component] = []

    def ordered(self) -> list[Component]:
        return sorted(self.mixture, key=lambda component: -component.order)

    def segment(self, colour: Colour) -> bool:
        if not self.mixture:
            self.mixture = [Component(1, colour, 900)]
        self.seen += 1
        alpha = max(self.rate, 1 / self.seen)
        before, match = 0.0, None
        for component in self.ordered():
            if np.mean((colour - component.mean) ** 2) < 2.5**2 * component.variance:
                match = component
                break
            before += component.weight
        weakest = self.ordered()[-1]
        for component in self.mixture:
            component.weight += alpha * ((component is match) - component.weight)
        if match is None:
            if len(self.mixture) == self.most:
                self.mixture.remove(weakest)
            self.mixture.append(Component(0.05, colour, 900))
        else:
            step, square = alpha / match.weight, float(np.mean((colour - match.mean) ** 2))
            match.mean = match.mean + step * (colour - match.mean)
            match.variance = max(16, match.variance + step * (square - match.variance))
        total = sum(component.weight for component in self.mixture)
        for component in self.mixture:
            component.weight /= total
        return match is None or before > 0.7


def _flicker(count: int) -> list[Frame]:
    """Pixels that jump between three colours, some rarely."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (3, *SHAPE))
    shares = random.dirichlet([3, 1, 0.5], SHAPE[:2]).cumsum(axis=-1)
    frames = []
    for _ in range(count):
        which = (random.random((*SHAPE[:2], 1)) > shares).sum(axis=-1).clip(0, 2)
        chosen = np.take_along_axis(colours, which[None, ..., None], axis=0)[0]
        frames.append((chosen + random.normal(0, 5, SHAPE)).clip(0, 255).astype(np.uint8))
    return frames


@pytest.mark.parametrize(("components", "rate"), [(3, 0.005), (2, 0.02), (5, 0.05)])
def test_it_is_what_a_loop_over_pixels_gives(components: int, rate: float) -> None:
    method = StaufferGrimsonGmm(components, rate)
    places = list(np.ndindex(SHAPE[:2]))
    naive = {place: NaivePixel(components, rate) for place in places}
    found = 0
    for frame in _flicker(80):
        mask, _, background = method.segment(frame)
        expected = [naive[place].segment(frame[place].astype(float)) for place in places]
        assert mask.reshape(-1).tolist() == expected
        found += mask.sum()
    assert 0 < found < 80 * len(places) / 2
    assert background is not None
    plain = np.array([naive[place].ordered()[0].mean for place in places]).reshape(SHAPE)
    assert np.median(np.abs(background - plain)) < 0.6


def test_weights_are_shares() -> None:
    method = StaufferGrimsonGmm()
    for frame in _flicker(50):
        method.segment(frame)
    state = method.state()
    assert np.allclose(state["weights"].sum(axis=0), 1, atol=1e-5)
    assert np.asarray(state["variances"], np.float32).min() >= 16


def test_two_colours_in_turn_are_both_background() -> None:
    method = StaufferGrimsonGmm()
    dark, bright = np.full((2, *SHAPE), [[[[40]]], [[[200]]]], np.uint8)
    for index in range(200):
        mask = method.segment((dark, bright)[index % 2]).mask
    assert not mask.any()
    assert not method.segment(dark).mask.any()
    assert method.segment(dark + np.uint8(80)).mask.all()


def test_what_stays_becomes_background() -> None:
    method = StaufferGrimsonGmm(learning_rate=0.02)
    for _ in range(60):
        method.segment(np.full(SHAPE, 60, np.uint8))
    masks = [method.segment(np.full(SHAPE, 190, np.uint8)).mask.all() for _ in range(60)]
    assert masks[0]
    assert not masks[-1]


@pytest.mark.slow
def test_it_keeps_up_with_a_camera() -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    random = np.random.default_rng(0)
    frames = [random.integers(90, 110, (240, 320, 3)).astype(np.uint8) for _ in range(8)]
    method = StaufferGrimsonGmm()
    start = time.perf_counter()
    for index in range(40):
        method.segment(frames[index % 8])
    cv2.setNumThreads(threads)
    assert 40 / (time.perf_counter() - start) > 15
