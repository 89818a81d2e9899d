"""A studio that is killed while people paint has every stroke that it acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.commands import OTHER_KILLS, kills, report
from tests.studio.painting import check_labels, kill_while_painting
from tests.studio.serving import write_clip

pytestmark = pytest.mark.faults

LONGEST_SECONDS = 1.0


def test_a_killed_studio_has_every_acknowledged_label(tmp_path: Path) -> None:
    folder = tmp_path / "gate"
    (folder / "videos").mkdir(parents=True)
    write_clip(folder / "videos" / "gate.mp4")
    strokes = 0
    for moment in kills(OTHER_KILLS, 5, LONGEST_SECONDS):
        kept = kill_while_painting(folder, moment)
        check_labels(folder, kept)
        strokes += sum(acknowledged + 1 for _, acknowledged in kept.values())
    report(f"labels: {OTHER_KILLS} kills, {strokes} strokes acknowledged, none lost")
