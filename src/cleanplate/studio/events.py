"""What happens in a project, told to every tab that looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

MOST_WAITING = 256
"""A tab that takes no more than so many messages loses the oldest; it asks for all anew then."""
HELLO: dict[str, Any] = {"type": "hello"}

Event = dict[str, Any]


class Hub:
    """Hands every message to every listener; may be told from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: dict[asyncio.Queue[Event], asyncio.AbstractEventLoop] = {}

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def tell(self, kind: str, **what: Any) -> None:
        """Tell all listeners that something of a kind has changed."""
        message = {"type": kind, **what}
        with self._lock:
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            with suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(_put, queue, message)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Event]]:
        """Yield a queue of messages, inside a running loop; the first is ``hello``."""
        queue: asyncio.Queue[Event] = asyncio.Queue(MOST_WAITING)
        queue.put_nowait(HELLO)
        with self._lock:
            self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield queue
        finally:
            with self._lock:
                del self._listeners[queue]


def _put(queue: asyncio.Queue[Event], message: Event) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(HELLO)  # what was lost is asked for anew
    queue.put_nowait(message)
