"""Methods on scenes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.evaluation.benchmark import (
    Comparison,
    Result,
    model_split,
    name_scenes,
    scorable_split,
    score,
    score_results,
)
from cleanplate.images import Frame, write_picture
from cleanplate.measures import ConfusionMatrix
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.opencv import make_opencv
from cleanplate.subtractors.protocol import Segmentation


@pytest.fixture
def scene(drawn_scene: Path) -> Scene:
    return cleanplate.open_scene(drawn_scene)


class Recorder:
    """Says foreground where red is bright and remembers which frames it saw."""

    name = "recorder"

    def __init__(self, learns_online: bool) -> None:
        self.learns_online = learns_online
        self.seen: list[Frame] = []

    def segment(self, frame: Frame) -> Segmentation:
        self.seen.append(frame)
        return Segmentation(frame[..., 0] > 128, None, None)


def test_a_method_that_learns_online_sees_every_frame_and_is_scored_on_the_test_half(
    scene: Scene,
) -> None:
    recorder, scored = Recorder(learns_online=True), scene.split("half").scored
    result = score(scene, scored, recorder, "half")
    assert len(recorder.seen) == scene.frames.count
    assert np.array_equal(recorder.seen[0], scene.frame(1))
    assert result.frames_scored == len(scored)
    pixels = result.counts.tp + result.counts.fp + result.counts.fn + result.counts.tn
    assert pixels == sum(int((scene.truth(n).labels >= 0).sum()) for n in scored)


def test_a_trained_method_sees_the_scored_frames_alone(scene: Scene) -> None:
    recorder, scored = Recorder(learns_online=False), scene.split("half").scored
    score(scene, scored, recorder, "half")
    assert len(recorder.seen) == len(scored)


def test_both_ways_count_alike(scene: Scene) -> None:
    scored = scene.split("half").scored
    online = score(scene, scored, Recorder(True), "half")
    alone = score(scene, scored, Recorder(False), "half")
    assert online.counts == alone.counts


def test_masks_in_a_folder_score_like_the_method_that_wrote_them(
    scene: Scene, tmp_path: Path
) -> None:
    scored = scene.split("half").scored

    def keep(number: int, result: Segmentation) -> None:
        write_picture(tmp_path / f"bin{number:06d}.png", result.mask)

    direct = score(scene, scored, make_opencv("knn"), "half", keep)
    assert score_results(scene, scored, tmp_path, "half").counts == direct.counts


@pytest.mark.parametrize(("value", "found"), [(127, False), (128, True)])
def test_a_result_masks_pixel_is_foreground_above_half(
    scene: Scene, tmp_path: Path, value: int, found: bool
) -> None:
    number = scene.split("half").scored[0]
    write_picture(tmp_path / f"bin{number:06d}.png", np.full((64, 96), value, np.uint8))
    counts = score_results(scene, (number,), tmp_path, "half").counts
    assert (counts.tp > 0) is found
    assert (counts.fn > 0) is not found


def test_a_missing_result_mask_is_named(scene: Scene, tmp_path: Path) -> None:
    write_picture(tmp_path / "bin000001.png", np.zeros((64, 96), np.uint8))
    with pytest.raises(DatasetError, match=r"no mask for frame \d+ and \d+ others"):
        score_results(scene, scene.split("half").scored, tmp_path, "half")


def test_a_result_mask_of_another_size_is_named(scene: Scene, tmp_path: Path) -> None:
    write_picture(tmp_path / "bin000020.png", np.zeros((60, 90), np.uint8))
    with pytest.raises(DatasetError, match=r"bin000020\.png: mask is 90x60 but the labels are"):
        score_results(scene, (20,), tmp_path, "half")


def test_a_model_brings_its_own_split(scene: Scene, smoke_model: Path) -> None:
    card = cleanplate.load(smoke_model, "cpu").card
    assert model_split(scene, card, None, False).scored == scene.split("half").scored


def test_scoring_frames_that_trained_is_refused_with_their_count(
    scene: Scene, smoke_model: Path, tmp_path: Path
) -> None:
    card = cleanplate.load(smoke_model, "cpu").card
    (tmp_path / "few.txt").write_text("20\n21\n")
    split = f"list:{tmp_path / 'few.txt'}"
    wanted = sum(number not in (20, 21) for number in card.training_frames)
    with pytest.raises(DatasetError, match=rf"{wanted} of the \d+ frames to score trained this"):
        model_split(scene, card, split, False)
    assert model_split(scene, card, split, True).scored


def test_a_renamed_scene_is_still_known_by_its_labels(
    drawn_scene: Path, smoke_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").symlink_to(drawn_scene)
    card = cleanplate.load(smoke_model, "cpu").card.model_copy(update={"scene": "before"})
    renamed = cleanplate.open_scene(tmp_path / "other")
    assert model_split(renamed, card, None, False).scored == renamed.split("half").scored


def test_a_split_that_leaves_nothing_to_score_says_so(scene: Scene) -> None:
    split = scene.split("all")
    with pytest.raises(DatasetError, match="leaves no frame to score; use --split half"):
        scorable_split(scene, split, False)
    assert scorable_split(scene, split, True) == scene.labelled


def test_the_printed_object_has_the_promised_keys() -> None:
    result = Result("yard", "mog2", "half", 3, ConfusionMatrix(tn=9), 1.25)
    expected = (
        "scene method split frames_scored tp fp fn tn shadow_errors recall specificity fpr fnr pwc "
        "f_measure precision seconds"
    )
    assert " ".join(result.as_dict()) == expected
    assert json.loads(json.dumps(result.as_dict()))["f_measure"] is None


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
        assert _steps(_compare(tmp_path / "report", found, "mog2")) == ["mog2 scoring"]
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


def test_training_frames_are_scored_too_when_asked_for(scene: Scene, smoke_model: Path) -> None:
    card = cleanplate.load(smoke_model, "cpu").card
    assert model_split(scene, card, None, True).scored == scene.labelled
