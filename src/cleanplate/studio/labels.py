"""Labels as they are painted: whole files, and never one over another that was made elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from threading import RLock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import CleanplateError, DatasetError
from cleanplate.files import explained, make_folder, sync_folder
from cleanplate.images import decode_grey, encode_png
from cleanplate.picture_headers import declared_size
from cleanplate.scenes import cdnet
from cleanplate.scenes.project_file import LABEL_NAME, label_files
from cleanplate.studio.project import Project

Codes = NDArray[np.uint8]
"""CDNet's label codes ``(H, W)``."""
PNG = b"\x89PNG\r\n\x1a\n"
SPARE_BYTES = 64 << 10
NEW = "*"
"""In the place of a revision: there must be no label yet."""


class ChangedElsewhereError(CleanplateError):
    """A label is not the one that was meant to be replaced.

    Args:
        number: the frame's.
        revision: of what is there now; None where there is nothing.
    """

    def __init__(self, number: int, revision: str | None) -> None:
        there = "was deleted" if revision is None else "was changed"
        super().__init__(
            f"the label of frame {number} {there} elsewhere meanwhile; look at what is there now, "
            "then save again"
        )
        self.revision = revision


class Label(NamedTuple):
    """One label as it lies on disk.

    Attributes:
        data: as a PNG.
        revision: a digest of the file.
    """

    data: bytes
    revision: str


class Labels:
    """The label pictures of a project.

    Args:
        project: whose they are.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = RLock()
        self._revisions: dict[Path, tuple[tuple[int, int, int], str]] = {}
        for left in (project.folder / cdnet.GROUNDTRUTH).glob(".*.part"):  # by a kill
            left.unlink(missing_ok=True)

    @property
    def most_bytes(self) -> int:
        """How large a label's PNG may be, compressed badly and with the marks of its maker.

        Raises:
            VideoError: there are no frames yet.
        """
        height, width = self._project.frames.size
        return 2 * height * width + SPARE_BYTES

    def files(self) -> dict[int, Path]:
        """Return the label files by frame number.

        Raises:
            DatasetError: see `label_files`.
        """
        return label_files(self._project.folder)

    def revisions(self) -> dict[int, str]:
        """Return the revision of each label, ascending by number."""
        found = {}
        for number, path in self.files().items():
            with contextlib.suppress(OSError):  # deleted just now
                found[number] = self._revision(path)
        return found

    def _revision(self, path: Path) -> str:
        """Return a file's revision; read again only when the file has changed."""
        about = path.stat()
        mark = (about.st_mtime_ns, about.st_size, about.st_ino)
        kept = self._revisions.get(path)
        if kept is None or kept[0] != mark:
            kept = mark, _digest(path.read_bytes())
            self._revisions[path] = kept
        return kept[1]

    def read(self, number: int) -> Label | None:
        """Return a frame's label as a PNG, or None where there is none.

        Raises:
            CleanplateError: its file is no picture, or cannot be read.
        """
        path = self.files().get(number)
        data = None if path is None else _read(path)
        if path is None or data is None:
            return None
        shown = data if data.startswith(PNG) else encode_png(decode_grey(data, str(path)))
        return Label(shown, _digest(data))

    def write(self, number: int, data: bytes, expected: str) -> str:
        """Write a frame's label; returns its revision once it is safe on disk.

        Args:
            number: the frame's.
            data: a PNG of CDNet's codes at the frame's size.
            expected: the revision that it replaces, or `NEW`.

        Raises:
            ChangedElsewhereError: another revision is there.
            DatasetError: it is no such picture.
            OutputError: it cannot be written.
        """
        codes = self.check(number, data)
        return self.write_codes(number, codes, expected)

    def write_codes(self, number: int, codes: Codes, expected: str) -> str:
        """Write codes that were checked (see `write`)."""
        data = encode_png(codes)
        self._expect(number, expected)
        folder = self._path(number).parent
        make_folder(folder)
        self._project.save()
        part = folder / f".{LABEL_NAME.format(number)}.{secrets.token_hex(8)}.part"
        try:
            with explained(part), part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with self._lock:
                self._expect(number, expected)  # once more: that took its time
                self._replace(number, part)
        finally:
            part.unlink(missing_ok=True)
        return _digest(data)

    def _replace(self, number: int, part: Path) -> None:
        """Put a file in a label's place; one of another kind, which is not exact, goes."""
        old = self.files().get(number)
        path = self._path(number) if old is None else old.with_suffix(".png")
        if old is not None and old.suffix.lower() == ".png":
            path = old
        with explained(path):
            part.replace(path)
            if old is not None and old != path:
                old.unlink(missing_ok=True)
            sync_folder(path.parent)

    def delete(self, number: int, expected: str) -> None:
        """Delete a frame's label (see `write`)."""
        with self._lock:
            self._expect(number, expected)
            path = self.files().get(number)
            if path is not None:
                with explained(path):
                    path.unlink()
                    sync_folder(path.parent)

    def _expect(self, number: int, expected: str) -> None:
        path = self.files().get(number)
        data = None if path is None else _read(path)
        revision = None if data is None else _digest(data)
        if revision != (None if expected == NEW else expected):
            raise ChangedElsewhereError(number, revision)

    def _path(self, number: int) -> Path:
        return self._project.folder / cdnet.GROUNDTRUTH / LABEL_NAME.format(number)

    def check(self, number: int, data: bytes) -> Codes:
        """Decode a label picture for a frame of this project.

        Raises:
            DatasetError: it is no picture, of another size, or holds other values than CDNet's.
            NoFrameError: there is no such frame.
        """
        where, frames = f"label of frame {number}", self._project.frames
        if number not in frames:
            raise DatasetError(f"{where}: there is no such frame in {self._project.name}")
        codes = decode_codes(data, where, frames.size)
        cdnet.decode_labels(codes, where)
        return codes


def _read(path: Path) -> bytes | None:
    """Return a file's bytes, or None where it is gone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); check the file") from error


def decode_codes(data: bytes, where: str, size: tuple[int, int]) -> Codes:
    """Decode a PNG of a size that is told before its pixels are.

    Raises:
        DatasetError: it is none, or of another size.
    """
    announced = declared_size(memoryview(data)) if data.startswith(PNG) else None
    if announced != size:
        found = "is no PNG" if announced is None else f"is {announced[1]}x{announced[0]}"
        raise DatasetError(
            f"{where}: {found}; give a PNG of {size[1]}x{size[0]}, as the frames are"
        )
    return decode_grey(data, where)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
