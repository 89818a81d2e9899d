"""The training frames read once into memory, with their backgrounds."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from cleanplate.config import TrainingSettings
from cleanplate.errors import VideoError
from cleanplate.images import (
    FOREGROUND,
    IGNORED,
    Frame,
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
from cleanplate.scenes.alignment import farthest_reach, find_shift, moved_frame, reach_of
from cleanplate.scenes.clean_background import (
    clean_backgrounds,
    distances_from,
    guess_unclean,
    long_term_background,
)
from cleanplate.scenes.cutouts import cut_objects
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.pasting import Cutout
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.strangers import make_strangers
from cleanplate.scenes.sure_background import SureBackground

log = logging.getLogger(__name__)

MOST_OWN_OBJECTS = 2000
MEDIAN_FRAMES = 101
"""The long-term background is the median of so many frames."""
ALIGNMENTS = 2
"""How often the frames of a shaking camera are brought together, each time to a sharper median."""
STRANGERS = 300
GUESS_MARGIN_PX = 1
"""Around what is guessed to be an object, at stage 1's size."""


class TrainingSet(NamedTuple):
    """N frames at the working size, with their backgrounds at stage 1's size.

    Attributes:
        numbers: the frames' own numbers, ascending.
        frames: ``(N, H, W, 3)`` uint8.
        labels: ``(N, H, W)`` int8; of frames that nobody labelled, background where that is sure.
        labelled: indices of the frames with labels of a person's, or with what stands for them.
        backgrounds: ``(N, h, w, 3)`` uint8.
        known: ``(h, w)`` bool, False where the background was never seen.
        long_term: ``(H, W, 5)`` uint8, the long-term background and the distances from it.
        reach: how far the camera shakes, in pixels of the working size; 0 for a still one.
        objects: what may be pasted.
        strangers: objects of random shapes and looks that may be pasted besides.
        votes: ``(N, H, W)`` uint8 where nobody labelled anything, how many classical methods take a
            pixel for foreground (`subtractors/votes.py`).
    """

    numbers: list[int]
    frames: NDArray[np.uint8]
    labels: NDArray[np.int8]
    labelled: NDArray[np.intp]
    backgrounds: NDArray[np.uint8]
    known: NDArray[np.bool_]
    long_term: NDArray[np.uint8]
    reach: int
    objects: list[Cutout]
    strangers: list[Cutout]
    votes: NDArray[np.uint8] | None = None

    @property
    def size(self) -> Size:
        """The working size."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def unlabelled(self) -> NDArray[np.intp]:
        """Indices of the frames that nobody labelled."""
        return np.setdiff1d(np.arange(len(self.frames)), self.labelled)


class Reader:
    """Reads the training frames once, one by one, and makes a training set of them.

    The training set is the cache of decoded frames: at the working size and bounded by
    `TrainingSettings.memory_mib`, whatever the video's length and resolution. Of more frames than
    fit, evenly spread ones are taken, those with a label first.

    Args:
        scene: frames and labels.
        labelled: numbers of the frames whose labels train.
        unlabelled: numbers of frames that may be looked at besides.
        settings: memory and margins.
        working_size: size of the frames in the training set.
        background_size: size of stage 1's backgrounds.
    """

    def __init__(
        self,
        scene: Scene,
        labelled: Sequence[int],
        unlabelled: Sequence[int],
        settings: TrainingSettings,
        working_size: Size,
        background_size: Size,
    ) -> None:
        bytes_each = 5 * math.prod(working_size) + 12 * math.prod(background_size)
        most = max(1, (settings.memory_mib << 20) // bytes_each)
        self._labelled = frozenset(spread(labelled, most))
        room = min(most - len(self._labelled), settings.unlabelled)
        others = spread(unlabelled, room) if room else []
        self.numbers = sorted([*self._labelled, *others])
        self._scene, self._margin = scene, settings.margin_px
        count = len(self.numbers)
        self._working, self._small = working_size, background_size
        self._frames = np.empty((count, *working_size, 3), np.uint8)
        self._labels = np.full((count, *working_size), IGNORED, np.int8)
        self._hidden = np.zeros((count, *working_size), bool)
        self._small_frames = np.empty((count, *background_size, 3), np.uint8)
        self._unclean = np.zeros((count, *background_size), bool)
        self._foreground = np.zeros((count, *background_size), bool)

    def read(self) -> Iterator[int]:
        """Read the frames; yields how many are done after each.

        A frame without a label that cannot be read is passed over with a warning.

        Raises:
            VideoError: a labelled frame cannot be read.
        """
        broken = []
        for index, number in enumerate(self.numbers):
            try:
                self._take(index, number, self._scene.frame(number))
            except VideoError as error:
                if number in self._labelled:
                    raise
                log.warning("%s; the frame has no label and is passed over", error)
                broken.append(index)
            yield index + 1
        self._drop(broken)

    def _take(self, index: int, number: int, frame: Frame) -> None:
        self._frames[index] = resize_frame(frame, self._working)
        self._small_frames[index] = to_frames(shrink(to_image(self._frames[index]), self._small))[0]
        if number in self._labelled:
            truth = self._scene.truth(number)
            unclean = dilate(truth.unclean, self._margin)
            self._labels[index] = resize_labels(truth.labels, self._working)
            self._hidden[index] = resize_map(unclean, self._working) > 0
            self._unclean[index] = self._touched(unclean)
            self._foreground[index] = self._touched(truth.labels == FOREGROUND)

    def _drop(self, broken: Sequence[int]) -> None:
        if not broken:
            return
        self.numbers = [n for index, n in enumerate(self.numbers) if index not in broken]
        self._frames = np.delete(self._frames, broken, 0)
        self._labels = np.delete(self._labels, broken, 0)
        self._hidden = np.delete(self._hidden, broken, 0)
        self._small_frames = np.delete(self._small_frames, broken, 0)
        self._unclean = np.delete(self._unclean, broken, 0)
        self._foreground = np.delete(self._foreground, broken, 0)

    def _touched(self, mask: Mask) -> Mask:
        """Shrink a mask: True where any of the area that a small pixel averages is."""
        large = resize_map(mask, self._working) > 0
        image = torch.from_numpy(large.astype(np.float32))[None, None]
        return np.asarray(shrink(image, self._small)[0, 0].numpy() > 0, bool)

    @property
    def has_foreground(self) -> bool:
        """Whether any label shows foreground, after all is read."""
        return bool((self._labels == FOREGROUND).any())

    def training_set(self, objects: Sequence[Cutout] = (), seed: int = 0) -> TrainingSet:
        """Make the backgrounds and cut the scene's own objects out, after all is read.

        Args:
            objects: what is pasted where no label shows foreground, and only there.
            seed: of the strangers.
        """
        labelled = np.flatnonzero([number in self._labelled for number in self.numbers])
        unlabelled = np.setdiff1d(np.arange(len(self.numbers)), labelled)
        long_term, reach = self._long_term()
        self._guess_where_unlabelled(unlabelled)
        sure = SureBackground(long_term[..., :3], reach)
        for index in unlabelled:
            self._labels[index] = sure.label(self._frames[index])
        backgrounds, known = clean_backgrounds(
            self._small_frames, self._unclean, self._foreground, self.numbers
        )
        strangers: list[Cutout] = []
        if self.has_foreground:
            strangers = make_strangers(self._frames, STRANGERS, np.random.default_rng(seed))
        pasted = self._own_objects(labelled) if self.has_foreground else list(objects)
        return TrainingSet(
            self.numbers,
            self._frames,
            self._labels,
            labelled,
            backgrounds,
            known,
            long_term,
            reach,
            pasted,
            strangers,
        )

    def _long_term(self) -> tuple[NDArray[np.uint8], int]:
        """Make the long-term background, of a shaking camera from frames brought together."""
        chosen = spread(range(len(self._frames)), MEDIAN_FRAMES)
        frames, hidden = self._frames[chosen], self._hidden[chosen]
        median, reach = long_term_background(frames, hidden), 0
        for _ in range(ALIGNMENTS):
            farthest = farthest_reach(median.shape[:2])
            shifts = [find_shift(self._frames[place], median, farthest) for place in chosen]
            reach = reach_of(shifts)
            if not reach:
                break
            for index, (place, (down, across)) in enumerate(zip(chosen, shifts, strict=True)):
                frames[index] = moved_frame(self._frames[place], (-down, -across))
                hidden[index] = moved_frame(self._hidden[place], (-down, -across))
            median = long_term_background(frames, hidden)
        return np.concatenate([median, distances_from(median, frames)], 2), reach

    def _guess_where_unlabelled(self, unlabelled: NDArray[np.intp]) -> None:
        """Let stage 1 learn from frames without a label where they look like the background."""
        if not len(unlabelled):
            return
        median = long_term_background(self._small_frames, self._unclean)
        away = np.abs(self._small_frames.astype(np.int16) - median).max(3)
        usual = np.median(away, 0).astype(np.float32)
        guessed = guess_unclean(self._small_frames[unlabelled], median, usual)
        self._unclean[unlabelled] = [dilate(mask, GUESS_MARGIN_PX) for mask in guessed]

    def _own_objects(self, labelled: NDArray[np.intp]) -> list[Cutout]:
        objects: list[Cutout] = []
        for index in spread(labelled.tolist(), MOST_OWN_OBJECTS):
            mask = self._labels[index] == FOREGROUND
            objects += cut_objects(self._frames[index], mask, from_scene=True)
        return [objects[index] for index in spread(range(len(objects)), MOST_OWN_OBJECTS)]
