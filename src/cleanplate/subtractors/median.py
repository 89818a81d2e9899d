"""The temporal median: the simplest background there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.subtractors.protocol import State
from cleanplate.subtractors.state import check_size, check_state

_ROWS = 32
"""Rows sorted at a time, which bounds the memory."""


class MedianBackground:
    """The median of the frames it learned, channel by channel; fixed afterwards.

    What covers a pixel in fewer than half of the frames leaves no trace there.
    """

    name = "median"
    learns_online = False

    def __init__(self) -> None:
        self._background: Frame | None = None

    def learn(self, frames: Sequence[Frame]) -> None:
        """Take the median of frames ``(H, W, 3)`` of one size; an even count rounds half up.

        Raises:
            ConfigError: there are no frames.
            VideoError: the frames differ in size.
        """
        if len(frames) == 0:
            raise ConfigError("median: learn needs at least one frame; give some")
        size = (frames[0].shape[0], frames[0].shape[1])
        for frame in frames:
            check_size(self.name, frame, size)
        background = np.empty_like(frames[0])
        low, high = (len(frames) - 1) // 2, len(frames) // 2
        for top in range(0, size[0], _ROWS):
            stack = np.stack([frame[top : top + _ROWS] for frame in frames], axis=-1)
            middle = np.partition(stack, (low, high), axis=-1).astype(np.uint16)
            background[top : top + _ROWS] = (middle[..., low] + middle[..., high] + 1) // 2
        self._background = background

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return the median, whatever the frame; nothing is learned here.

        Raises:
            ConfigError: nothing was learned yet.
            VideoError: the frame has another size than those learned.
        """
        if self._background is None:
            raise ConfigError("median: has no background yet; call learn with some frames first")
        check_size(self.name, frame, (self._background.shape[0], self._background.shape[1]))
        return self._background.copy()

    def state(self) -> State:
        """Return the median, or nothing before `learn`."""
        return {} if self._background is None else {"median": self._background.copy()}

    def restore(self, state: State) -> None:
        """Take up a saved median.

        Raises:
            ConfigError: the state is another method's, or damaged.
        """
        if state:
            check_state(self.name, state, {"median": (np.uint8, ("H", "W", 3))})
        self._background = state["median"].astype(np.uint8) if state else None
