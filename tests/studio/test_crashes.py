"""Whatever is acknowledged is whole, also when the studio is killed in the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cleanplate.images import read_grey
from tests.studio.painting import check_labels, kill_while_painting
from tests.studio.serving import SIZE, Process, square


def test_kill_9_while_labels_are_written_leaves_every_acknowledged_one_whole(folder: Path) -> None:
    check_labels(folder, kill_while_painting(folder, 0, least=3))


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
