"""An archive fetched from a real server, checked and unpacked; which videos are there."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanplate.errors import ConfigError, DatasetError, OutputError
from cleanplate.scenes import cdnet, download, fetching
from cleanplate.scenes.download import ARCHIVE, UNPACKED, Progress, unpacked, verify
from tests.scenes.serving import GOOD, NOISE, Server, make_zip, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetching, "PAUSES_SECONDS", (0.0, 0.0, 0.0))
    with serving() as running:
        yield running


def fetch(server: Server, folder: Path, sha256: str | None = None) -> list[Progress]:
    return list(download.download(server.url(), folder, sha256=sha256))


def is_whole(folder: Path) -> bool:
    video = folder / UNPACKED / "dataset" / "baseline" / "highway"
    return (video / "input" / "in000001.jpg").read_bytes() == NOISE


def test_an_archive_is_fetched_and_unpacked_and_its_sum_is_known(
    server: Server, tmp_path: Path
) -> None:
    steps = fetch(server, tmp_path)
    assert is_whole(tmp_path)
    there = unpacked(tmp_path)
    assert there is not None
    assert there.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert (there.url, there.archive_bytes) == (server.url(), len(GOOD))
    assert list(dict.fromkeys(step.what for step in steps)) == [
        "downloading",
        "checking",
        "unpacking",
    ]
    last = {step.what: step for step in steps}
    assert last["downloading"] == ("downloading", len(GOOD), len(GOOD))
    assert last["unpacking"] == ("unpacking", len(NOISE) + 5, len(NOISE) + 5)


def test_what_is_unpacked_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    (tmp_path / ARCHIVE).unlink()
    assert fetch(server, tmp_path, hashlib.sha256(GOOD).hexdigest().upper()) == []
    assert len(server.asked) == 1
    with pytest.raises(OutputError, match=r"holds the archive of http.* already; choose another"):
        fetch(server, tmp_path, "0" * 64)


def _message(server: Server, folder: Path, cut_after: list[int]) -> str:
    server.cut_after = cut_after
    with pytest.raises(DatasetError) as caught:
        fetch(server, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_length_that_is_announced_too_small_is_found(server: Server, tmp_path: Path) -> None:
    server.announced = len(GOOD) - 500
    message = _message(server, tmp_path, [])
    assert "not a complete zip" in message
    assert f"{ARCHIVE}.refused" in message
    server.announced = None
    fetch(server, tmp_path)
    assert is_whole(tmp_path)


def test_a_wrong_sum_is_refused_and_the_archive_kept_aside(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=rf"SHA-256 is [0-9a-f]{{64}}, not 0+; .*{ARCHIVE}.ref"):
        fetch(server, tmp_path, "0" * 64)
    assert (tmp_path / f"{ARCHIVE}.refused").read_bytes() == GOOD
    assert not (tmp_path / UNPACKED).exists()
    with pytest.raises(ConfigError, match="give the 64 hexadecimal digits"):
        fetch(server, tmp_path, "abc")


def test_an_archive_that_a_person_put_there_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / ARCHIVE).write_bytes(GOOD)
    fetch(server, tmp_path)
    assert is_whole(tmp_path)
    assert server.asked == []


def test_a_page_instead_of_an_archive_is_named(server: Server, tmp_path: Path) -> None:
    server.content = b"<!DOCTYPE html><p>log in</p>"
    message = _message(server, tmp_path, [])
    assert "not a complete zip" in message
    assert "<!DOCTYPE" in message
    assert server.url() in message


def test_a_hostile_archive_writes_nothing_anywhere(server: Server, tmp_path: Path) -> None:
    server.content = make_zip({"good": b"1", "../../evil": b"2"})
    assert "no plain path" in _message(server, tmp_path / "in" / "side", [])
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {f"{ARCHIVE}.refused", f"{ARCHIVE}.origin.json"}


def test_a_folder_that_no_download_made_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / UNPACKED).mkdir()
    with pytest.raises(OutputError, match="no download made it; choose another folder"):
        fetch(server, tmp_path)
    assert server.asked == []


def write_videos(dataset: Path) -> None:
    """Write all 53 videos with three empty pictures each."""
    for category, videos in cdnet.VIDEOS.items():
        for video in videos:
            (dataset / category / video / "input").mkdir(parents=True)
            (dataset / category / video / "temporalROI.txt").write_text("2 3")
            for number in (1, 2, 3):
                (dataset / category / video / "input" / f"in{number:06d}.jpg").touch()


def test_all_videos_are_found_wherever_they_lie(tmp_path: Path) -> None:
    write_videos(tmp_path / "dataset2014" / "dataset")
    (tmp_path / "dataset2014" / "results" / "baseline" / "highway").mkdir(parents=True)
    found = verify(tmp_path)
    assert found.is_complete
    assert found.dataset == tmp_path / "dataset2014" / "dataset"
    assert len(found.complete) == 53
    assert json.loads(json.dumps(found.as_dict()))["missing"] == []


def test_missing_and_incomplete_videos_are_listed_with_the_first_gap(tmp_path: Path) -> None:
    write_videos(tmp_path)
    (tmp_path / "PTZ" / "zoomInZoomOut").rename(tmp_path / "PTZ" / "zoominzoomout")
    (tmp_path / "shadow" / "cubicle" / "input" / "in000002.jpg").unlink()
    (tmp_path / "thermal" / "park" / "temporalROI.txt").write_text("2 99999999999")
    (tmp_path / "baseline" / "office" / "temporalROI.txt").unlink()
    found = verify(tmp_path)
    assert found.missing == ("PTZ/zoomInZoomOut",)
    assert list(found.incomplete) == ["baseline/office", "shadow/cubicle", "thermal/park"]
    assert found.incomplete["shadow/cubicle"] == "frame 2 is missing, one of 1 missing of 3"
    assert found.incomplete["thermal/park"].startswith("frame 4 is missing")
    assert "temporalROI.txt: cannot be read" in found.incomplete["baseline/office"]
    assert not found.is_complete


def test_an_empty_folder_misses_all_53(tmp_path: Path) -> None:
    found = verify(tmp_path)
    assert found.dataset is None
    assert len(found.missing) == 53
