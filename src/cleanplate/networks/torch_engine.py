"""PyTorch as an engine: the reference on CPUs; on GPUs bfloat16, recorded as a CUDA graph."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cleanplate.networks.card import ModelCard, working_size
from cleanplate.networks.engine import Frames
from cleanplate.networks.graphs import DecisionGraph, SurroundingsGraph
from cleanplate.networks.recorded import Call, RecordedCall
from cleanplate.networks.two_stage import TwoStageNet, channels_last


class TorchEngine:
    """Runs a network as it is (see `Engine`).

    Args:
        net: the network; it is put into evaluation mode and moved to the device.
        card: what its file says.
        device: torch device; on ``cuda`` stage 2 computes in bfloat16, from a CUDA graph.
    """

    name = "torch"

    def __init__(self, net: TwoStageNet, card: ModelCard, device: str = "cpu") -> None:
        net = channels_last(net.eval().to(device))
        self._device = device
        self._surroundings = SurroundingsGraph(net)
        size, point = working_size(card.configuration, card.frame_size), card.operating_point
        decision = DecisionGraph(net, size, point.temperature)
        self._decision = RecordedCall(_reduced(decision)) if device != "cpu" else decision
        kept = net.long_term
        self.long_term = None if kept is None else kept[0].cpu().numpy()
        self.reach = 0 if net.reach is None else int(net.reach)

    @torch.inference_mode()
    def surround(
        self, frames: Frames, long_term: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.float32], Tensor]:
        """See `Engine.surround`."""
        kept = () if long_term is None else (self._tensor(long_term),)
        background, context = self._surroundings(self._tensor(frames), *kept)
        return background.cpu().numpy(), context

    @torch.inference_mode()
    def decide(self, frames: Frames, context: Tensor) -> NDArray[np.float32]:
        """See `Engine.decide`."""
        probability: Tensor = self._decision(self._tensor(frames), context)
        return np.asarray(probability.float().cpu().numpy())

    def _tensor(self, array: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)


def _reduced(decision: DecisionGraph) -> Call:
    """Return a GPU's decision in bfloat16."""

    def decide(frames: Tensor, context: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            probability: Tensor = decision(frames, context)
        return probability

    return decide
