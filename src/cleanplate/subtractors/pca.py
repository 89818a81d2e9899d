"""Eigenbackgrounds: a frame's background is its shadow on the main variations of the scene."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.protocol import State
from cleanplate.subtractors.state import check_size, check_state

DIMENSION = 10
"""bgslibrary's; the article keeps about 15 of 20 frames."""
_ZERO = 1e-6
"""Eigenvalues below this share of the largest are rounding noise."""
_AT_ONCE = 16384
"""Columns whose products are added up at a time, in float64."""


class PcaBackground:
    """Oliver, Rosario and Pentland 2000, "A Bayesian computer vision system...": PCA of frames.

    The frames' mean and their leading eigenvectors; a frame's background is its projection on
    them. Never updated after `learn`. What stands in many of the frames learned, or is large,
    enters the background in part: that is the method's weakness.

    Args:
        dimension: the most eigenvectors kept.
    """

    name = "pca"
    learns_online = False

    def __init__(self, dimension: int = DIMENSION) -> None:
        self._dimension = dimension
        self._mean: NDArray[np.float32] | None = None  # (H, W, 3), 0..255
        self._basis = np.zeros((0, 0), np.float32)  # (M, H W 3), orthonormal rows

    def learn(self, frames: Sequence[Frame]) -> None:
        """Find mean and eigenvectors of frames ``(H, W, 3)`` of one size, by their Gram matrix.

        Raises:
            ConfigError: there are no frames.
            VideoError: the frames differ in size.
        """
        if len(frames) == 0:
            raise ConfigError("pca: learn needs at least one frame; give some")
        for frame in frames:
            check_size(self.name, frame, (frames[0].shape[0], frames[0].shape[1]))
        rows = np.stack([frame.reshape(-1) for frame in frames]).astype(np.float32)  # (N, m)
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        rows -= mean
        self._basis, _ = leading_vectors(rows, self._dimension)
        self._mean = mean.reshape(frames[0].shape)

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return the frame's projection ``mu + U U'(I - mu)``; nothing is learned here.

        Raises:
            ConfigError: nothing was learned yet.
            VideoError: the frame has another size than those learned.
        """
        if self._mean is None:
            raise ConfigError("pca: has no background yet; call learn with some frames first")
        check_size(self.name, frame, (self._mean.shape[0], self._mean.shape[1]))
        deviation = (frame - self._mean).reshape(-1)
        background = self._mean.reshape(-1) + (self._basis @ deviation) @ self._basis
        return np.rint(np.clip(background, 0, 255)).astype(np.uint8).reshape(frame.shape)

    def state(self) -> State:
        """Return mean and basis, or nothing before `learn`."""
        if self._mean is None:
            return {}
        basis = self._basis.reshape(-1, *self._mean.shape)
        return {"mean": self._mean.copy(), "basis": basis.copy()}

    def restore(self, state: State) -> None:
        """Take up a saved mean and basis.

        Raises:
            ConfigError: the state is another method's, or damaged.
        """
        if not state:
            self._mean = None
            return
        frame = ("H", "W", 3)
        layout = {"mean": (np.float32, frame), "basis": (np.float32, ("M", *frame))}
        check_state(self.name, state, layout)
        self._mean = state["mean"].astype(np.float32)
        self._basis = state["basis"].reshape(-1, self._mean.size).astype(np.float32)


def leading_vectors(
    rows: NDArray[np.float32], most: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the leading right singular vectors of ``(N, m)`` as rows, and their singular values.

    They come from the N x N Gram matrix, as N is small and m is not; values that are clearly above
    zero only, and no more than ``most``.
    """
    gram = np.zeros((len(rows), len(rows)))
    for start in range(0, rows.shape[1], _AT_ONCE):
        some = rows[:, start : start + _AT_ONCE].astype(np.float64)
        gram += some @ some.T
    squares, vectors = np.linalg.eigh(gram)
    order = np.argsort(squares)[::-1][:most]
    order = order[squares[order] > max(_ZERO * squares.max(), np.finfo(np.float32).tiny)]
    values = np.sqrt(squares[order])
    basis = (vectors[:, order] / values).T.astype(np.float32) @ rows
    # float32 loses a little of the small ones: made orthonormal again
    return np.ascontiguousarray(np.linalg.qr(basis.T)[0].T), values
