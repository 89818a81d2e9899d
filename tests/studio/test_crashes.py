"""Whatever is acknowledged is whole, also when the studio is killed in the middle."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from threading import Thread

import numpy as np

from cleanplate.images import read_grey
from tests.studio.serving import SIZE, Client, Process, square, studio


def _paint(client: Client, number: int, kept: dict[int, list[int]]) -> None:
    """Paint one frame again and again; note what was sent, and how many were acknowledged."""
    revision = ""
    for index in range(1000):
        kept[number][0] = index
        try:
            answer = client.put_label(number, square(index % 48), revision)
        except (OSError, http.client.HTTPException):
            return
        assert answer.status == 204
        revision = answer.headers["etag"]
        kept[number][1] = index


def test_kill_9_while_labels_are_written_leaves_every_acknowledged_one_whole(folder: Path) -> None:
    process = Process(folder)
    process.client.wait_for_frames()
    kept = {number: [-1, -1] for number in range(1, 7)}
    painters = [Thread(target=_paint, args=(process.client, n, kept)) for n in kept]
    for painter in painters:
        painter.start()
    end = time.monotonic() + 60
    while min(last for _, last in kept.values()) < 3:
        assert time.monotonic() < end
        assert all(painter.is_alive() for painter in painters)
        time.sleep(0.005)
    process.kill()
    for painter in painters:
        painter.join()
    with studio(folder) as client:
        client.wait_for_frames()
        labels = {one["number"]: one for one in client.get("/api/project").json["labels"]}
        assert sorted(labels) == sorted(kept)
        for number, (sent, acknowledged) in kept.items():
            found = read_grey(folder / "groundtruth" / f"gt{number:06d}.png")
            allowed = (square(index % 48) for index in (acknowledged, sent))
            assert any(np.array_equal(found, codes) for codes in allowed)
            revision = labels[number]["revision"]
            assert client.put_label(number, square(1), revision).status == 204


def test_a_full_disk_is_said_in_words_and_spoils_nothing(folder: Path) -> None:
    process = Process(folder, largest_kib=1)
    client = process.client
    client.wait_for_frames()
    revision = client.put_label(3, square(4)).headers["etag"]
    codes = np.array([0, 50, 85, 170, 255], np.uint8)
    large = codes[np.random.default_rng(0).integers(0, 5, SIZE)]
    refused = client.put_label(3, large, revision)
    assert refused.status == 507
    assert "make room" in refused.error
    assert np.array_equal(read_grey(folder / "groundtruth" / "gt000003.png"), square(4))
    upload = client.ask("PUT", "/api/uploads/a.mp4?size=50000&offset=0", bytes(50_000))
    assert upload.status == 507
    assert client.put_label(3, square(8), revision).status == 204
    assert not list((folder / "groundtruth").glob(".*"))
    process.end()
