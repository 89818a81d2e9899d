"""The frames of a video file, each by its number."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from cleanplate.errors import NoFrameError, VideoError
from cleanplate.images import MOST_PIXELS, Frame, Size
from cleanplate.scenes.video import DEFAULT_RATE_FPS, check_size

log = logging.getLogger(__name__)

FORWARD_FRAMES = 64
"""How far ahead decoding on is tried before the file is searched for a key frame."""


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
            _check_declared(path, stream)
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
            raise NoFrameError(f"{self._path}: there is no frame {number}; frames count from 1")
        if self._reader is None or not self._next <= number <= self._next + FORWARD_FRAMES:
            self._seek(number)
        assert self._reader is not None
        reader, self._reader = self._reader, None  # one that ends or fails is not used again
        for picture in reader:
            self._next += 1
            if self._next > number:
                self._reader = reader
                return self._to_frame(picture, number)
        raise NoFrameError(
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


def _check_declared(path: Path, stream: VideoStream) -> None:
    """Refuse what cannot be, before memory is taken for it: every frame takes a byte at least."""
    width, height, size = stream.width, stream.height, path.stat().st_size
    if not 0 < width * height <= MOST_PIXELS:
        raise VideoError(
            f"{path}: says that its frames have {width}x{height} pixels, which is none or over the "
            f"limit of {MOST_PIXELS}; re-encode it"
        )
    if stream.frames > size:
        raise VideoError(
            f"{path}: says that it has {stream.frames} frames but has only {size} bytes; copy the "
            "file again"
        )


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
