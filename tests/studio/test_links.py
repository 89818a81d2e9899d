"""A project that a stranger made leads the studio nowhere outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanplate.errors import CleanplateError, ConfigError, OutputError
from cleanplate.files import write_bytes
from cleanplate.scenes.opening import open_scene
from cleanplate.studio.holding import hold
from cleanplate.studio.labels import Labels
from cleanplate.studio.models import Models
from cleanplate.studio.project import Project
from cleanplate.studio.training_files import Job, TrainingFolder
from tests.studio.serving import Client, png, square


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")
    (place / "gt000003.png").write_bytes(png(square(4)))
    return place


@pytest.mark.parametrize(
    "name",
    [
        ".studio",
        ".studio/training",
        ".studio/exports",
        ".studio/uploads",
        ".studio/index",
        ".studio/truth",
        ".studio/lock",
        ".studio/training/log.txt",
        "models",
        "videos",
        "groundtruth",
        "input",
    ],
)
def test_a_project_with_a_link_to_elsewhere_is_not_opened(
    tmp_path: Path, home: Path, name: str
) -> None:
    link = tmp_path / "gate" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(home / "thesis.txt" if name.endswith(("lock", "txt")) else home)
    with pytest.raises(ConfigError, match=r"link|leads out"):
        Project(tmp_path / "gate")
    assert (home / "thesis.txt").read_text() == "years of work"
    assert sorted(path.name for path in home.iterdir()) == ["gt000003.png", "thesis.txt"]


def test_a_hidden_folder_linked_to_another_of_the_project_is_refused(folder: Path) -> None:
    (folder / ".studio").mkdir()
    (folder / ".studio" / "training").symlink_to(folder / "videos")
    with pytest.raises(ConfigError, match="training: is a link"):
        Project(folder)


def test_a_linked_lock_is_not_opened(tmp_path: Path, home: Path) -> None:
    (tmp_path / "lock").symlink_to(home / "thesis.txt")
    with pytest.raises(OutputError, match="cannot be written"):
        hold(tmp_path / "lock", tmp_path, "")
    assert (home / "thesis.txt").read_text() == "years of work"


def test_a_new_training_removes_a_link_and_not_what_it_leads_to(folder: Path, home: Path) -> None:
    place = TrainingFolder(folder)
    place.folder.mkdir(parents=True)
    (place.folder / "groundtruth").symlink_to(home)
    place.begin(Job("01-quick", "quick", (), (), (), ""), 'name = "gate"', {})
    assert not (place.folder / "groundtruth").is_symlink()
    assert (home / "thesis.txt").read_text() == "years of work"


def test_a_file_is_not_written_through_a_link_laid_in_its_way(tmp_path: Path, home: Path) -> None:
    (tmp_path / ".project.toml.part").symlink_to(home / "thesis.txt")
    write_bytes(tmp_path / "project.toml", b"name")
    assert (home / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "project.toml").read_bytes() == b"name"


def test_a_label_linked_to_elsewhere_is_neither_shown_nor_painted_over(
    client: Client, folder: Path, home: Path
) -> None:
    before = (home / "gt000003.png").read_bytes()
    (folder / "groundtruth").mkdir()
    (folder / "groundtruth" / "gt000003.png").symlink_to(home / "gt000003.png")
    assert "leads out" in client.get("/api/labels/3").error
    assert "leads out" in client.put_label(3, square(9)).error
    assert "leads out" in client.get("/api/project").json["trouble"]
    assert (home / "gt000003.png").read_bytes() == before
    (folder / "project.toml").write_text('name = "gate"\nvideos = ["videos/gate.mp4"]\n')
    with pytest.raises(ConfigError, match="leads out"):
        open_scene(folder)


def test_a_label_that_is_no_picture_is_not_served(client: Client, folder: Path) -> None:
    (folder / "groundtruth").mkdir()
    (folder / "groundtruth" / "gt000003.png").write_text("root:x:0:0")
    answer = client.get("/api/labels/3")
    assert answer.status == 400
    assert "not a complete picture" in answer.error
    revision = client.get("/api/project").json["labels"][0]["revision"]
    assert client.put_label(3, square(9), revision).status == 204


def test_a_model_linked_to_elsewhere_is_none(folder: Path, home: Path) -> None:
    project = Project(folder)
    (folder / "models").mkdir()
    (folder / "models" / "01-good.safetensors").symlink_to(home / "thesis.txt")
    assert project.models() == []
    with pytest.raises(CleanplateError, match="there is none"):
        Models(project).path("01-good")
    project.close()


def test_pictures_linked_to_elsewhere_are_not_shown(folder: Path, home: Path) -> None:
    (folder / "videos" / "gate.mp4").unlink()
    (folder / "videos" / "pictures").mkdir()
    (folder / "videos" / "pictures" / "in000001.png").symlink_to(home / "gt000003.png")
    (folder / "project.toml").write_text('name = "gate"\nvideos = ["videos/pictures"]\n')
    project = Project(folder)
    project.read_clips()
    assert "leads out" in project.trouble
    project.close()


def test_what_a_killed_writer_left_is_cleaned_up(folder: Path) -> None:
    (folder / "groundtruth").mkdir()
    (folder / "groundtruth" / ".gt000003.png.0123.part").write_bytes(b"half")
    project = Project(folder)
    Labels(project)
    assert not list((folder / "groundtruth").iterdir())
    project.close()
