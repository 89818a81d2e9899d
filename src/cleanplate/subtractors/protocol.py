"""What every method offers: a frame in, a segmentation out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask

State = dict[str, NDArray[np.generic]]
"""All that a method has learned, as named arrays."""


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

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame ``(H, W, 3)`` uint8.

        Args:
            frame: the frame.
            update: learn from it; False leaves the method as it was, to the bit.

        Raises:
            ConfigError: ``update`` is False and the method cannot be kept from learning.
        """
        ...


class BackgroundModel(Protocol):
    """A method that gives a background image; a threshold makes a subtractor of it.

    Attributes:
        name: the method's name in results.
        learns_online: see `Subtractor`.
    """

    @property
    def name(self) -> str: ...
    @property
    def learns_online(self) -> bool: ...

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return the background ``(H, W, 3)`` uint8 RGB of one frame; ``update`` as above."""
        ...


@runtime_checkable
class SeesLess(Protocol):
    """A background model that works on a coarser grid than the frame's."""

    def as_seen(self, frame: Frame) -> Frame:
        """Return the frame ``(H, W, 3)`` with the detail that its background can have, no more."""
        ...


@runtime_checkable
class LearnsBeforehand(Protocol):
    """A method that must see some frames, without labels, before it can segment any."""

    def learn(self, frames: Sequence[Frame]) -> None:
        """Learn from frames ``(H, W, 3)`` of one size, anew."""
        ...


@runtime_checkable
class HasState(Protocol):
    """A method whose state can be saved and restored."""

    def state(self) -> State:
        """Return a copy of all that was learned."""
        ...

    def restore(self, state: State) -> None:
        """Take up a saved state; masks go on to the bit.

        Raises:
            ConfigError: the state is another method's, or damaged.
        """
        ...
