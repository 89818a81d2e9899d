"""The videos of a project: how they are called, how long they are, whether they are the same."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cleanplate.scenes import cdnet
from cleanplate.scenes.project_file import CLIPS, ProjectFile, open_clip
from cleanplate.scenes.video import FrameSource

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"}
    | {".wmv", ".flv", ".ogv", ".3gp", ".mjpeg"}
)


@dataclass(frozen=True)
class Clip:
    """One video of a project.

    Attributes:
        name: its file's name.
        first: number of its first frame in the project.
        count: how many frames it has.
        seconds: how long it plays.
    """

    name: str
    first: int
    count: int
    seconds: float


def found_clips(folder: Path) -> tuple[str, ...]:
    """Return the videos that lie in a folder that is no project yet, as paths inside it."""
    found: list[str] = []
    for place in (folder, folder / CLIPS):
        names = sorted(place.iterdir()) if place.is_dir() else []
        found += [path.relative_to(folder).as_posix() for path in names if _is_clip(path)]
    return tuple(found)


def _is_clip(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "."


def described(folder: Path, project: ProjectFile, frames: FrameSource | None) -> tuple[Clip, ...]:
    """Describe the clips that a project's frames come from."""
    if frames is None:
        return ()
    rate = frames.rate_fps
    if not project.videos:
        numbers = frames.numbers
        return (Clip(cdnet.INPUT, numbers[0], len(numbers), len(numbers) / rate),)
    found, first = [], 1
    for video in project.videos:
        source = open_clip(folder, video)
        count = len(source.numbers)
        found.append(Clip(Path(video).name, first, count, count / source.rate_fps))
        first += count
    return tuple(found)


def identity(folder: Path, project: ProjectFile) -> str:
    """Return a digest of which videos these are; of one that was replaced, another."""
    words = [str(folder), project.name]
    for video in project.videos or (cdnet.INPUT,):
        words.append(video)
        with suppress(OSError):
            about = (folder / video).stat()
            words.append(f"{about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
