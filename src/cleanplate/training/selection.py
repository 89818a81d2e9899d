"""Which frames to label next: unlike what is labelled, doubtful to the model, far apart in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Mask, fitting_size, resize_frame, resize_map
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.video import FrameSource
from cleanplate.subtractors.protocol import Subtractor

Floats = NDArray[np.float32]

MOST_CANDIDATES, MOST_LABELLED = 300, 100
"""So many frames are looked at, evenly spread, of those to choose from and of the labelled ones."""
THUMBNAIL_PIXELS = 96 * 128
CELLS = (12, 16)
"""Height and width of the grid on which frames are compared."""
NOISE_LEVELS = 15.0
"""Grey levels that a pixel may be off in any scene, and that nothing has moved for."""
SHAKING = 3 * 1.4826
"""Three standard deviations as a multiple of the median distance: what waves and leaves do."""
DARKEST = 16.0
"""Keeps the ratio of two pictures' lights from being one of their noise at night."""
FULL_CONTRAST = 64.0
FLOODED, TIMES_USUAL = 0.5, 2.0
"""A picture that differs in more than half of its pixels, and twice as many as usual, is a glitch:
a flash, a test card, a knocked camera."""
GLITCH_WORTH = 0.1


class Suggestion(NamedTuple):
    """A frame whose label would help.

    Attributes:
        number: the frame's number.
        score: how much, in [0, 1]; comparable only within one answer.
        reason: why, in a few words.
    """

    number: int
    score: float
    reason: str


@dataclass(frozen=True)
class _Looked:
    """What was seen of some frames.

    Attributes:
        thumbnails: ``(N, h, w, 3)`` uint8 RGB.
        doubts: how unsure the model is of each, all 1 without a model.
    """

    thumbnails: NDArray[np.uint8]
    doubts: Floats


def suggest(
    frames: FrameSource,
    candidates: Sequence[int],
    labelled: Sequence[int],
    count: int,
    model: Subtractor | None = None,
    roi: Mask | None = None,
    looked: Callable[[int, int], None] | None = None,
) -> list[Suggestion]:
    """Name the frames whose labels would help most, the best first.

    Each is the one with the largest product of novelty and doubt that is left: novelty is the
    distance to the nearest frame that is labelled or already suggested, and to the empty scene.
    Without a model novelty alone decides. Frames close in time to a suggested one are left out as
    long as others are worth anything. Nothing is drawn at random.

    Args:
        frames: where they are read from.
        candidates: numbers of the frames to choose from; labelled ones are never chosen.
        labelled: numbers of the frames that have a label.
        count: how many to name; fewer where there are not so many.
        model: a method with probabilities; it must not learn online.
        roi: ``(H, W)`` bool, True where pixels count, or None for everywhere.
        looked: called after each frame with how many are looked at, and of how many.

    Raises:
        VideoError: a frame cannot be read.
    """
    taken = set(labelled)
    free = spread(sorted(set(candidates) - taken), MOST_CANDIDATES)
    known = spread(sorted(number for number in taken if number in frames), MOST_LABELLED)
    if not free or count < 1:
        return []
    seen = _look(frames, [*free, *known], len(free), model, roi, looked)
    moving = motion(seen.thumbnails, _shrunk_roi(roi, seen.thumbnails.shape[1:3]))
    described = descriptors(seen.thumbnails, moving)
    shares = moving[: len(free)].mean((1, 2))
    worth = _worth(seen.doubts[: len(free)], shares)
    picked = choose(free, described[: len(free)], worth, described[len(free) :], count)
    found = [
        Suggestion(free[i], round(s, 4), _reason(s, shares[i], worth[i] if model else None))
        for i, s in picked
    ]
    return sorted(found, key=lambda one: -one.score)


def _reason(score: float, share: float, worth: float | None) -> str:
    if score == 0:
        return "nothing new moves; far from the others in time"
    moves = f"{100 * share:.1f} % of the picture moves"
    return moves if worth is None else f"{moves}; {100 * worth:.0f} % of the largest doubt"


def _look(
    frames: FrameSource,
    numbers: Sequence[int],
    doubted: int,
    model: Subtractor | None,
    roi: Mask | None,
    looked: Callable[[int, int], None] | None,
) -> _Looked:
    """Read frames once, in their order of time; the first ``doubted`` numbers are segmented too."""
    size = fitting_size(frames.size, THUMBNAIL_PIXELS)
    thumbnails = np.empty((len(numbers), *size, 3), np.uint8)
    doubts = np.ones(len(numbers), np.float32)
    forward = sorted(range(len(numbers)), key=numbers.__getitem__)  # as videos are read
    for done, index in enumerate(forward, start=1):
        frame: Frame = frames.read(numbers[index])
        thumbnails[index] = resize_frame(frame, size)
        if model is not None and index < doubted:
            probability = model.segment(frame).probability
            doubts[index] = 1 if probability is None else doubt(probability, roi)
        if looked is not None:
            looked(done, len(numbers))
    return _Looked(thumbnails, doubts)


def _shrunk_roi(roi: Mask | None, size: tuple[int, ...]) -> Mask:
    whole = (size[0], size[1])
    return np.ones(whole, bool) if roi is None else np.asarray(resize_map(roi, whole) >= 0.5)


def motion(thumbnails: NDArray[np.uint8], roi: Mask | None = None) -> Floats:
    """Say what differs from the temporal median, whatever the light and however restless a place.

    Args:
        thumbnails: ``(N, h, w, 3)`` uint8 RGB.
        roi: ``(h, w)`` bool, True where pixels count.

    Returns:
        ``(N, h, w)`` float32: 0 where a pixel is as usual, 1 where it surely differs.
    """
    far = np.abs(_differences(thumbnails)).max(-1)
    threshold = NOISE_LEVELS + SHAKING * np.median(far, 0)
    moving: Floats = np.clip(far / threshold - 1, 0, 1).astype(np.float32)
    if roi is not None:
        moving[:, ~roi] = 0
    return moving


def _differences(thumbnails: NDArray[np.uint8]) -> Floats:
    """Subtract the temporal median from each picture after bringing it to the median's light."""
    plate = np.median(thumbnails, 0).astype(np.float32)
    lights = (thumbnails + np.float32(DARKEST)) / (plate + np.float32(DARKEST))
    gains = np.median(lights, (1, 2), keepdims=True).astype(np.float32)
    return np.asarray((thumbnails + DARKEST) / gains - DARKEST - plate, np.float32)


def descriptors(thumbnails: NDArray[np.uint8], moving: Floats) -> Floats:
    """Describe what moves in each picture: where, and whether brighter or darker than the scene.

    Square roots let a person far away count beside a lorry. The empty scene is all 0.

    Args:
        thumbnails: ``(N, h, w, 3)`` uint8 RGB.
        moving: of these, as `motion` returns it.

    Returns:
        ``(N, 2 * 12 * 16)`` float32.
    """
    contrast = np.clip(_differences(thumbnails).mean(-1) / FULL_CONTRAST, -1, 1)
    found = []
    for where, how in zip(moving, contrast, strict=True):
        place, tone = resize_map(where, CELLS), resize_map(where * how, CELLS)
        found.append(np.stack([np.sqrt(place), np.sign(tone) * np.sqrt(np.abs(tone))]).ravel())
    return np.stack(found)


def doubt(probability: Floats, roi: Mask | None = None) -> float:
    """Return how unsure a segmentation is, in [0, 1].

    The binary entropy in bits, averaged over the cells of a grid, then their quadratic mean: the
    thin border of every object is doubtful in every frame, and the squares let a whole doubtful
    patch weigh more.

    Args:
        probability: of foreground, ``(H, W)`` float32 in [0, 1].
        roi: ``(H, W)`` bool, True where pixels count.
    """
    safe = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    entropy = -(safe * np.log2(safe) + (1 - safe) * np.log2(1 - safe))
    if roi is not None:
        entropy[~roi] = 0
    return float(np.sqrt(np.square(resize_map(entropy, CELLS)).mean()))


def _worth(doubts: Floats, shares: Floats) -> Floats:
    """Weigh frames by doubt, 1 for the largest; a glitch is worth little whatever is thought."""
    largest = doubts.max()
    worth = doubts / largest if largest > 0 else np.ones_like(doubts)
    usual = float(np.quantile(shares, 0.75))
    is_glitch = shares > max(FLOODED, TIMES_USUAL * usual)
    return np.where(is_glitch, GLITCH_WORTH * worth, worth).astype(np.float32)


def choose(
    numbers: Sequence[int], described: Floats, worth: Floats, known: Floats, count: int
) -> list[tuple[int, float]]:
    """Choose frames greedily: of those left, the one with the largest worth times novelty.

    Args:
        numbers: the frames' numbers, ascending.
        described: ``(N, D)``, a descriptor of each; all 0 is the empty scene, which is known.
        worth: ``(N,)``, a weight of each, 0 or more.
        known: ``(K, D)``, descriptors of frames that have a label.
        count: how many to choose.

    Returns:
        Index and score of each, in the order in which they were chosen.
    """
    times = np.asarray(numbers, np.float64)
    gap = (times[-1] - times[0]) / (3 * count)
    novelty = np.linalg.norm(described, axis=1)
    for one in known:
        novelty = np.minimum(novelty, np.linalg.norm(described - one, axis=1))
    largest = max(float(novelty.max()), 1e-6)
    apart = np.full(len(times), np.inf)  # in time, from the nearest that is chosen
    chosen: list[tuple[int, float]] = []
    while len(chosen) < min(count, len(times)):
        scores = np.where(apart > 0, worth * novelty / largest, 0)
        allowed = np.where(apart >= gap, scores, 0)
        if allowed.max() <= 0 < scores.max():
            gap /= 2  # nothing that is worth anything lies so far apart
            continue
        index = int(allowed.argmax()) if allowed.max() > 0 else _farthest(apart)
        chosen.append((index, float(allowed[index])))
        apart = np.minimum(apart, np.abs(times - times[index]))
        novelty = np.minimum(novelty, np.linalg.norm(described - described[index], axis=1))
    return chosen


def _farthest(apart: NDArray[np.float64]) -> int:
    """Return the frame that is farthest in time from the chosen ones; first of all the middle."""
    return int(apart.argmax()) if np.isfinite(apart).any() else len(apart) // 2
