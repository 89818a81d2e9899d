"""Exact frames of a project as JPEG, quickly, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock, Thread

import cv2
import numpy as np

from cleanplate.errors import CleanplateError, VideoError
from cleanplate.images import Frame, fitting_size, resize_frame
from cleanplate.scenes.video import FrameSource
from cleanplate.studio.candidates import key_numbers
from cleanplate.studio.project import Project

JPEG_QUALITY, THUMBNAIL_QUALITY = 90, 75
THUMBNAIL_PIXELS = 160 * 120
REMEMBERED_PIXELS = 16 * 1920 * 1080
"""So many pixels of decoded frames are kept for stepping back; one takes a byte and a half."""
MOST_REMEMBERED = 96
CACHE_BYTES, THUMBNAIL_BYTES = 32_000_000, 8_000_000
FEW, BEHIND = 8, 24
"""Who goes back by so few frames at once goes on so; so many before are decoded beforehand."""


class Cache:
    """Bytes by key, of which the least recently used go when there are too many.

    Args:
        most_bytes: how many are kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._size = most_bytes, 0
        self._lock = Lock()
        self._kept: OrderedDict[object, bytes] = OrderedDict()

    def find(self, key: object) -> bytes | None:
        """Return what is kept under a key, or None."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: object, data: bytes) -> bytes:
        """Keep some bytes and return them."""
        with self._lock:
            self._size += len(data) - len(self._kept.pop(key, b""))
            self._kept[key] = data
            while self._size > self._most and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return data


class Frames:
    """A project's frames for people to look at.

    Args:
        project: whose videos they are.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._exact = _Reader(project, steps_back=True)
        self._small = _Reader(project, steps_back=False)  # thumbnails never make a step wait
        self._behind = _Reader(project, steps_back=False)
        self._last, self._fetching = 0, Lock()
        self._pictures, self._thumbnails = Cache(CACHE_BYTES), Cache(THUMBNAIL_BYTES)

    def picture(self, number: int) -> bytes:
        """Return a frame as JPEG.

        Raises:
            NoFrameError: there is no such frame.
            VideoError: it cannot be decoded.
        """
        steps_back, self._last = 0 < self._last - number <= FEW, number
        key = (self._project.identity, number)
        found = self._pictures.find(key)
        if found is None:
            found = self._pictures.keep(key, jpeg(self._exact.read(number), JPEG_QUALITY))
        missing = steps_back and self._pictures.find((key[0], number - FEW)) is None
        if missing and self._fetching.acquire(blocking=False):
            Thread(target=self._fetch_behind, args=(number,), daemon=True, name="frames").start()
        return found

    def _fetch_behind(self, number: int) -> None:
        """Decode the frames before one ahead of being asked: backwards they come dear.

        One at a time; whoever starts it has taken `_fetching`.
        """
        try:
            identity = self._project.identity
            for one in range(max(1, number - BEHIND), number):
                if self._pictures.find((identity, one)) is None:
                    data = jpeg(self._behind.read(one), JPEG_QUALITY)
                    self._pictures.keep((identity, one), data)
        except CleanplateError:
            pass  # whoever asks for the frame itself is told
        finally:
            self._fetching.release()

    def thumbnail(self, number: int, near: bool = False) -> bytes:
        """Return a frame as a small JPEG (see `picture`); or the key frame near it, much sooner."""
        if near:
            number = self._small.key_near(number)
        key = (self._project.identity, number)
        found = self._thumbnails.find(key)
        if found is not None:
            return found
        ready = self._pictures.find(key)
        frame = self._small.read(number) if ready is None else _decoded(ready)
        small = resize_frame(
            frame, fitting_size((frame.shape[0], frame.shape[1]), THUMBNAIL_PIXELS)
        )
        return self._thumbnails.keep(key, jpeg(small, THUMBNAIL_QUALITY))

    def read(self, number: int) -> Frame:
        """Return a frame ``(H, W, 3)`` (see `picture`)."""
        return self._exact.read(number)


class _Reader:
    """One reader of the frames, opened anew when the project's videos change."""

    def __init__(self, project: Project, steps_back: bool) -> None:
        self._project, self._steps_back = project, steps_back
        self._lock = Lock()
        self._identity = ""
        self._source: FrameSource | None = None

    def read(self, number: int) -> Frame:
        with self._lock:
            return self._opened().read(number)

    def key_near(self, number: int) -> int:
        """Return the key frame that is nearest, or the number itself where that is not known."""
        with self._lock:
            source = self._opened()
            keys = key_numbers(source)
        if not len(keys) or number not in source:
            return number
        return int(keys[np.abs(keys - number).argmin()])

    def _opened(self) -> FrameSource:
        identity = self._project.identity
        if self._source is None or identity != self._identity:
            size = self._project.frames.size  # refuses where there are no frames
            remembered = min(MOST_REMEMBERED, REMEMBERED_PIXELS // (size[0] * size[1]))
            self._source = self._project.source(remembered if self._steps_back else 0)
            self._identity = identity
        return self._source


def jpeg(frame: Frame, quality: int) -> bytes:
    """Return a frame as JPEG.

    Raises:
        VideoError: it is too large for one.
    """
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(frame[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise VideoError(
            f"frame of {frame.shape[1]}x{frame.shape[0]} cannot be shown; scale it down"
        )
    return data.tobytes()


def _decoded(data: bytes) -> Frame:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(picture, np.uint8)[..., ::-1]
