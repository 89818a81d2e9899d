"""Always the newest frame of a stream that may stall, break and come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from threading import Condition, Event, Thread
from typing import NamedTuple

from cleanplate.errors import VideoError
from cleanplate.images import Frame
from cleanplate.scenes.stream import Arrival, arrivals, is_stream, stream_name

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
STEADY_SECONDS = 10.0
"""A connection that brought frames for so long starts the waits anew."""


class Newest(NamedTuple):
    """The newest frame there is.

    Attributes:
        number: which of the frames that came it is, from 1.
        frame: ``(H, W, 3)`` uint8 RGB.
        seconds: since the first frame, by this machine's clock.
        arrived: when it came, on the monotonic clock.
    """

    number: int
    frame: Frame
    seconds: float
    arrived: float


class NewestFrames:
    """Reads a stream in a thread of its own and hands out the newest frame.

    Frames that come while the reader is busy are dropped, so that the lag never grows. A stream
    that breaks is opened again, after longer and longer waits; each loss and each return is one
    line in the log. A file is played once, at its own speed.

    Args:
        address: see `arrivals`.
        name: in messages; else the host or the file's name.
        open_stream: yields frames; for tests.
    """

    def __init__(
        self,
        address: str,
        name: str = "",
        open_stream: Callable[[str], Iterator[Arrival]] = arrivals,
    ) -> None:
        self.name = name or stream_name(address)
        self._address, self._open = address, open_stream
        self._changed, self._stopped = Condition(), Event()
        self._newest: Newest | None = None
        self._count, self._start, self._steady_from = 0, 0.0, 0.0
        self._ended: VideoError | bool = False
        self._thread = Thread(target=self._read, daemon=True, name=f"stream {self.name}")

    def __iter__(self) -> Iterator[Newest]:
        """Yield the newest frame, each at most once, until the file ends or `stop` is called.

        Raises:
            VideoError: a file cannot be read, or the stream could never be opened.
        """
        self._thread.start()
        last = 0
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda seen=last: self._is_ready(seen))  # type: ignore[misc]
                    newest, ended = self._newest, self._ended
                if newest is None or newest.number == last or self._stopped.is_set():
                    if isinstance(ended, VideoError):
                        raise ended
                    return
                last = newest.number
                yield newest
        finally:
            self.stop()

    def _is_ready(self, seen: int) -> bool:
        return bool(self._ended) or (self._newest is not None and self._newest.number != seen)

    def stop(self) -> None:
        """Stop reading; the iteration ends."""
        self._stopped.set()
        self._end(True)

    def _end(self, how: VideoError | bool) -> None:
        with self._changed:
            self._ended = self._ended or how
            self._changed.notify_all()

    def _read(self) -> None:
        wait, lost_at = FIRST_WAIT_SECONDS, 0.0
        while not self._stopped.is_set():
            self._steady_from, reason = 0.0, "it ended"
            try:
                for arrival in self._open(self._address):
                    if self._stopped.is_set():
                        return
                    if lost_at:
                        log.warning("%s: back after %.0f s", self.name, time.monotonic() - lost_at)
                        lost_at = 0.0
                    self._take(arrival)
            except VideoError as error:
                reason = str(error)
                if not self._count or not is_stream(self._address):
                    self._end(error)
                    return
            except Exception as error:  # whoever waits must hear of it
                self._end(VideoError(f"{self.name}: cannot be read on ({error!r})"))
                return
            if not is_stream(self._address):
                self._end(True)
                return
            since = self._steady_from
            if since and time.monotonic() - since > STEADY_SECONDS:
                wait = FIRST_WAIT_SECONDS
            if not lost_at:
                lost_at = time.monotonic()
                log.warning("%s: lost (%s); trying again", self.name, reason)
            self._stopped.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _take(self, arrival: Arrival) -> None:
        now = time.monotonic()
        with self._changed:
            self._start = self._start or now
            self._steady_from = self._steady_from or now
            self._count += 1
            self._newest = Newest(self._count, arrival.frame, now - self._start, now)
            self._changed.notify_all()
