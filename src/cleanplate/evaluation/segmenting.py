"""A whole video segmented: masks, clean plates and a mask video written as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleanplate.errors import OutputError
from cleanplate.images import (
    PICTURE_SUFFIXES,
    Frame,
    Mask,
    make_folder,
    read_picture,
    write_picture,
)
from cleanplate.scenes.opening import open_source
from cleanplate.scenes.video import FrameSource
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.subtractors.plate_memory import PlateMemory
from cleanplate.subtractors.protocol import Subtractor
from cleanplate.training.reading import spread

SPREAD_FRAMES = 25
MASK_NAME, PLATE_NAME = "bin{:06d}.png", "bg{:06d}.png"


@dataclass(frozen=True)
class Outputs:
    """What is written.

    Attributes:
        masks: folder for ``binNNNNNN.png`` (0 and 255) under the input's own numbers, or None.
        backgrounds: folder for the refined plates ``bgNNNNNN.png``, or None.
        video: mask video, or None.
        overwrite: replace files that are there.
    """

    masks: Path | None
    backgrounds: Path | None
    video: Path | None
    overwrite: bool = False


def segment_source(
    subtractor: Subtractor, frames: FrameSource, outputs: Outputs
) -> Iterator[tuple[int, float]]:
    """Segment all frames; yields how many are done and the seconds spent segmenting.

    What was written stays, whatever ends the work early; the video is closed and playable.

    The plates are refined (see `PlateMemory`): they depend on the frames before them, even where a
    mask does not. What the method itself says stays in `Segmentation.background`.

    Raises:
        OutputError: an output exists already or cannot be written.
        VideoError: a frame cannot be read.
    """
    for folder in (outputs.masks, outputs.backgrounds):
        if folder is not None:
            make_folder(folder)
    if outputs.video is not None:
        _refuse_existing(outputs.video, outputs.overwrite)
    for number in frames.numbers:  # the last one's collision must not come up after hours
        for path in _picture_paths(outputs, number):
            _refuse_existing(path, outputs.overwrite)
    seconds = 0.0
    memory = PlateMemory()
    with ExitStack() as stack:
        video = None
        if outputs.video is not None:
            video = stack.enter_context(VideoWriter(outputs.video, frames.rate_fps))
        for done, (number, frame) in enumerate(frames, start=1):
            start = time.perf_counter()
            result = subtractor.segment(frame)
            seconds += time.perf_counter() - start
            if outputs.masks is not None:
                _write(outputs.masks / MASK_NAME.format(number), result.mask, outputs.overwrite)
            if outputs.backgrounds is not None and result.background is not None:
                path = outputs.backgrounds / PLATE_NAME.format(number)
                _write(path, memory.update(frame, result), outputs.overwrite)
            if video is not None:
                grey = result.mask.astype(np.uint8) * 255
                video.write(np.repeat(grey[..., None], 3, 2))
            yield done, seconds


def _picture_paths(outputs: Outputs, number: int) -> Iterator[Path]:
    if outputs.masks is not None:
        yield outputs.masks / MASK_NAME.format(number)
    if outputs.backgrounds is not None:
        yield outputs.backgrounds / PLATE_NAME.format(number)


def _write(path: Path, picture: Frame | Mask, overwrite: bool) -> None:
    _refuse_existing(path, overwrite)
    write_picture(path, picture)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; give --overwrite to replace it")


def spread_frames(source: Path, most: int = SPREAD_FRAMES) -> list[Frame]:
    """Read one picture, or some frames spread over a video or folder.

    Where the number of frames is not known beforehand, all are decoded, and every second kept one
    is dropped whenever too many have come together.
    """
    if source.is_file() and source.suffix.lower() in PICTURE_SUFFIXES:
        return [read_picture(source)]
    frames = open_source(source)
    if frames.numbers:
        return [frames.read(number) for number in spread(frames.numbers, most)]
    kept: list[Frame] = []
    every = 1
    for index, (_, frame) in enumerate(frames):
        if index % every == 0:
            kept.append(frame)
        if len(kept) > 2 * most:
            kept, every = kept[::2], 2 * every
    return [kept[index] for index in spread(range(len(kept)), most)]
