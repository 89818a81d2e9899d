"""When the frames of a video file are shown: read from its packets once, without decoding.

With it any frame is found by one search and a short decode, however long the file is.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import av
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import OutputError, VideoError
from cleanplate.files import make_folder, write_bytes

Times = NDArray[np.int64]
_TOLD_EVERY = 2000
_NESTING = frozenset({"hls", "applehttp", "concat", "concatf", "dash", "sdp", "rtsp", "rtp", "sap"})
"""Formats that are lists of other files or addresses: nothing inside a file opens another one."""
_NO_FILES = frozenset({"image2", "image2pipe", "imf", "lavfi", "avisynth", "vapoursynth", "tee"})
FILE_ONLY = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(sorted(av.formats_available - _NESTING - _NO_FILES)),
}
"""FFmpeg's options for what must be one plain file, whatever it pretends to be."""


@dataclass(frozen=True)
class FrameTimes:
    """The timestamps of a file's frames, in the stream's own unit.

    Attributes:
        shown: ascending, one for each frame; empty where timestamps do not tell frames apart.
        keys: those of the key frames, ascending.
        count: how many frames there are, as its packets say.
    """

    shown: Times
    keys: Times
    count: int


def open_file(path: Path) -> av.container.InputContainer:
    """Open one video file; nothing that it names is ever opened.

    Raises:
        VideoError: it is missing, no video, or a list of others.
    """
    if not path.is_file():
        raise VideoError(f"{path}: no such file; check the path")
    try:
        return av.open(str(path.absolute()), options=FILE_ONLY, metadata_errors="replace")  # titles
    except av.FFmpegError as error:
        raise VideoError(
            f"{path}: not a readable video ({error.strerror}); re-encode it, for instance to MP4"
        ) from error


def read_times(path: Path, told: Callable[[float], None] | None = None) -> FrameTimes:
    """Read the timestamps of all frames from the packets; nothing is decoded.

    Args:
        path: the file.
        told: called now and then with the share that is read, 0 to 1.

    Raises:
        VideoError: it is no video file, or holds no pictures.
    """
    whole = max(1, path.stat().st_size) if path.is_file() else 1
    shown: list[tuple[int | None, bool]] = []
    with open_file(path) as container:
        if not container.streams.video:
            raise VideoError(f"{path}: holds no video stream; give a file with pictures")
        is_guessed = container.format.name == "mpeg"  # wrong after a search, measured
        with contextlib.suppress(av.FFmpegError):  # damaged: decoding says so where it matters
            for packet in container.demux(container.streams.video[0]):
                if packet.size and not packet.is_discard:
                    shown.append((packet.pts, packet.is_keyframe))
                    if told is not None and len(shown) % _TOLD_EVERY == 0:
                        told(min(1.0, (packet.pos or 0) / whole))
    times = {time: is_key for time, is_key in shown if time is not None}
    if is_guessed or len(times) < len(shown):
        return FrameTimes(np.empty(0, np.int64), np.empty(0, np.int64), len(shown))
    keys = sorted(time for time, is_key in times.items() if is_key)
    return FrameTimes(np.array(sorted(times), np.int64), np.array(keys, np.int64), len(shown))


def kept_times(path: Path, folder: Path, told: Callable[[float], None] | None = None) -> FrameTimes:
    """Return the timestamps that were kept of this very file, or read and keep them.

    Args:
        path: the video file.
        folder: where they are kept; made if missing. Where it cannot be written, nothing is kept.
        told: see `read_times`.

    Raises:
        VideoError: see `read_times`.
    """
    kept = _kept_path(path, folder)
    found = None if kept is None else _read_kept(kept)
    if found is None:
        found = read_times(path, told)
        data = io.BytesIO()
        np.savez(data, shown=found.shown, keys=found.keys, count=found.count)
        with contextlib.suppress(OutputError):  # a folder that may only be read
            make_folder(folder)
            if kept is not None:
                write_bytes(kept, data.getvalue())
    return found


def are_kept(path: Path, folder: Path) -> bool:
    """Say whether the timestamps of this very file are kept already."""
    kept = _kept_path(path, folder)
    return kept is not None and kept.is_file()


def _kept_path(path: Path, folder: Path) -> Path | None:
    """Name what is kept by the file's name, size and time, so that another file is read anew."""
    try:
        about = path.stat()
    except OSError:
        return None
    text = f"{path.name} {about.st_size} {about.st_mtime_ns}"
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


_DAMAGED = (
    *(OSError, ValueError, KeyError, EOFError, BadZipFile),
    *(NotImplementedError, RuntimeError, zlib.error),  # what a flipped bit asks a zip reader for
)


def _read_kept(path: Path) -> FrameTimes | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return FrameTimes(kept["shown"], kept["keys"], int(kept["count"]))
    except _DAMAGED:
        return None
