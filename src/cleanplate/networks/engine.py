"""What runs a model: both stages behind one call, whoever computes them."""

from __future__ import annotations

from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
"""``(1, H, W, 3)`` RGB, at the model's working size; torch takes more than one at once."""


class Engine(Protocol):
    """Runs a model; all but ``int8`` give torch's masks, but for a thousandth of a scene's pixels.

    Attributes:
        name: what it is called in results: ``torch``, ``openvino``, ``onnx`` or ``int8``.
        long_term: the model's long-term background ``(5, H, W)`` uint8, or None where stage 2
            does not see it.
        reach: how far a shaking camera moves, in pixels; 0 where it stands still.
    """

    @property
    def name(self) -> str: ...
    @property
    def long_term(self) -> NDArray[np.uint8] | None: ...
    @property
    def reach(self) -> int: ...

    def surround(
        self, frames: Frames, long_term: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.float32], Any]:
        """Run stage 1 and prepare what stage 2 sees beside the frame.

        Args:
            frames: what is looked at.
            long_term: the long-term background ``(1, 5, H, W)`` where the camera sees it now.

        Returns:
            Backgrounds ``(N, 3, h, w)`` in [0, 1] at stage 1's size, and what `decide` takes.
        """
        ...

    def decide(self, frames: Frames, context: Any) -> NDArray[np.float32]:
        """Run stage 2; returns the foreground's probability ``(N, H, W)``.

        Args:
            frames: what is decided on.
            context: of `surround`; of these frames, or of earlier ones as long as the background
                is the same.
        """
        ...


class SharedEngine:
    """One engine for several threads, one frame at a time: no engine takes two at once."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.long_term, self.reach = engine.name, engine.long_term, engine.reach
        self._engine, self._lock = engine, Lock()

    def surround(self, frames: Frames, long_term: NDArray[np.uint8] | None) -> Any:
        """See `Engine.surround`."""
        with self._lock:
            return self._engine.surround(frames, long_term)

    def decide(self, frames: Frames, context: Any) -> NDArray[np.float32]:
        """See `Engine.decide`."""
        with self._lock:
            return self._engine.decide(frames, context)
