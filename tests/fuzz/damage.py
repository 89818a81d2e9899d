"""Ways to damage a file, drawn by hypothesis, and a watch over whoever reads it then."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from cleanplate.errors import CleanplateError

CASES = int(os.environ.get("CLEANPLATE_FUZZ", "20000"))
"""How many damaged files the readers get in all."""
HANGS_SECONDS = 10
MOST_MORE_BYTES = 2**30
"""How much more memory a reader may take than this process has already."""

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
Step = tuple[str, float, int]
"""What is done, where as a share of the file, and with which number."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "byte", "word", "cut", "drop", "double", "swap", "fill"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 2**16),
    ),
    min_size=1,
    max_size=6,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Any small JSON value."""


def many(cases: float) -> settings:
    """Return hypothesis' settings for so many cases, the same ones each time."""
    return settings(
        max_examples=max(1, round(cases)),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def damaged(data: bytes, steps: list[Step]) -> bytes:
    """Return the data after each of the steps."""
    found = bytearray(data)
    for what, share, number in steps:
        if not found:
            break
        at = int(share * len(found))
        length = 1 + number % 64
        if what == "flip":
            found[at] ^= 1 << number % 8
        elif what == "byte":
            found[at] = number % 256
        elif what == "word":
            width = (1, 2, 4, 8)[number % 4]
            order = "big" if number % 2 else "little"
            value = NUMBERS[number % len(NUMBERS)] % 2 ** (8 * width)
            found[at : at + width] = value.to_bytes(width, order)
        elif what == "cut":
            del found[at:]
        elif what == "drop":
            del found[at : at + length]
        elif what == "double":
            found[at:at] = found[at : at + length]
        elif what == "swap":
            found[at : at + length] = reversed(found[at : at + length])
        else:
            found[at : at + length] = bytes([number % 256]) * length
    return bytes(found)


class Hangs(BaseException):
    """The reader takes too long."""


def _hangs(*_: object) -> None:
    raise Hangs


@contextmanager
def watched() -> Iterator[None]:
    """Let a reader refuse, in its own words; let nothing else pass.

    Raises:
        AssertionError: it refused without saying anything, or in several lines.
        Hangs: it took too long.
        MemoryError: it took too much.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    most = pages * resource.getpagesize() + MOST_MORE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    handler = signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(HANGS_SECONDS)
    try:
        yield
    except CleanplateError as error:
        text = str(error)
        assert text.strip(), "nothing is said"
        assert "\n" not in text, text
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def places(values: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value in nested lists and tables."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in pairs:
        yield (*before, key)
        if isinstance(value, dict | list) and key != "label_digests":
            yield from places(value, (*before, key))


def put(values: Any, place: tuple[str | int, ...], value: object) -> None:
    """Put a value into nested lists and tables, where the place is still there."""
    try:
        for key in place[:-1]:
            values = values[key]
        values[place[-1]] = value
    except (LookupError, TypeError):
        pass  # an earlier change has taken the place away
