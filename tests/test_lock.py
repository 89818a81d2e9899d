"""What is installed: every file by its digest, from nowhere in particular."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"^([\w.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_pins_what_the_constraints_pin_but_torch() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line
    )
    assert pinned.pop("torch")
    locked = {name: version for name, version, _ in ENTRY.findall(_lock())}
    wanted = {_plain(name): version for name, version in pinned.items()}
    assert {_plain(name): version for name, version in locked.items()} == wanted


def test_every_line_of_the_lock_is_a_pin_with_digests_and_names_no_address() -> None:
    assert ENTRY.sub("", _lock()).strip() == ""


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text()
