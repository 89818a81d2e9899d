"""Files that come in pieces, and what they may be called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from cleanplate.errors import ConfigError, OutputError
from cleanplate.files import make_folder
from cleanplate.scenes.unpacking import check_room
from cleanplate.studio.clips import VIDEO_SUFFIXES
from cleanplate.studio.project import Project

RESERVE_BYTES = 500_000_000
"""Of a disk are left free whatever is brought in."""
MOST_NAME = 80
MOST_UNFINISHED = 16


def safe_name(name: str, suffixes: frozenset[str] = VIDEO_SUFFIXES) -> str:
    """Return a plain file name: nothing that leads elsewhere, is hidden or cannot be read.

    Raises:
        ConfigError: it does not end as a video does.
    """
    last = re.split(r"[\\/]", name)[-1]
    path = Path(re.sub(r"[^\w .()+-]", "_", last).strip(" ."))
    if path.suffix.lower() not in suffixes:
        raise ConfigError(
            f"{name[:MOST_NAME]!r}: does not end as a video does; bring a file that ends in "
            ".mp4, .mov, .mkv, .avi or another video's ending"
        )
    return f"{path.stem[:MOST_NAME].strip(' .') or 'video'}{path.suffix.lower()}"


class Uploads:
    """Files that come in pieces, kept where they are until they are whole.

    Args:
        project: which they are for.
    """

    def __init__(self, project: Project) -> None:
        self._folder = project.hidden / "uploads"
        self._busy: set[Path] = set()
        self._lock = Lock()

    def part(self, name: str, size: int, modified: str = "") -> Path:
        """Return where a file grows; the same file goes on where it was.

        Args:
            name: the file's.
            size: how many bytes it has.
            modified: when it was last changed, as the browser says; tells two of a name apart.

        Raises:
            ConfigError: it is no video's name, or it has no size.
            OutputError: there is no room for it.
        """
        safe_name(name)
        if size < 1:
            raise ConfigError(f"{name[:MOST_NAME]!r}: is empty; choose another file")
        make_folder(self._folder)
        digest = hashlib.sha256(f"{name} {size} {modified}".encode()).hexdigest()[:24]
        path = self._folder / f"{digest}.part"
        self._forget_old(path)
        check_room(self._folder, size - self.received(path) + RESERVE_BYTES)
        return path

    def _forget_old(self, coming: Path) -> None:
        """Keep no more than so many unfinished files, the newest."""
        parts: dict[Path, float] = {}
        for path in self._folder.glob("*.part"):
            with suppress(FileNotFoundError):  # whole, or forgotten by another request, just now
                if path != coming:
                    parts[path] = path.stat().st_mtime
        for path in sorted(parts, key=parts.__getitem__)[: -MOST_UNFINISHED + 1]:
            if path not in self._busy:
                path.unlink(missing_ok=True)

    def received(self, path: Path) -> int:
        """Return how many bytes have come."""
        return path.stat().st_size if path.exists() else 0

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Keep a file for one request at a time.

        Raises:
            OutputError: another one writes to it.
        """
        with self._lock:
            if path in self._busy:
                raise OutputError("this file is being uploaded by another tab; wait for it")
            self._busy.add(path)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(path)
