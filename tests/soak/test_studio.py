"""Fifty people in one studio: no request fails, and every painted label is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from cleanplate.images import read_grey
from tests.soak.usage import Usage, shortened, watched
from tests.studio.serving import Process, square, write_clip

pytestmark = pytest.mark.soak

CLIENTS = 50
REQUESTS = shortened(20_000)
MOST_MIB = 500


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "gate"
    (folder / "videos").mkdir(parents=True)
    write_clip(folder / "videos" / "gate.mp4", count=CLIENTS)
    found = Process(folder)
    found.client.wait_for_frames()
    yield found
    found.kill()


def _work(process: Process, number: int, least: int) -> tuple[int, int]:
    """Look around and paint one's own frame; returns which stroke was the last, of how many."""
    random = np.random.default_rng(number)
    revision, stroke, asked = "", -1, 0
    while asked < least:
        other = int(random.integers(1, CLIENTS + 1))
        for path in (
            "/api/project",
            f"/api/frames/{other}.jpg",
            f"/api/thumbnails/{other}.jpg",
            f"/api/proposals/{other}.png",
        )[: int(random.integers(1, 5))]:
            answer = process.client.get(path)
            assert answer.status == 200, (path, answer.status, answer.body[:200])
            asked += 1
        stroke = int(random.integers(0, 48))
        answer = process.client.put_label(number, square(stroke), revision)
        assert answer.status == 204, answer.body[:200]
        revision, asked = answer.headers["etag"], asked + 1
    return stroke, asked


def test_fifty_clients_get_all_answers_and_every_label_is_kept(
    process: Process, tmp_path: Path
) -> None:
    over, seen = Event(), list[Usage]()
    looker = Thread(target=lambda: seen.extend(watched(process.pid, lambda: not over.is_set())))
    looker.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            numbers = range(1, CLIENTS + 1)
            least = -(-REQUESTS // CLIENTS)
            done = list(pool.map(lambda number: _work(process, number, least), numbers))
    finally:
        over.set()
        looker.join()
    most = max(one.memory_mib for one in seen)
    sys.stdout.write(
        f"\nstudio, {CLIENTS} clients, {sum(asked for _, asked in done)} requests: {most:.0f} MiB\n"
    )
    assert most < MOST_MIB
    for number, (stroke, _) in zip(numbers, done, strict=True):
        kept = read_grey(tmp_path / "gate" / "groundtruth" / f"gt{number:06d}.png")
        assert np.array_equal(kept, square(stroke))
