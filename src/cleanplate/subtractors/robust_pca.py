"""Robust PCA, one frame at a time: low rank for the background, sparse for what moves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame
from cleanplate.subtractors.protocol import State
from cleanplate.subtractors.state import check_size, check_state

Floats = NDArray[np.floating]

RANK, SPARSITY, LOOPS, WINDOW = 1, 0.0375, 3, 30
"""The authors' published defaults, but three inner loops as in their examples instead of one."""
SCENE_CHANGE = 10.0
"""A background that moves this many times farther than the last one is another scene's..."""
SCENE_ROWS = 10
"""...once this many frames were seen, or where the scene changed just before."""
STILL = 3 / 255
"""A mean change below one grey level in each channel counts as one, or the first breath of air
after perfect stillness would be a change of scene. (Ours; the authors take the change as it is.)"""
TIDY_EVERY = 200
"""Frames after which rounding errors are put right."""


class Svd(NamedTuple):
    """A thin singular value decomposition of the frames seen, one column each.

    Attributes:
        left: ``(m, r)``, orthonormal columns.
        values: ``(r,)`` float64, descending.
        right: ``(t, r)`` float64, orthonormal columns; a row for each frame.
    """

    left: Floats
    values: Floats
    right: Floats


def no_columns(like: Floats) -> Svd:
    """Return the decomposition of no frames at all; ``like`` is a vector ``(m,)``."""
    return Svd(np.zeros((len(like), 0), like.dtype), np.zeros(0), np.zeros((0, 0)))


def append_column(svd: Svd, column: Floats, rank: int) -> Svd:
    """Add a frame ``(m,)`` behind the others; at most ``rank`` values are kept."""
    empty = np.zeros((1, len(svd.values)))
    return _set_column(svd._replace(right=np.vstack([svd.right, empty])), -1, column, rank)


def replace_last(svd: Svd, column: Floats, rank: int) -> Svd:
    """Put another frame ``(m,)`` in the last one's place; at most ``rank`` values are kept."""
    return _set_column(svd, -1, column, rank)


def forget_first(svd: Svd) -> Svd:
    """Remove the oldest frame; the others stay as they are."""
    nothing = np.zeros(len(svd.left), svd.left.dtype)
    svd = _set_column(svd, 0, nothing, len(svd.values))
    return svd._replace(right=svd.right[1:])


def last_column(svd: Svd) -> Floats:
    """Return what the decomposition says of the newest frame, ``(m,)``."""
    return np.asarray(svd.left @ (svd.values * svd.right[-1]).astype(svd.left.dtype))


def tidied(svd: Svd) -> Svd:
    """Make the columns orthonormal again where rounding has bent them; the product stays."""
    left, above = np.linalg.qr(svd.left)
    right, aside = np.linalg.qr(svd.right)
    small = np.linalg.svd((above.astype(np.float64) * svd.values) @ aside.T)
    return Svd(left @ small[0].astype(left.dtype), small[1], right @ small[2].T)


def _set_column(svd: Svd, index: int, column: Floats, rank: int) -> Svd:
    """Give one column another content: a rank-one change of the product (Brand 2006).

    The change is ``(column - old) e'``, with ``e`` the unit vector of that column. Both factors
    are split into the part that ``left`` and ``right`` span and the part outside; what remains is
    the decomposition of a small matrix.
    """
    left, values, right = svd
    tiny = 100 * np.finfo(left.dtype).eps
    row = right[index]
    inside = left.T @ column
    outside = column - left @ inside
    outside -= left @ (left.T @ outside)  # once more: rounding leaves a little inside
    height = float(np.linalg.norm(outside))
    if height <= tiny * float(np.linalg.norm(column)):
        height, outside = 0.0, np.zeros_like(outside)
    else:
        outside /= height
    unit = np.zeros(len(right))
    unit[index] = 1
    width = float(np.sqrt(max(0.0, 1 - row @ row)))
    beyond = (unit - right @ row) / width if width > 1e-7 else np.zeros_like(unit)
    width = width if width > 1e-7 else 0.0

    small = np.diag(np.append(values, 0.0))
    small += np.outer(np.append(inside - values * row, height), np.append(row, width))
    turn, strengths, back = np.linalg.svd(small)
    kept = min(rank, int((strengths > tiny * strengths[0]).sum()))
    turn, back = turn[:, :kept].astype(left.dtype), back[:kept].T
    return Svd(
        left @ turn[:-1] + np.outer(outside, turn[-1]),
        strengths[:kept],
        right @ back[:-1] + np.outer(beyond, back[-1]),
    )


class _Memory(NamedTuple):
    """What is known after a frame; never changed, only replaced."""

    svd: Svd
    low_rank: Floats
    distance: float
    is_restarted: bool
    steps: int


class IncrementalPcp:
    """Incremental principal component pursuit, after Rodriguez and Wohlberg 2016.

    Each frame is the sum of a low-rank background, from a window of frames, and a sparse rest.
    Patented in the United States (see `methods.PATENT_NOTES`).

    Args:
        rank: of the background.
        sparsity: lambda; differences below it, in [0, 1], are the background's own.
        loops: times that background and sparse rest are found in turn.
        window: frames remembered.
    """

    name = "robust-pca"
    learns_online = True

    def __init__(
        self,
        rank: int = RANK,
        sparsity: float = SPARSITY,
        loops: int = LOOPS,
        window: int = WINDOW,
    ) -> None:
        self._rank, self._sparsity, self._loops, self._window = rank, sparsity, loops, window
        self._memory: _Memory | None = None
        self._size = (0, 0)

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return the frame's background; with ``update``, remember the frame.

        Raises:
            VideoError: the frame has another size than those before.
        """
        vector = frame.reshape(-1).astype(np.float32) / np.float32(255)
        if self._memory is None:
            memory = self._start(vector, False)
        else:
            check_size(self.name, frame, self._size)
            memory = self._step(self._memory, vector)
        if update:
            self._memory, self._size = memory, (frame.shape[0], frame.shape[1])
        levels = np.rint(np.clip(memory.low_rank, 0, 1) * 255)
        return levels.astype(np.uint8).reshape(frame.shape)

    def _start(self, vector: Floats, is_restarted: bool) -> _Memory:
        svd = append_column(no_columns(vector), vector, self._rank)
        return _Memory(svd, vector, 0.0, is_restarted, 0)

    def _step(self, memory: _Memory, vector: Floats) -> _Memory:
        svd = append_column(memory.svd, vector, self._rank)
        low_rank = last_column(svd)
        for _ in range(self._loops - 1):
            # frame less sparse part: a soft threshold cuts off all that is farther than lambda
            near = np.clip(vector, low_rank - self._sparsity, low_rank + self._sparsity)
            svd = replace_last(svd, near, self._rank)
            low_rank = last_column(svd)
        rows = len(svd.right)
        distance = float(np.abs(low_rank - memory.low_rank).sum()) * 3 / len(vector)
        is_far = distance > SCENE_CHANGE * max(memory.distance, STILL)
        if is_far and (rows >= SCENE_ROWS or memory.is_restarted):
            return self._start(vector, True)
        if rows >= self._window:
            svd = forget_first(svd)
        steps = memory.steps + 1
        if steps % TIDY_EVERY == 0:
            svd = tidied(svd)
        is_restarted = memory.is_restarted and rows < SCENE_ROWS
        return _Memory(svd, low_rank, distance, is_restarted, steps)

    def state(self) -> State:
        """Return the decomposition and what the scene-change test needs; empty at the start."""
        if self._memory is None:
            return {}
        svd, low_rank, distance, is_restarted, steps = self._memory
        return {
            "left": svd.left.T.reshape(-1, *self._size, 3).copy(),
            "values": svd.values.copy(),
            "right": svd.right.copy(),
            "low_rank": low_rank.reshape(*self._size, 3).copy(),
            "distance": np.array([distance]),
            "is_restarted": np.array([is_restarted]),
            "steps": np.array([steps]),
        }

    def restore(self, state: State) -> None:
        """Take up a saved state.

        Raises:
            ConfigError: the state is another method's, or damaged.
        """
        if not state:
            self._memory = None
            return
        check_state(self.name, state, _LAYOUT)
        low_rank = state["low_rank"].astype(np.float32)
        left = state["left"].reshape(-1, low_rank.size).T.astype(np.float32, order="C")
        svd = Svd(left, state["values"].astype(np.float64), state["right"].astype(np.float64))
        self._size = (low_rank.shape[0], low_rank.shape[1])
        self._memory = _Memory(
            svd,
            low_rank.reshape(-1),
            float(state["distance"][0]),
            bool(state["is_restarted"][0]),
            int(state["steps"][0]),
        )


_LAYOUT = {
    "left": (np.float32, ("R", "H", "W", 3)),
    "values": (np.float64, ("R",)),
    "right": (np.float64, ("T", "R")),
    "low_rank": (np.float32, ("H", "W", 3)),
    "distance": (np.float64, (1,)),
    "is_restarted": (np.bool_, (1,)),
    "steps": (np.int64, (1,)),
}
