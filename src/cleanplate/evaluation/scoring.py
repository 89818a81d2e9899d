"""One method on one scene, scored by CDNet's rules."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cleanplate.errors import DatasetError, VideoError
from cleanplate.images import Frame, Mask
from cleanplate.measures import ConfusionMatrix, count_frame
from cleanplate.networks.card import ModelCard
from cleanplate.scenes import cdnet
from cleanplate.scenes.scene import HALF, NONE, Scene, Split
from cleanplate.subtractors.protocol import Segmentation, Subtractor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """One method on one scene.

    Attributes:
        scene: the scene's name.
        method: the method's name.
        split: the split's name.
        frames_scored: how many frames were counted.
        counts: the pixels.
        seconds: spent segmenting the scored frames, reading left out.
    """

    scene: str
    method: str
    split: str
    frames_scored: int
    counts: ConfusionMatrix
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "scene": self.scene,
            "method": self.method,
            "split": self.split,
            "frames_scored": self.frames_scored,
            **self.counts.as_dict(),
            "seconds": round(self.seconds, 3),
        }


def scorable_split(scene: Scene, split: Split, allow_training_frames: bool) -> tuple[int, ...]:
    """Return the numbers of the frames to score, or refuse where there are none.

    Raises:
        DatasetError: the split leaves nothing to score.
    """
    scored = split.scored or (split.training if allow_training_frames else ())
    if not scored:
        raise DatasetError(
            f"{scene.name}: split {split.name} leaves no frame to score; use --split half, or "
            "--on-training-frames to score what was trained on"
        )
    return scored


def model_split(
    scene: Scene, card: ModelCard, split: str | None, allow_training_frames: bool
) -> Split:
    """Return the split to score a model on: its own unless another is asked for.

    Without a name, every labelled frame that did not train the model is scored, and with
    ``allow_training_frames`` those that did as well; of a model trained on N labels of the half
    split the second half alone, since training looked at the first half's other frames too.

    Raises:
        DatasetError: frames would be scored that the model was trained on, or none is left.
    """
    is_own = is_own_scene(scene, card)
    trained = set(card.training_frames) if is_own else set()
    if is_own and card.split == NONE:
        log.warning(
            "%s: training looked at all frames of this scene, though at no label; "
            "--labels none --split half:0 leaves the second half unseen",
            scene.name,
        )
    if split is None and is_own and card.split.startswith(f"{HALF}:") and not allow_training_frames:
        split = card.split
    if split is None:
        training = tuple(number for number in scene.labelled if number in trained)
        scored = tuple(number for number in scene.labelled if number not in trained)
        if allow_training_frames and training:
            return Split(f"{card.split}+training", training, scene.labelled)
        if not scored and training:
            raise DatasetError(
                f"{scene.name}: all {len(training)} labelled frames trained this model; label more "
                "frames, or give --on-training-frames to score these"
            )
        return Split(card.split if is_own else "other-scene", training, scored)
    divided = scene.split(split)
    shared = trained.intersection(divided.scored)
    if shared and not allow_training_frames:
        raise DatasetError(
            f"{scene.name}: {len(shared)} of the {len(divided.scored)} frames to score trained "
            "this model; leave --split away, or give --on-training-frames"
        )
    return divided


def is_own_scene(scene: Scene, card: ModelCard) -> bool:
    """Say whether a model was trained on this scene: by its name or, renamed, by most labels."""
    if card.scene == scene.name:
        return True
    labels = zip(card.training_frames, card.label_digests, strict=False)
    same = sum(
        number in scene.label_files and scene.digest(number).startswith(digest)
        for number, digest in labels
    )
    return bool(same) and 2 * same >= len(card.training_frames)


def scoring(
    scene: Scene,
    numbers: tuple[int, ...],
    subtractor: Subtractor,
    split_name: str,
    seen: Callable[[int, Frame, Segmentation], None] | None = None,
) -> Generator[int, None, Result]:
    """Score a method on some frames of a scene; yields how many are scored, returns the result.

    A method that learns online sees all frames of the sequence in order, from the first there is to
    the last that is scored; any other sees the scored ones alone.

    Args:
        scene: frames and labels.
        numbers: the frames to score, ascending.
        subtractor: the method.
        split_name: for the result.
        seen: called with each scored frame's number, the frame and its segmentation.

    Raises:
        VideoError: the frames end before the last one to score.
    """
    wanted, counts, seconds, done = set(numbers), ConfusionMatrix(), 0.0, 0
    ordered = iter(scene.frames) if subtractor.learns_online else _chosen(scene, numbers)
    for number, frame in ordered:
        start = time.perf_counter()
        result = subtractor.segment(frame)
        if number not in wanted:
            continue
        seconds += time.perf_counter() - start
        truth = scene.truth(number)
        counts += count_frame(result.mask, truth.labels, truth.shadow)
        if seen is not None:
            seen(number, frame, result)
        done += 1
        yield done
        if done == len(numbers):
            return Result(scene.name, subtractor.name, split_name, done, counts, seconds)
    raise VideoError(
        f"{scene.name}: ends after {done} of the {len(numbers)} frames to score; "
        "copy its frames again or remove the labels behind its end"
    )


def score(
    scene: Scene,
    numbers: tuple[int, ...],
    subtractor: Subtractor,
    split_name: str,
    seen: Callable[[int, Frame, Segmentation], None] | None = None,
) -> Result:
    """Score a method to the end (see `scoring`)."""
    steps = scoring(scene, numbers, subtractor, split_name, seen)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def _chosen(scene: Scene, numbers: tuple[int, ...]) -> Iterator[tuple[int, Frame]]:
    for number in numbers:
        yield number, scene.frame(number)


class StoredMask(NamedTuple):
    """A mask of one frame, read when it is asked for.

    Attributes:
        where: its file, for messages.
        read: reads it: ``(H, W)`` bool, True for foreground.
    """

    where: str
    read: Callable[[], Mask]


def score_results(scene: Scene, numbers: tuple[int, ...], folder: Path, split_name: str) -> Result:
    """Score masks that lie in a folder as ``binNNNNNN.png``; above 127 is foreground.

    Raises:
        DatasetError: a mask is missing or has another size than its labels.
    """
    paths = cdnet.result_masks(folder)
    missing = [number for number in numbers if number not in paths]
    if missing:
        raise DatasetError(
            f"{folder}: no mask for frame {missing[0]} and {len(missing) - 1} others of the "
            f"{len(numbers)} to score; segment the whole scene into it"
        )
    masks = {
        number: StoredMask(str(paths[number]), partial(cdnet.read_result_mask, paths[number]))
        for number in numbers
    }
    return score_stored(scene, masks, split_name, "results")


def score_stored(
    scene: Scene, masks: Mapping[int, StoredMask], split_name: str, method: str
) -> Result:
    """Score the masks of some frames, all of them; the seconds are 0.

    Raises:
        DatasetError: a mask has another size than its labels.
    """
    counts = ConfusionMatrix()
    for number, (where, read) in masks.items():
        mask, truth = read(), scene.truth(number)
        if mask.shape != truth.labels.shape:
            found, wanted = mask.shape, truth.labels.shape
            raise DatasetError(
                f"{where}: mask is {found[1]}x{found[0]} but the labels are "
                f"{wanted[1]}x{wanted[0]}; write masks at the frame's size"
            )
        counts += count_frame(mask, truth.labels, truth.shadow)
    return Result(scene.name, method, split_name, len(masks), counts, 0.0)
