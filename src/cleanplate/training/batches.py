"""Batches: the training frames sampled and varied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from cleanplate.config import AugmentationSettings
from cleanplate.images import FOREGROUND, Frame, Labels, Size, to_image
from cleanplate.scenes.pasting import (
    LARGEST_SHARE,
    SMALLEST_SHARE,
    Cutout,
    mirrored,
    paste,
    share_of_frame,
    shrink_by,
)
from cleanplate.training.reading import TrainingSet

Window = tuple[slice, slice]
"""Rows and columns of a frame."""

LABEL_WORTH = 10
"""A labelled frame counts as so many without a label."""
OBJECT_GAIN = 0.15
COLOUR_SHARE = 0.3
"""Light changes its colour less than its strength."""


class Batch(NamedTuple):
    """One update's input and truth.

    Attributes:
        image: ``(N, 3, H, W)`` in [0, 1].
        labels: ``(N, H, W)`` int64.
        clean: the true backgrounds ``(N, 3, h, w)`` in [0, 1].
        known: ``(1, 1, h, w)`` bool.
        windows: the part of each frame that stage 2 learns from in phase 2, or None for all of it.
        flips: which of these parts are mirrored.
    """

    image: Tensor
    labels: Tensor
    clean: Tensor
    known: Tensor
    windows: list[Window] | None = None
    flips: list[bool] | None = None


def draw(
    data: TrainingSet,
    batch_size: int,
    augmentation: AugmentationSettings,
    random: Generator,
    pool: NDArray[np.intp] | None = None,
    others: NDArray[np.intp] | None = None,
) -> Batch:
    """Draw frames at random and vary them.

    Args:
        data: the frames.
        batch_size: how many are drawn.
        augmentation: how they are varied.
        random: source of all choices.
        pool: indices to draw from, or None for all.
        others: indices of frames without a label to draw from besides, see
            `AugmentationSettings.unlabelled`.
    """
    pool = np.arange(len(data.frames)) if pool is None else pool
    chosen = _choose(pool, others, batch_size, augmentation.unlabelled, random)
    frames, labels = data.frames[chosen], data.labels[chosen]  # copies: pasting changes them
    strange = _share_of_strangers(data, augmentation)
    for frame, label in zip(frames, labels, strict=True):
        if (data.objects or strange) and random.random() < augmentation.paste:
            _paste_some(frame, label, data, strange, augmentation, random)
    image, clean = to_image(frames), to_image(data.backgrounds[chosen])
    if augmentation.light:
        change = augmentation.light * random.uniform(-1, 1, (batch_size, 3, 1, 1))
        shared = change.mean(1, keepdims=True)
        gain = 1 + shared + COLOUR_SHARE * (change - shared)
        factor = torch.from_numpy(gain.astype(np.float32))
        image, clean = (image * factor).clamp_(0, 1), (clean * factor).clamp_(0, 1)
    known = torch.from_numpy(data.known)[None, None]
    windows, flips = None, None
    if augmentation.crop < 1 or augmentation.crop_pixels:
        windows = [_window(label, augmentation, random) for label in labels]
        flips = (random.random(batch_size) < augmentation.flip).tolist()
    return Batch(image, torch.from_numpy(labels.astype(np.int64)), clean, known, windows, flips)


def _choose(
    pool: NDArray[np.intp],
    others: NDArray[np.intp] | None,
    count: int,
    most: float,
    random: Generator,
) -> NDArray[np.intp]:
    """Draw indices: of others at most the given share, and fewer the more there are in the pool."""
    if others is None or not len(others):
        return random.choice(pool, count, replace=len(pool) < count)
    share = len(others) / (len(others) + LABEL_WORTH * len(pool))
    few = round(min(most, share) * count)
    parts = [(pool, count - few), (others, few)]
    return np.concatenate([random.choice(a, n, replace=len(a) < n) for a, n in parts])


def _share_of_strangers(data: TrainingSet, augmentation: AugmentationSettings) -> float:
    if not data.strangers or not augmentation.strangers:
        return 0.0
    return augmentation.strangers / (augmentation.strangers + len(data.labelled))


def _window(labels: Labels, augmentation: AugmentationSettings, random: Generator) -> Window:
    """Choose a window, as often as asked for around a random foreground pixel."""
    sides = np.array(part_size((labels.shape[0], labels.shape[1]), augmentation))
    room = np.array(labels.shape) - sides
    corner = random.integers(0, room + 1)
    if random.random() < augmentation.crop_on_objects:
        pixels = np.flatnonzero(labels == FOREGROUND)
        if len(pixels):
            pixel = np.unravel_index(pixels[random.integers(len(pixels))], labels.shape)
            corner = np.clip(np.array(pixel) - random.integers(0, sides), 0, room)
    top, left = corner.tolist()
    return slice(top, top + int(sides[0])), slice(left, left + int(sides[1]))


def part_size(size: Size, augmentation: AugmentationSettings) -> Size:
    """Return the size of the parts that phase 2 learns from."""
    share = augmentation.crop
    if augmentation.crop_pixels:
        share = min(share, math.sqrt(augmentation.crop_pixels / math.prod(size)))
    height, width = (max(1, round(share * side)) for side in size)
    return height, width


def cut_windows(
    pictures: Tensor, windows: Sequence[Window], flips: Sequence[bool] | None = None
) -> Tensor:
    """Cut each picture's window out of ``(N, ..., H, W)``, perhaps mirrored; all of one size."""
    parts = [picture[..., *window] for picture, window in zip(pictures, windows, strict=True)]
    if flips is not None:
        parts = [part.flip(-1) if flip else part for part, flip in zip(parts, flips, strict=True)]
    layout = torch.channels_last if pictures.ndim == 4 else torch.contiguous_format
    return torch.stack(parts).contiguous(memory_format=layout)


def _paste_some(
    frame: Frame,
    labels: Labels,
    data: TrainingSet,
    strange: float,
    augmentation: AugmentationSettings,
    random: Generator,
) -> None:
    height, width = labels.shape
    for _ in range(random.integers(1, augmentation.most_pasted + 1)):
        from_elsewhere = strange and (not data.objects or random.random() < strange)
        objects = data.strangers if from_elsewhere else data.objects
        cutout = objects[int(random.integers(len(objects)))]
        if cutout.place is None:
            cutout = _varied(cutout, (height, width), random)
            middle = random.integers(0, (height, width))  # so up to half of it lies outside
            top, left = (middle - np.array(cutout.alpha.shape) // 2).tolist()
        else:
            reach = augmentation.paste_shift * np.array([height, width])
            moved = np.asarray(cutout.place) + np.rint(reach * random.uniform(-1, 1, 2))
            top, left = (int(value) for value in moved)
        gain = 1 + OBJECT_GAIN * random.uniform(-1, 1)
        paste(frame, labels, cutout, (top, left), gain)


def _varied(cutout: Cutout, size: Size, random: Generator) -> Cutout:
    """Draw how large an object from elsewhere is, and which way it looks.

    The share of the frame that it reaches over is drawn from 0.1 to 0.4, each doubling as likely;
    an object that is smaller keeps its size, for enlarged it would be blurred.
    """
    share = math.exp(random.uniform(math.log(SMALLEST_SHARE), math.log(LARGEST_SHARE)))
    cutout = shrink_by(cutout, share / share_of_frame(cutout, size))
    return mirrored(cutout) if random.random() < 0.5 else cutout
