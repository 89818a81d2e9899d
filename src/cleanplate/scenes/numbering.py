"""Which frame a picture file belongs to: the last run of digits in its name. And which to take."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cleanplate.errors import DatasetError
from cleanplate.images import PICTURE_SUFFIXES

_LAST_DIGITS = re.compile(r"(\d+)\D*$")


def numbered_pictures(folder: Path, wanted: str, prefix: str = "") -> dict[int, Path]:
    """Find the pictures of a folder by frame number, in order.

    Args:
        folder: the folder to list, not its subfolders; hidden files are passed over.
        wanted: what should be there, for the message.
        prefix: only names that begin so are looked at.

    Raises:
        DatasetError: the folder is missing, holds none, or two files carry the same number.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.startswith(prefix))
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be opened ({error.strerror}); give a folder"
        ) from error
    found: dict[int, Path] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)
        digits = _LAST_DIGITS.search(stem)
        if name.startswith(".") or suffix.lower() not in PICTURE_SUFFIXES or digits is None:
            continue
        number = int(digits[1])
        if number in found:
            raise DatasetError(
                f"{folder}: {found[number].name} and {name} are both frame {number}; remove one"
            )
        found[number] = folder / name
    if not found:
        raise DatasetError(f"{folder}: no numbered pictures; put {wanted} there")
    return dict(sorted(found.items()))


def spread(numbers: Sequence[int], most: int) -> list[int]:
    """Choose at most ``most`` of the numbers, evenly spread, the first and the last among them."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, most)]
