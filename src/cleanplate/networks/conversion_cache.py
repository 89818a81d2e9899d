"""Models converted for another engine, kept so that the next start is quick.

Converting takes seconds and needs torch; what was converted is kept in the user's cache, readable
by its owner alone, for it holds a picture of the scene as the model does.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import cleanplate

log = logging.getLogger(__name__)

_OURS = re.compile(r"(openvino|onnx).*-[0-9a-f]{32}")
MOST_KEPT = 30
"""Of converted models; the oldest go first."""
Opened = TypeVar("Opened")
Convert = Callable[[Path, Path], None]
"""Reads a model file and writes what an engine needs into a folder."""
Open = Callable[[Path], Opened]


def cache_folder() -> Path:
    """Return where converted models lie: below ``CLEANPLATE_CACHE`` or the user's cache folder."""
    named = os.environ.get("CLEANPLATE_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(named) if named else Path(home) / "cleanplate") / "converted"


def open_converted(model: Path, engine: str, convert: Convert, open_folder: Open[Opened]) -> Opened:
    """Open a model converted for an engine, converting it if need be.

    Args:
        model: the model file; a changed file is another model.
        engine: the engine with its version, part of the folder's name.
        convert: called once for a model; its errors are raised as they are.
        open_folder: opens what ``convert`` wrote; where it cannot, the model is converted again.
    """
    place = _place(model, engine)
    if place.is_dir():
        try:
            opened = open_folder(place)
            with suppress(OSError):
                os.utime(place)  # what is used is kept
            return opened
        except Exception as error:  # whatever an engine thinks of a damaged file
            log.warning("%s: damaged (%s); converted again", place, first_line(error))
            shutil.rmtree(place, ignore_errors=True)
    with _room_for(place) as part:
        name = engine.rstrip("0123456789.")
        log.info("converting %s for %s, once; the next start is quick", model.name, name)
        convert(model, part)
        opened = open_folder(part)
        _take_place(part, place)
    return opened


def is_converted(model: Path, engine: str) -> bool:
    """Say whether a converted model is kept (see `open_converted`)."""
    return _place(model, engine).is_dir()


def first_line(error: BaseException) -> str:
    """Return what a foreign library says of an error, in one line."""
    return (str(error).splitlines() or [repr(error)])[0]


def _place(model: Path, engine: str) -> Path:
    digest = hashlib.sha256(model.read_bytes()).hexdigest()[:32]
    return cache_folder() / f"{engine}-{cleanplate.__version__}-{digest}"


@contextmanager
def _room_for(place: Path) -> Iterator[Path]:
    """Make a folder to convert into, beside its place if that can be; at the end it is gone."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=place.parent, prefix=".part-"))
    except OSError as error:
        log.warning("%s: cannot be written (%s); nothing is kept", place.parent, error.strerror)
        part = Path(tempfile.mkdtemp(prefix="cleanplate-"))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _take_place(part: Path, place: Path) -> None:
    with suppress(OSError):  # another process was first, or there is no place
        part.rename(place)
    with suppress(OSError):  # another process may be at it too
        ours = [path for path in place.parent.iterdir() if _OURS.fullmatch(path.name)]
        for old in sorted(ours, key=lambda folder: folder.stat().st_mtime)[:-MOST_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
