"""A shaking camera followed inside an exported graph, as `find_shift` follows it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cleanplate.scenes.alignment import BETTER

GREY = (0.299, 0.587, 0.114)
"""What OpenCV's grey takes of red, green and blue."""


class FollowingGraph(nn.Module):
    """Moves a long-term background to where a frame's camera sees it.

    The normalised correlation of `find_shift` as one convolution: the frame's inner part is the
    kernel, and what windows of the background need is known beforehand.

    Args:
        long_term: ``(1, 5, H, W)`` uint8, as `TwoStageNet.long_term`.
        reach: how far the camera moves, in pixels, at least 1.
    """

    grey: Tensor
    energy: Tensor
    long_term: Tensor
    shares: Tensor

    def __init__(self, long_term: Tensor, reach: int) -> None:
        super().__init__()
        self.reach = reach
        shares = torch.tensor(GREY)
        grey = (long_term[0, :3].permute(1, 2, 0).float() @ shares).round().double()
        grey = (grey - grey.mean())[None, None]
        inner = torch.ones(1, 1, *(side - 2 * reach for side in grey.shape[2:]), dtype=grey.dtype)
        sums, squares = (functional.conv2d(picture, inner) for picture in (grey, grey * grey))
        energy = (squares - sums * sums / inner.numel()).clamp(min=0)
        self.register_buffer("energy", energy[0, 0].float())
        self.register_buffer("grey", grey.float())
        self.register_buffer("long_term", long_term)
        self.register_buffer("shares", shares)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the long-term background for a frame ``(1, H, W, 3)`` in [0, 255]."""
        down, right = self.shift(frames)
        rows, columns = (
            (torch.arange(side, device=frames.device) - by).clamp(0, side - 1)
            for side, by in zip(self.long_term.shape[2:], (down, right), strict=True)
        )
        return self.long_term.index_select(2, rows).index_select(3, columns)

    def shift(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pixels down and to the right, nothing if in doubt."""
        reach, side = self.reach, 2 * self.reach + 1
        grey = (frames.float() @ self.shares).round()
        inner = grey[:, reach:-reach, reach:-reach]
        inner = (inner - inner.mean())[None]
        products = functional.conv2d(self.grey, inner)[0, 0]
        alike = products / (self.energy * inner.square().sum()).sqrt().clamp(min=1e-6)
        best = alike.flatten().argmax()
        is_sure = 1 - alike.max() < BETTER * (1 - alike[reach, reach])
        still = torch.zeros_like(best)
        down, right = reach - best // side, reach - best % side
        return torch.where(is_sure, down, still), torch.where(is_sure, right, still)
