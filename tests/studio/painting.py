"""Several painters at once, while the studio is killed under their hands."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import numpy as np

from cleanplate.images import read_grey
from tests.studio.serving import (
    COMMAND_LINE,
    START_SECONDS,
    Client,
    Process,
    square,
    studio,
)

Kept = dict[int, list[int]]
"""By frame: which of a painter's strokes was sent last, and which acknowledged; -1 for none."""
FRAMES = range(1, 7)
STROKES = 48


def kill_while_painting(
    folder: Path, seconds: float, least: int = 1, program: Sequence[str] = COMMAND_LINE
) -> Kept:
    """Let six painters paint a frame each, again and again; kill the studio in the middle.

    Args:
        folder: the project's.
        seconds: after so long.
        least: and not before each painter has had so many strokes acknowledged.
        program: what Python runs as the command line.
    """
    process = Process(folder, program=program)
    process.client.wait_for_frames()
    labels = process.client.get("/api/project").json["labels"]
    revisions = {one["number"]: str(one["revision"]) for one in labels}
    kept: Kept = {number: [-1, -1] for number in FRAMES}
    painters = [
        Thread(target=_paint, args=(process.client, number, revisions.get(number, ""), last))
        for number, last in kept.items()
    ]
    for painter in painters:
        painter.start()
    time.sleep(seconds)
    end = time.monotonic() + START_SECONDS
    while min(acknowledged for _, acknowledged in kept.values()) < least:
        assert time.monotonic() < end
        assert all(painter.is_alive() for painter in painters)
        time.sleep(0.005)
    process.kill()
    for painter in painters:
        painter.join()
    return kept


def _paint(client: Client, number: int, revision: str, last: list[int]) -> None:
    for index in range(100_000):
        last[0] = index
        try:
            answer = client.put_label(number, _stroke(index), revision)
        except (OSError, http.client.HTTPException):
            return
        assert answer.status == 204
        revision = answer.headers["etag"]
        last[1] = index


def _stroke(index: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return square(index % STROKES)


def check_labels(folder: Path, kept: Kept) -> None:
    """Start the studio again: each label is what was acknowledged last, or the stroke after it."""
    with studio(folder) as client:
        client.wait_for_frames()
        labels = {one["number"]: one for one in client.get("/api/project").json["labels"]}
        assert sorted(labels) == sorted(kept)
        assert not list((folder / "groundtruth").glob(".*"))
        for number, (sent, acknowledged) in kept.items():
            found = read_grey(folder / "groundtruth" / f"gt{number:06d}.png")
            assert any(np.array_equal(found, _stroke(index)) for index in (acknowledged, sent))
            revision = labels[number]["revision"]
            assert client.put_label(number, square(1), revision).status == 204
