"""Frames in order: a video file, a folder of pictures, a list of arrays.

Frames are numbered: a folder's by the last run of digits in the file name, all others from 1.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.video.stream import VideoStream

from cleanplate.errors import DatasetError, VideoError
from cleanplate.images import Frame, Size, read_picture
from cleanplate.scenes.numbering import numbered_pictures

log = logging.getLogger(__name__)

DEFAULT_RATE_FPS = 25.0
FORWARD_FRAMES = 64
"""How far ahead decoding on is tried before the file is searched for a key frame."""


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
            VideoError: there is no such frame or it cannot be decoded.
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
            raise VideoError(f"{self.name}: there is no frame {number}; it has 1 to {self.count}")
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
            raise VideoError(f"{self._folder}: there is no frame {number} in {first} to {last}")
        frame = read_picture(path)
        check_size(str(path), frame, self.size)
        return frame


class VideoSource:
    """A video file, decoded by FFmpeg; reading by number is exact, by timestamp."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self._times: tuple[list[int], list[int]] | None = None
        self._reader: Iterator[av.VideoFrame] | None = None
        self._next = 1
        with self._open() as container:
            stream = _video_stream(container, path)
            self.size: Size = (stream.height, stream.width)
            self.rate_fps = float(stream.average_rate or DEFAULT_RATE_FPS)
            self.count: int | None = stream.frames or None
            self._least_count = _least_count(container, stream)
            self.numbers: Sequence[int] = range(1, (self._least_count if self.count else 0) + 1)

    def _open(self) -> av.container.InputContainer:
        if not self._path.is_file():
            raise VideoError(f"{self._path}: no such file; check the path")
        try:
            return av.open(str(self._path))
        except av.FFmpegError as error:
            raise VideoError(
                f"{self._path}: not a readable video ({error.strerror}); "
                "re-encode it, for instance to MP4"
            ) from error

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and 1 <= number <= (self.count or number)

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        number = 0
        with self._open() as container:
            for number, picture in enumerate(self._decode(container), start=1):
                yield number, self._to_frame(picture, number)
        if number < self._least_count:
            raise VideoError(
                f"{self._path}: ends after {number} frames although it declares "
                f"{self.count or f'about {self._least_count}'}; copy the file again or work with "
                "the frames that are there"
            )

    def _decode(self, container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
        stream = _video_stream(container, self._path)
        stream.thread_type = "AUTO"
        try:
            yield from container.decode(stream)
        except av.FFmpegError as error:
            raise VideoError(
                f"{self._path}: damaged ({error.strerror}); the frames before it were read, "
                "re-encode the file or cut it there"
            ) from error

    def _to_frame(self, picture: av.VideoFrame, number: int) -> Frame:
        frame = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
        check_size(f"{self._path}: frame {number}", frame, self.size)
        return frame

    def read(self, number: int) -> Frame:
        if number < 1:
            raise VideoError(f"{self._path}: there is no frame {number}; frames count from 1")
        if self._reader is None or not self._next <= number <= self._next + FORWARD_FRAMES:
            self._seek(number)
        assert self._reader is not None
        reader, self._reader = self._reader, None  # one that ends or fails is not used again
        for picture in reader:
            self._next += 1
            if self._next > number:
                self._reader = reader
                return self._to_frame(picture, number)
        raise VideoError(
            f"{self._path}: there is no frame {number}; the video ends after {self._next - 1}"
        )

    def _seek(self, number: int) -> None:
        """Start decoding at ``number``: at a key frame before it, then forward by timestamp."""
        times, keys = self._frame_times()
        if number <= len(times):
            before = bisect_right(keys, times[number - 1])
            for key in reversed(keys[max(0, before - 2) : before]):  # some formats land past one
                reader = self._decode_from(key, times[number - 1])
                if reader is not None:
                    self._reader, self._next = reader, number
                    return
        reader, self._reader = self._reader, None
        if times or reader is None or number < self._next:
            reader, self._next = self._decode(self._open()), 1  # what always works
        while self._next < number and next(reader, None) is not None:
            self._next += 1
        self._reader = reader

    def _decode_from(self, key: int, wanted: int) -> Iterator[av.VideoFrame] | None:
        """Seek ``key`` and decode on to ``wanted``; None where the search landed elsewhere."""
        container = self._open()
        with suppress(av.FFmpegError):  # where it cannot be searched, it stays at its start
            container.seek(key, stream=_video_stream(container, self._path))
        reader = self._decode(container)
        is_whole = False  # before its first key frame a decoder gives broken pictures
        for picture in reader:
            is_whole |= bool(picture.key_frame)
            if picture.pts is None or picture.pts >= wanted:
                return _put_back(picture, reader) if is_whole and picture.pts == wanted else None
        return None

    def _frame_times(self) -> tuple[list[int], list[int]]:
        """Return the timestamps of all frames and of the key frames, read once from the packets.

        Both are empty where the timestamps do not tell the frames apart.
        """
        if self._times is None:
            with self._open() as container:
                stream = _video_stream(container, self._path)
                is_guessed = container.format.name == "mpeg"  # wrong after a search, measured
                packets = () if is_guessed else container.demux(stream)
                shown = []
                with suppress(av.FFmpegError):  # damaged: decoding says so where it matters
                    for packet in packets:
                        if packet.size and not packet.is_discard:
                            shown.append((packet.pts, packet.is_keyframe))
            times = {time: is_key for time, is_key in shown if time is not None}
            keys = sorted(time for time, is_key in times.items() if is_key)
            self._times = (sorted(times), keys) if len(times) == len(shown) else ([], [])
        return self._times


def _put_back(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    yield first
    yield from rest


def _least_count(container: av.container.InputContainer, stream: VideoStream) -> int:
    """Return how many frames a whole file has at least: as declared, or by its duration."""
    if stream.frames:
        return stream.frames - max(1, stream.frames // 50)  # edit lists hide some
    if container.duration is None or not stream.average_rate:
        return 0
    seconds = container.duration / av.time_base
    return int(0.9 * seconds * float(stream.average_rate)) - 1  # rates vary, sound may run on


def _video_stream(container: av.container.InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise VideoError(f"{path}: holds no video stream; give a file with pictures")
    return container.streams.video[0]


def check_size(where: str, picture: Frame, wanted: Size) -> None:
    """Refuse a frame of another size than the source's first.

    Raises:
        VideoError: the sizes differ.
    """
    if picture.shape[:2] != wanted:
        raise VideoError(
            f"{where} is {picture.shape[1]}x{picture.shape[0]} but the first frame is "
            f"{wanted[1]}x{wanted[0]}; give frames of one size"
        )


def open_source(path: str | Path) -> FrameSource:
    """Open a folder of pictures or a video file.

    Raises:
        VideoError: nothing is there, or it is neither.
    """
    place = Path(path)
    if place.is_dir():
        try:
            return FolderSource(place)
        except DatasetError as error:
            raise VideoError(str(error)) from error
    return VideoSource(place)
