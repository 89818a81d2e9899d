"""A mixture of Gaussians at every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask
from cleanplate.subtractors.protocol import Segmentation, State
from cleanplate.subtractors.state import Layout, check_size, check_state

Floats = NDArray[np.float32]

COMPONENTS, MATCH_SIGMAS, BACKGROUND_SHARE = 3, 2.5, 0.7
"""Stauffer and Grimson 1999: 3 to 5 components, a match within 2.5 sigma; T 0.7 as in OpenCV's
MOG."""
LEARNING_RATE = 0.005
"""OpenCV's MOG, a history of 200 frames; the first frames weigh 1/n each, as there."""
FIRST_SIGMA, FIRST_WEIGHT = 30.0, 0.05
"""A new component's, as in OpenCV's MOG; the article says only "high" and "low"."""
LEAST_SIGMA = 4.0
"""Ours: without a floor, a still pixel's sigma falls to 0. (MOG2 has 2, OpenCV's MOG 15.)"""


@dataclass
class _Mixture:
    """Of ``P`` pixels; a component of weight 0 is free.

    Attributes:
        weights: ``(K, P)``, sum 1 over K.
        means: ``(K, 3, P)``, 0..255.
        variances: ``(K, P)``, one for all three channels.
        frames: how many were learned.
    """

    weights: Floats
    means: Floats
    variances: Floats
    frames: int


class StaufferGrimsonGmm:
    """Stauffer and Grimson 1999, "Adaptive background mixture models for real-time tracking".

    A pixel's colours are K Gaussians, heavy and narrow ones first; the first whose weights pass
    ``background_share`` are background. Distances are per channel, the root of the mean square.
    A component's mean and variance move at ``learning_rate / weight`` (Power and Schoonees 2002):
    the article's own rate is so small that nothing would be learned in practice.

    The background image shows each pixel's first component.

    Args:
        components: K.
        learning_rate: alpha, the share of one new frame.
        background_share: T.
    """

    name = "gmm"
    learns_online = True

    def __init__(
        self,
        components: int = COMPONENTS,
        learning_rate: float = LEARNING_RATE,
        background_share: float = BACKGROUND_SHARE,
    ) -> None:
        self._components = components
        self._learning_rate = learning_rate
        self._background_share = background_share
        self._mixture: _Mixture | None = None
        self._size = (0, 0)

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame and, with ``update``, learn from it.

        Raises:
            VideoError: the frame has another size than those before.
        """
        size = (frame.shape[0], frame.shape[1])
        pixels = np.ascontiguousarray(frame.reshape(-1, 3).T, np.float32)  # (3, P)
        if self._mixture is None:
            mixture = self._start(pixels)
        else:
            check_size(self.name, frame, self._size)
            mixture = self._mixture
        mask = self._classify(mixture, pixels, update)
        if update:
            self._mixture, self._size = mixture, size
        return Segmentation(mask.reshape(size), None, _background(mixture).reshape(frame.shape))

    def _start(self, pixels: Floats) -> _Mixture:
        shape = (self._components, pixels.shape[1])
        weights, means = (
            np.zeros(shape, np.float32),
            np.zeros((shape[0], *pixels.shape), np.float32),
        )
        weights[0], means[0] = 1, pixels
        return _Mixture(weights, means, np.full(shape, FIRST_SIGMA**2, np.float32), 0)

    def _classify(self, mixture: _Mixture, pixels: Floats, update: bool) -> Mask:
        """Return which pixels ``(P,)`` are foreground; with ``update``, change the mixture."""
        differences = pixels - mixture.means
        squares = np.square(differences[:, 0])
        squares += np.square(differences[:, 1])
        squares += np.square(differences[:, 2])
        squares /= 3
        orders = _orders(mixture)
        near = squares < MATCH_SIGMAS**2 * mixture.variances
        # the first in order among those near: a free component has order 0 and never is
        best = np.zeros(pixels.shape[1], np.float32)
        for order, is_near in zip(orders, near, strict=True):
            np.maximum(best, order * is_near, out=best)
        before = np.zeros_like(best)
        for order, weight in zip(orders, mixture.weights, strict=True):
            before += weight * (order > best)
        mask = (best == 0) | (before > self._background_share)
        if update:
            chosen, is_taken = near & (orders == best), best == 0
            for component in chosen:  # one only, where two are equal
                component &= ~is_taken
                is_taken |= component
            self._learn(mixture, pixels, differences, squares, chosen)
        return np.asarray(mask)

    def _learn(
        self,
        mixture: _Mixture,
        pixels: Floats,
        differences: Floats,
        squares: Floats,
        chosen: Mask,
    ) -> None:
        """Move the chosen component ``(K, P)`` of each pixel; where none is, start a new one."""
        weights, means, variances = mixture.weights, mixture.means, mixture.variances
        mixture.frames += 1
        alpha = np.float32(max(self._learning_rate, 1 / mixture.frames))
        weakest = _orders(mixture)
        weights += alpha * (chosen - weights)
        rates = alpha * chosen / np.maximum(weights, alpha)
        differences *= rates[:, None]
        means += differences
        variances += rates * (squares - variances)
        np.maximum(variances, np.float32(LEAST_SIGMA**2), out=variances)

        new = np.flatnonzero(~chosen.any(axis=0))
        replaced = weakest[:, new].argmin(axis=0)
        means[replaced, :, new] = pixels[:, new].T
        variances[replaced, new] = FIRST_SIGMA**2
        weights[replaced, new] = FIRST_WEIGHT
        weights /= weights.sum(axis=0)

    def state(self) -> State:
        """Return the mixtures, or nothing at the start."""
        if self._mixture is None:
            return {}
        mixture = self._mixture
        return {
            "weights": mixture.weights.reshape(-1, *self._size).copy(),
            "means": mixture.means.reshape(-1, 3, *self._size).copy(),
            "variances": mixture.variances.reshape(-1, *self._size).copy(),
            "frames": np.array([mixture.frames]),
        }

    def restore(self, state: State) -> None:
        """Take up saved mixtures.

        Raises:
            ConfigError: the state is another method's, of another K, or damaged.
        """
        if not state:
            self._mixture = None
            return
        number = self._components
        layout: Layout = {
            "weights": (np.float32, (number, "H", "W")),
            "means": (np.float32, (number, 3, "H", "W")),
            "variances": (np.float32, (number, "H", "W")),
            "frames": (np.int64, (1,)),
        }
        check_state(self.name, state, layout)
        weights, means, variances = (
            state[key].astype(np.float32) for key in ("weights", "means", "variances")
        )
        self._size = (weights.shape[1], weights.shape[2])
        self._mixture = _Mixture(
            weights.reshape(number, -1),
            means.reshape(number, 3, -1),
            variances.reshape(number, -1),
            int(state["frames"][0]),
        )


def _orders(mixture: _Mixture) -> Floats:
    """Return weight over sigma, ``(K, P)``: the larger, the surer a component is background."""
    return np.asarray(mixture.weights / np.sqrt(mixture.variances), np.float32)


def _background(mixture: _Mixture) -> NDArray[np.uint8]:
    """Return the first component's mean, ``(P, 3)``."""
    orders = _orders(mixture)
    best, background = orders[0], mixture.means[0]
    for order, mean in zip(orders[1:], mixture.means[1:], strict=True):
        background = np.where(order > best, mean, background)
        best = np.maximum(best, order)
    return np.ascontiguousarray(np.rint(background).astype(np.uint8).T)
