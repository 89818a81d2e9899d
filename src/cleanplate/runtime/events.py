"""When something is there: one clip for each time, with what came before and after."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from cleanplate.files import explained, make_folder
from cleanplate.images import Frame
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
        timed: frames come at times of their own, as live ones do.
    """

    def __init__(
        self, folder: Path, rate_fps: float, roll_seconds: float, timed: bool = False
    ) -> None:
        make_folder(folder)
        self._folder, self._rate, self._timed = folder, rate_fps, timed
        self._roll_seconds = max(roll_seconds, 1 / rate_fps) - 0.5 / rate_fps
        self._before: deque[tuple[float, bytes]] = deque()
        self._busy: list[Moment] = []
        self._clip: VideoWriter | None = None
        self._started = 0.0
        self._rows: list[tuple[int, int, float, int, float]] = []
        self._first: Moment | None = None
        self._last: Moment | None = None

    def __call__(self, moment: Moment) -> None:
        """Take the next frame."""
        busy = bool(moment.mask.any())
        if self._clip is None:
            self._wait(moment, busy)
            return
        self._clip.write(moment.frame, moment.seconds - self._started)
        if busy:
            self._last = moment
        if self._last is not None and moment.seconds - self._last.seconds > self._roll_seconds:
            self._finish()

    def _wait(self, moment: Moment, busy: bool) -> None:
        self._before.append((moment.seconds, _packed(moment.frame)))
        first = self._busy[0].seconds if self._busy else moment.seconds
        while first - self._before[0][0] > self._roll_seconds + 1 / self._rate:
            self._before.popleft()
        self._busy = [*self._busy, moment._replace(frame=moment.frame[:0])] if busy else []
        if len(self._busy) < LEAST_FRAMES:
            return
        name = f"event{len(self._rows) + 1:04d}.mp4"
        self._clip = VideoWriter(self._folder / name, self._rate, self._timed, in_pieces=True)
        self._first, self._last = self._busy[0], moment
        self._started = self._before[0][0]
        for seconds, packed in self._before:
            self._clip.write(_unpacked(packed), seconds - self._started)
        self._before.clear()
        self._busy = []

    def _finish(self, complete: bool = True) -> None:
        if self._clip is None or self._first is None or self._last is None:
            return
        clip, self._clip = self._clip, None
        first, last = self._first, self._last
        times = (first.number, round(first.seconds, 3), last.number, round(last.seconds, 3))
        self._rows.append((len(self._rows) + 1, *times))
        clip.close(complete)
        self._write_table()

    def close(self, complete: bool = True) -> None:
        """End an event that goes on, and write the table.

        Raises:
            OutputError: they cannot be written.
        """
        try:
            self._finish(complete)
        finally:
            if self._rows or complete:
                self._write_table()

    def _write_table(self) -> None:
        path, part = self._folder / TABLE, self._folder / f".{TABLE}.part"
        with explained(path), part.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("event", "first_frame", "start_seconds", "last_frame", "end_seconds"))
            rows.writerows(self._rows)
        with explained(path):
            part.replace(path)


@contextmanager
def event_clips(
    folder: Path, rate_fps: float, roll_seconds: float, timed: bool
) -> Iterator[EventClips]:
    """Write clips (see `EventClips`); what was written is whole however the block ends."""
    clips, complete = EventClips(folder, rate_fps, roll_seconds, timed), False
    try:
        yield clips
        complete = True
    finally:
        clips.close(complete)


def _packed(frame: Frame) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]), quality)
    return data.tobytes()


def _unpacked(data: bytes) -> Frame:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(picture, np.uint8)[..., ::-1])
