"""What a network is trained on: the frames of a split in memory, sampled and varied."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from cleanplate.config import AugmentationSettings, TrainingSettings
from cleanplate.images import (
    FOREGROUND,
    Frame,
    Labels,
    Mask,
    Size,
    dilate,
    resize_frame,
    resize_labels,
    resize_map,
    to_frames,
    to_image,
)
from cleanplate.networks.resizing import shrink
from cleanplate.scenes.clean_background import clean_backgrounds
from cleanplate.scenes.cutouts import cut_objects
from cleanplate.scenes.pasting import (
    LARGEST_SHARE,
    SMALLEST_SHARE,
    Cutout,
    mirrored,
    paste,
    share_of_frame,
    shrink_by,
)
from cleanplate.scenes.scene import Scene

Window = tuple[slice, slice]
"""Rows and columns of a frame."""

OBJECT_GAIN = 0.15
COLOUR_SHARE = 0.3
"""Light changes its colour less than its strength."""
MOST_OWN_OBJECTS = 2000


class TrainingSet(NamedTuple):
    """N labelled frames at the working size, with their backgrounds at stage 1's size.

    Attributes:
        frames: ``(N, H, W, 3)`` uint8.
        labels: ``(N, H, W)`` int8.
        backgrounds: ``(N, h, w, 3)`` uint8.
        known: ``(h, w)`` bool, False where the background was never seen.
        objects: what may be pasted.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int8]
    backgrounds: NDArray[np.uint8]
    known: NDArray[np.bool_]
    objects: list[Cutout]


class Batch(NamedTuple):
    """One update's input and truth.

    Attributes:
        image: ``(N, 3, H, W)`` in [0, 1].
        labels: ``(N, H, W)`` int64.
        clean: the true backgrounds ``(N, 3, h, w)`` in [0, 1].
        known: ``(1, 1, h, w)`` bool.
        windows: the part of each frame that stage 2 learns from in phase 2, or None for all of it.
    """

    image: Tensor
    labels: Tensor
    clean: Tensor
    known: Tensor
    windows: list[Window] | None = None


def spread(numbers: Sequence[int], most: int) -> list[int]:
    """Choose at most ``most`` of the numbers, evenly spread, the first and the last among them."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, most)]


class Reader:
    """Reads the training frames once, one by one, and makes a training set of them.

    The training set is the cache of decoded frames: at the working size and bounded by
    `TrainingSettings.memory_mib`, whatever the video's length and resolution. Of more frames than
    fit, evenly spread ones are taken.
    """

    def __init__(
        self,
        scene: Scene,
        numbers: Sequence[int],
        settings: TrainingSettings,
        working_size: Size,
        background_size: Size,
    ) -> None:
        bytes_each = 4 * math.prod(working_size) + 12 * math.prod(background_size)
        self.numbers = spread(numbers, max(1, (settings.memory_mib << 20) // bytes_each))
        self._scene, self._margin = scene, settings.margin_px
        count = len(self.numbers)
        self._working, self._small = working_size, background_size
        self._frames = np.empty((count, *working_size, 3), np.uint8)
        self._labels = np.empty((count, *working_size), np.int8)
        self._small_frames = np.empty((count, *background_size, 3), np.uint8)
        self._unclean = np.empty((count, *background_size), bool)
        self._foreground = np.empty((count, *background_size), bool)

    def read(self) -> Iterator[int]:
        """Read the frames; yields how many are done after each."""
        for index, number in enumerate(self.numbers):
            frame, truth = self._scene.frame(number), self._scene.truth(number)
            self._frames[index] = resize_frame(frame, self._working)
            self._labels[index] = resize_labels(truth.labels, self._working)
            self._small_frames[index] = to_frames(
                shrink(to_image(self._frames[index]), self._small)
            )[0]
            unclean = dilate(truth.unclean, self._margin)
            self._unclean[index] = self._touched(unclean)
            self._foreground[index] = self._touched(truth.labels == FOREGROUND)
            yield index + 1

    def _touched(self, mask: Mask) -> Mask:
        """Shrink a mask: True where any of the area that a small pixel averages is."""
        large = resize_map(mask, self._working) > 0
        image = torch.from_numpy(large.astype(np.float32))[None, None]
        return np.asarray(shrink(image, self._small)[0, 0].numpy() > 0, bool)

    @property
    def has_foreground(self) -> bool:
        """Whether any label shows foreground, after all is read."""
        return bool((self._labels == FOREGROUND).any())

    def training_set(self, objects: Sequence[Cutout] = ()) -> TrainingSet:
        """Make the backgrounds and cut the scene's own objects out, after all is read.

        Args:
            objects: what is pasted where no label shows foreground, and only there.
        """
        backgrounds, known = clean_backgrounds(
            self._small_frames, self._unclean, self._foreground, self.numbers
        )
        pasted = self._own_objects() if self.has_foreground else list(objects)
        return TrainingSet(self._frames, self._labels, backgrounds, known, pasted)

    def _own_objects(self) -> list[Cutout]:
        objects: list[Cutout] = []
        for index in spread(range(len(self._frames)), MOST_OWN_OBJECTS):
            mask = self._labels[index] == FOREGROUND
            objects += cut_objects(self._frames[index], mask, from_scene=True)
        return [objects[index] for index in spread(range(len(objects)), MOST_OWN_OBJECTS)]


def draw(
    data: TrainingSet, batch_size: int, augmentation: AugmentationSettings, random: Generator
) -> Batch:
    """Draw frames at random and vary them."""
    chosen = random.choice(len(data.frames), batch_size, replace=len(data.frames) < batch_size)
    frames, labels = data.frames[chosen], data.labels[chosen]  # copies: pasting changes them
    for frame, label in zip(frames, labels, strict=True):
        if data.objects and random.random() < augmentation.paste:
            _paste_some(frame, label, data.objects, augmentation, random)
    image, clean = to_image(frames), to_image(data.backgrounds[chosen])
    if augmentation.light:
        change = augmentation.light * random.uniform(-1, 1, (batch_size, 3, 1, 1))
        shared = change.mean(1, keepdims=True)
        gain = 1 + shared + COLOUR_SHARE * (change - shared)
        factor = torch.from_numpy(gain.astype(np.float32))
        image, clean = (image * factor).clamp_(0, 1), (clean * factor).clamp_(0, 1)
    known = torch.from_numpy(data.known)[None, None]
    windows = None
    if augmentation.crop < 1 or augmentation.crop_pixels:
        windows = [_window(label, augmentation, random) for label in labels]
    return Batch(image, torch.from_numpy(labels.astype(np.int64)), clean, known, windows)


def _window(labels: Labels, augmentation: AugmentationSettings, random: Generator) -> Window:
    """Choose a window, as often as asked for around a random foreground pixel."""
    share = augmentation.crop
    if augmentation.crop_pixels:
        share = min(share, math.sqrt(augmentation.crop_pixels / labels.size))
    sides = np.maximum(1, np.rint(share * np.array(labels.shape)).astype(int))
    room = np.array(labels.shape) - sides
    corner = random.integers(0, room + 1)
    if random.random() < augmentation.crop_on_objects:
        pixels = np.flatnonzero(labels == FOREGROUND)
        if len(pixels):
            pixel = np.unravel_index(pixels[random.integers(len(pixels))], labels.shape)
            corner = np.clip(np.array(pixel) - random.integers(0, sides), 0, room)
    top, left = corner.tolist()
    return slice(top, top + int(sides[0])), slice(left, left + int(sides[1]))


def cut_windows(pictures: Tensor, windows: Sequence[Window]) -> Tensor:
    """Cut each picture's window out of ``(N, ..., H, W)``; all windows have one size."""
    parts = [picture[..., *window] for picture, window in zip(pictures, windows, strict=True)]
    layout = torch.channels_last if pictures.ndim == 4 else torch.contiguous_format
    return torch.stack(parts).contiguous(memory_format=layout)


def _paste_some(
    frame: Frame,
    labels: Labels,
    objects: Sequence[Cutout],
    augmentation: AugmentationSettings,
    random: Generator,
) -> None:
    height, width = labels.shape
    for _ in range(random.integers(1, augmentation.most_pasted + 1)):
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
