"""Bringing videos in: uploaded, from this machine, recorded, or drawn."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

import numpy as np

from cleanplate.errors import ConfigError, OutputError, VideoError
from cleanplate.files import explained, make_folder
from cleanplate.images import write_picture
from cleanplate.scenes import cdnet
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.project_file import CLIPS, LABEL_NAME
from cleanplate.scenes.stream import arrivals, redacted, stream_name
from cleanplate.scenes.synthetic import draw
from cleanplate.scenes.unpacking import check_room
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.studio.clips import Clip
from cleanplate.studio.project import Project
from cleanplate.studio.uploads import MOST_NAME, RESERVE_BYTES, safe_name

MOST_SECONDS = 3600.0
EXAMPLE_FRAMES, EXAMPLE_SIZE, EXAMPLE_CHALLENGE = 240, (240, 320), "baseline"
EXAMPLE_TRUTHS = 2
STREAM_KINDS = ("rtsp", "rtsps", "http", "https")
_CAMERA, _NUMBER = re.compile(r"/dev/video\d{1,3}"), re.compile(r"[0-9]{1,3}")
CLOSING_SECONDS = 5.0
ENDING = "the studio is ending; start it again and bring the video once more"

Told = Callable[[float], None]
"""Is told the share that is done, 0 to 1."""


class RecordingError(ConfigError):
    """A recording is running already."""


class Bringing:
    """Takes videos into a project, one at a time; what fails leaves nothing behind.

    Args:
        project: which takes them.
        told: is called while a video is read.
    """

    def __init__(self, project: Project, told: Callable[[], None]) -> None:
        self._project, self._told = project, told
        self._lock = Lock()
        self._recording = Lock()
        self._stopped = self._ending = self._closed = False
        for left in (project.folder / CLIPS).glob(".*.part*"):  # by a kill
            _remove(left)

    @property
    def truths(self) -> Path:
        """The folder of the example's true labels."""
        return self._project.hidden / "truth"

    def add(self, name: str, put: Callable[[Path], None]) -> Clip:
        """Take a video in under a free name.

        Args:
            name: as it should be called.
            put: called with the place where it is to put it.

        Raises:
            CleanplateError: it cannot be put there, or is no video of this camera.
        """
        self._project.check_growing()
        if self._ending:
            raise OutputError(ENDING)
        folder = self._project.folder / CLIPS
        make_folder(folder)
        part = folder / f".{secrets.token_hex(8)}.part{Path(name).suffix}"
        try:
            put(part)  # which may take an hour; meanwhile others are taken in
            with self._lock:
                return self._take(name, part)
        finally:
            _remove(part)

    def _take(self, name: str, part: Path) -> Clip:
        """Give what was brought its name and make it a clip."""
        if self._closed:
            raise OutputError(ENDING)
        path = _free(part.with_name(name))
        with explained(path):
            part.rename(path)
        try:
            return self._project.add_clip(f"{CLIPS}/{path.name}", self._told)
        except BaseException:
            _remove(path)
            raise

    def close(self) -> None:
        """Take in nothing more: a copy is given up, what was recorded until now is kept."""
        self._ending = True
        for lock in (self._recording, self._lock):
            if lock.acquire(timeout=CLOSING_SECONDS):
                lock.release()
        self._closed = True

    def _heard(self, told: Told) -> Told:
        """Return what tells of a share, and gives up when the studio ends."""

        def heard(share: float) -> None:
            if self._ending:
                raise OutputError(ENDING)
            told(share)

        return heard

    def copy(self, source: Path, told: Told) -> Clip:
        """Take in a video file or a folder of pictures of this machine; linked where it can be.

        Raises:
            CleanplateError: it is neither, or the disk is full.
        """
        told = self._heard(told)
        if source.is_dir():
            pictures = numbered_pictures(source, "pictures such as in000001.jpg")
            return self.add(
                _plain(source.name), lambda to: _link_pictures([*pictures.values()], to, told)
            )
        if not source.is_file():
            raise VideoError(f"{source}: no such file; choose another")
        return self.add(safe_name(source.name), lambda to: _link(source, to, told))

    def record(self, address: str, seconds: float, told: Told) -> Clip:
        """Record from a camera or a stream.

        Args:
            address: ``rtsp://``, ``http://``, ``/dev/videoN`` or N alone.
            seconds: how long, at most an hour; less where the stream ends before.
            told: see `Told`.

        Raises:
            ConfigError: the address is another kind.
            RecordingError: a recording is running.
            VideoError: nothing comes.
        """
        address = address.strip()
        if _NUMBER.fullmatch(address):
            address = f"/dev/video{int(address)}"
        if urlsplit(address).scheme not in STREAM_KINDS and not _CAMERA.fullmatch(address):
            raise ConfigError(
                f"{redacted(address)[:200]!r}: not an address to record from; give rtsp://, "
                "http://, https:// or /dev/video0"
            )
        if not 0 < seconds <= MOST_SECONDS:
            raise ConfigError(f"cannot record {seconds:g} seconds; give 1 to {MOST_SECONDS:g}")
        if not self._recording.acquire(blocking=False):
            raise RecordingError("a recording is running already; wait for it or stop it")
        try:
            self._stopped = False
            moment = time.strftime("%Y-%m-%d %H.%M.%S")
            name = safe_name(f"{stream_name(address)} {moment}.mp4")
            return self.add(name, lambda to: self._write_stream(address, seconds, to, told))
        finally:
            self._recording.release()

    def stop_recording(self) -> None:
        """End a running recording; what came until then is kept."""
        self._stopped = True

    def _write_stream(self, address: str, seconds: float, path: Path, told: Told) -> None:
        end, count = time.monotonic() + seconds, 0
        with VideoWriter(path, 25, timed=True) as writer, closing(arrivals(address)) as frames:
            try:
                for frame, at in frames:
                    left = end - time.monotonic()
                    if left <= 0 or self._stopped or self._ending:
                        break
                    writer.write(frame, at)
                    count += 1
                    told(min(1.0, 1 - left / seconds))
            except VideoError:
                if not count:  # what came before it broke off is kept
                    raise
        if not count:
            raise VideoError(f"{redacted(address)}: brought no picture; check the camera")

    def draw_example(self, told: Told) -> Clip:
        """Draw a street, with the true labels of two frames to begin with.

        Raises:
            CleanplateError: it cannot be written.
        """
        codes: dict[int, np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = {}

        heard = self._heard(told)

        def put(path: Path) -> None:
            moments = draw(EXAMPLE_CHALLENGE, frames=EXAMPLE_FRAMES, size=EXAMPLE_SIZE)
            with VideoWriter(path, 25) as writer:
                for number, moment in enumerate(moments, start=1):
                    writer.write(moment.frame)
                    codes[number] = moment.codes
                    heard(number / EXAMPLE_FRAMES)

        clip = self.add("example.mp4", put)
        make_folder(self.truths)
        half = EXAMPLE_FRAMES // EXAMPLE_TRUTHS
        for part in range(EXAMPLE_TRUTHS):  # the fullest frame of each half
            numbers = range(part * half + 1, (part + 1) * half + 1)
            best = max(numbers, key=lambda n: int(np.count_nonzero(codes[n] == cdnet.MOVING)))
            name = LABEL_NAME.format(clip.first + best - 1)
            write_picture(self.truths / name, codes[best])
        return clip


def _plain(name: str) -> str:
    return re.sub(r"[^\w .()+-]", "_", name).strip(" .")[:MOST_NAME] or "pictures"


def _free(path: Path) -> Path:
    """Return the path, or one beside it that is not taken."""
    found, count = path, 1
    while found.exists():
        count += 1
        found = path.with_stem(f"{path.stem}-{count}")
    return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link(source: Path, to: Path, told: Told) -> None:
    """Link a file, or copy it where that cannot be done."""
    try:
        os.link(source.resolve(), to)
        return
    except OSError:
        pass
    whole, done = max(1, source.stat().st_size), 0
    check_room(to.parent, whole + RESERVE_BYTES)
    part = to.with_name(f".{to.name}.part")
    try:
        with explained(to), source.open("rb") as read, part.open("wb") as write:
            while block := read.read(1 << 22):
                write.write(block)
                done += len(block)
                told(done / whole)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _link_pictures(pictures: list[Path], to: Path, told: Told) -> None:
    make_folder(to)
    for done, picture in enumerate(pictures, start=1):
        _link(picture, to / picture.name, lambda _: None)
        told(done / len(pictures))
