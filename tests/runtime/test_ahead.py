"""An iterator that runs ahead in a thread of its own."""

import threading
import time
from collections.abc import Iterator

import pytest

from cleanplate.runtime.ahead import ahead


def _threads() -> int:
    return sum(thread.name == "ahead" for thread in threading.enumerate())


def test_all_items_come_in_order() -> None:
    assert list(ahead(iter(range(1000)))) == list(range(1000))
    assert _threads() == 0


def test_it_runs_ahead_but_no_farther_than_asked_for() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    reader = ahead(items(), most=3)
    assert next(reader) == 0
    time.sleep(0.3)
    assert 4 <= len(taken) <= 6
    reader.close()


def test_an_error_comes_where_its_item_would_have_been() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third")

    reader = ahead(items())
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(reader)


def test_a_reader_that_stops_ends_the_thread_and_closes_the_iterator() -> None:
    closed = []

    def items() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    reader = ahead(ahead(items()))
    assert next(reader) == 1
    reader.close()
    assert closed == [True]
    assert _threads() == 0
