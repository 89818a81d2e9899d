"""What can be written of a segmented video: pictures, videos, lines, tables, clips."""

from __future__ import annotations

import csv
import io
import json
import mmap
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import OutputError
from cleanplate.files import explained, make_folder, name_part, part_of
from cleanplate.images import write_picture
from cleanplate.runtime import moments
from cleanplate.runtime.coco import coco_file, run_lengths
from cleanplate.runtime.events import TABLE, event_clips
from cleanplate.runtime.moments import Moment
from cleanplate.scenes.video_writer import VideoWriter

MASK_NAME, PLATE_NAME, CUTOUT_NAME = "bin{:06d}.png", "bg{:06d}.png", "fg{:06d}.png"
COLUMNS = ("frame", "seconds", "left", "top", "width", "height", "area", "x", "y")

Write = Callable[[Moment], None]
"""Writes one moment somewhere."""
Compose = Callable[[Moment], NDArray[Any]]
"""Makes a picture of one moment."""


@dataclass(frozen=True)
class Outputs:
    """Where to write what; None writes none.

    Attributes:
        masks: folder for ``binNNNNNN.png`` (0 and 255) under the input's own numbers.
        backgrounds: folder for the refined plates ``bgNNNNNN.png``.
        video: mask video.
        overlay: video of the frames with their foreground marked.
        side_by_side: video of frame, clean plate and mask.
        clean_video: video of the clean plates.
        foreground: the foreground alone, transparent around: a ``.webm`` or ``.mov`` video, or a
            folder for ``fgNNNNNN.png``.
        lines: JSON lines, one a frame, the mask as COCO's uncompressed run-length encoding.
        coco: COCO's JSON, an annotation for each connected part.
        components: CSV of the connected parts of each mask.
        events: folder for a clip of each time something is there, and ``events.csv``.
        roll_seconds: what an event's clip shows before and after it.
        overwrite: replace files that are there.
    """

    masks: Path | None = None
    backgrounds: Path | None = None
    video: Path | None = None
    overlay: Path | None = None
    side_by_side: Path | None = None
    clean_video: Path | None = None
    foreground: Path | None = None
    lines: Path | None = None
    coco: Path | None = None
    components: Path | None = None
    events: Path | None = None
    roll_seconds: float = field(default=2.0)
    overwrite: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        return not self.paths()

    @property
    def needs_plate(self) -> bool:
        """Whether clean plates are to be made."""
        return any((self.backgrounds, self.clean_video, self.side_by_side))

    def check(self, numbers: Collection[int]) -> None:
        """Refuse what is there already, before any work is done.

        Args:
            numbers: of the frames to come, as far as they are known.

        Raises:
            OutputError: says which file.
        """
        paths = self.paths()
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise OutputError(f"{twice[0]}: is asked for twice; give each output its own place")
        if self.overwrite:
            return
        for folder, (name, _) in self._picture_folders().items():
            wanted = {name.format(number) for number in numbers} if folder.is_dir() else set()
            for path in sorted(folder.iterdir()) if wanted else ():
                if path.name in wanted:
                    refuse_existing(path)
        for path in self._films():
            refuse_existing(path)
        for one in (self.lines, self.coco, self.components):
            if one is not None:
                refuse_existing(one)
        if self.events is not None:
            for path in (self.events / TABLE, *self.events.glob("event*.mp4")):
                refuse_existing(path)

    def paths(self) -> list[Path]:
        """Return all places that are written to."""
        return [value.resolve() for value in vars(self).values() if isinstance(value, Path)]

    def _picture_folders(self) -> dict[Path, tuple[str, Compose]]:
        cut_outs = None if _is_film(self.foreground) else self.foreground
        found = {
            self.masks: (MASK_NAME, moments.mask_alone),
            self.backgrounds: (PLATE_NAME, moments.plate_or_frame),
            cut_outs: (CUTOUT_NAME, moments.cut_out),
        }
        return {folder: how for folder, how in found.items() if folder is not None}

    def _films(self) -> dict[Path, Compose]:
        found = {
            self.video: moments.mask_alone,
            self.overlay: moments.overlay,
            self.side_by_side: moments.side_by_side,
            self.clean_video: moments.plate_or_frame,
            self.foreground if _is_film(self.foreground) else None: moments.cut_out,
        }
        return {path: compose for path, compose in found.items() if path is not None}

    @contextmanager
    def open(self, rate_fps: float, timed: bool = False) -> Iterator[Write]:
        """Open all outputs; what was written is whole however the block ends.

        Args:
            rate_fps: of the frames.
            timed: frames come at times of their own, as live ones do.

        Raises:
            OutputError: an output cannot be written.
        """
        with ExitStack() as stack:
            writers = [stack.enter_context(one) for one in self._writers(rate_fps, timed)]

            def write(moment: Moment) -> None:
                for writer in writers:
                    writer(moment)

            yield write

    def _writers(self, rate_fps: float, timed: bool) -> Iterator[Any]:
        for folder, (name, compose) in self._picture_folders().items():
            yield _pictures(folder, name, compose, self.overwrite)
        for path, compose in self._films().items():
            yield _film(path, rate_fps, timed, compose)
        if self.lines is not None:
            yield _text(self.lines, "", _line)
        if self.coco is not None:
            yield coco_file(self.coco)
        if self.components is not None:
            yield _text(self.components, ",".join(COLUMNS) + "\n", _rows)
        if self.events is not None:
            yield event_clips(self.events, rate_fps, self.roll_seconds, timed)


def _is_film(path: Path | None) -> bool:
    return path is not None and bool(path.suffix) and not path.is_dir()


@contextmanager
def _pictures(folder: Path, name: str, compose: Compose, overwrite: bool) -> Iterator[Write]:
    make_folder(folder)

    def write(moment: Moment) -> None:
        path = folder / name.format(moment.number)
        if not overwrite:
            refuse_existing(path)
        write_picture(path, compose(moment))

    yield write


@contextmanager
def _film(path: Path, rate_fps: float, timed: bool, compose: Compose) -> Iterator[Write]:
    with VideoWriter(path, rate_fps, timed, in_pieces=True) as video:
        yield lambda moment: video.write(compose(moment), moment.seconds)


@contextmanager
def _text(path: Path, head: str, compose: Callable[[Moment], str]) -> Iterator[Write]:
    """Write lines under a hidden name that becomes the file's own at the end."""
    part = part_of(path)
    with explained(path):
        file: TextIO = part.open("w", encoding="utf-8", newline="")
        file.write(head)
    count, done = 0, False

    def write(moment: Moment) -> None:
        nonlocal count
        with explained(path):
            file.write(compose(moment))
        count += 1

    try:
        yield write
        done = True
    finally:
        try:
            with explained(path):
                file.close()
        except OutputError:  # what fitted on the disk is kept
            done = False
            _cut_to_whole_lines(part)
            raise
        finally:
            with explained(path):
                if not count and not done:
                    part.unlink()
                else:
                    name_part(part, path, done)


def _cut_to_whole_lines(path: Path) -> None:
    with path.open("r+b") as file:
        if path.stat().st_size:
            with mmap.mmap(file.fileno(), 0) as data:
                end = data.rfind(b"\n") + 1
            file.truncate(end)


def _line(moment: Moment) -> str:
    values = {
        "frame": moment.number,
        "seconds": round(moment.seconds, 3),
        "foreground": int(np.count_nonzero(moment.mask)),
        "segmentation": run_lengths(moment.mask),
    }
    return json.dumps(values, separators=(",", ":")) + "\n"


def _rows(moment: Moment) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    if moment.mask.any():
        _, _, boxes, centres = cv2.connectedComponentsWithStats(
            moment.mask.view(np.uint8), connectivity=8
        )
        for box, (x, y) in zip(boxes[1:].tolist(), centres[1:].tolist(), strict=True):
            when = (moment.number, f"{moment.seconds:.3f}")
            rows.writerow([*when, *box, f"{x:.1f}", f"{y:.1f}"])
    return text.getvalue()


def refuse_existing(path: Path) -> None:
    """Refuse to replace a file that is there.

    Raises:
        OutputError: it is there.
    """
    if path.exists():
        raise OutputError(f"{path}: exists already; give --overwrite to replace it")
