"""CDNet 2014 fetched, checked and unpacked, and what of it is there."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cleanplate.errors import CleanplateError, ConfigError, DatasetError, OutputError
from cleanplate.files import make_folder, write_bytes
from cleanplate.scenes import cdnet
from cleanplate.scenes.fetching import fetch, origin_of
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.unpacking import unpack

CDNET_2014_URL = "http://jacarini.dinf.usherbrooke.ca/static/dataset/dataset2014.zip"
"""Where changedetection.net kept the whole data set. Unverified: no test asks it, and we know
neither whether it still answers nor the archive's SHA-256."""
ARCHIVE, UNPACKED = "dataset2014.zip", "cdnet2014"
"""The archive and the unpacked folder, in the folder that `download` is given."""
MARK = ".cleanplate-unpacked.json"
"""Lies in the unpacked folder and says where it came from."""
MOST_FOLDERS_ABOVE = 4
"""So deep below the folder that a person names, the categories are looked for."""
_HASHED_BYTES = 1 << 22


class Progress(NamedTuple):
    """How far a download is.

    Attributes:
        what: ``downloading``, ``checking`` or ``unpacking``.
        done_bytes: so much of it is done.
        total_bytes: of so much, or None where the server does not say.
    """

    what: str
    done_bytes: int
    total_bytes: int | None


@dataclass(frozen=True)
class Unpacked:
    """An archive that lies unpacked.

    Attributes:
        folder: where its files are.
        url: where the archive came from.
        sha256: the archive's checksum, 64 hexadecimal digits.
        archive_bytes: the archive's size.
    """

    folder: Path
    url: str
    sha256: str
    archive_bytes: int


def download(url: str, folder: Path, *, sha256: str | None = None) -> Iterator[Progress]:
    """Fetch an archive into ``folder`` and unpack it there; nothing happens until it is read.

    A transfer that breaks off goes on where it was, also in the next call. The archive stays beside
    the unpacked files; one that a person put there as `ARCHIVE` is taken instead of fetching it.
    What lies unpacked already is left alone. `unpacked` tells the checksum afterwards.

    Args:
        url: address of a zip archive, http or https.
        folder: made if missing; gets `ARCHIVE` and the folder `UNPACKED`.
        sha256: the archive's checksum in hexadecimal digits, or None to take what comes.

    Raises:
        ConfigError: the address or the checksum is none.
        DatasetError: the server or the archive cannot be used; a refused archive is kept aside.
        OutputError: the folder cannot be written or the disk is full.
    """
    wanted = (sha256 or "").strip().lower()
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", wanted):
        raise ConfigError(f"checksum {sha256!r} is none; give the 64 hexadecimal digits of SHA-256")
    make_folder(folder)
    if _is_unpacked(folder, url, wanted):
        return
    archive = folder / ARCHIVE
    if not archive.is_file() or origin_of(archive) not in (None, url):
        for count, total in fetch(url, archive):
            yield Progress("downloading", count, total)
    digest = yield from _sum(archive)
    if wanted and digest != wanted:
        raise DatasetError(
            f"{url}: the archive's SHA-256 is {digest}, not {wanted}; it is kept as "
            f"{_put_aside(archive)}, check the sum or give another address"
        )
    mark = {"url": url, "sha256": digest, "archive_bytes": archive.stat().st_size}
    try:
        for written, announced in unpack(archive, folder / UNPACKED, lambda it: _seal(it, mark)):
            yield Progress("unpacking", written, announced)
    except DatasetError as error:
        raise DatasetError(f"{error} (from {url}, kept as {_put_aside(archive)})") from error


def _is_unpacked(folder: Path, url: str, wanted: str) -> bool:
    """Say whether the work is done already.

    Raises:
        OutputError: the place is taken by something else.
    """
    home, there = folder / UNPACKED, unpacked(folder)
    if there is None:
        if home.exists():
            raise OutputError(f"{home}: exists, but no download made it; choose another folder")
        return False
    if there.url != url or wanted not in ("", there.sha256):
        raise OutputError(
            f"{home}: holds the archive of {there.url} with SHA-256 {there.sha256} already; choose "
            "another folder or remove it"
        )
    return True


def unpacked(folder: Path) -> Unpacked | None:
    """Return what `download` has put into a folder, or None where it has not finished."""
    home = folder / UNPACKED
    try:
        return Unpacked(home, **json.loads((home / MARK).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _seal(folder: Path, mark: dict[str, Any]) -> None:
    write_bytes(folder / MARK, json.dumps(mark, indent=1).encode())


def _sum(archive: Path) -> Generator[Progress, None, str]:
    """Return a file's SHA-256 in hexadecimal digits."""
    digest, done = hashlib.sha256(), 0
    try:
        total = archive.stat().st_size
        with archive.open("rb") as file:
            while block := file.read(_HASHED_BYTES):
                digest.update(block)
                done += len(block)
                yield Progress("checking", done, total)
    except OSError as error:
        raise DatasetError(
            f"{archive}: cannot be read ({error.strerror}); check the file"
        ) from error
    return digest.hexdigest()


def _put_aside(archive: Path) -> Path:
    """Rename a refused archive, so that the next call fetches anew; returns where it is now."""
    aside = archive.with_name(f"{archive.name}.refused")
    try:
        archive.replace(aside)
    except OSError:  # the refusal itself matters more
        return archive
    return aside


@dataclass(frozen=True)
class Inventory:
    """Which of CDNet's 53 videos are there, each named ``category/video``.

    Attributes:
        dataset: the folder that holds the categories, or None where no category was found.
        complete: videos whose frames run from 1 to the last that is scored.
        incomplete: what is wrong with each video that is there but not complete.
        missing: videos that are not there.
    """

    dataset: Path | None
    complete: tuple[str, ...]
    incomplete: dict[str, str]
    missing: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return not self.incomplete and not self.missing

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "dataset": None if self.dataset is None else str(self.dataset),
            "complete": list(self.complete),
            "incomplete": self.incomplete,
            "missing": list(self.missing),
        }


def verify(folder: Path) -> Inventory:
    """Look for CDNet's 53 videos in a folder, wherever in it the categories lie.

    A video is complete when the pictures in ``input`` run without a gap from 1 to the last number
    of its ``temporalROI.txt``. Pictures are counted, not opened.
    """
    dataset = _find_categories(folder)
    complete, incomplete, missing = [], {}, []
    for category, videos in cdnet.VIDEOS.items():
        for video in videos:
            name = f"{category}/{video}"
            if dataset is None or not (dataset / category / video).is_dir():
                missing.append(name)
            elif fault := _fault(dataset / category / video):
                incomplete[name] = fault
            else:
                complete.append(name)
    return Inventory(dataset, tuple(complete), incomplete, tuple(missing))


def _find_categories(folder: Path) -> Path | None:
    """Return the folder that holds most videos; CDNet's archive has empty ``results`` as well."""
    found: dict[Path, int] = {}
    for place, names, _ in os.walk(folder):
        here = Path(place)
        categories = [name for name in names if name in cdnet.VIDEOS]
        if categories:
            inputs = [
                (here / category / video / cdnet.INPUT).is_dir()
                for category in categories
                for video in cdnet.VIDEOS[category]
            ]
            found[here] = 1 + sum(inputs)
        is_deep = len(here.relative_to(folder).parts) >= MOST_FOLDERS_ABOVE
        names[:] = [] if is_deep else sorted(set(names).difference(categories))
    return max(found, key=lambda place: found[place], default=None)


def _fault(video: Path) -> str:
    """Return what is wrong with a video's folder, or the empty string."""
    try:
        _, last = cdnet.read_temporal_region(video / cdnet.TEMPORAL_ROI)
        there = numbered_pictures(video / cdnet.INPUT, "frames such as in000001.jpg")
    except CleanplateError as error:
        return str(error)
    gap = next(number for number in itertools.count(1) if number not in there)
    if gap > last:
        return ""
    absent = last - sum(1 <= number <= last for number in there)
    return f"frame {gap} is missing, one of {absent} missing of {last}"
