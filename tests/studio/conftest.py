from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studio.serving import Client, studio, write_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of one short video."""
    place = tmp_path / "gate"
    (place / "videos").mkdir(parents=True)
    write_clip(place / "videos" / "gate.mp4")
    return place


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with studio(folder) as found:
        found.wait_for_frames()
        yield found
