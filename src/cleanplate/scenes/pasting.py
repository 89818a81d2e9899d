"""A cut-out object, and pasting it into a frame and its labels (section 4.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import FOREGROUND, IGNORED, Frame, Labels, Size, resize_map

SOLID, FAINT = 0.75, 0.1
"""Above SOLID a pasted pixel is foreground, below FAINT it keeps its label, else it is ignored."""
SMALLEST_SHARE, LARGEST_SHARE = 0.1, 0.4
"""An object from elsewhere reaches over so much of the frame's height or width."""


class Cutout(NamedTuple):
    """One object cut out of a picture.

    Attributes:
        frame: ``(h, w, 3)`` uint8 RGB, the object's box.
        alpha: ``(h, w)`` float32 in [0, 1], how much of each pixel the object covers.
        place: row and column where its box lay, or None when it comes from another picture.
        kind: its class in PASCAL VOC, or the empty string.
        least_contrast: pixels that differ by fewer grey levels from what they cover are ignored.
    """

    frame: Frame
    alpha: NDArray[np.float32]
    place: tuple[int, int] | None
    kind: str = ""
    least_contrast: int = 0


def share_of_frame(cutout: Cutout, size: Size) -> float:
    """Return the larger of the object's height and width as shares of the frame's."""
    height, width = cutout.alpha.shape
    return float(max(height / size[0], width / size[1]))


def shrink_by(cutout: Cutout, factor: float) -> Cutout:
    """Shrink an object; a factor of 1 or more leaves it, for a blurred one would give itself away.

    Colours are weighed by their alpha, so that what lay behind the object does not seep in.
    """
    if factor >= 1:
        return cutout
    height, width = (max(1, round(side * factor)) for side in cutout.alpha.shape)
    alpha = resize_map(cutout.alpha, (height, width))
    channels = np.moveaxis(cutout.frame, 2, 0) * cutout.alpha
    light = np.stack([resize_map(channel, (height, width)) for channel in channels], axis=2)
    colour = light / np.maximum(alpha, 1e-3)[..., None]
    frame = np.rint(np.minimum(colour, 255)).astype(np.uint8)
    return cutout._replace(frame=frame, alpha=alpha)


def mirrored(cutout: Cutout) -> Cutout:
    """Turn an object's left and right round."""
    return cutout._replace(frame=cutout.frame[:, ::-1], alpha=cutout.alpha[:, ::-1])


def paste(
    frame: Frame, labels: Labels, cutout: Cutout, place: tuple[int, int], gain: float = 1.0
) -> None:
    """Paste an object into a frame and its labels, in place.

    Solid pixels become foreground where they differ enough from what they cover; the soft edge is
    ignored as CDNet's borders are.

    Args:
        frame: ``(H, W, 3)`` uint8.
        labels: ``(H, W)`` int8.
        cutout: the object.
        place: row and column of the box's corner; parts outside the frame are cut off.
        gain: factor on the object's brightness.
    """
    height, width = labels.shape
    top, left = place
    rows = slice(max(0, top), min(height, top + cutout.alpha.shape[0]))
    columns = slice(max(0, left), min(width, left + cutout.alpha.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    alpha = cutout.alpha[part]
    colour = np.minimum(cutout.frame[part] * np.float32(gain), 255)
    under = frame[rows, columns]
    change = np.rint(alpha[..., None] * (colour - under))
    frame[rows, columns] = (under + change).astype(np.uint8)
    covered = labels[rows, columns]
    covered[(alpha >= FAINT) & (covered != FOREGROUND)] = IGNORED
    covered[(alpha >= SOLID) & (np.abs(change).max(2) >= cutout.least_contrast)] = FOREGROUND
