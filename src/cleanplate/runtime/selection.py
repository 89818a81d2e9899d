"""Which part of a video is worked on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanplate.errors import ConfigError, NoFrameError
from cleanplate.images import PICTURE_SUFFIXES, Frame, read_picture
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.opening import open_source
from cleanplate.scenes.video import FrameSource

SPREAD_FRAMES = 25
MOST_SECONDS = 1e9
"""No video is longer."""


@dataclass(frozen=True)
class Selection:
    """A part of a video.

    Attributes:
        start: number of the first frame.
        stop: number of the last frame, or None for the end.
        every: one of so many frames.
    """

    start: int = 1
    stop: int | None = None
    every: int = 1

    def frames(self, source: FrameSource) -> Iterator[tuple[int, Frame]]:
        """Yield the chosen frames with their numbers.

        Frames before the first are not decoded where the source can be searched; those between
        are not converted.

        Raises:
            VideoError: a frame cannot be read.
        """
        if self == WHOLE:
            yield from source
        elif source.count is not None and source.count == len(source.numbers):
            for number in self._chosen(source.numbers):
                yield number, source.read(number)
        else:
            yield from self._until_the_end(source)

    def count(self, source: FrameSource) -> int | None:
        """Return how many frames there will be, if that can be told."""
        return None if source.count is None else len(self.numbers(source))

    def numbers(self, source: FrameSource) -> Sequence[int]:
        """Return the numbers of the frames to come, as far as they can be told."""
        exact = source.count is None or len(source.numbers) == source.count
        return self._chosen(source.numbers if exact else range(1, (source.count or 0) + 1))

    def _chosen(self, numbers: Sequence[int]) -> Sequence[int]:
        if isinstance(numbers, range):  # of a file that claims a thousand million frames, no list
            last = numbers.stop - 1 if self.stop is None else min(self.stop, numbers.stop - 1)
            return range(max(self.start, numbers.start), last + 1, self.every)
        return [number for number in numbers if self._is_inside(number)][:: self.every]

    def _is_inside(self, number: int) -> bool:
        return number >= self.start and (self.stop is None or number <= self.stop)

    def _until_the_end(self, source: FrameSource) -> Iterator[tuple[int, Frame]]:
        number = self.start
        while self._is_inside(number):
            try:
                frame = source.read(number)
            except NoFrameError:
                if number in source.numbers:  # it should be there: the file is damaged
                    raise
                return
            yield number, frame
            number += self.every


WHOLE = Selection()


def parse_moment(text: str, rate_fps: float) -> int:
    """Return the frame's number of a moment: ``250``, ``12.5s``, ``1:30`` or ``1:02:03.5``.

    Raises:
        ConfigError: it is none of these.
    """
    try:
        if text.isdecimal():
            return max(1, int(text))
        parts = [float(part) for part in text.removesuffix("s").split(":")]
        if len(parts) > 3 or not all(0 <= part < MOST_SECONDS for part in parts):
            raise ValueError
        if len(parts) == 1 and not text.endswith("s"):
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"{text!r} is no moment; give a frame's number, seconds such as 12.5s, or 1:02:03"
        ) from None
    seconds = 0.0
    for part in parts:
        seconds = 60 * seconds + part
    return 1 + round(seconds * rate_fps)


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
