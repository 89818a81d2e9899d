"""Zip archives of strangers: plain files and folders only, nothing outside, nothing without end."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cleanplate.errors import DatasetError, OutputError
from cleanplate.files import make_folder

BLOCK_BYTES = 1 << 18
MOST_FOLDERS = 32
"""How deep an entry may lie."""

_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags: by password, strongly, the directory as well
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others are unpacked without a bound
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold; CDNet 2014 stays far below.

    Attributes:
        entries: files and folders.
        directory_bytes: size of its list of contents, which is read into memory.
        unpacked_bytes: of all files together.
        ratio: unpacked bytes for each byte of the archive.
        free_bytes: what may be unpacked whatever the ratio.
    """

    entries: int = 1_000_000
    directory_bytes: int = 128_000_000
    unpacked_bytes: int = 200_000_000_000
    ratio: int = 50
    free_bytes: int = 16_000_000

    def most_bytes(self, archive_bytes: int) -> int:
        """Return how many bytes may come out of an archive of so many."""
        return min(self.unpacked_bytes, max(self.free_bytes, self.ratio * archive_bytes))


LIMITS = Limits()


def open_archive(path: Path, limits: Limits = LIMITS) -> zipfile.ZipFile:
    """Open a zip archive; the caller closes it.

    Raises:
        DatasetError: it cannot be read, is no complete zip or holds too many entries.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(16)
            directory_bytes = _directory_bytes(file)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if directory_bytes > limits.directory_bytes:
        raise DatasetError(
            f"{path}: its list of contents has {directory_bytes} bytes, over the limit of "
            f"{limits.directory_bytes}; use another archive"
        )
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise DatasetError(
            f"{path}: not a complete zip ({error}; {path.stat().st_size} bytes that begin with "
            f"{beginning!r}); get it again"
        ) from error
    if len(archive.infolist()) > limits.entries:
        archive.close()
        raise DatasetError(
            f"{path}: holds {len(archive.infolist())} entries, over the limit of {limits.entries}; "
            "use another archive"
        )
    if not all(info.filename for info in archive.infolist()):
        archive.close()
        raise DatasetError(f"{path}: holds a file without a name; get it again")
    return archive


def _directory_bytes(file: BinaryIO) -> int:
    """Return the announced size of the list of contents, before anything parses it."""
    file.seek(max(0, file.seek(0, 2) - (1 << 17)))
    tail = file.read()
    sizes = [0]
    for mark, where, kind in ((b"PK\5\6", 12, "<L"), (b"PK\6\6", 40, "<Q")):
        for found in re.finditer(re.escape(mark), tail):
            field = tail[found.start() + where :][: struct.calcsize(kind)]
            if len(field) == struct.calcsize(kind):
                sizes.append(*struct.unpack(kind, field))
    return max(size for size in sizes if size != 0xFFFFFFFF)  # which means: see the larger field


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most_bytes: int) -> bytes:
    """Read one file of an archive into memory.

    Raises:
        DatasetError: it is damaged, encrypted or larger than ``most_bytes``.
    """
    _check_entry(archive, info)
    if info.file_size > most_bytes:
        raise DatasetError(
            f"{_where(archive, info)}: has {info.file_size} bytes, over the limit of {most_bytes}; "
            "use another archive"
        )
    return b"".join(_blocks(archive, info))  # never more than announced: see _blocks


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a file's bytes; `zipfile` stops at the announced size and compares the checksum."""
    count = 0
    try:
        with archive.open(info) as file:
            while block := file.read(BLOCK_BYTES):
                count += len(block)
                yield block
    except _DAMAGE as error:
        raise DatasetError(
            f"{_where(archive, info)}: damaged ({error}); get the archive again"
        ) from error
    if count != info.file_size:
        raise DatasetError(
            f"{_where(archive, info)}: holds {count} bytes but announces {info.file_size}; get the "
            "archive again"
        )


def _where(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    return f"{archive.filename}: entry {info.filename[:200]!r}"


def _check_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    parts = info.filename.rstrip("/").split("/")
    if {"", ".", ".."}.intersection(parts) or re.search(r"[\\:\x00-\x1f]", info.filename):
        fault = "has no plain path inside the archive"
    elif len(parts) > MOST_FOLDERS:
        fault = f"lies in more than {MOST_FOLDERS} folders"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "is a link or a device, neither file nor folder"
    elif info.flag_bits & _ENCRYPTED:
        fault = "is encrypted"
    elif info.compress_type not in _METHODS:
        fault = f"is packed by method {info.compress_type}, neither stored nor deflated"
    else:
        return
    raise DatasetError(f"{_where(archive, info)}: {fault}; use another archive")


def unpack(
    path: Path, folder: Path, seal: Callable[[Path], None], limits: Limits = LIMITS
) -> Iterator[tuple[int, int]]:
    """Unpack an archive into a new folder; yields the bytes written and those announced.

    All is written beside the folder's place and renamed at the end, so that the folder is there
    whole or not at all. Folders that hold nothing but one other are left out at the top.

    Args:
        path: the zip archive.
        folder: what the unpacked folder is called; it must not exist.
        seal: called with the complete folder before it gets its name, to leave a mark there.
        limits: how much may come out.

    Raises:
        DatasetError: the archive is damaged, encrypted, too large or would write elsewhere.
        OutputError: the folder cannot be written, or the disk is full.
    """
    part = folder.with_name(f".{folder.name}.part")
    with open_archive(path, limits) as archive:
        most_bytes = limits.most_bytes(path.stat().st_size)
        for info in archive.infolist():
            _check_entry(archive, info)
        announced = sum(info.file_size for info in archive.infolist())
        _check_amount(path, announced, most_bytes)
        check_room(folder.parent, announced)
        remove_folder(part)
        make_folder(part)
        try:
            written = 0
            for info in archive.infolist():
                for count in _write_entry(archive, info, part):
                    written += count
                    _check_amount(path, written, most_bytes)
                    yield written, announced
            heart = _heart(part)
            seal(heart)
            _rename(heart, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _check_amount(path: Path, count: int, most: int) -> None:
    if count > most:
        raise DatasetError(
            f"{path}: unpacks to {count} bytes or more, over the limit of {most} for an archive of "
            "its size; use another archive"
        )


def _write_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, root: Path) -> Iterator[int]:
    """Write one entry; yields the bytes of each block written."""
    path = root / info.filename
    make_folder(path if info.is_dir() else path.parent)
    if info.is_dir():
        return
    try:
        with path.open("xb") as file:
            for block in _blocks(archive, info):
                file.write(block)
                yield len(block)
    except FileExistsError as error:
        raise DatasetError(
            f"{_where(archive, info)}: is there twice; use another archive"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another place, "
            "then repeat the command"
        ) from error


def _heart(folder: Path) -> Path:
    """Return the first folder that holds more than one other folder."""
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


def _rename(part: Path, folder: Path) -> None:
    try:
        part.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be put in its place ({error.strerror}); choose another folder"
        ) from error


def remove_folder(folder: Path) -> None:
    """Remove what an unpacking that was broken off left behind.

    Raises:
        OutputError: it cannot be removed.
    """
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be removed ({error.strerror}); remove it by hand"
        ) from error


def check_room(folder: Path, wanted_bytes: int) -> None:
    """Refuse a folder whose disk has no room, before any work is done.

    Raises:
        OutputError: says how much is needed and how much is free.
    """
    free_bytes = shutil.disk_usage(folder).free
    if wanted_bytes > free_bytes:
        raise OutputError(
            f"{folder}: {wanted_bytes / 1e9:.1f} GB are needed but {free_bytes / 1e9:.1f} GB are "
            "free; make room or choose another place"
        )
