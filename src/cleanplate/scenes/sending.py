"""Frames sent to a streaming server, by a process of its own.

``python -m cleanplate.scenes.sending`` reads one line of JSON (see `Destination`) and then frames
from its standard input; it says ``sending`` when the server has taken the first. FFmpeg keeps
Python's other threads waiting while it connects, and no option ends every wait for a server; this
process may hang or be ended without harm to anybody.
"""

from __future__ import annotations

import json
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.video.stream import VideoStream

from cleanplate.errors import ConfigError
from cleanplate.images import Frame, Mask
from cleanplate.scenes.stream import redacted

FORMATS = {"rtsp": "rtsp", "rtmp": "flv", "rtmps": "flv"}
"""FFmpeg's container for each kind of address."""
PATIENCE_SECONDS = 10
"""For the server to take a connection or a frame."""
KEY_FRAME_EVERY = 50
TICK = Fraction(1, 1000)
_HEAD = struct.Struct("<d")


class Destination(NamedTuple):
    """Where frames go, and how large they are.

    Attributes:
        address: ``rtsp://`` or ``rtmp://``.
        height, width: pixels, even.
        rate_fps: about how many come in a second.
    """

    address: str
    height: int
    width: int
    rate_fps: float


def check_destination(address: str) -> None:
    """Refuse what frames cannot be sent to.

    Raises:
        ConfigError: the address is neither ``rtsp://`` nor ``rtmp://``.
    """
    if _kind(address) not in FORMATS:
        raise ConfigError(
            f"{redacted(address)}: cannot be streamed to; give an rtsp:// or rtmp:// address"
        )


def _kind(address: str) -> str:
    return address.partition("://")[0].lower()


def even(picture: Frame | Mask) -> Frame:
    """Return a picture as RGB with even sides, as H.264 needs: one line less if need be."""
    if picture.dtype == np.bool_:
        picture = np.repeat(picture[..., None].view(np.uint8) * np.uint8(255), 3, 2)
    height, width = (side - side % 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width], np.uint8)


def opening(destination: Destination) -> bytes:
    """Return the line that tells the process where frames go."""
    return json.dumps(destination).encode() + b"\n"


def parcel(picture: Frame, seconds: float) -> bytes:
    """Return one frame as the process reads it."""
    return _HEAD.pack(seconds) + picture.tobytes()


def _parcels(pipe: BinaryIO, size: tuple[int, int]) -> Iterator[tuple[float, Frame]]:
    length = size[0] * size[1] * 3
    while True:
        head, body = pipe.read(_HEAD.size), pipe.read(length)
        if len(body) < length:
            return
        yield _HEAD.unpack(head)[0], np.frombuffer(body, np.uint8).reshape(*size, 3)


@contextmanager
def _patience() -> Iterator[None]:
    """End the process where FFmpeg waits too long: the signal's default needs no Python."""
    if hasattr(signal, "alarm"):
        signal.alarm(PATIENCE_SECONDS)
    yield
    if hasattr(signal, "alarm"):
        signal.alarm(0)


def send(pipe: BinaryIO) -> None:
    """Send what a pipe brings until it ends; the first frame's arrival opens the connection.

    Raises:
        av.FFmpegError: the server refuses, or is lost.
    """
    to = Destination(*json.loads(pipe.readline()))
    kind = FORMATS[_kind(to.address)]
    options = {"rtsp_transport": "tcp"} if kind == "rtsp" else {"flvflags": "no_duration_filesize"}
    with _patience():
        container = av.open(to.address, "w", format=kind, options=options)
    stream = container.add_stream(
        "libx264",
        rate=Fraction(to.rate_fps).limit_denominator(1000),
        options={"preset": "veryfast", "tune": "zerolatency", "g": str(KEY_FRAME_EVERY)},
    )
    assert isinstance(stream, VideoStream)
    stream.height, stream.width, stream.pix_fmt = to.height, to.width, "yuv420p"
    stream.codec_context.time_base = TICK
    last, said = -1, False
    for seconds, picture in _parcels(pipe, (to.height, to.width)):
        shown = av.VideoFrame.from_ndarray(picture, format="rgb24")
        last = max(last + 1, round(seconds / TICK))
        shown.pts, shown.time_base = last, TICK
        with _patience():
            container.mux(stream.encode(shown))
        if not said:
            said = bool(sys.stdout.write("sending\n"))
            sys.stdout.flush()
    with _patience():
        container.mux(stream.encode())
        container.close()


def main() -> None:
    """Send what comes on standard input; what is wrong becomes one line on standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who feeds it, who then ends it
    try:
        send(sys.stdin.buffer)
    except av.FFmpegError as error:
        sys.stderr.write(f"{error.strerror}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
