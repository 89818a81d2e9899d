"""What a camera shows now, pushed to a streaming server by RTSP or RTMP."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
from threading import Condition, Thread
from types import TracebackType
from typing import NamedTuple, Self

from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.runtime.moments import VIEWS, Moment
from cleanplate.runtime.newest import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, STEADY_SECONDS
from cleanplate.scenes.sending import Destination, check_destination, even, opening, parcel
from cleanplate.scenes.stream import redacted

log = logging.getLogger(__name__)

END_SECONDS = 3.0
"""For the last frames to be sent, before the process is ended."""


class _Waiting(NamedTuple):
    picture: Frame
    seconds: float


class Push:
    """Sends moments to a server, always the newest; nobody ever waits for the server.

    A process of its own sends them. Where the server is lost, or was never there, it is tried
    again after longer and longer waits; each loss and each return is one line in the log.

    Used as a context manager.

    Args:
        address: ``rtsp://`` or ``rtmp://``.
        name: in messages.
        view: what is shown: ``overlay``, ``mask``, ``plate`` or ``frame``.
        rate_fps: about how many moments come in a second.

    Raises:
        ConfigError: the address or the view is of another kind.
    """

    def __init__(self, address: str, name: str, view: str = "overlay", rate_fps: float = 25.0):
        check_destination(address)
        if view not in VIEWS:
            raise ConfigError(f"{name}: cannot push {view!r}; use one of {', '.join(VIEWS)}")
        self._compose, self._address, self._rate_fps = VIEWS[view], address, rate_fps
        self._shown = f"{name}: push to {redacted(address)}"
        self._changed = Condition()
        self._waiting: _Waiting | None = None
        self._ended = self._is_lost = False
        self._steady_from = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, daemon=True, name=f"push {name}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(END_SECONDS)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()  # a server that takes nothing more
            self._thread.join()

    def __call__(self, moment: Moment) -> None:
        """Take a moment; an older one that still waits is thrown away."""
        waiting = _Waiting(even(self._compose(moment)), moment.seconds)
        with self._changed:
            self._waiting = waiting
            self._changed.notify_all()

    def _next(self) -> _Waiting | None:
        """Wait for a moment, or return None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._waiting is not None)
            found, self._waiting = self._waiting, None
            return None if self._ended else found

    def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while (first := self._next()) is not None:
            self._steady_from = 0.0
            try:
                reason = self._send(first)
            except OSError as error:  # no process can be started
                reason = error.strerror or str(error)
            if not reason:
                return
            if self._steady_from and time.monotonic() - self._steady_from > STEADY_SECONDS:
                wait = FIRST_WAIT_SECONDS
            if not self._is_lost:
                log.warning("%s: lost (%s); trying again", self._shown, reason)
            self._is_lost = True
            with self._changed:
                self._changed.wait_for(lambda: self._ended, wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _send(self, first: _Waiting) -> str:
        """Feed one process until the end; returns why it ended before, or nothing."""
        height, width = first.picture.shape[:2]
        destination = Destination(self._address, height, width, self._rate_fps)
        process = self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cleanplate.scenes.sending"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        waiting: _Waiting | None = first
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        with suppress(OSError):  # it has ended
            process.stdin.write(opening(destination))
            while waiting is not None:
                process.stdin.write(parcel(*waiting))
                process.stdin.flush()
                if not self._steady_from and process.stdout.read():
                    self._steady_from = time.monotonic()
                    if self._is_lost:
                        log.warning("%s: back", self._shown)
                    self._is_lost = False
                waiting = self._next()
        _, said = process.communicate()  # closes its input, at which it ends
        if self._ended:
            return ""
        return said.decode(errors="replace").strip().rpartition("\n")[2] or "it takes nothing"
