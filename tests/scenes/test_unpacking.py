"""Zip archives as strangers make them."""

import io
import resource
import shutil
import signal
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cleanplate.errors import DatasetError, OutputError
from cleanplate.scenes import unpacking
from cleanplate.scenes.unpacking import Limits, open_archive, read_entry, unpack

ZEROS = bytes(40_000_000)


def write_zip(
    path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def unpack_all(path: Path, limits: Limits = unpacking.LIMITS) -> Path:
    """Unpack beside the archive and return the folder."""
    folder = path.parent / "out"
    list(unpack(path, folder, lambda inside: (inside / "mark").touch(), limits))
    return folder


def refusal(path: Path, limits: Limits = unpacking.LIMITS) -> str:
    """Return what is said of an archive; nothing of it may be left."""
    with pytest.raises(DatasetError) as caught:
        unpack_all(path, limits)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name]
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def patched(path: Path, old: bytes, new: bytes) -> Path:
    """Replace some of an archive's bytes, which must be there."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def test_files_and_folders_come_out_under_the_first_folder_that_holds_several(
    tmp_path: Path,
) -> None:
    path = write_zip(
        tmp_path / "a.zip", ("top/in/a/b.txt", b"1"), ("top/in/empty/", b""), ("top/in/c", b"")
    )
    folder = unpack_all(path)
    found = sorted(entry.relative_to(folder).as_posix() for entry in folder.rglob("*"))
    assert found == ["a", "a/b.txt", "c", "empty", "mark"]
    assert (folder / "a" / "b.txt").read_bytes() == b"1"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip", "out"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "C:/evil",
        "C:evil",
        "a\\..\\evil",
        "a//b",
        "./a",
        "/",
    ],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", ("good", b"1"), (name, b"2"))
    assert "has no plain path inside the archive" in refusal(path)


def test_folders_without_end_are_refused(tmp_path: Path) -> None:
    assert "more than 32 folders" in refusal(write_zip(tmp_path / "a.zip", ("a/" * 500, b"")))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    path = write_zip(tmp_path / "a.zip", (info, b"/etc"), ("link/passwd", b"2"))
    assert "'link': is a link or a device" in refusal(path)


def test_an_archive_that_swells_too_much_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("zeros", ZEROS), method=zipfile.ZIP_DEFLATED)
    assert "unpacks to 40000000 bytes or more, over the limit of 16000000" in refusal(path)


def test_what_the_headers_say_of_the_size_is_not_believed(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("zeros", ZEROS), method=zipfile.ZIP_DEFLATED)
    patched(path, struct.pack("<L", len(ZEROS)), struct.pack("<L", 1000))
    assert "'zeros': damaged (Bad CRC-32" in refusal(path)


def test_a_file_shorter_than_announced_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("a", b"x" * 777), method=zipfile.ZIP_DEFLATED)
    patched(path, struct.pack("<L", 777), struct.pack("<L", 778))
    assert "holds 777 bytes but announces 778" in refusal(path)


def test_the_bytes_written_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: object, __: object) -> Iterator[bytes]:
        while True:
            yield bytes(100_000)

    monkeypatch.setattr(unpacking, "_blocks", endless)
    assert "over the limit of 16000000" in refusal(write_zip(tmp_path / "a.zip", ("a", b"1")))


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", *((f"{number}", b"") for number in range(11)))
    assert "holds 11 entries, over the limit of 10" in refusal(path, Limits(entries=10))
    assert "list of contents has 518 bytes, over" in refusal(path, Limits(directory_bytes=500))
    assert unpack_all(path, Limits(entries=11)).is_dir()


def test_a_file_without_a_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("@", b"1")
    nameless = (tmp_path / "a.zip").read_bytes().replace(b"@", b"\0")
    (tmp_path / "a.zip").write_bytes(nameless)
    with pytest.raises(DatasetError, match="a file without a name"):
        open_archive(tmp_path / "a.zip")


def test_the_list_of_contents_of_a_large_archive_is_measured_too(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", *((f"{number}", b"") for number in range(66_000)))
    with zipfile.ZipFile(path) as archive:
        announced = path.stat().st_size - archive.start_dir
    assert "list of contents has" in refusal(path, Limits(directory_bytes=announced - 200))
    open_archive(path, Limits(directory_bytes=announced)).close()


def test_what_is_no_zip_says_how_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"<html>not here</html>")
    assert "not a complete zip" in refusal(path)
    assert "21 bytes that begin with b'<html>not here</" in refusal(path)
    path.write_bytes(b"")
    assert "0 bytes" in refusal(path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_cut_archive_is_refused(tmp_path: Path, share: float) -> None:
    path = write_zip(tmp_path / "a.zip", *((f"{number}", b"x" * 99) for number in range(50)))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "not a complete zip" in refusal(path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("one", b"right"), ("two", b"wrong"))
    assert "'two': damaged (Bad CRC-32" in refusal(patched(path, b"wrong", b"worse"))


def test_an_encrypted_file_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("secret", b"1"))
    patched(path, b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")
    assert "'secret': is encrypted" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_bound_are_refused(tmp_path: Path, method: int) -> None:
    path = write_zip(tmp_path / "a.zip", ("a", b"1"), method=method)
    assert f"is packed by method {method}" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    assert "is there twice" in refusal(write_zip(tmp_path / "a.zip", ("a", b"1"), ("a", b"2")))


def test_an_unpacking_that_was_broken_off_leaves_no_folder(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("a", b"1"), ("b", b"2"))
    steps = unpack(path, tmp_path / "out", lambda _: None)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]
    (tmp_path / ".out.part").mkdir()  # as a crash leaves it
    (tmp_path / ".out.part" / "old").touch()
    assert not (unpack_all(path) / "old").exists()


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """Let no file of this process grow over some bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up_is_one_clear_line(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("a", bytes(300_000)))
    with (
        small_files(100_000),
        pytest.raises(OutputError, match=r"/a: cannot be written \(File too large\); make room"),
    ):
        unpack_all(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]


def test_too_little_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "a.zip", ("a", b"1" * 1000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(OutputError, match=r"0\.0 GB are needed but 0\.0 GB are free"):
        unpack_all(path)


def test_one_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ("a", b"12345"))
    with open_archive(path) as archive:
        assert read_entry(archive, archive.getinfo("a"), 5) == b"12345"
        with pytest.raises(DatasetError, match=r"'a': has 5 bytes, over the limit of 4"):
            read_entry(archive, archive.getinfo("a"), 4)


def test_bytes_in_front_of_an_archive_do_no_harm(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("b", b"2")
    (tmp_path / "a.zip").write_bytes(b"#!/bin/sh\n" + data.getvalue())
    assert (unpack_all(tmp_path / "a.zip") / "b").read_bytes() == b"2"
