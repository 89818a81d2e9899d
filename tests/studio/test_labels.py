"""Labels are whole, exact, and never written over one that was made elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from cleanplate.scenes.opening import open_scene
from cleanplate.studio.labels import NEW, ChangedElsewhereError, Labels
from cleanplate.studio.project import Project
from tests.studio.serving import SIZE, Client, png, square


def read(folder: Path, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = cv2.imread(str(folder / "groundtruth" / f"gt{number:06d}.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def test_a_label_is_on_disk_as_it_was_painted_when_it_is_acknowledged(
    client: Client, folder: Path
) -> None:
    codes = square(4)
    codes[0, :5] = [0, 50, 85, 170, 255]
    answer = client.put_label(7, codes)
    assert answer.status == 204
    assert (read(folder, 7) == codes).all()
    back = client.get("/api/labels/7")
    assert back.headers["etag"] == answer.headers["etag"]
    shown = cv2.imdecode(np.frombuffer(back.body, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(np.asarray(shown), codes)
    assert [one["number"] for one in client.get("/api/project").json["labels"]] == [7]


def test_a_canvas_png_in_colours_is_kept_as_its_grey_codes(client: Client, folder: Path) -> None:
    codes = square(4, value=170)
    coloured = np.dstack([codes, codes, codes, np.full(SIZE, 255, np.uint8)])
    assert client.put_label(3, coloured).status == 204
    assert (read(folder, 3) == codes).all()


def test_the_command_line_reads_what_the_page_saved(client: Client, folder: Path) -> None:
    client.put_label(7, square(4))
    scene = open_scene(folder)
    assert scene.labelled == (7,)
    assert int((scene.truth(7).labels == 1).sum()) == 256
    assert scene.frames.count == 30


def test_a_label_made_elsewhere_is_not_written_over(client: Client, folder: Path) -> None:
    first = client.put_label(7, square(4)).headers["etag"]
    second = client.put_label(7, square(8), first)
    assert second.status == 204
    late = client.put_label(7, square(12), first)
    assert late.status == 412
    assert late.json["revision"] == second.headers["etag"].strip('"')
    assert "elsewhere" in late.error
    assert (read(folder, 7) == square(8)).all()


def test_a_label_changed_on_disk_is_not_written_over(client: Client, folder: Path) -> None:
    revision = client.put_label(7, square(4)).headers["etag"]
    (folder / "groundtruth" / "gt000007.png").write_bytes(png(square(20)))
    assert client.put_label(7, square(12), revision).status == 412
    assert (read(folder, 7) == square(20)).all()
    (folder / "groundtruth" / "gt000007.png").unlink()
    gone = client.put_label(7, square(12), revision)
    assert (gone.status, gone.json["revision"]) == (412, None)


def test_a_new_label_does_not_replace_one_that_came_meanwhile(client: Client, folder: Path) -> None:
    (folder / "groundtruth").mkdir()
    (folder / "groundtruth" / "gt000009.png").write_bytes(png(square(20)))
    assert client.put_label(9, square(12)).status == 412
    assert (read(folder, 9) == square(20)).all()


def test_a_label_is_deleted_only_as_it_was_seen(client: Client, folder: Path) -> None:
    revision = client.put_label(7, square(4)).headers["etag"]
    assert client.ask("DELETE", "/api/labels/7", headers={"If-Match": '"other"'}).status == 412
    assert client.ask("DELETE", "/api/labels/7", headers={"If-Match": revision}).status == 204
    assert not list((folder / "groundtruth").iterdir())
    assert client.get("/api/labels/7").status == 404


def test_what_is_replaced_must_be_said(client: Client) -> None:
    answer = client.ask("PUT", "/api/labels/7", png(square(4)))
    assert answer.status == 428
    assert "If-Match" in answer.error
    assert client.ask("PUT", "/api/labels/7", png(square(4)), {"If-Match": "*"}).status == 428


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no PNG"),
        (b"GIF89a", "no PNG"),
        (png(square(4))[:60], "not a complete picture"),
        (png(square(4, (48, 60))), "is 60x48"),
        (png(square(4, value=77)), "holds values 77"),
    ],
)
def test_what_is_no_label_is_refused_in_words(
    client: Client, folder: Path, body: bytes, said: str
) -> None:
    answer = client.ask("PUT", "/api/labels/7", body, {"If-None-Match": "*"})
    assert answer.status == 400
    assert said in answer.error
    assert not (folder / "groundtruth" / "gt000007.png").exists()


def test_a_png_that_claims_to_be_vast_is_refused_before_it_is_unpacked(client: Client) -> None:
    body = bytearray(png(square(4)))
    body[16:24] = (60_000).to_bytes(4) + (60_000).to_bytes(4)
    answer = client.ask("PUT", "/api/labels/7", bytes(body), {"If-None-Match": "*"})
    assert "is 60000x60000" in answer.error


def test_a_frame_that_is_not_there_gets_no_label(client: Client) -> None:
    for number in (0, 31, 10**12):
        answer = client.put_label(number, square(4))
        assert answer.status == 400
        assert "no such frame" in answer.error


def test_a_body_larger_than_its_frame_can_need_is_cut_off(client: Client) -> None:
    answer = client.ask("PUT", "/api/labels/7", bytes(80_000), {"If-None-Match": "*"})
    assert answer.status == 413


def test_a_label_of_another_kind_goes_when_it_is_painted_over(client: Client, folder: Path) -> None:
    (folder / "groundtruth").mkdir()
    old = folder / "groundtruth" / "gt000007.bmp"
    cv2.imwrite(str(old), square(4))
    shown = client.get("/api/labels/7")
    assert shown.body[:4] == b"\x89PNG"
    assert client.put_label(7, square(8), shown.headers["etag"]).status == 204
    assert [path.name for path in (folder / "groundtruth").iterdir()] == ["gt000007.png"]
    assert (read(folder, 7) == square(8)).all()


def test_two_labels_of_one_frame_are_said_and_the_project_is_shown(
    client: Client, folder: Path
) -> None:
    client.put_label(7, square(4))
    cv2.imwrite(str(folder / "groundtruth" / "gt000007.bmp"), square(4))
    project = client.get("/api/project").json
    assert "both frame 7" in project["trouble"]
    assert project["frames"] == 30


def test_a_label_that_changes_while_another_is_written_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(folder)
    project.read_clips()
    labels = Labels(project)
    first = labels.write(7, png(square(4)), NEW)
    sync = os.fsync

    def slow(handle: int) -> None:
        (folder / "groundtruth" / "gt000007.png").write_bytes(png(square(20)))
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(ChangedElsewhereError):
        labels.write(7, png(square(12)), first)
    assert (read(folder, 7) == square(20)).all()
    assert not list((folder / "groundtruth").glob(".*"))
    project.close()
