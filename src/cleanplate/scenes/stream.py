"""Frames of a camera or a network stream, as they come."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import av
import numpy as np

from cleanplate.errors import VideoError
from cleanplate.images import Frame
from cleanplate.scenes.frame_times import FILE_ONLY

OPEN_SECONDS, READ_SECONDS = 10.0, 5.0
"""How long a stream may take to answer, and to bring its next data."""
_WEB = "http,https,httpproxy,tcp,tls,crypto"
_RTSP = "rtsp,rtsps,rtp,udp,tcp,tls"
PROTOCOLS = {
    "http": _WEB,
    "https": _WEB,
    "rtsp": _RTSP,
    "rtsps": _RTSP,
    "rtmp": "rtmp,tcp,tls",
    "rtmps": "rtmps,tcp,tls",
    "rtp": "rtp,udp",
    "srtp": "srtp,rtp,udp",
    "srt": "srt",
    "udp": "udp",
    "tcp": "tcp",
    "tls": "tls,tcp",
}
"""What a stream may open in its turn, by its own kind; never a file of this machine."""
_SECRET = re.compile(
    r"(?i)([?&;](?:[^=&;]*(?:us[er]|pas|pwd|login|token|key|secret|auth)[^=&;]*)=)[^&;#]*"
)


class Arrival(NamedTuple):
    """A frame of a stream.

    Attributes:
        frame: ``(H, W, 3)`` uint8 RGB; its size may change while the stream goes on.
        seconds: since the stream's first frame, by its own clock.
    """

    frame: Frame
    seconds: float


def redacted(address: str) -> str:
    """Return an address without user, password and tokens, for people to see."""
    if "://" not in address:
        return address
    kind, _, rest = address.partition("://")
    # up to the last @ anywhere: a password with a slash in it must not pass for a host
    return _SECRET.sub(r"\1***", f"{kind}://{rest.rpartition('@')[2]}")


def is_stream(address: str) -> bool:
    """Return whether an address is a camera or a network stream, not a file."""
    return "://" in address or address.startswith("/dev/video")


def stream_name(address: str) -> str:
    """Return a short name for results and files: the host, or the file's stem."""
    if "://" in address:
        with suppress(ValueError):  # what is no address is said when it is opened
            return urlsplit(redacted(address)).hostname or "stream"
        return "stream"
    return Path(address).stem


def arrivals(address: str) -> Generator[Arrival]:
    """Yield a stream's frames as they are decoded, a file's as fast as it plays.

    What a decoder makes up before its first key frame is left out.

    Args:
        address: ``rtsp://``, ``http://`` or another that FFmpeg reads, ``/dev/videoN``, or a file.

    Raises:
        VideoError: it cannot be opened, brings nothing for five seconds, or breaks.
    """
    shown = redacted(address)
    if not is_stream(address) and not Path(address).is_file():
        raise VideoError(f"{shown}: no such file; check the path")
    try:
        with closing(_open(address)) as container:
            if not container.streams.video:
                raise VideoError(f"{shown}: holds no video stream; check the address")
            yield from _decoded(container, paced=not is_stream(address))
    except av.FFmpegError as error:
        raise VideoError(f"{shown}: {error.strerror}; check address and network") from None


def _open(address: str) -> av.container.InputContainer:
    timeout = (OPEN_SECONDS, READ_SECONDS)
    if address.startswith("/dev/video"):
        return av.open(address, format="v4l2", timeout=timeout, metadata_errors="replace")
    if not is_stream(address):
        return av.open(address, options=FILE_ONLY, timeout=timeout, metadata_errors="replace")
    allowed = PROTOCOLS.get(urlsplit(address).scheme, "crypto")  # none: FFmpeg refuses the rest
    options = {"fflags": "nobuffer", "flags": "low_delay", "protocol_whitelist": allowed}
    if address.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    return av.open(address, options=options, timeout=timeout, metadata_errors="replace")


def _decoded(container: av.container.InputContainer, paced: bool) -> Iterator[Arrival]:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO" if paced else "SLICE"  # threads by frame would add frames of delay
    start, first, is_whole, last = time.monotonic(), None, False, 0.0
    for picture in container.decode(stream):
        is_whole |= bool(picture.key_frame)
        if not is_whole or picture.is_corrupt:
            continue
        at = picture.time if picture.time is not None else last
        first = at if first is None else first
        last = at
        if paced:
            time.sleep(max(0.0, start + at - first - time.monotonic()))
        yield Arrival(np.asarray(picture.to_ndarray(format="rgb24"), np.uint8), at - first)
