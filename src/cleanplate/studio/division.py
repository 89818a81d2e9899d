"""Which labels train and which are held back for the figures; kept, so that figures stay honest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cleanplate.errors import ConfigError
from cleanplate.files import write_bytes

TRAINING_LIST, HELD_BACK_LIST = "training.txt", "held_back.txt"
"""In the project's folder, one number a line; the first is what ``--split list:FILE`` takes."""
ONE_OF = 4
"""Every so-many-th label is held back."""


class Division(NamedTuple):
    """The labels of a project in two.

    Attributes:
        training: numbers of the frames whose labels train, ascending.
        held_back: those that never do.
    """

    training: tuple[int, ...]
    held_back: tuple[int, ...]


def read_list(path: Path) -> set[int]:
    """Read numbers of frames; a file that is missing holds none.

    Raises:
        ConfigError: it holds something else.
    """
    try:
        return {int(word) for word in path.read_text(encoding="utf-8").split()}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; write one frame number a line") from error


def held_back(folder: Path) -> set[int]:
    """Return the numbers of the frames that were held back when the last model was trained."""
    return read_list(folder / HELD_BACK_LIST)


def divide(folder: Path, labelled: Iterable[int]) -> Division:
    """Divide the labels anew and write both lists.

    A label that was held back stays so, and one that ever trained is never held back: a model may
    begin with another's weights. Of the new ones some are held back, evenly spread in time, until
    every fourth label is.

    Args:
        folder: the project's.
        labelled: numbers of the frames that have a label.
    """
    numbers = sorted(labelled)
    trained = read_list(folder / TRAINING_LIST)
    kept = held_back(folder) - trained
    held = {number for number in numbers if number in kept}
    free = [number for number in numbers if number not in held and number not in trained]
    wanted = min(len(free), max(0, len(numbers) // ONE_OF - len(held)))
    held |= {free[(2 * part + 1) * len(free) // (2 * wanted)] for part in range(wanted)}
    training = tuple(number for number in numbers if number not in held)
    write_bytes(folder / TRAINING_LIST, _lines(trained.union(training)))
    write_bytes(folder / HELD_BACK_LIST, _lines(kept.union(held)))
    return Division(training, tuple(sorted(held)))


def _lines(numbers: Iterable[int]) -> bytes:
    return "".join(f"{number}\n" for number in sorted(numbers)).encode()
