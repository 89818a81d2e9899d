"""A whole video: decoded, segmented and written at the same time, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple

import numpy as np

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.runtime.ahead import ahead
from cleanplate.runtime.moments import Moment
from cleanplate.runtime.outputs import Outputs
from cleanplate.runtime.region import Region
from cleanplate.runtime.selection import WHOLE, Selection
from cleanplate.scenes.video import FrameSource
from cleanplate.subtractors.plate_memory import PlateMemory
from cleanplate.subtractors.protocol import Subtractor


class Step(NamedTuple):
    """How far a video is.

    Attributes:
        done: frames written.
        number: the last one's.
        seconds: spent segmenting.
        elapsed: seconds since the first frame was asked for.
    """

    done: int
    number: int
    seconds: float
    elapsed: float

    def pace(self, total: int | None) -> str:
        """Say how fast it goes and, where the number of frames is known, how long it will take."""
        if not self.elapsed:
            return ""
        rate = self.done / self.elapsed
        left = "" if total is None else f", {(total - self.done) / rate:.0f} s left"
        return f"{rate:.0f} frames/s{left}"


def segment_source(
    subtractor: Subtractor,
    source: FrameSource,
    outputs: Outputs,
    selection: Selection = WHOLE,
    region: Region | None = None,
) -> Generator[Step]:
    """Segment frames and write what is asked for; yields after each frame.

    Reading and segmenting have a thread each and run some frames ahead of writing. What was written
    stays, whatever ends the work early; videos are closed and playable.

    The plates are refined (see `PlateMemory`): they depend on the frames before them, even where a
    mask does not.

    Raises:
        ConfigError: no frame is chosen, a region does not fit, or clean plates are asked of a
            method that has no background.
        OutputError: an output exists already or cannot be written.
        VideoError: a frame cannot be read.
    """
    if selection.count(source) == 0:
        raise ConfigError(
            f"{source.name}: none of its {source.count} frames is chosen; change --start or --stop"
        )
    start = time.perf_counter()
    outputs.check(selection.numbers(source))  # the last one's collision must not come after hours
    if region is not None:
        region.apply(np.zeros(source.size, bool))  # its pictures are read before anything is opened
    rate_fps = source.rate_fps / selection.every
    with outputs.open(rate_fps) as write:
        frames = ahead(selection.frames(source))
        memory = PlateMemory() if outputs.needs_plate else None
        moments = ahead(_segmented(subtractor, frames, source.rate_fps, memory, region))
        with closing(moments):
            for done, (moment, seconds) in enumerate(moments, start=1):
                write(moment)
                yield Step(done, moment.number, seconds, time.perf_counter() - start)


def _segmented(
    subtractor: Subtractor,
    frames: Generator[tuple[int, Frame]],
    rate_fps: float,
    memory: PlateMemory | None,
    region: Region | None,
) -> Generator[tuple[Moment, float]]:
    seconds = 0.0
    with closing(frames):
        for number, frame in frames:
            start = time.perf_counter()
            result = subtractor.segment(frame)
            seconds += time.perf_counter() - start
            plate = None
            if memory is not None:
                if result.background is None:
                    raise ConfigError(
                        f"{subtractor.name}: has no background; leave out what shows clean plates"
                    )
                plate = memory.update(frame, result)
            mask = region.apply(result.mask) if region is not None else result.mask
            yield Moment(number, (number - 1) / rate_fps, frame, mask, plate), seconds
