"""A project is a plain folder that one studio at a time has open."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from cleanplate.errors import ConfigError, OutputError
from cleanplate.scenes.project_file import read_project_file
from cleanplate.scenes.synthetic import write_drawn_scene
from cleanplate.studio.project import Project
from tests.studio.serving import SIZE, Client, Process, level, square, studio, write_clip


def test_an_empty_folder_is_an_empty_project(tmp_path: Path) -> None:
    with studio(tmp_path / "new") as client:
        project = client.get("/api/project").json
        assert (project["name"], project["frames"], project["clips"]) == ("new", 0, [])
        answer = client.get("/api/frames/1.jpg")
        assert answer.status == 400
        assert "bring one in" in answer.error
        assert "bring one in" in client.put_label(1, square(4)).error


def test_videos_that_lie_in_a_folder_become_its_clips(tmp_path: Path) -> None:
    write_clip(tmp_path / "b.mp4", 12)
    write_clip(tmp_path / "a.mp4", 20)
    with studio(tmp_path) as client:
        project = client.wait_for_frames()
        clips = [(one["name"], one["first"], one["count"]) for one in project["clips"]]
        assert clips == [("a.mp4", 1, 20), ("b.mp4", 21, 12)]
        client.put_label(25, square(4))
        assert read_project_file(tmp_path).videos == ("a.mp4", "b.mp4")


def test_a_scene_in_cdnets_layout_keeps_its_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "street"
    write_drawn_scene(folder, "baseline", frames=5, size=(64, 96))
    for kind, prefix in (("input", "in"), ("groundtruth", "gt")):
        for path in sorted((folder / kind).iterdir(), reverse=True):
            path.rename(path.with_name(f"{prefix}{int(path.stem[2:]) + 369:06d}.png"))
    before = sorted(path.name for path in folder.iterdir())
    with studio(folder) as client:
        project = client.wait_for_frames()
        assert project["clips"] == [
            {"name": "input", "first": 370, "count": 5, "seconds": 0.2},
        ]
        assert [one["number"] for one in project["labels"]] == [370, 371, 372, 373, 374]
        assert client.get("/api/frames/374.jpg").status == 200
        assert client.get("/api/frames/1.jpg").status == 404
        answer = client.ask("POST", "/api/clips/example")
        assert "CDNet" in answer.error
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, ".studio"])


def test_a_second_studio_on_one_folder_says_where_the_first_is(folder: Path) -> None:
    with studio(folder) as client:
        second = Process(folder)
        complaint = second.end()
        assert second.code == 1
        assert f"open in another studio (http://127.0.0.1:{client.port}/" in complaint
        assert complaint.count("\n") == 1
    Project(folder).close()


def test_the_lock_of_a_killed_studio_is_taken_over(folder: Path) -> None:
    first = Process(folder)
    first.client.wait_for_frames()
    first.kill()
    with studio(folder) as client:
        assert client.wait_for_frames()["frames"] == 30


def test_a_folder_without_write_permission_is_refused_in_words(tmp_path: Path) -> None:
    place = tmp_path / "locked"
    place.mkdir(mode=0o555)
    if os.access(place, os.W_OK):  # as root: a place where nobody may write
        place = Path("/proc/sys")
    with pytest.raises(OutputError, match=r"cannot be made .*; choose another folder"):
        Project(place)


def test_a_file_in_the_place_of_a_folder_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").touch()
    with pytest.raises(OutputError, match="choose another folder"):
        Project(tmp_path / "video.mp4")


def test_a_project_file_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "outside.mp4", 3)
    folder = tmp_path / "project"
    folder.mkdir()
    for video in ("../outside.mp4", str(tmp_path / "outside.mp4"), "link.mp4"):
        (folder / "project.toml").write_text(f'name = "x"\nvideos = [{json.dumps(video)}]\n')
        (folder / "link.mp4").unlink(missing_ok=True)
        (folder / "link.mp4").symlink_to(tmp_path / "outside.mp4")
        with pytest.raises(ConfigError, match="move the file into it"):
            Project(folder)


def test_a_video_that_is_gone_is_said_and_the_rest_is_served(folder: Path) -> None:
    with studio(folder) as client:
        client.wait_for_frames()
        client.put_label(3, square(4))
    (folder / "videos" / "gate.mp4").unlink()
    with studio(folder) as client:
        project = client.wait_for_frames()
        assert "gate.mp4: no such file" in project["trouble"]
        assert [one["number"] for one in project["labels"]] == [3]


def test_the_region_is_kept_and_never_written_over_unseen(client: Client, folder: Path) -> None:
    revision = client.get("/api/project").json["region_revision"]
    region = {"include": [[[0, 0], [40, 0], [40, 40]]], "exclude": []}
    headers = {"If-Match": revision}
    answer = client.ask("PUT", "/api/region", region, headers)
    assert answer.status == 200
    assert read_project_file(folder).region.include == (((0.0, 0.0), (40.0, 0.0), (40.0, 40.0)),)
    assert client.ask("PUT", "/api/region", region, headers).status == 412
    assert client.ask("PUT", "/api/region", region).status == 428
    new = {"If-Match": answer.json["revision"]}
    wrong = client.ask("PUT", "/api/region", {"include": [[[0, 0], [1, 1]]]}, new)
    assert wrong.status == 400
    assert "include" in wrong.error


def test_the_command_line_leaves_out_what_the_region_leaves_out(
    client: Client, folder: Path
) -> None:
    from cleanplate.scenes.opening import open_scene

    client.put_label(3, square(4))
    revision = client.get("/api/project").json["region_revision"]
    region = {"exclude": [[[0, 0], [63, 0], [63, 20], [0, 20]]]}
    assert client.ask("PUT", "/api/region", region, {"If-Match": revision}).status == 200
    labels = open_scene(folder).truth(3).labels
    assert (labels[:21] == -1).all()
    assert int((labels == 1).sum()) == 16 * 11


def test_every_tab_hears_of_every_label(client: Client) -> None:
    address, origin = f"ws://127.0.0.1:{client.port}/api/events", f"http://127.0.0.1:{client.port}"
    tabs = [connect(address, origin=Origin(origin)) for _ in range(8)]
    try:
        for tab in tabs:
            assert json.loads(tab.recv(10)) == {"type": "hello"}
        revision = client.put_label(5, square(4)).headers["etag"].strip('"')
        for tab in tabs:
            heard = json.loads(tab.recv(10))
            assert heard == {"type": "labels", "number": 5, "revision": revision}
    finally:
        for tab in tabs:
            tab.close()


def test_a_frame_is_the_one_of_its_number_also_after_a_video_came_in(
    client: Client, tmp_path: Path
) -> None:
    before = [level(client.get(f"/api/frames/{number}.jpg").body) for number in (1, 15, 30)]
    assert before == pytest.approx([4, 60, 120], abs=3)
    other = write_clip(tmp_path / "other.mp4", 10)
    answer = client.ask("POST", "/api/clips", {"path": str(other)})
    assert answer.json["clip"] == {"name": "other.mp4", "first": 31, "count": 10, "seconds": 0.4}
    after = [level(client.get(f"/api/frames/{number}.jpg").body) for number in (1, 15, 30, 31, 40)]
    assert after == pytest.approx([4, 60, 120, 4, 40], abs=3)
    assert client.get("/api/frames/41.jpg").status == 404


def test_a_video_of_another_camera_is_refused_and_leaves_nothing(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    other = write_clip(tmp_path / "wide.mp4", 5, (48, 96))
    answer = client.ask("POST", "/api/clips", {"path": str(other)})
    assert answer.status == 400
    assert "wide is 96x48 but gate is 64x48" in answer.error
    assert [path.name for path in (folder / "videos").iterdir()] == ["gate.mp4"]
    assert client.get("/api/project").json["frames"] == 30
    assert SIZE == (48, 64)


def test_a_video_that_was_replaced_makes_the_pictures_others(folder: Path) -> None:
    project = Project(folder)
    before = project.identity
    assert project.identity == before
    write_clip(folder / "videos" / "gate.mp4", 12)
    assert project.identity != before
    project.close()


def test_a_video_that_comes_in_while_others_are_read_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleanplate.scenes.frame_times._TOLD_EVERY", 5)
    project = Project(folder)
    write_clip(folder / "videos" / "later.mp4", 5)
    came: list[float | None] = []

    def told() -> None:
        if not came:
            came.append(project.indexing)
            project.add_clip("videos/later.mp4")

    project.read_clips(told)
    assert came != [None]  # while they were read, not after
    assert [clip.name for clip in project.clips] == ["gate.mp4", "later.mp4"]
    assert len(project.numbers()) == 35
    project.close()


def test_a_video_that_comes_in_undoes_no_edit_made_elsewhere(folder: Path) -> None:
    project = Project(folder)
    project.save()
    text = (folder / "project.toml").read_text().replace('"gate"', '"north gate"')
    (folder / "project.toml").write_text(text)
    write_clip(folder / "videos" / "later.mp4", 5)
    project.add_clip("videos/later.mp4")
    found = read_project_file(folder)
    assert (found.name, len(found.videos)) == ("north gate", 2)
    project.close()


def test_a_closed_project_is_not_written(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.close()
    with pytest.raises(OutputError, match="is closed"):
        project.save()
    assert not (tmp_path / "project.toml").exists()
