"""Video files written frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from fractions import Fraction
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import av
import numpy as np
from av.video.stream import VideoStream

from cleanplate.errors import OutputError
from cleanplate.files import name_part
from cleanplate.images import Frame, Mask, Size
from cleanplate.scenes.video import check_size

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TICK = Fraction(1, 1000)
"""Of timed frames, in seconds."""
PIECES = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "flush_packets": "1",
}
_CODECS = {
    "": ("libx264", "yuv420p", {"crf": "18", "preset": "veryfast"}),
    ".webm": ("libvpx-vp9", "yuva420p", {"crf": "24", "b": "0", "deadline": "realtime"}),
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444"}),
}
"""By the file's kind with alpha; without, all are H.264."""


class _File(FileIO):
    """A file that keeps the first error: at a file's end FFmpeg says nothing of it.

    Attributes:
        error: why not all could be written, or None.
    """

    error: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        """Write all of it, or raise."""
        rest = memoryview(data).cast("B")
        length = len(rest)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = self.error or error
            raise
        return length


class VideoWriter:
    """Write frames to a video file; what was written stays playable whatever happens.

    Frames of three channels and masks become H.264; frames with alpha become VP9 in a ``.webm`` or
    ProRes 4444 in a ``.mov`` file.

    Used as a context manager. The file grows under a hidden name and takes its own at the end, also
    when the block ends in an error; only where an older file would be lost then, it is called
    ``NAME.partial`` instead. Odd sides are padded by one pixel, as the format needs.

    Args:
        path: an ``.mp4``, ``.mkv`` or ``.mov`` file; with alpha ``.webm`` or ``.mov``.
        rate_fps: frames per second.
        timed: each frame is shown from its own time on, as live frames must be.
        in_pieces: write an MP4 or MOV file in pieces that each hold their own index: memory does
            not grow with the frames, and what was written plays even if the process is killed;
            readers then learn the number of frames only by reading to the end.
    """

    def __init__(
        self, path: Path, rate_fps: float, timed: bool = False, in_pieces: bool = False
    ) -> None:
        self._path = path
        self._part = path.parent / f".{path.stem}.part{path.suffix}"
        self._rate = Fraction(rate_fps).limit_denominator(60_000)
        self._timed, self._ticks = timed, -1
        self._size: Size | None = None
        self._stream: VideoStream | None = None
        try:
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            self._in_pieces = in_pieces and path.suffix.lower() in (".mp4", ".mov")
            options = PIECES if self._in_pieces else {}
            self._file = _File(self._part, "w")
            try:
                self._container = av.open(self._file, "w", options=options)
            except BaseException:
                self._file.close()
                self._part.unlink()
                raise
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"{path}: cannot be written ({reason}); choose an .mp4 file in a folder you own"
            ) from error

    def write(self, frame: Frame | Mask, seconds: float | None = None) -> None:
        """Append one RGB frame, RGBA frame ``(H, W, 4)`` or mask ``(H, W)`` bool.

        Args:
            frame: what is shown.
            seconds: from when on, where frames are timed.

        Raises:
            VideoError: it has another size than the first.
            OutputError: it has alpha and the file's kind cannot.
            OutputError: it cannot be written.
        """
        self._size = self._size or (frame.shape[0], frame.shape[1])
        check_size(f"{self._path}: a frame to write", frame, self._size)
        height, width = frame.shape[:2]
        padding = ((0, height % 2), (0, width % 2), (0, 0))[: frame.ndim]
        picture = frame.view(np.uint8) * np.uint8(255) if frame.dtype == np.bool_ else frame
        if height % 2 or width % 2:
            picture = np.pad(picture, padding, mode="edge")
        form = "gray" if frame.ndim == 2 else "rgb24" if frame.shape[2] == 3 else "rgba"
        with self._explained():
            if self._stream is None:
                self._stream = self._add_stream(form)
                self._stream.height, self._stream.width = picture.shape[:2]
            pixels = np.ascontiguousarray(picture, np.uint8)
            shown = av.VideoFrame.from_ndarray(pixels, format=form)
            if self._timed and seconds is not None:
                self._ticks = max(self._ticks + 1, round(seconds / TICK))
                shown.pts, shown.time_base = self._ticks, TICK
            self._container.mux(self._stream.encode(shown))

    def _add_stream(self, form: str) -> VideoStream:
        kind = self._path.suffix.lower() if form == "rgba" else ""
        if kind not in _CODECS:
            raise OutputError(
                f"{self._path}: cannot hold transparency; choose a .webm or .mov file, or a folder"
            )
        codec, layout, options = _CODECS[kind]
        stream = self._container.add_stream(codec, rate=self._rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = layout
        if self._timed:
            stream.codec_context.time_base = TICK
        return stream

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            reason = (self._file.error or error).strerror
            raise OutputError(
                f"{self._path}: cannot be written on ({reason}); make room, or choose another place"
            ) from error
        except ValueError as error:  # the file's kind cannot hold what is written
            raise OutputError(f"{self._path}: {error}; choose an .mp4 file") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(complete=error is None)

    def close(self, complete: bool = True) -> None:
        """End the file and give it its name; what is not complete never replaces an older file.

        Where its end cannot be written, as on a full disk, a file in pieces is named all the same;
        of another nothing can be played, and it is removed.

        Raises:
            OutputError: its end cannot be written.
        """
        with self._explained():
            try:
                try:
                    if self._stream is not None:
                        self._container.mux(self._stream.encode())
                finally:
                    self._container.close()
                    self._file.close()
                if self._file.error is not None:
                    raise self._file.error
            except (av.FFmpegError, OSError):
                with suppress(OSError):
                    self._take_name(complete=False, plays=self._in_pieces)
                raise
            self._take_name(complete, plays=True)

    def _take_name(self, complete: bool, plays: bool) -> None:
        if self._stream is None or not plays:
            self._part.unlink(missing_ok=True)
        else:
            name_part(self._part, self._path, complete)
