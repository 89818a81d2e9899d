"""The running average of weights, which is steadier than any one moment's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WARM_UP = 10
"""At first the average forgets faster, so that the initial weights do not linger."""


class WeightAverage:
    """An exponential moving average of a network's floating-point weights and statistics.

    Args:
        part: what is averaged.
        decay: how much of the average each update keeps, below 1.
        values: an average to go on from, or None to begin with the weights as they are.
    """

    def __init__(
        self, part: nn.Module, decay: float, values: dict[str, Tensor] | None = None
    ) -> None:
        self._part, self._decay = part, decay
        current = self._current()
        self.values = {name: tensor.clone() for name, tensor in current.items()}
        for name, tensor in (values or {}).items():
            self.values[name].copy_(tensor)

    def _current(self) -> dict[str, Tensor]:
        state = self._part.state_dict()
        return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move towards the weights as they are after so many updates."""
        decay = min(self._decay, (1 + updates) / (WARM_UP + updates))
        for name, tensor in self._current().items():
            self.values[name].lerp_(tensor, 1 - decay)

    def swap(self) -> None:
        """Exchange the weights and their average; a second time brings both back."""
        for name, tensor in self._current().items():
            kept = tensor.clone()
            tensor.copy_(self.values[name])
            self.values[name].copy_(kept)
