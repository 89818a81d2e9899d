"""Ground-truth backgrounds from label maps (section 3.1: "made by hand from the label maps").

The paper does not say how; what is done here, for each training frame and pixel:

1. the frame's own pixel where it is clean (no object, unsure border or shadow near it);
2. else the clean value nearest in time at that pixel, corrected by the median difference of the
   clean ring around the hole, which carries the light of the moment over;
3. else, where the pixel is never clean, the temporal median of its values without foreground;
4. else, where it is always foreground, inpainted from the neighbourhood and left out of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask, dilate

_OBSCURED = 256
"""Sorts behind every pixel value."""
_ROWS = 32
"""Rows sorted at a time, which bounds the memory."""
DISTANCE_SHARES = (0.5, 0.8)
FAR_FROM_MEDIAN = 16
"""Grey levels between a pixel and the median that may be noise in the stillest scene."""
SPREADS_FROM_MEDIAN = 4
"""As many times a pixel's own usual distance from the median may be, on top."""
RING_PX = 3
"""Width of the clean ring whose difference corrects a hole's light."""
INPAINT_RADIUS_PX = 3


class CleanBackgrounds(NamedTuple):
    """The backgrounds of N frames.

    Attributes:
        frames: ``(N, H, W, 3)`` uint8, each frame with nobody in it.
        known: ``(H, W)`` bool, False where the background was never seen and is only inpainted.
    """

    frames: NDArray[np.uint8]
    known: Mask


def clean_backgrounds(
    frames: NDArray[np.uint8],
    unclean: NDArray[np.bool_],
    foreground: NDArray[np.bool_],
    times: Sequence[int] | None = None,
) -> CleanBackgrounds:
    """Make the background of every frame from all of them.

    Args:
        frames: ``(N, H, W, 3)`` uint8, in the order of time.
        unclean: ``(N, H, W)``, True where a pixel does not show the background alone, margins
            included.
        foreground: ``(N, H, W)``, True where a pixel shows an object.
        times: when each frame was taken, ascending, in any unit; evenly spaced if not given.
    """
    moments = np.arange(len(frames)) if times is None else np.asarray(times)
    never: Mask = np.asarray(unclean.all(0), bool)
    nearest = _nearest_clean(unclean, moments)
    cleaned = frames.copy()
    for index, holes in enumerate(unclean):
        if holes.any():
            _fill_holes(cleaned[index], index, frames, unclean, nearest[index])
    fill, known = _never_clean(frames, foreground, never, cleaned[len(cleaned) // 2])
    cleaned[:, never] = fill[never]
    return CleanBackgrounds(cleaned, known)


def long_term_background(frames: NDArray[np.uint8], unclean: NDArray[np.bool_]) -> Frame:
    """Return each pixel's median over the moments in which nothing is known to cover it.

    Args:
        frames: ``(N, H, W, 3)`` uint8.
        unclean: ``(N, H, W)``, True where a pixel is known not to show the background alone; where
            it always is, all its values count.
    """
    background = np.empty_like(frames[0])
    for top in range(0, len(background), _ROWS):
        rows = slice(top, top + _ROWS)
        hidden = unclean[:, rows] & ~unclean[:, rows].all(0)
        values = frames[:, rows].astype(np.int16)
        values[hidden] = _OBSCURED
        values.sort(0)
        seen = len(frames) - hidden.sum(0)
        low, high = ((seen - 1) // 2)[None, ..., None], (seen // 2)[None, ..., None]
        middle = np.take_along_axis(values, low, 0)[0] + np.take_along_axis(values, high, 0)[0]
        background[rows] = (middle + 1) // 2
    return np.asarray(background, np.uint8)


def distances_from(background: Frame, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how far frames usually and often are from their long-term background.

    What tells water and a shaking camera from an object: there a difference is nothing unusual.

    Args:
        background: ``(H, W, 3)`` uint8.
        frames: ``(N, H, W, 3)`` uint8.

    Returns:
        ``(H, W, 2)`` uint8, the distances in the colour that differs most that half and four fifths
        of the frames stay below, in quarters of a grey level, 255 at most.
    """
    shares = [int(share * (len(frames) - 1)) for share in DISTANCE_SHARES]
    found = np.empty((*background.shape[:2], len(shares)), np.uint8)
    for top in range(0, len(background), _ROWS):
        rows = slice(top, top + _ROWS)
        away = np.abs(frames[:, rows].astype(np.int16) - background[rows]).max(3)
        ordered = np.partition(away, shares, 0)[shares]
        found[rows] = np.moveaxis(np.minimum(4 * ordered, 255), 0, 2)
    return found


def guess_unclean(
    frames: NDArray[np.uint8], median: Frame, spread: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Guess where frames that nobody labelled show something in front of the background.

    Args:
        frames: ``(N, H, W, 3)`` uint8.
        median: ``(H, W, 3)`` their long-term background.
        spread: ``(H, W)`` how far a pixel usually is from it, in grey levels.

    Returns:
        ``(N, H, W)``, True where a pixel is further from the median, the frame's overall change of
        light taken out, than it usually is.
    """
    least = FAR_FROM_MEDIAN + SPREADS_FROM_MEDIAN * spread
    guessed = np.empty(frames.shape[:3], bool)
    for index, frame in enumerate(frames):
        change = frame.astype(np.float32) - median
        change -= np.median(change, (0, 1))
        guessed[index] = np.abs(change).max(2) > least
    return guessed


def _nearest_clean(unclean: NDArray[np.bool_], moments: NDArray[np.int_]) -> NDArray[np.int32]:
    """Return for each frame and pixel the index of the clean frame nearest in time, or -1.

    Two sweeps over the stack; of two equally near frames the earlier wins.
    """
    none = -1
    before = np.empty(unclean.shape, np.int32)
    last = np.full(unclean.shape[1:], none, np.int32)
    for index, dirty in enumerate(unclean):
        last = np.where(dirty, last, index).astype(np.int32)
        before[index] = last
    upcoming = np.full(unclean.shape[1:], none, np.int32)
    nearest = before  # the later sweep overwrites the earlier one's rows once they are read
    for index in range(len(unclean) - 1, -1, -1):
        upcoming = np.where(unclean[index], upcoming, index).astype(np.int32)
        past, future = moments[index] - moments[before[index]], moments[upcoming] - moments[index]
        is_later = (upcoming != none) & ((before[index] == none) | (future < past))
        nearest[index] = np.where(is_later, upcoming, before[index])
    return nearest


def _fill_holes(
    cleaned: Frame,
    index: int,
    frames: NDArray[np.uint8],
    unclean: NDArray[np.bool_],
    nearest: NDArray[np.int32],
) -> None:
    """Fill the holes of one frame in place, each with its own correction of light."""
    _, holes, boxes, _ = cv2.connectedComponentsWithStats(unclean[index].astype(np.uint8))
    for hole, (left, top, width, height, _) in enumerate(boxes[1:], start=1):
        rows = slice(max(0, top - RING_PX), top + height + RING_PX)
        columns = slice(max(0, left - RING_PX), left + width + RING_PX)
        inside = np.asarray(holes[rows, columns] == hole)
        ring = dilate(inside, RING_PX) & ~unclean[index, rows, columns]
        own = frames[index, rows, columns].astype(np.int16)
        target = cleaned[rows, columns]
        for source in np.unique(nearest[rows, columns][inside]):
            if source < 0:
                continue
            pixels = inside & (nearest[rows, columns] == source)
            other = frames[source, rows, columns].astype(np.int16)
            shared = ring & ~unclean[source, rows, columns]
            change = np.median((own - other)[shared], 0) if shared.any() else np.zeros(3)
            target[pixels] = np.clip(np.rint(other[pixels] + change), 0, 255)


def _never_clean(
    frames: NDArray[np.uint8], foreground: NDArray[np.bool_], never: Mask, around: Frame
) -> tuple[Frame, Mask]:
    """Return a picture with a value for each pixel that is never clean, and what is known."""
    fill = around.copy()
    known = ~never
    for row, column in np.argwhere(never):
        empty = ~foreground[:, row, column]
        if empty.any():
            fill[row, column] = np.rint(np.median(frames[empty, row, column], 0))
            known[row, column] = True
    if not known.all():
        holes = (~known).astype(np.uint8)
        fill = np.asarray(cv2.inpaint(fill, holes, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA), np.uint8)
    return fill, known
