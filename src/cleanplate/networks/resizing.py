"""The fixed bilinear layer between the stages (section 3.4), the way into the first; moving."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cleanplate.images import Size
from cleanplate.networks.grids import shrinking_weights
from cleanplate.scenes.alignment import Shift


def resize(image: Tensor, size: Size) -> Tensor:
    """Resize bilinearly with corners aligned: pixel 0 stays 0 and the last stays the last.

    Nothing in it is trained; gradients flow through. 961 / 128 is no whole number, so that a fixed
    transposed convolution, as Caffe would have it, could not be exact.
    """
    if image.shape[2:] == size:
        return image
    return functional.interpolate(image, size=size, mode="bilinear", align_corners=True)


def shrink(image: Tensor, size: Size) -> Tensor:
    """Resize on the same grid, corners aligned, averaging over about what a new pixel covers.

    What is shrunk by this and enlarged by `resize` comes back to its place, as it must: the second
    stage compares background and frame pixel by pixel.
    """
    if image.shape[2:] == size:
        return image
    rows, columns = (
        torch.from_numpy(shrinking_weights(side, new)).to(image)
        for side, new in zip(image.shape[2:], size, strict=True)
    )
    # two small matrix products: averaging over windows of every size has no fast kernel
    return rows @ image @ columns.T


def moved(image: Tensor, shift: Shift) -> Tensor:
    """Move an image ``(N, C, H, W)`` by whole pixels; what comes in is the nearest pixel."""
    rows, columns = (
        (torch.arange(side, device=image.device) - by).clamp_(0, side - 1)
        for side, by in zip(image.shape[2:], shift, strict=True)
    )
    return image[..., rows[:, None], columns]
