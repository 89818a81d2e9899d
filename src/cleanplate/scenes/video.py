"""Frames in order: what a source of them offers; a folder, a list of arrays, a source's beginning.

Frames are numbered: a folder's by the last run of digits in the file name, all others from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from cleanplate.errors import NoFrameError, VideoError
from cleanplate.images import Frame, Mask, Size, read_picture
from cleanplate.scenes.numbering import numbered_pictures

DEFAULT_RATE_FPS = 25.0


class FrameSource(Protocol):
    """Frames of one camera: all in order by iteration, any one by its number.

    Attributes:
        name: what the source is called in results and messages.
        size: height and width of every frame, in pixels.
        rate_fps: frames per second; 25 where the source does not say.
        count: how many frames there are, or None where only reading to the end tells.
        numbers: the numbers of frames that are surely there, ascending; empty where only reading
            tells.
    """

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> Size: ...
    @property
    def rate_fps(self) -> float: ...
    @property
    def count(self) -> int | None: ...
    @property
    def numbers(self) -> Sequence[int]: ...

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        """Yield every frame with its number, in order; each iteration starts at the first."""
        ...

    def __contains__(self, number: object) -> bool:
        """Say whether there is a frame of this number, as far as can be told unread."""
        ...

    def read(self, number: int) -> Frame:
        """Return one frame.

        Raises:
            NoFrameError: there is no such frame.
            VideoError: it cannot be decoded.
        """
        ...


class ArraySource:
    """Frames held in memory, numbered from 1."""

    rate_fps = DEFAULT_RATE_FPS

    def __init__(self, frames: Sequence[Frame], name: str = "frames") -> None:
        if not len(frames):
            raise VideoError(f"{name}: no frames; give at least one")
        self.name = name
        self.size: Size = (frames[0].shape[0], frames[0].shape[1])
        for number, frame in enumerate(frames, start=1):
            where = f"{name}: frame {number}"
            if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
                raise VideoError(
                    f"{where} is {frame.dtype} of shape {frame.shape}; give (height, width, 3) "
                    "uint8 RGB"
                )
            check_size(where, frame, self.size)
        self._frames = frames

    @property
    def count(self) -> int:
        return len(self._frames)

    @property
    def numbers(self) -> Sequence[int]:
        return range(1, self.count + 1)

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        yield from enumerate(self._frames, start=1)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 1 <= number <= self.count

    def read(self, number: int) -> Frame:
        if number not in self:
            raise NoFrameError(f"{self.name}: there is no frame {number}; it has 1 to {self.count}")
        return self._frames[number - 1]


class FolderSource:
    """A folder of pictures, numbered by the last run of digits in their names."""

    rate_fps = DEFAULT_RATE_FPS

    def __init__(self, folder: Path, name: str | None = None) -> None:
        self.name = name or folder.name
        self._folder = folder
        self._paths = numbered_pictures(folder, "pictures such as in000001.jpg")
        first = read_picture(next(iter(self._paths.values())))
        self.size: Size = (first.shape[0], first.shape[1])

    @property
    def count(self) -> int:
        return len(self._paths)

    @property
    def numbers(self) -> Sequence[int]:
        return list(self._paths)

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        for number in self._paths:
            yield number, self.read(number)

    def __contains__(self, number: object) -> bool:
        return number in self._paths

    def read(self, number: int) -> Frame:
        path = self._paths.get(number)
        if path is None:
            first, last = next(iter(self._paths)), next(reversed(self._paths))
            raise NoFrameError(f"{self._folder}: there is no frame {number} in {first} to {last}")
        frame = read_picture(path)
        check_size(str(path), frame, self.size)
        return frame


class PartSource:
    """The beginning of another source: what lies behind a frame is as if it were not there.

    Args:
        source: the other source.
        last: number of the last frame to offer.
    """

    def __init__(self, source: FrameSource, last: int) -> None:
        self.name, self.size, self.rate_fps = source.name, source.size, source.rate_fps
        self._source, self._last = source, last
        self.numbers: Sequence[int] = [number for number in source.numbers if number <= last]
        sure = len(self.numbers)
        is_exact = sure < len(source.numbers) or sure == source.count
        self.count: int | None = sure if is_exact else None

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        for number, frame in self._source:
            if number > self._last:
                return
            yield number, frame

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and number <= self._last and number in self._source

    def read(self, number: int) -> Frame:
        if number > self._last:
            raise NoFrameError(
                f"{self.name}: there is no frame {number}; of this source only those up to "
                f"{self._last} are offered"
            )
        return self._source.read(number)


def check_size(where: str, picture: Frame | Mask, wanted: Size) -> None:
    """Refuse a frame of another size than the source's first.

    Raises:
        VideoError: the sizes differ.
    """
    if picture.shape[:2] != wanted:
        raise VideoError(
            f"{where} is {picture.shape[1]}x{picture.shape[0]} but the first frame is "
            f"{wanted[1]}x{wanted[0]}; give frames of one size"
        )
