"""The fixed bilinear layer between the stages (section 3.4)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from cleanplate.images import Size


def resize(image: Tensor, size: Size) -> Tensor:
    """Resize bilinearly with corners aligned: pixel 0 stays 0 and the last stays the last.

    Nothing in it is trained; gradients flow through. 961 / 128 is no whole number, so that a fixed
    transposed convolution, as Caffe would have it, could not be exact.
    """
    if image.shape[2:] == size:
        return image
    return functional.interpolate(image, size=size, mode="bilinear", align_corners=True)


def shrink(image: Tensor, size: Size) -> Tensor:
    """Resize bilinearly, averaging over the area that an output pixel covers."""
    if image.shape[2:] == size:
        return image
    return functional.interpolate(image, size=size, mode="bilinear", antialias=True)
