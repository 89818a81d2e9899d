"""Methods on scenes, kept as they finish."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.evaluation.benchmark import Comparison, name_scenes
from cleanplate.images import write_picture
from cleanplate.scenes.scene import Scene


@pytest.fixture
def scene(drawn_scene: Path) -> Scene:
    return cleanplate.open_scene(drawn_scene)


def _compare(folder: Path, scene: Scene, *methods: str, seed: int = 0) -> Comparison:
    return Comparison(folder, {"street": scene}, methods, preset="smoke", seed=seed, device="cpu")


def _steps(comparison: Comparison) -> list[str]:
    return [f"{method} {what}" for _, method, what, _ in comparison.run()]


def test_a_finished_pair_is_kept_and_not_run_again(scene: Scene, tmp_path: Path) -> None:
    comparison = _compare(tmp_path, scene, "two-stage", "mog2")
    assert "two-stage segmentation" in _steps(comparison)
    results = comparison.results()
    assert [result["method"] for result in results] == ["two-stage", "mog2"]
    assert _steps(comparison) == ["two-stage finished before", "mog2 finished before"]
    assert comparison.results() == results


def test_another_scene_of_the_same_name_is_another_pair(
    scene: Scene, drawn_scene: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene, tmp_path / "copy" / "street")
    write_picture(
        tmp_path / "copy" / "street" / "groundtruth" / "gt000040.png", np.zeros((64, 96), np.uint8)
    )
    other = cleanplate.open_scene(tmp_path / "copy" / "street")
    for found in (scene, other):
        assert set(_steps(_compare(tmp_path / "report", found, "mog2"))) == {"mog2 scoring"}
    results = [_compare(tmp_path / "report", found, "mog2").results() for found in (scene, other)]
    assert results[0] != results[1]


def test_another_seed_is_another_pair(scene: Scene, tmp_path: Path) -> None:
    for seed in (0, 1):
        _steps(_compare(tmp_path, scene, "two-stage", seed=seed))
    assert len(list((tmp_path / "results").iterdir())) == 2
    models = {path.read_bytes() for path in tmp_path.rglob("*.safetensors")}
    assert len(models) == 2


def test_an_unknown_method_is_refused_before_any_work(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="method 'mog3' is unknown; use two-stage, mog2, knn"):
        _compare(tmp_path, scene, "two-stage", "mog3")
    assert not list(tmp_path.iterdir())


def test_scenes_called_alike_are_told_apart_by_their_folder(
    drawn_scene: Path, tmp_path: Path
) -> None:
    for parent in ("a", "b"):
        shutil.copytree(drawn_scene, tmp_path / parent / "traffic")
    folders = [tmp_path / parent / "traffic" for parent in ("a", "b")]
    assert list(name_scenes(folders)) == ["a/traffic", "b/traffic"]
    assert list(name_scenes(folders[:1])) == ["traffic"]


def test_two_scenes_that_cannot_be_told_apart_are_refused(
    drawn_scene: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / parent / "base" / "traffic" for parent in ("a", "b")]
    for folder in folders:
        shutil.copytree(drawn_scene, folder)
    with pytest.raises(DatasetError, match="two scenes are called base/traffic; rename"):
        name_scenes(folders)
