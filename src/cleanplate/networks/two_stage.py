"""Both stages joined by the fixed bilinear layer (Fig. 1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from cleanplate.images import Size, to_frames
from cleanplate.networks.background import BackgroundNet
from cleanplate.networks.resizing import moved, resize, shrink
from cleanplate.scenes.alignment import find_shift

LONG_TERM_CHANNELS = 5
"""The long-term background's three colours, and how far pixels usually and often are from it."""


class TwoStageOutput(NamedTuple):
    """What a pass gives.

    Attributes:
        background: ``(N, 3, h, w)`` in [0, 1], at stage 1's size.
        logits: ``(N, 2, H, W)`` at stage 2's size, background and foreground.
    """

    background: Tensor
    logits: Tensor


class TwoStageNet(nn.Module):
    """Stage 1 reconstructs the background, stage 2 decides from it and the frame (Fig. 1).

    Args:
        background_net: stage 1.
        segmentation_net: stage 2, for six channels: background, then frame.
        segmentation_size: size at which stage 2 works, or None for the image's own.
        uses_background: False where stage 2 does not see stage 1's background: in Baseline-2
            (section 4.3) and where it sees the long-term one alone.
        long_term_size: size of the long-term background, or None where stage 2 does not see it.
    """

    long_term: Tensor | None
    reach: Tensor | None

    def __init__(
        self,
        background_net: BackgroundNet,
        segmentation_net: nn.Module,
        segmentation_size: Size | None,
        uses_background: bool = True,
        long_term_size: Size | None = None,
    ) -> None:
        super().__init__()
        self.background_net = background_net
        self.segmentation_net = segmentation_net
        self.segmentation_size = segmentation_size
        self.uses_background = uses_background
        kept, reach = None, None
        if long_term_size is not None:
            kept = torch.zeros(1, LONG_TERM_CHANNELS, *long_term_size, dtype=torch.uint8)
            reach = torch.zeros(1, dtype=torch.int32)
        self.register_buffer("long_term", kept)
        self.register_buffer("reach", reach)

    def forward(self, image: Tensor) -> TwoStageOutput:
        """Pass images ``(N, 3, H, W)`` in [0, 1] of any size through both stages."""
        background = self.reconstruct(image)
        return TwoStageOutput(background, self.segment(image, background))

    def reconstruct(self, image: Tensor) -> Tensor:
        """Stage 1 alone: the background at stage 1's size."""
        background: Tensor = self.background_net(shrink(image, self.background_net.size))
        return background

    def segment(self, image: Tensor, background: Tensor) -> Tensor:
        """Stage 2 alone: logits from the image and a background of any size."""
        logits: Tensor = self.segmentation_net(self.join(image, background))
        return logits

    def join(self, image: Tensor, background: Tensor) -> Tensor:
        """Bring all to stage 2's size and stack them: background, long-term background, frame."""
        size = self.segmentation_size or (image.shape[2], image.shape[3])
        image = resize(image, size)
        long_term = None if self.long_term is None else self._where_seen(self.long_term, image)
        return torch.cat([*self.context(background, long_term, size), image], 1)

    def context(self, background: Tensor, long_term: Tensor | None, size: Size) -> list[Tensor]:
        """Return what stage 2 sees beside the frame, at its size.

        Args:
            background: of any size.
            long_term: ``(N or 1, 5, H, W)`` uint8 as `long_term`, where the camera sees it now.
            size: stage 2's.
        """
        pictures = [resize(background, size)] if self.uses_background else []
        if long_term is not None:
            kept = resize(long_term.to(background.dtype) / 255, size)
            pictures.append(kept.expand(len(background), -1, -1, -1))
        return pictures

    def _where_seen(self, kept: Tensor, image: Tensor) -> Tensor:
        """Bring the long-term background to where each image of a shaking camera sees it."""
        reach = int(self.reach) if self.reach is not None else 0
        if not reach:
            return kept
        reference = np.ascontiguousarray(kept[0, :3].permute(1, 2, 0).cpu().numpy())
        shifts = [find_shift(frame, reference, reach) for frame in to_frames(image)]
        return torch.cat([moved(kept, shift) for shift in shifts])


def channels_last(net: TwoStageNet) -> TwoStageNet:
    """Lay the weights out channels-last, a quarter to half faster on CPUs and GPUs."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # missing in its types
    return net
