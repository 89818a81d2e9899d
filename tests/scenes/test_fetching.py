"""One file fetched from a real server, which does what servers do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanplate.errors import ConfigError, DatasetError, OutputError
from cleanplate.scenes import fetching
from tests.scenes.serving import GOOD, Server, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetching, "PAUSES_SECONDS", (0.0, 0.0, 0.0))
    with serving() as running:
        yield running


def fetch(server: Server, path: Path) -> list[tuple[int, int | None]]:
    return list(fetching.fetch(server.url(), path))


def message(server: Server, path: Path, cut_after: list[int]) -> str:
    """Return what is said when a transfer fails."""
    server.cut_after = cut_after
    with pytest.raises(DatasetError) as caught:
        fetch(server, path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.zip"


def test_progress_runs_to_the_files_size(server: Server, path: Path) -> None:
    steps = fetch(server, path)
    assert steps[0] == (0, len(GOOD))
    assert steps[-1] == (len(GOOD), len(GOOD))
    assert path.read_bytes() == GOOD
    assert fetching.origin_of(path) == server.url()


def test_a_transfer_that_breaks_off_goes_on_where_it_was(server: Server, path: Path) -> None:
    server.cut_after = [70_000, 50_000]
    fetch(server, path)
    assert path.read_bytes() == GOOD
    assert server.asked == [None, "bytes=70000-", "bytes=120000-"]


def test_the_next_call_goes_on_where_the_last_gave_up(server: Server, path: Path) -> None:
    said = message(server, path, [1000] * 4)
    assert f"broke off after 4000 of {len(GOOD)} bytes, 4 times in a row" in said
    assert said.endswith("repeat the command to go on from 4000 bytes")
    assert not path.exists()
    assert fetch(server, path)[0] == (4000, len(GOOD))
    assert path.read_bytes() == GOOD


def test_tries_that_bring_much_are_not_counted(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "WORTHWHILE_BYTES", 10_000)
    server.cut_after = [10_000] * 15
    fetch(server, path)
    assert path.read_bytes() == GOOD


def test_a_part_that_lacks_only_its_name_is_not_fetched_again(server: Server, path: Path) -> None:
    fetch(server, path)
    path.rename(path.with_name("data.zip.part"))
    fetch(server, path)
    assert path.read_bytes() == GOOD
    assert len(server.asked) == 1


@pytest.mark.parametrize("ignores_if_range", [False, True])
def test_a_file_that_changed_meanwhile_starts_anew(
    server: Server, path: Path, ignores_if_range: bool
) -> None:
    message(server, path, [1000] * 4)
    server.etag, server.content = '"two"', GOOD[::-1]
    server.ignores_if_range = ignores_if_range
    fetch(server, path)
    assert path.read_bytes() == GOOD[::-1]


def test_a_file_that_has_shrunk_starts_anew(server: Server, path: Path) -> None:
    message(server, path, [1000] * 4)
    server.content = GOOD[:3000]
    fetch(server, path)
    assert path.read_bytes() == GOOD[:3000]


def test_a_server_that_ignores_ranges_starts_anew(server: Server, path: Path) -> None:
    server.knows_ranges, server.cut_after = False, [70_000]
    fetch(server, path)
    assert path.read_bytes() == GOOD
    assert server.asked == [None, "bytes=70000-"]


@pytest.mark.parametrize("etag", ["", 'W/"one"'])
def test_without_a_mark_of_the_files_state_nothing_is_continued(
    server: Server, path: Path, etag: str
) -> None:
    server.etag, server.cut_after = etag, [70_000]
    fetch(server, path)
    assert path.read_bytes() == GOOD
    assert server.asked == [None, None]


def test_a_part_from_another_address_is_not_continued(server: Server, path: Path) -> None:
    message(server, path, [1000] * 4)
    list(fetching.fetch(server.url("/mirror.zip"), path))
    assert path.read_bytes() == GOOD
    assert server.asked[-1] is None


def test_a_length_that_is_announced_too_large_is_found(server: Server, path: Path) -> None:
    server.announced, server.knows_ranges = len(GOOD) + 500, False
    said = message(server, path, [])
    assert f"broke off after {len(GOOD)} of {len(GOOD) + 500} bytes" in said


@pytest.mark.parametrize("extent", ["bytes 0-9/10", "bytes 1000-1999/2000", "nonsense"])
def test_a_part_that_was_not_asked_for_is_refused(server: Server, path: Path, extent: str) -> None:
    server.extent = extent
    assert server.url() in message(server, path, [1000])


def test_an_address_that_is_not_there_is_named_at_once(server: Server, path: Path) -> None:
    with pytest.raises(DatasetError, match=r"/absent: the server answers 404 Not Found; check"):
        list(fetching.fetch(server.url("/absent"), path))
    assert len(server.asked) == 1


def test_a_failing_server_is_asked_again_but_not_for_ever(server: Server, path: Path) -> None:
    server.failures = [500] * 4
    assert "answers 500 Internal Server Error, 4 times in a row" in message(server, path, [])
    server.failures = [503, 500]
    fetch(server, path)
    assert path.read_bytes() == GOOD


def test_a_server_that_says_nothing_more_is_given_up(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(fetching, "PAUSES_SECONDS", ())
    server.stalls, server.announced = True, len(GOOD) + 1
    assert "timed out" in message(server, path, [])


def test_a_machine_that_does_not_listen_is_named(server: Server, path: Path) -> None:
    url = server.url().replace(str(server.server_address[1]), "1")
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1:1/.*no connection .*refused"):
        list(fetching.fetch(url, path))


@pytest.mark.parametrize(
    "url", ["file:/etc/passwd", "ftp://a/b", "data.zip", "http://", "", "http://[::1/a"]
)
def test_what_is_no_http_address_is_refused(url: str, path: Path) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        list(fetching.fetch(url, path))


def test_a_full_disk_is_one_clear_line(server: Server, path: Path) -> None:
    path.with_name("data.zip.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"zip\.part: cannot be written on \(No space left"):
        fetch(server, path)


def test_too_little_room_is_said_before_the_transfer(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.announced = 10**15
    monkeypatch.setattr(fetching, "MOST_BYTES", 10**16)
    with pytest.raises(OutputError, match=r"1000000\.0 GB are needed but .* GB are free"):
        fetch(server, path)


def test_more_than_any_data_set_has_is_refused(server: Server, path: Path) -> None:
    server.announced = 10**15
    assert "over the limit" in message(server, path, [])
