"""A model converted for another engine than torch, run as an `Engine`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from cleanplate.networks.engine import Frames

Run = Callable[[list[NDArray[Any]]], Sequence[NDArray[np.float32]]]
"""Runs one graph; what it returns may be overwritten by the next call."""


class ConvertedEngine:
    """Runs the two graphs of a model (see `Engine`), whoever computes them.

    Args:
        name: the engine's.
        model: the model file, of which `read_card` was content.
        surroundings: runs the first graph.
        decision: runs the second.
    """

    def __init__(self, name: str, model: Path, surroundings: Run, decision: Run) -> None:
        self.name = name
        self.long_term, self.reach = _read_long_term(model)
        self._surroundings, self._decision = surroundings, decision

    def surround(
        self, frames: Frames, long_term: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.surround`."""
        kept = [] if long_term is None else [np.ascontiguousarray(long_term)]
        background, context = self._surroundings([np.ascontiguousarray(frames), *kept])
        return background.copy(), context.copy()  # they outlive the next call

    def decide(self, frames: Frames, context: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.decide`."""
        return self._decision([np.ascontiguousarray(frames), context])[0].copy()


def _read_long_term(model: Path) -> tuple[NDArray[np.uint8] | None, int]:
    """Return a model's long-term background ``(5, H, W)``, if it has one, and its reach."""
    with safe_open(model, framework="np") as file:
        if "long_term" not in set(file.keys()):
            return None, 0
        return file.get_tensor("long_term")[0], int(file.get_tensor("reach")[0])
