"""Stage 1, the encoder-decoder that reconstructs the background (section 3.1)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from cleanplate.images import Size

LEAK = 0.2
PLATE_MARGIN = 1e-3
"""The learned plate stays this far from 0 and 1, where the inverse of tanh is infinite."""


class BackgroundNet(nn.Module):
    """Strided convolutions down to a latent vector and transposed ones back up, no skips.

    The body of Context Encoders with the image kept at one size in and out (networks of 2016 that
    the paper follows): 4 x 4 kernels, batch normalisation but in the first and the last layer,
    LeakyReLU going down, ReLU going up, tanh mapped to [0, 1] at the end.

    Args:
        size: height and width of input and output; multiples of 2 ** len(channels).
        channels: filters of the strided convolutions, outermost first.
        bottleneck: length of the latent vector.
        plate: add a learned value for each pixel before the tanh. A departure from the paper:
            the decoder then only has to learn what changes in the scene.
    """

    def __init__(self, size: Size, channels: tuple[int, ...], bottleneck: int, plate: bool) -> None:
        super().__init__()
        stride = 2 ** len(channels)
        if size[0] % stride or size[1] % stride:
            raise ValueError(f"size {size} is no multiple of {stride}")
        self.size = size
        innermost = (size[0] // stride, size[1] // stride)
        down: list[nn.Module] = [nn.Conv2d(3, channels[0], 4, 2, 1), nn.LeakyReLU(LEAK)]
        for before, after in pairwise(channels):
            down += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after)]
            down += [nn.LeakyReLU(LEAK)]
        down += [nn.Conv2d(channels[-1], bottleneck, innermost, bias=False)]
        self.encoder = nn.Sequential(*down, nn.BatchNorm2d(bottleneck), nn.LeakyReLU(LEAK))

        up: list[nn.Module] = [nn.ConvTranspose2d(bottleneck, channels[-1], innermost, bias=False)]
        up += [nn.BatchNorm2d(channels[-1]), nn.ReLU()]
        for before, after in zip(channels[:0:-1], channels[-2::-1], strict=True):
            up += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after)]
            up += [nn.ReLU()]
        self.decoder = nn.Sequential(*up, nn.ConvTranspose2d(channels[0], 3, 4, 2, 1))
        self.plate = nn.Parameter(torch.zeros(1, 3, *size)) if plate else None

    def forward(self, image: Tensor) -> Tensor:
        """Reconstruct the background of an image ``(N, 3, H, W)`` of the network's size."""
        change = self.decoder(self.encoder(2 * image - 1))
        raw = change if self.plate is None else self.plate + change
        return (torch.tanh(raw) + 1) / 2

    @torch.no_grad()
    def start_from(self, background: Tensor) -> None:
        """Start the learned plate at a background ``(3, H, W)`` in [0, 1], if there is a plate."""
        if self.plate is not None:
            safe = background.clamp(PLATE_MARGIN, 1 - PLATE_MARGIN)
            self.plate.copy_(torch.atanh(2 * safe - 1)[None])
