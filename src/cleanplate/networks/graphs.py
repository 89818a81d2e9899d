"""The network as engines run it: frames in, probabilities out, in two parts.

What stage 2 sees beside the frame changes slowly, so it is a part of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cleanplate.images import Size
from cleanplate.networks.losses import foreground_probability
from cleanplate.networks.resizing import resize
from cleanplate.networks.segmentation import CompactNet
from cleanplate.networks.two_stage import TwoStageNet


class Surroundings(NamedTuple):
    """What `SurroundingsGraph` gives.

    Attributes:
        background: ``(N, 3, h, w)`` float32 in [0, 1], at stage 1's size; empty where stage 2 does
            not see it.
        context: ``(N, C, H, W)``, for `DecisionGraph` alone: the pictures beside the frame, or
            what the first convolution finds in them.
    """

    background: Tensor
    context: Tensor


class SurroundingsGraph(nn.Module):
    """Stage 1, and what stage 2 makes of everything but the frame."""

    def __init__(self, net: TwoStageNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, frames: Tensor, *long_term: Tensor) -> Surroundings:
        """Look at frames ``(N, H, W, 3)`` uint8.

        Args:
            frames: at the working size.
            long_term: `TwoStageNet.long_term` where the camera sees it now, if there is one.
        """
        net = self.net
        image = _image(frames)
        background = net.reconstruct(image) if net.uses_background else image[:, :, :0, :0]
        size = net.segmentation_size or (image.shape[2], image.shape[3])
        pictures = net.context(background, long_term[0] if long_term else None, size)
        stacked = torch.cat(pictures, 1) if pictures else image[:, :0]
        if is_divided(net):
            stacked = net.segmentation_net.look_around(stacked)  # type: ignore[operator]
        return Surroundings(background, stacked)


class DecisionGraph(nn.Module):
    """Stage 2 on frames, their surroundings known.

    Args:
        net: the network.
        size: the working size.
        temperature: what logits are divided by.
    """

    def __init__(self, net: TwoStageNet, size: Size, temperature: float) -> None:
        super().__init__()
        self.net, self.size, self.temperature = net, size, temperature

    def forward(self, frames: Tensor, context: Tensor) -> Tensor:
        """Return the foreground's probability ``(N, H, W)`` float32 at the working size."""
        net, image = self.net, _image(frames)
        if is_divided(net):
            logits = net.segmentation_net.decide(image, context)  # type: ignore[operator]
        else:
            image = resize(image, (context.shape[2], context.shape[3]))
            logits = net.segmentation_net(torch.cat([context, image], 1))
        probability = foreground_probability(logits.float() / self.temperature)
        # as the frame went to stage 2's size, so it comes back
        return resize(probability[:, None], self.size)[:, 0]


def is_divided(net: TwoStageNet) -> bool:
    """Return whether the first convolution of stage 2 can be computed in two parts."""
    sees_more = net.uses_background or net.long_term is not None
    second = net.segmentation_net
    return sees_more and isinstance(second, CompactNet) and second.branches == 1


def _image(frames: Tensor) -> Tensor:
    return frames.permute(0, 3, 1, 2).float() / 255
