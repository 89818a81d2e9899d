"""The frames of a video file, each by its number."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from cleanplate.errors import NoFrameError, VideoError
from cleanplate.images import MOST_PIXELS, Frame, Size
from cleanplate.scenes.frame_times import FrameTimes, Times, open_file, read_times
from cleanplate.scenes.video import DEFAULT_RATE_FPS, check_size

log = logging.getLogger(__name__)

FORWARD_FRAMES = 64
"""How far ahead decoding on is tried before the file is searched for a key frame."""


class VideoSource:
    """A video file, decoded by FFmpeg; reading by number is exact, by timestamp.

    What a phone filmed on its side stands upright, as players show it.

    Args:
        path: the file.
        times: the timestamps of its frames where they are known; else they are read when the first
            search needs them. With them the number of frames is exact.
        remembered: so many of the frames last decoded are kept, so that stepping back among them
            decodes nothing.

    Raises:
        VideoError: it is no video file.
    """

    def __init__(self, path: Path, times: FrameTimes | None = None, remembered: int = 0) -> None:
        self.name = path.stem
        self._path = path
        self._times = times
        self._container: av.container.InputContainer | None = None
        self._reader: Iterator[av.VideoFrame] | None = None
        self._next = 1
        self._passed: deque[tuple[int, av.VideoFrame]] = deque(maxlen=remembered)
        with self._open() as container:
            stream = _video_stream(container, path)
            _check_declared(path, stream)
            self.rate_fps = float(stream.average_rate or DEFAULT_RATE_FPS)
            self.count: int | None = stream.frames or None
            self._least_count = _least_count(container, stream)
            if times is not None:
                self.count = self._least_count = times.count
            self.numbers: Sequence[int] = range(1, (self._least_count if self.count else 0) + 1)
            first = _first_picture(container)
            self._quarters = 0 if first is None else round(first.rotation / 90) % 4
            upright = (
                (stream.height, stream.width) if first is None else (first.height, first.width)
            )
            self.size: Size = upright if self._quarters % 2 == 0 else upright[::-1]

    def _open(self) -> av.container.InputContainer:
        return open_file(self._path)

    def _opened(self, anew: bool = False) -> av.container.InputContainer:
        """Return the container that frames are read from by number; it is one at a time.

        Opening a long file takes longer than searching it, and each holds some decoded frames.
        """
        if self._container is not None and anew:
            self._container.close()
            self._container = None
        if self._container is None:
            self._container = self._open()
        return self._container

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
        if not stream.codec_context.is_open:
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
        if self._quarters:
            frame = np.ascontiguousarray(np.rot90(frame, self._quarters))
        check_size(f"{self._path}: frame {number}", frame, self.size)
        return frame

    def read(self, number: int) -> Frame:
        if number < 1:
            raise NoFrameError(f"{self._path}: there is no frame {number}; frames count from 1")
        for passed, picture in self._passed:
            if passed == number:
                return self._to_frame(picture, number)
        if self._reader is None or not self._next <= number <= self._next + FORWARD_FRAMES:
            self._seek(number)
        assert self._reader is not None
        reader, self._reader = self._reader, None  # one that ends or fails is not used again
        for picture in reader:
            self._passed.append((self._next, picture))
            self._next += 1
            if self._next > number:
                self._reader = reader
                return self._to_frame(picture, number)
        raise NoFrameError(
            f"{self._path}: there is no frame {number}; the video ends after {self._next - 1}"
        )

    def key_numbers(self) -> Sequence[int]:
        """Return the numbers of the frames that are decoded by themselves, where that is known."""
        if self._times is None:
            return []
        places = np.searchsorted(self._times.shown, self._times.keys)
        return [int(place) + 1 for place in places]

    def _seek(self, number: int) -> None:
        """Start decoding at ``number``: at a key frame before it, then forward by timestamp."""
        if self._times is None:
            self._times = read_times(self._path)
        times, keys = self._times.shown, self._times.keys
        self._passed.clear()
        # once the file is searched, what was read before goes on from the wrong place
        before_it, self._reader = self._reader, None
        if number <= len(times):
            wanted = int(times[number - 1])
            before = int(np.searchsorted(keys, wanted, "right"))
            for key in keys[max(0, before - 2) : before][::-1]:  # some formats land past one
                reader = self._decode_from(int(key), wanted, times)
                if reader is not None:
                    self._reader, self._next = reader, number
                    return
        reader = before_it
        if len(times) or reader is None or number < self._next:
            reader, self._next = self._decode(self._opened(anew=True)), 1  # what always works
        while self._next < number and next(reader, None) is not None:
            self._next += 1
        self._reader = reader

    def _decode_from(self, key: int, wanted: int, times: Times) -> Iterator[av.VideoFrame] | None:
        """Seek ``key`` and decode on to ``wanted``; None where the search landed elsewhere."""
        container = self._opened()
        try:
            container.seek(key, stream=_video_stream(container, self._path))
        except av.FFmpegError:  # where it cannot be searched, it is read from its start
            container = self._opened(anew=True)
        reader = self._decode(container)
        is_whole = False  # before its first key frame a decoder gives broken pictures
        for picture in reader:
            is_whole |= bool(picture.key_frame)
            if picture.pts is None or picture.pts >= wanted:
                if not is_whole or picture.pts != wanted:
                    return None
                return _put_back(picture, reader)
            if is_whole and self._passed.maxlen:
                self._passed.append((int(np.searchsorted(times, picture.pts)) + 1, picture))
        return None


def _first_picture(container: av.container.InputContainer) -> av.VideoFrame | None:
    """Decode the first picture, which knows how it is to be turned; None where there is none."""
    with suppress(av.FFmpegError):
        return next(container.decode(video=0), None)
    return None


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
    stream = container.streams.video[0]
    if getattr(stream, "codec_context", None) is None:
        raise VideoError(f"{path}: is written in a way that no decoder is known for; re-encode it")
    return stream
