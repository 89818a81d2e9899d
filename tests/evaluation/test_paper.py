"""The paper's section 4 as one run."""

import logging
import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import pytest

from cleanplate.config import load_preset
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.evaluation.benchmark import Comparison
from cleanplate.evaluation.paper import (
    Section4,
    choose_scenes,
    find_scenes,
    gather,
    load_experiments,
    run_all,
)
from cleanplate.evaluation.variants import ABLATIONS, STEPS
from cleanplate.scenes.scene import Scene

SMALL = """
[table]
scenes = ["street", "baseline/street"]
methods = ["two-stage", "baseline-2", "mog2"]
preset = "smoke"
split = "half"
seed = 0
length = 0.05

[steps]
scenes = ["baseline/street"]
methods = ["baseline-1", "two-stage"]
preset = "smoke"
split = "half"
seeds = [3, 4]
length = 0.05

[ablations]
scenes = ["street"]
methods = ["lambda-x10"]
preset = "smoke"
split = "half"
seed = 0
length = 0.05
"""


@pytest.fixture(scope="module")
def dataset(drawn_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as CDNet's archive unpacks: two categories, one scene in each, nested."""
    root = tmp_path_factory.mktemp("cdnet")
    for place in ("baseline/street", "shadow/busy"):
        shutil.copytree(drawn_scene, root / "dataset2014" / "dataset" / place)
    (root / "results" / "groundtruth").mkdir(parents=True)  # no scene: it has no frames
    return root


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def _found(folder: Path) -> dict[str, Scene]:
    scenes, broken = find_scenes(folder)
    assert not broken
    return scenes


def test_scenes_are_found_at_any_depth(dataset: Path) -> None:
    found = _found(dataset)
    assert {key: scene.category for key, scene in found.items()} == {
        "street": "baseline", "busy": "shadow",
    }  # fmt: skip
    assert list(_found(dataset / "dataset2014" / "dataset" / "shadow")) == ["busy"]


def test_a_scenes_own_folder_will_do(dataset: Path) -> None:
    assert list(_found(dataset / "dataset2014" / "dataset" / "shadow" / "busy")) == ["busy"]


def test_scenes_called_alike_are_told_apart_by_their_category(
    drawn_scene: Path, tmp_path: Path
) -> None:
    for category in ("baseline", "shadow"):
        shutil.copytree(drawn_scene, tmp_path / category / "street")
    found = _found(tmp_path)
    assert list(found) == ["baseline/street", "shadow/street"]
    assert list(choose_scenes(found, ("shadow/street",))) == ["shadow/street"]
    assert list(choose_scenes(found, ("street",))) == list(found)


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_folder_without_scenes_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    message = r"no scene in CDNet's layout below it; .*cleanplate download cdnet2014"
    with pytest.raises(DatasetError, match=message):
        _found(tmp_path / name)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ((), ["busy", "street"]),
        (("street",), ["street"]),
        (("shadow/busy",), ["busy"]),
        (("baseline/street", "busy"), ["busy", "street"]),
        (("street", "baseline/highway"), ["street"]),
    ],
)
def test_scenes_are_chosen_by_name_or_with_their_category(
    dataset: Path, names: tuple[str, ...], chosen: list[str]
) -> None:
    found = _found(dataset)
    assert sorted(choose_scenes(found, names)) == chosen


@pytest.mark.parametrize("name", ["shadow/street", "highway", "Street"])
def test_a_choice_that_leaves_no_scene_is_refused(dataset: Path, name: str) -> None:
    message = f"none of the scenes nosuch, {name} is there; name others"
    with pytest.raises(DatasetError, match=message):
        choose_scenes(_found(dataset), ("nosuch", name))


@pytest.mark.parametrize(("name", "preset"), [("section4", "compact"), ("section4-paper", "paper")])
def test_section_4_as_it_comes_has_the_papers_rows(name: str, preset: str) -> None:
    found = load_experiments(name)
    assert set(STEPS) <= set(found.table.methods)
    assert set(found.steps.methods) == set(STEPS)
    assert set(found.ablations.methods) <= {"two-stage", *ABLATIONS}
    assert found.table.length == 1
    assert {part.preset for part in (found.table, found.steps, found.ablations)} == {preset}
    for part in (found.table, found.steps, found.ablations):
        assert part.split == "half"
        load_preset(part.preset)


def test_a_file_like_it_is_read_too(experiments: Path) -> None:
    found = load_experiments(str(experiments))
    assert found.table.methods == ("two-stage", "baseline-2", "mog2")
    assert found.steps.seeds == (3, 4)
    text = resources.files("cleanplate.presets").joinpath("section4.toml").read_text()
    experiments.write_text(text)
    assert load_experiments(str(experiments)) == load_experiments("section4")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("methods", "methds", r"unknown key table.methds; did you mean table.methods\?"),
        ("[steps]", "[step]", r"unknown key step; did you mean steps\?"),
        ("seeds = [3, 4]\n", "", "key steps.seeds is missing; add it"),
        ("seeds = [3, 4]", "seeds = []", r"steps.seeds is \(\): "),
        ("seed = 0", "seed = -1", "table.seed is -1: "),
        ("length = 0.05", "length = 0.0", "table.length is 0.0: input should be greater than 0"),
        ("length = 0.05", "length = 1.5", "table.length is 1.5: input should be less than or"),
        ('["two-stage", "baseline-2", "mog2"]', "[]", r"table.methods is \(\): "),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(
    experiments: Path, old: str, new: str, complaint: str
) -> None:
    assert old in SMALL
    experiments.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(ConfigError, match=f"small.toml: {complaint}"):
        load_experiments(str(experiments))


@pytest.mark.parametrize("method", ["mog2", "baseline-1", "lambda-x10"])
def test_an_unknown_method_in_any_part_is_named(experiments: Path, method: str) -> None:
    experiments.write_text(SMALL.replace(f'"{method}"', '"magic"'))
    with pytest.raises(ConfigError, match="method 'magic' is unknown; use two-stage, "):
        load_experiments(str(experiments))


@pytest.mark.parametrize("method", ["baseline-1", "lambda-x10"])
def test_a_method_that_is_not_trained_has_no_place_in_steps_and_ablations(
    experiments: Path, method: str
) -> None:
    experiments.write_text(SMALL.replace(f'"{method}"', '"mog2"'))
    with pytest.raises(ConfigError, match=r"small.toml: mog2 is not trained and has no place in"):
        load_experiments(str(experiments))


def test_scenes_that_are_asked_for_and_absent_are_named(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        choose_scenes(_found(dataset), ("street", "baseline/highway", "boats"))
    assert "scenes baseline/highway, boats are not there and are left out" in caplog.text


def test_a_scene_that_cannot_be_opened_is_a_failure_of_table_1(
    dataset: Path, experiments: Path, tmp_path: Path
) -> None:
    shutil.copytree(dataset, tmp_path / "cdnet")
    place = tmp_path / "cdnet" / "dataset2014" / "dataset" / "shadow" / "busy" / "input"
    (place / "in000001.png").write_bytes(b"cut")
    scenes, broken = find_scenes(tmp_path / "cdnet")
    assert (list(scenes), list(broken)) == (["street"], ["busy"])
    text = SMALL.replace('["two-stage", "baseline-2", "mog2"]', '["mog2"]')
    experiments.write_text(text.replace('["street", "baseline/street"]', "[]"))
    settings = load_experiments(str(experiments))
    run = Section4(tmp_path / "run", scenes, settings, broken=broken)
    list(run.table.run())
    pairs, (failure,) = gather([run.table])
    assert (failure.scene, failure.method) == ("busy", "all methods")
    assert [pair.result["scene"] for pair in pairs] == ["street"]


def test_a_missing_file_of_experiments_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gone.toml: cannot be read \(.+\); check the path"):
        load_experiments("gone.toml")


def _ran(comparisons: Sequence[Comparison]) -> list[tuple[str, str, str]]:
    return [(step.scene, step.method, step.what) for step in run_all(comparisons)]


def test_section_4_runs_once_and_keeps_what_is_finished(
    dataset: Path, experiments: Path, tmp_path: Path
) -> None:
    settings, scenes = load_experiments(str(experiments)), _found(dataset)

    def everything() -> list[Comparison]:
        run = Section4(tmp_path / "run", scenes, settings, device="cpu")
        return [run.table, *run.steps().values(), run.ablations()]

    first = everything()
    steps = _ran(first)
    assert ("street", "two-stage", "segmentation") in steps
    pairs, failures = gather(first)
    assert failures == []
    rows = [(pair.category, pair.result["scene"], pair.result["method"]) for pair in pairs]
    asked_for = [
        *("two-stage", "baseline-2", "mog2"),
        *("baseline-1", "two-stage") * 2,  # with two seeds
        "lambda-x10",
    ]
    assert rows == [("baseline", "street", method) for method in asked_for]
    folders = ("table1", "steps/seed3", "steps/seed4", "ablations")
    assert all(list((tmp_path / "run" / folder / "models").iterdir()) for folder in folders)

    again = everything()
    assert {what for _, _, what in _ran(again)} == {"finished before"}
    assert [pair.result for pair in gather(again)[0]] == [pair.result for pair in pairs]


def test_each_seed_of_the_steps_is_a_comparison_of_its_own(
    dataset: Path, experiments: Path, tmp_path: Path
) -> None:
    run = Section4(tmp_path, _found(dataset), load_experiments(str(experiments)))
    by_seed = run.steps()
    assert list(by_seed) == [3, 4]
    assert [one.facts()["seed"] for one in by_seed.values()] == ["3", "4"]
    assert {one.facts()["iterations"] for one in by_seed.values()} == {"1 + 6 + 1"}
    assert [list(one.scenes) for one in by_seed.values()] == [["street"], ["street"]]


def test_published_results_stand_in_table_1_alone(
    dataset: Path, experiments: Path, tmp_path: Path
) -> None:
    theirs = {"theirs": tmp_path / "theirs.zip"}
    settings = load_experiments(str(experiments))
    run = Section4(tmp_path, _found(dataset), settings, published=theirs)
    assert list(run.table.methods) == ["two-stage", "baseline-2", "mog2", "theirs"]
    assert "theirs" not in run.ablations().methods
    assert all("theirs" not in one.methods for one in run.steps().values())
