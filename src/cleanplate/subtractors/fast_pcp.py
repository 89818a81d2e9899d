"""Robust PCA over a batch of frames, learned once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.pca import leading_vectors
from cleanplate.subtractors.protocol import State
from cleanplate.subtractors.robust_pca import LOOPS, SPARSITY
from cleanplate.subtractors.state import check_size, check_state

PASSES = 2
"""Times that low rank and sparse part of the batch are found in turn."""
RANK_SHARE = 0.01
"""The rank grows while the newest singular value is this share of the others' sum."""


class FastPcp:
    """Fast principal component pursuit, after Rodriguez and Wohlberg 2013.

    `learn` splits a batch into a low-rank and a sparse part; a frame's background is then its
    projection on the low-rank part's basis, found with the inner loops of `IncrementalPcp`, so
    that what is far from the background pulls little at it. Fixed after `learn`.

    Args:
        loops: times that background and sparse rest of a frame are found in turn.
        sparsity: lambda of those loops, in [0, 1]. The batch takes the article's
            ``1 / sqrt(max(m, n))``.
    """

    name = "fast-pcp"
    learns_online = False

    def __init__(self, loops: int = LOOPS, sparsity: float = SPARSITY) -> None:
        self._loops, self._sparsity = loops, sparsity
        self._basis: NDArray[np.float32] | None = None  # (R, H, W, 3), orthonormal

    def learn(self, frames: Sequence[Frame]) -> None:
        """Find the low-rank basis of frames ``(H, W, 3)`` of one size.

        Raises:
            ConfigError: there are no frames.
            VideoError: the frames differ in size.
        """
        if len(frames) == 0:
            raise ConfigError("fast-pcp: learn needs at least one frame; give some")
        for frame in frames:
            check_size(self.name, frame, (frames[0].shape[0], frames[0].shape[1]))
        rows = np.stack([frame.reshape(-1) for frame in frames]).astype(np.float32)  # (N, m)
        rows /= 255
        sparsity = np.float32(1 / np.sqrt(max(rows.shape)))
        near, rank = rows, 1
        for number in range(PASSES):
            basis, values = leading_vectors(near, rank)
            if number == PASSES - 1:
                break
            low_rank = (near @ basis.T) @ basis
            near = np.clip(rows, low_rank - sparsity, low_rank + sparsity)  # less the sparse part
            if values.size and values[-1] >= RANK_SHARE * values[:-1].sum():
                rank += 1
        self._basis = basis.reshape(-1, *frames[0].shape)

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return the frame's robust projection on the basis; nothing is learned here.

        Raises:
            ConfigError: nothing was learned yet.
            VideoError: the frame has another size than those learned.
        """
        if self._basis is None:
            raise ConfigError("fast-pcp: has no background yet; call learn with some frames first")
        check_size(self.name, frame, (self._basis.shape[1], self._basis.shape[2]))
        basis = self._basis.reshape(-1, frame.size)
        vector = frame.reshape(-1).astype(np.float32) / np.float32(255)
        background = (basis @ vector) @ basis
        for _ in range(self._loops - 1):
            near = np.clip(vector, background - self._sparsity, background + self._sparsity)
            background = (basis @ near) @ basis
        levels = np.rint(np.clip(background, 0, 1) * 255)
        return levels.astype(np.uint8).reshape(frame.shape)

    def state(self) -> State:
        """Return the basis, or nothing before `learn`."""
        return {} if self._basis is None else {"low_rank_basis": self._basis.copy()}

    def restore(self, state: State) -> None:
        """Take up a saved basis.

        Raises:
            ConfigError: the state is another method's, or damaged.
        """
        if state:
            layout = {"low_rank_basis": (np.float32, ("R", "H", "W", 3))}
            check_state(self.name, state, layout)
        self._basis = state["low_rank_basis"].astype(np.float32) if state else None
