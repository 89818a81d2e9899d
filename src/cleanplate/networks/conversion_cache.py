"""Models converted for another engine, kept so that the next start is quick.

Converting takes seconds and needs torch; what was converted is kept in the user's cache, readable
by its owner alone, for it holds a picture of the scene as the model does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import cleanplate
from cleanplate.files import write_bytes

log = logging.getLogger(__name__)

_OURS = re.compile(r"(openvino|onnx|int8).*-[0-9a-f]{32}")
_PART = ".part-"
_DIGESTS = "sha256.json"
DEAD_SECONDS = 3600.0
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


def open_converted(
    model: Path, engine: str, convert: Convert, open_folder: Open[Opened], anew: bool = False
) -> Opened:
    """Open a model converted for an engine, converting it if need be.

    Args:
        model: the model file; a changed file is another model.
        engine: the engine with its version, such as ``onnx-1.32``, part of the folder's name.
        convert: called once for a model; its errors are raised as they are.
        open_folder: opens what ``convert`` wrote; where it cannot, the model is converted again.
        anew: convert it in any case; what is there is replaced when that is done.
    """
    place = _place(model, engine)
    if place.is_dir() and not anew:
        try:
            _check_whole(place)
            opened = open_folder(place)
            with suppress(OSError):
                os.utime(place)  # what is used is kept
            return opened
        except Exception as error:  # whatever an engine thinks of a damaged file
            log.warning("%s: damaged (%s)", place, first_line(error))
            shutil.rmtree(place, ignore_errors=True)
    with _room_for(place) as part:
        name = engine.partition("-")[0]
        log.info("converting %s for %s, once; the next start is quick", model.name, name)
        convert(model, part)
        opened = open_folder(part)
        write_bytes(part / _DIGESTS, json.dumps(_digests(part)).encode())
        _take_place(part, place)
    return opened


def _digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, which is on the disk afterwards."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != _DIGESTS:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _check_whole(folder: Path) -> None:
    kept = json.loads((folder / _DIGESTS).read_text())
    changed = [name for name, digest in _digests(folder).items() if kept.get(name) != digest]
    if changed:
        raise ValueError(f"{changed[0]} has changed")


def has_converted(model: Path, engine: str) -> bool:
    """Return whether a model lies in the cache, converted for an engine."""
    return _place(model, engine).is_dir()


def first_line(error: BaseException) -> str:
    """Return in one line what a foreign library says of an error, but not where in its code."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith("Exception from")]
    return (said or [repr(error)])[0]


def _place(model: Path, engine: str) -> Path:
    digest = hashlib.sha256(model.read_bytes()).hexdigest()[:32]
    return cache_folder() / f"{engine}-{cleanplate.__version__}-{digest}"


@contextmanager
def _room_for(place: Path) -> Iterator[Path]:
    """Make a folder to convert into, beside its place if that can be; at the end it is gone."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_dead(place.parent)
        part = Path(tempfile.mkdtemp(dir=place.parent, prefix=_PART))
    except OSError as error:
        log.warning("%s: cannot be written (%s); nothing is kept", place.parent, error.strerror)
        part = Path(tempfile.mkdtemp(prefix="cleanplate-"))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove_dead(folder: Path) -> None:
    """Remove what killed conversions left; none that lives takes an hour."""
    for part in folder.glob(f"{_PART}*"):
        with suppress(OSError):  # another process may be at it too
            if time.time() - part.stat().st_mtime > DEAD_SECONDS:
                shutil.rmtree(part, ignore_errors=True)


def _take_place(part: Path, place: Path) -> None:
    if place.is_dir():  # converted anew
        with suppress(OSError):
            place.rename(part.with_name(f"{part.name}-old"))
    with suppress(OSError):  # another process was first, or there is no place
        part.rename(place)
    shutil.rmtree(part.with_name(f"{part.name}-old"), ignore_errors=True)
    with suppress(OSError):  # another process may be at it too
        ours = [path for path in place.parent.iterdir() if _OURS.fullmatch(path.name)]
        for old in sorted(ours, key=lambda folder: folder.stat().st_mtime)[:-MOST_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
