"""Files are whole or as they were, and what goes wrong says where."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cleanplate import files
from cleanplate.errors import OutputError


def test_a_written_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "a.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_writing_replaces_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old and longer")
    files.write_bytes(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


@pytest.fixture
def _full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


@pytest.mark.usefixtures("_full_disk")
def test_a_full_disk_is_said_with_the_path(tmp_path: Path) -> None:
    message = r"a.bin: cannot be written \(No space left on device\); choose another place or make"
    with pytest.raises(OutputError, match=message):
        files.write_bytes(tmp_path / "a.bin", b"new")


@pytest.mark.usefixtures("_full_disk")
def test_a_failed_writing_keeps_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(OutputError):
        files.write_bytes(tmp_path / "a.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["missing/a.bin", "file/a.bin", "folder"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=rf"{name}: cannot be written \(.+\); choose another"):
        files.write_bytes(tmp_path / name, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"b: cannot be made \(.+\); choose another folder"):
        files.make_folder(tmp_path / "file" / "b")


@pytest.mark.parametrize("complete", [True, False])
def test_a_part_never_replaces_an_older_whole_file(tmp_path: Path, complete: bool) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text("old")
    part = files.part_of(path)
    part.write_text("new")
    files.name_part(part, path, complete)
    assert path.read_text() == ("new" if complete else "old")
    named = path if complete else tmp_path / "l.partial.jsonl"
    assert named.read_text() == "new"
    assert not part.exists()


def test_a_part_that_cannot_take_its_name_is_removed(tmp_path: Path) -> None:
    part = tmp_path / ".a.part"
    part.touch()
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.name_part(part, tmp_path / "a")
    assert not part.exists()
