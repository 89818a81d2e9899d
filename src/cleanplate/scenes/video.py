"""Frames in order: a video file, a folder of pictures, a list of arrays; and video files written.

Frames are numbered: a folder's by the last run of digits in the file name, all others from 1.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
import numpy as np
from av.video.stream import VideoStream

from cleanplate.errors import DatasetError, OutputError, VideoError
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
    """

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> Size: ...
    @property
    def rate_fps(self) -> float: ...
    @property
    def count(self) -> int | None: ...

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
        self._times: list[int] | None = None
        self._reader: Iterator[av.VideoFrame] | None = None
        self._next = 1
        with self._open() as container:
            stream = _video_stream(container, path)
            self.size: Size = (stream.height, stream.width)
            self.rate_fps = float(stream.average_rate or DEFAULT_RATE_FPS)
            self.count: int | None = stream.frames or None

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
        if self.count is not None and number < self.count - max(1, self.count // 50):
            raise self._ends_early(number)

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

    def _ends_early(self, number: int) -> VideoError:
        return VideoError(
            f"{self._path}: ends after {number} of the {self.count} frames it declares; "
            "copy the file again or work with the frames that are there"
        )

    def read(self, number: int) -> Frame:
        if number < 1:
            raise VideoError(f"{self._path}: there is no frame {number}; frames count from 1")
        if self._reader is None or not self._next <= number <= self._next + FORWARD_FRAMES:
            self._seek(number)
        assert self._reader is not None
        for picture in self._reader:
            self._next += 1
            if self._next > number:
                return self._to_frame(picture, number)
        self._reader = None
        raise VideoError(
            f"{self._path}: there is no frame {number}; the video ends after {self._next - 1}"
        )

    def _seek(self, number: int) -> None:
        """Start decoding at ``number``: at the key frame before it, then forward by timestamp."""
        times = self._frame_times()
        container = self._open()
        stream = _video_stream(container, self._path)
        self._reader, self._next = self._decode(container), 1
        if not times or number > len(times):  # without timestamps, or past the end: from the start
            for _ in range(number - 1):
                if next(self._reader, None) is None:
                    return
                self._next += 1
            return
        container.seek(times[number - 1], stream=stream)
        skipped = (picture for picture in self._reader if (picture.pts or 0) >= times[number - 1])
        first = next(skipped, None)
        if first is not None:
            self._reader, self._next = _put_back(first, self._reader), number

    def _frame_times(self) -> list[int]:
        """Return the timestamps of all frames in order, read once from the packets."""
        if self._times is None:
            with self._open() as container:
                stream = _video_stream(container, self._path)
                times = [packet.pts for packet in container.demux(stream) if packet.size]
            known = [time for time in times if time is not None]
            self._times = sorted(known) if len(known) == len(times) else []
        return self._times


def _put_back(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    yield first
    yield from rest


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


class VideoWriter:
    """Write frames to an H.264 file; what was written stays playable whatever happens.

    Used as a context manager. The file grows under a hidden name and takes its own at the end, also
    when the block ends in an error. Odd sides are padded by one pixel, as the format needs.

    Args:
        path: an ``.mp4``, ``.mkv`` or ``.mov`` file.
        rate_fps: frames per second.
    """

    def __init__(self, path: Path, rate_fps: float) -> None:
        self._path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._rate = Fraction(rate_fps).limit_denominator(60_000)
        self._stream: VideoStream | None = None
        try:
            self._container = av.open(str(self._part), "w")
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"{path}: cannot be written ({reason}); choose an .mp4 file in a folder you own"
            ) from error

    def write(self, frame: Frame) -> None:
        """Append one RGB frame; all must have the size of the first."""
        height, width = frame.shape[:2]
        padded = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.height, self._stream.width = padded.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": "18", "preset": "veryfast"}
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        self._container.mux(self._stream.encode(picture))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if self._stream is None:
            self._part.unlink(missing_ok=True)
        else:
            self._part.replace(self._path)


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
