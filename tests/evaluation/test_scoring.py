"""One method on one scene."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import DatasetError, VideoError
from cleanplate.evaluation.scoring import (
    Result,
    model_split,
    scorable_split,
    score,
    score_results,
)
from cleanplate.images import Frame, write_picture
from cleanplate.measures import ConfusionMatrix
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.synthetic import write_drawn_scene
from cleanplate.scenes.video import ArraySource
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

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
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

    def keep(number: int, frame: Frame, result: Segmentation) -> None:
        assert np.array_equal(frame, scene.frame(number))
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
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    assert model_split(scene, card, None, False).scored == scene.split("half").scored


@pytest.mark.parametrize("split", ["half:2", "half:0"])
def test_a_model_of_n_labels_is_scored_on_the_second_half_alone(
    scene: Scene, smoke_model: Path, split: str
) -> None:
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    few = card.model_copy(update={"split": split, "training_frames": scene.split(split).training})
    assert model_split(scene, few, None, False) == scene.split(split)


def test_a_model_without_labels_is_known_as_its_scenes_own_and_says_what_it_has_seen(
    scene: Scene, smoke_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    blind = card.model_copy(update={"split": "none", "training_frames": (), "label_digests": ()})
    assert model_split(scene, blind, None, False).name == "none"
    assert "training looked at all frames of this scene" in caplog.text
    elsewhere = blind.model_copy(update={"scene": "elsewhere"})
    assert model_split(scene, elsewhere, None, False).name == "other-scene"


def test_scoring_frames_that_trained_is_refused_with_their_count(
    scene: Scene, smoke_model: Path, tmp_path: Path
) -> None:
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    (tmp_path / "few.txt").write_text("20\n21\n")
    split = f"list:{tmp_path / 'few.txt'}"
    wanted = sum(number not in (20, 21) for number in card.training_frames)
    with pytest.raises(DatasetError, match=rf"{wanted} of the \d+ frames to score trained this"):
        model_split(scene, card, split, False)
    assert model_split(scene, card, split, True).scored


def test_a_renamed_scene_is_still_known_by_its_labels(
    drawn_scene: Path, smoke_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene, tmp_path / "other")
    corrected = tmp_path / "other" / "groundtruth" / "gt000003.png"
    write_picture(corrected, np.zeros((64, 96), np.uint8))
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    renamed = cleanplate.open_scene(tmp_path / "other")
    assert model_split(renamed, card, None, False).scored == renamed.split("half").scored


def test_a_model_is_scored_on_all_labels_of_another_scene(
    smoke_model: Path, tmp_path: Path
) -> None:
    write_drawn_scene(tmp_path / "elsewhere", "baseline", frames=6, size=(64, 96), seed=9)
    other = cleanplate.open_scene(tmp_path / "elsewhere")
    split = model_split(
        other, cleanplate.load(smoke_model, "cpu", engine="torch").card, None, False
    )
    assert split.scored == other.labelled
    assert split.name == "other-scene"


def test_a_model_of_all_labels_leaves_none_to_score_and_says_what_to_do(
    scene: Scene, smoke_model: Path
) -> None:
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    everything = card.model_copy(update={"training_frames": scene.labelled, "split": "all"})
    with pytest.raises(DatasetError, match="all 40 labelled frames trained this model; label more"):
        model_split(scene, everything, None, False)
    mixed = model_split(scene, everything, None, True)
    assert (mixed.name, mixed.scored) == ("all+training", scene.labelled)


def test_frames_that_end_before_the_last_to_score_are_an_error(scene: Scene) -> None:
    short = ArraySource([scene.frame(number) for number in range(1, 31)])
    cut = replace(scene, frames=short)
    with pytest.raises(VideoError, match="ends after 10 of the 20 frames to score"):
        score(cut, scene.split("half").scored, make_opencv("mog2"), "half")


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


def test_training_frames_are_scored_too_when_asked_for(scene: Scene, smoke_model: Path) -> None:
    card = cleanplate.load(smoke_model, "cpu", engine="torch").card
    assert model_split(scene, card, None, True).scored == scene.labelled
