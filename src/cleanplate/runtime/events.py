"""When something is there: one clip for each time, with what came before and after."""

from __future__ import annotations

import csv
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from cleanplate.images import Frame, make_folder
from cleanplate.runtime.moments import Moment
from cleanplate.scenes.video_writer import VideoWriter

LEAST_FRAMES = 3
"""With foreground, one after another, to be an event: a single frame is a flicker."""
JPEG_QUALITY = 95
TABLE = "events.csv"


class EventClips:
    """Writes ``eventNNNN.mp4`` for each event, and their times as a table.

    An event starts with the first of three frames in a row that have foreground, and ends with the
    last frame that has some before as long without any as the roll is. Frames are kept as JPEGs
    while nobody knows whether an event will come.

    Args:
        folder: where to write.
        rate_fps: of the frames given.
        roll_seconds: what a clip shows before and after its event.
    """

    def __init__(self, folder: Path, rate_fps: float, roll_seconds: float) -> None:
        make_folder(folder)
        self._folder, self._rate = folder, rate_fps
        self._roll = max(1, round(rate_fps * roll_seconds))
        self._before: deque[bytes] = deque(maxlen=self._roll + LEAST_FRAMES)
        self._busy: list[Moment] = []
        self._quiet = 0
        self._clip: VideoWriter | None = None
        self._rows: list[tuple[int, int, float, int, float]] = []
        self._first: Moment | None = None
        self._last: Moment | None = None

    def __call__(self, moment: Moment) -> None:
        """Take the next frame."""
        busy = bool(moment.mask.any())
        if self._clip is None:
            self._wait(moment, busy)
            return
        self._clip.write(moment.frame)
        self._quiet = 0 if busy else self._quiet + 1
        if busy:
            self._last = moment
        if self._quiet >= self._roll:
            self._finish()

    def _wait(self, moment: Moment, busy: bool) -> None:
        self._before.append(_packed(moment.frame))
        self._busy = [*self._busy, moment._replace(frame=moment.frame[:0])] if busy else []
        if len(self._busy) < LEAST_FRAMES:
            return
        name = f"event{len(self._rows) + 1:04d}.mp4"
        self._clip = VideoWriter(self._folder / name, self._rate)
        self._first, self._last, self._quiet = self._busy[0], moment, 0
        for packed in self._before:
            self._clip.write(_unpacked(packed))
        self._before.clear()
        self._busy = []

    def _finish(self, error: BaseException | None = None) -> None:
        if self._clip is None or self._first is None or self._last is None:
            return
        self._clip.__exit__(type(error) if error else None, error, None)
        first, last = self._first, self._last
        times = (first.number, round(first.seconds, 3), last.number, round(last.seconds, 3))
        self._rows.append((len(self._rows) + 1, *times))
        self._clip = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finish(error)
        part = self._folder / f".{TABLE}.part"
        with part.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("event", "first_frame", "start_seconds", "last_frame", "end_seconds"))
            rows.writerows(self._rows)
        part.replace(self._folder / TABLE)


def _packed(frame: Frame) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]), quality)
    return data.tobytes()


def _unpacked(data: bytes) -> Frame:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(picture, np.uint8)[..., ::-1])
