"""What every method offers: a frame in, a segmentation out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask


class Segmentation(NamedTuple):
    """What a method says of one frame; all at the frame's own size.

    Attributes:
        mask: ``(H, W)`` bool, True for foreground.
        probability: ``(H, W)`` float32 in [0, 1], or None where the method has none.
        background: ``(H, W, 3)`` uint8 RGB, or None where the method has none.
    """

    mask: Mask
    probability: NDArray[np.float32] | None
    background: Frame | None


class Subtractor(Protocol):
    """A background subtraction method.

    Attributes:
        name: the method's name in results.
        learns_online: True where a mask depends on the frames seen before; such a method must see
            all frames of a sequence in order.
    """

    @property
    def name(self) -> str: ...
    @property
    def learns_online(self) -> bool: ...

    def segment(self, frame: Frame) -> Segmentation:
        """Segment one RGB frame ``(H, W, 3)`` uint8."""
        ...
