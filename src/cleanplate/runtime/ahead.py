"""One thread more: an iterator that runs ahead of who reads it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
AHEAD = 4
"""Items; more would only take memory."""
_WAIT_SECONDS = 0.1


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[Item], most: int = AHEAD) -> Generator[Item]:
    """Yield the items, taken from their iterator by a thread of its own, in order.

    The thread waits when ``most`` items lie ready. An error of the iterator is raised where its
    next item would come. When the reader stops early, so does the thread, and the iterator is
    closed.
    """
    ready: Queue[Item | _End] = Queue(most)
    stopped = Event()

    def put(item: Item | _End) -> None:
        while not stopped.is_set():
            with suppress(Full):
                ready.put(item, timeout=_WAIT_SECONDS)
                return

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    break
        except BaseException as caught:  # the reader raises it
            error = caught
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
        put(_End(error))

    thread = Thread(target=work, daemon=True, name="ahead")
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        with suppress(Empty):
            while True:
                ready.get_nowait()
        thread.join()
