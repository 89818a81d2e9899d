"""Methods on scenes, kept as they finish."""

import logging
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import cleanplate
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.evaluation import models
from cleanplate.evaluation.benchmark import (
    METHODS,
    Comparison,
    Progress,
)
from cleanplate.evaluation.models import BASELINE_1_THRESHOLD, ready_method
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.scoring import score
from cleanplate.images import Frame, read_grey, write_picture
from cleanplate.measures import ConfusionMatrix, count_frame
from cleanplate.scenes.opening import name_scenes
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.filtered import MedianFiltered
from cleanplate.subtractors.methods import OTHER_THRESHOLD, make_method
from cleanplate.subtractors.protocol import Segmentation, Subtractor
from cleanplate.subtractors.threshold import ThresholdSubtractor

SHORT = 0.5
"""Share of the smoke preset's updates; enough for masks that are not empty."""


@pytest.fixture(scope="module")
def scene(drawn_scene: Path) -> Scene:
    return cleanplate.open_scene(drawn_scene)


@pytest.fixture
def broken(drawn_scene: Path, tmp_path: Path) -> Path:
    """The drawn scene with a frame of the scored half cut short."""
    shutil.copytree(drawn_scene, tmp_path / "broken")
    frame = tmp_path / "broken" / "input" / "in000030.png"
    frame.write_bytes(frame.read_bytes()[:500])
    return tmp_path / "broken"


def _compare(folder: Path, scene: Scene, *methods: str, **options: Any) -> Comparison:
    changed = {"preset": "smoke", "length": SHORT, "device": "cpu", **options}
    return Comparison(folder, {"street": scene}, methods, **changed)


def _steps(comparison: Comparison) -> list[str]:
    return [f"{method} {what}" for _, method, what, _ in comparison.run()]


def _counts(pair: Pair) -> ConfusionMatrix:
    names = ("tp", "fp", "fn", "tn", "shadow_errors")
    return ConfusionMatrix(**{name: pair.result[name] for name in names})


class Finished(NamedTuple):
    """A comparison that was run once, and what it said while it ran."""

    comparison: Comparison
    steps: list[Progress]

    def pair(self, method: str) -> Pair:
        return next(p for p in self.comparison.pairs() if p.result["method"] == method)

    def models(self, method: str = "two-stage") -> tuple[Path, Path]:
        """The model of a method, and the same after phase 2."""
        scene = self.comparison.scenes["street"]
        path = self.comparison.model_path("street", scene.split("half"), method)
        return path, path.with_name(f"{path.stem}.separate.safetensors")


OURS = ("two-stage", "two-stage-separate", "baseline-1", "baseline-2", "median-filtered")


@pytest.fixture(scope="module")
def finished(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("report")
    comparison = _compare(folder, scene, *OURS, "median", "mog2")
    return Finished(comparison, list(comparison.run()))


@pytest.fixture(scope="module")
def masks(finished: Finished, scene: Scene) -> Path:
    """The folder of the masks of two methods whose pairs were finished before."""
    folder = finished.comparison.folder
    list(_compare(folder, scene, "two-stage", "mog2", writes_masks=True).run())
    return folder / "masks"


def test_every_pair_is_finished_in_the_order_asked_for(finished: Finished) -> None:
    pairs = finished.comparison.pairs()
    assert [pair.result["method"] for pair in pairs] == [*OURS, "median", "mog2"]
    assert {pair.result["scene"] for pair in pairs} == {"street"}
    assert finished.comparison.failures == []
    assert [pair.result for pair in pairs] == finished.comparison.results()[: len(pairs)]


def test_a_finished_pair_is_kept_and_not_run_again(finished: Finished, scene: Scene) -> None:
    results = finished.comparison.folder / "results"
    before = {path: path.stat().st_mtime_ns for path in results.iterdir()}
    again = _compare(finished.comparison.folder, scene, *OURS, "median", "mog2")
    assert [(step.method, step.what, step.share) for step in again.run()] == [
        (method, "finished before", None) for method in (*OURS, "median", "mog2")
    ]
    assert [pair.result for pair in again.pairs()] == again.results()
    assert {path: path.stat().st_mtime_ns for path in results.iterdir()} == before


def test_separate_joint_and_filtered_share_one_training(finished: Finished) -> None:
    files = set((finished.comparison.folder / "models").glob("*.safetensors"))
    alone = {finished.models(method)[0] for method in ("baseline-1", "baseline-2")}
    assert files == {*finished.models(), *alone}
    shared = ("two-stage", "two-stage-separate", "median-filtered")
    assert len({finished.models(method) for method in shared}) == 1
    phases = {"background", "segmentation", "joint"}
    ran = {
        (step.method, step.what) for step in finished.steps if step.what in phases and step.share
    }
    assert ran == {
        ("two-stage", "background"), ("two-stage", "segmentation"), ("two-stage", "joint"),
        ("baseline-1", "background"), ("baseline-2", "segmentation"),
    }  # fmt: skip
    seconds = {finished.pair(method).training_seconds for method in shared}
    assert len(seconds) == 1
    assert None not in seconds
    assert finished.pair("mog2").training_seconds is None


def _scored(scene: Scene, subtractor: Subtractor) -> ConfusionMatrix:
    return score(scene, scene.split("half").scored, subtractor, "half").counts


def test_each_of_our_methods_is_its_model_looked_at_in_its_way(
    finished: Finished, scene: Scene
) -> None:
    joint, separate = (cleanplate.load(path, "cpu", engine="torch") for path in finished.models())
    assert _counts(finished.pair("two-stage")) == _scored(scene, joint)
    assert _counts(finished.pair("two-stage-separate")) == _scored(scene, separate)
    filtered = MedianFiltered(joint, 5, "filtered")
    assert _counts(finished.pair("median-filtered")) == _scored(scene, filtered)
    alone = cleanplate.load(finished.models("baseline-2")[0], "cpu", engine="torch")
    assert _counts(finished.pair("baseline-2")) == _scored(scene, alone)
    counts = {_counts(finished.pair(method)) for method in OURS}
    assert len(counts) == len(OURS)
    # the smoke preset's phase 2 alone hardly finds anything; what follows from it does
    found = [method for method in OURS if method != "two-stage-separate"]
    assert all(_counts(finished.pair(method)).tp > 0 for method in found)


def test_baseline_1_is_a_threshold_over_stage_1(finished: Finished, scene: Scene) -> None:
    model = cleanplate.load(finished.models("baseline-1")[0], "cpu", engine="torch")
    expected = _scored(scene, ThresholdSubtractor(model, BASELINE_1_THRESHOLD))
    assert _counts(finished.pair("baseline-1")) == expected


def test_baseline_1s_stage_1_is_the_one_that_phase_2_learned_from(finished: Finished) -> None:
    alone, separate = load_file(finished.models("baseline-1")[0]), load_file(finished.models()[1])
    names = [name for name in separate if name.startswith("background_net.")]
    assert names
    assert all(torch.equal(alone[name], separate[name]) for name in names)


def test_stage_1_learns_in_the_joint_phase(finished: Finished) -> None:
    joint, separate = map(load_file, finished.models())
    moved = {name.split(".")[0] for name in joint if not torch.equal(joint[name], separate[name])}
    assert moved == {"background_net", "segmentation_net"}


@pytest.mark.parametrize(
    ("method", "threshold"), [("baseline-1", BASELINE_1_THRESHOLD), ("median", OTHER_THRESHOLD)]
)
def test_at_its_own_threshold_a_methods_sweep_has_its_counts(
    finished: Finished, method: str, threshold: float
) -> None:
    pair = finished.pair(method)
    assert pair.sweep is not None
    assert pair.sweep.counts(threshold) == replace(_counts(pair), shadow_errors=0)


def test_only_methods_that_threshold_a_background_have_a_sweep(finished: Finished) -> None:
    swept = {pair.result["method"] for pair in finished.comparison.pairs() if pair.sweep}
    assert swept == {"baseline-1", "median"}


def test_only_methods_that_have_a_background_have_its_measures(finished: Finished) -> None:
    for pair in finished.comparison.pairs():
        without = pair.result["method"] == "baseline-2"
        assert (pair.backgrounds is None) is without
        assert (pair.background is None) is without
        if pair.backgrounds is not None:  # a drawn scene knows its true backgrounds
            assert {"age", "cqm", "masked_age"} <= pair.backgrounds.keys()


def test_the_shown_mask_is_the_methods_own(finished: Finished, scene: Scene) -> None:
    pair, model = (
        finished.pair("two-stage"),
        cleanplate.load(finished.models()[0], "cpu", engine="torch"),
    )
    sizes = {n: (scene.truth(n).labels == 1).sum() for n in scene.split("half").scored}
    assert sizes[pair.shown] == max(sizes.values())
    mask = model.segment(scene.frame(pair.shown)).mask
    assert np.array_equal(read_grey(pair.mask) > 127, mask)


def test_the_masks_of_an_upload_are_those_that_were_scored(
    finished: Finished, masks: Path, scene: Scene, drawn_scene: Path
) -> None:
    folder = masks / "two-stage" / "results" / drawn_scene.parent.name / "street"
    assert len(list(folder.glob("bin*.png"))) == scene.frames.count
    counts = ConfusionMatrix()
    for number in scene.split("half").scored:
        truth = scene.truth(number)
        mask = read_grey(folder / f"bin{number:06d}.png") > 127
        counts += count_frame(mask, truth.labels, truth.shadow)
    assert counts == _counts(finished.pair("two-stage"))
    assert {path.stem for path in masks.glob("*.zip")} == {"two-stage", "mog2"}


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_published_results_enter_as_a_method(
    finished: Finished, masks: Path, scene: Scene, tmp_path: Path, form: str
) -> None:
    theirs = {"theirs": masks / ("mog2.zip" if form == "zip" else "mog2")}
    comparison = _compare(tmp_path, scene, "theirs", published=theirs, writes_masks=True)
    assert _steps(comparison) == ["theirs scoring"]
    (pair,) = comparison.pairs()
    own = finished.pair("mog2")
    assert _counts(pair) == _counts(own)
    assert pair.result["method"] == "theirs"
    assert (pair.category, pair.shown, pair.backgrounds) == (own.category, own.shown, None)
    assert pair.mask.read_bytes() == own.mask.read_bytes()
    assert not (tmp_path / "masks").exists()


@pytest.fixture
def incomplete(masks: Path, drawn_scene: Path, tmp_path: Path) -> dict[str, Path]:
    """MOG2's masks without that of frame 30, which is scored."""
    shutil.copytree(masks / "mog2", tmp_path / "masks")
    place = tmp_path / "masks" / "results" / drawn_scene.parent.name / "street"
    (place / "bin000030.png").unlink()
    return {"theirs": tmp_path / "masks"}


def test_published_results_that_lack_masks_are_refused(
    scene: Scene, tmp_path: Path, incomplete: dict[str, Path]
) -> None:
    comparison = _compare(tmp_path / "report", scene, "theirs", published=incomplete)
    list(comparison.run())
    (failure,) = comparison.failures
    assert (failure.scene, failure.method) == ("street", "theirs")
    assert "1 of the 20 masks of" in failure.reason
    assert "the first is frame 30; get the complete results" in failure.reason
    assert comparison.pairs() == []


def test_published_results_that_lack_masks_are_scored_where_allowed(
    scene: Scene, tmp_path: Path, incomplete: dict[str, Path]
) -> None:
    options: dict[str, Any] = {"published": incomplete, "allow_missing": True}
    comparison = _compare(tmp_path / "report", scene, "theirs", **options)
    list(comparison.run())
    assert comparison.failures == []
    assert [pair.result["frames_scored"] for pair in comparison.pairs()] == [19]


def test_a_damaged_frame_fails_its_scene_and_no_other(
    broken: Path,
    drawn_scene: Path,
    scene: Scene,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scenes = {"broken": cleanplate.open_scene(broken), "street": scene}
    comparison = Comparison(
        tmp_path / "report", scenes, ("baseline-2", "knn"), preset="smoke", length=SHORT,
        device="cpu",
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        list(comparison.run())
    failed = [(failure.scene, failure.method) for failure in comparison.failures]
    assert failed == [("broken", "baseline-2"), ("broken", "knn")]
    assert all("in000030.png: not a complete picture" in f.reason for f in comparison.failures)
    assert "broken knn failed: " in caplog.text
    found = [(pair.result["scene"], pair.result["method"]) for pair in comparison.pairs()]
    assert found == [("street", "baseline-2"), ("street", "knn")]
    assert [row["scene"] for row in comparison.results()] == ["street", "street"]

    shutil.copy(drawn_scene / "input" / "in000030.png", broken / "input")
    again = [(scene, method, what) for scene, method, what, _ in comparison.run()]
    assert ("broken", "knn", "scoring") in again
    assert ("broken", "baseline-2", "scoring") in again
    assert ("broken", "baseline-2", "segmentation") not in again  # its model was finished
    assert ("street", "knn", "finished before") in again
    assert comparison.failures == []
    assert len(comparison.pairs()) == 4


class Clumsy:
    """Raises what nobody expects at its third frame."""

    name, learns_online = "knn", False

    def __init__(self, error: BaseException) -> None:
        self.error, self.frames = error, 0

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        self.frames += 1
        if self.frames == 3:
            raise self.error
        return Segmentation(frame[..., 0] > 128, None, None)


def _clumsy(error: BaseException) -> Any:
    """Stands in for `make_method`."""
    return lambda name, *rest, **named: (
        Clumsy(error) if name == "knn" else make_method(name, *rest, **named)
    )


def test_an_error_that_nobody_expects_fails_its_pair_and_no_other(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = _compare(tmp_path, scene, "knn", "mog2")
    with monkeypatch.context() as patched:
        patched.setattr(models, "make_method", _clumsy(ZeroDivisionError("by zero")))
        list(comparison.run())
    (failure,) = comparison.failures
    assert (failure.method, failure.reason) == ("knn", "ZeroDivisionError: by zero")
    assert [pair.result["method"] for pair in comparison.pairs()] == ["mog2"]
    steps = _steps(comparison)
    assert steps[0] == "knn scoring"
    assert steps[-1] == "mog2 finished before"
    assert [pair.result["method"] for pair in comparison.pairs()] == ["knn", "mog2"]


def test_an_interrupt_ends_the_comparison(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "make_method", _clumsy(KeyboardInterrupt()))
    comparison = _compare(tmp_path, scene, "knn", "mog2")
    with pytest.raises(KeyboardInterrupt):
        list(comparison.run())
    assert comparison.pairs() == []


KILLED = """
import sys
import time
from pathlib import Path
import torch
import cleanplate
from cleanplate.evaluation.benchmark import Comparison
from cleanplate.training import phases

torch.set_num_threads(1)
phases.CHECKPOINT_SECONDS, phases.CHECKPOINT_SHARE = 0.0, 0
scenes = {"street": cleanplate.open_scene(sys.argv[1])}
methods = ("mog2", "two-stage", "knn")
comparison = Comparison(Path(sys.argv[2]), scenes, methods, preset="smoke", device="cpu")
for step in comparison.run():
    if step.what == "segmentation" and step.share >= 0.25:
        print("now", flush=True)
        time.sleep(600)
"""


def _killed_while_training(scene: Path, folder: Path) -> None:
    """Run a comparison in a process of its own, killed after 30 of the 120 updates of phase 2."""
    command = [sys.executable, "-c", KILLED, str(scene), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_comparison_goes_on_where_it_was(
    drawn_scene: Path, scene: Scene, smoke_model: Path, tmp_path: Path
) -> None:
    _killed_while_training(drawn_scene, tmp_path)
    results = tmp_path / "results"
    before = {path: path.stat().st_mtime_ns for path in results.iterdir()}
    assert [path.name.split(".")[1] for path in before if path.suffix == ".json"] == ["mog2"]
    comparison = _compare(tmp_path, scene, "mog2", "two-stage", "knn", length=1.0)
    steps = list(comparison.run())
    assert steps[0] == Progress("street", "mog2", "finished before", None)
    updates = [step for step in steps if step.what == "segmentation"]
    assert [step.share for step in updates] == [done / 120 for done in range(31, 121)]
    assert not any(step.what == "background" for step in steps)
    assert len(comparison.pairs()) == 3
    assert {path: path.stat().st_mtime_ns for path in before} == before
    whole = load_file(smoke_model)  # what no one interrupted gives, to the bit
    resumed = load_file(comparison.model_path("street", scene.split("half")))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


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


@pytest.mark.parametrize("options", [{"seed": 1}, {"length": 0.2}, {"preset": "compact"}])
def test_our_methods_with_other_settings_are_other_pairs(
    finished: Finished, scene: Scene, options: dict[str, Any]
) -> None:
    other = _compare(finished.comparison.folder, scene, *OURS, "mog2", **options)
    found = [pair.result["method"] for pair in other.pairs()]
    assert found == ([] if "seed" in options else ["mog2"])  # OpenCV is seeded too
    split = scene.split("half")
    assert other.model_path("street", split) != finished.models()[0]


def test_another_split_is_another_pair_of_every_method(
    finished: Finished, scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "few.txt").write_text(" ".join(map(str, scene.split("half").training)))
    split = f"list:{tmp_path / 'few.txt'}"
    assert _compare(finished.comparison.folder, scene, *OURS, "mog2", split=split).pairs() == []


def test_another_seed_trains_another_model(scene: Scene, tmp_path: Path) -> None:
    for seed in (0, 1):
        _steps(_compare(tmp_path, scene, "baseline-2", seed=seed))
    assert len(list((tmp_path / "results").glob("*.json"))) == 2
    models = {path.read_bytes() for path in tmp_path.rglob("*.safetensors")}
    assert len(models) == 2


def test_of_results_with_several_settings_the_ones_asked_for_stand(
    finished: Finished, scene: Scene, tmp_path: Path
) -> None:
    shutil.copytree(finished.comparison.folder, tmp_path / "report")
    earlier = _compare(tmp_path / "report", scene, "two-stage").results()[0]
    later = _compare(tmp_path / "report", scene, "two-stage", length=0.05)
    list(later.run())
    rows = [row for row in later.results() if row["method"] == "two-stage"]
    assert rows == [later.pairs()[0].result]
    assert rows != [earlier]
    assert {row["method"] for row in later.results()} == {*OURS, "median", "mog2"}


def test_an_unknown_method_is_refused_before_any_work(scene: Scene, tmp_path: Path) -> None:
    message = f"method 'mog3' is unknown; use {', '.join(METHODS)}"
    with pytest.raises(ConfigError, match=message):
        _compare(tmp_path, scene, "two-stage", "mog3")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [0.0, 2.0])
def test_a_length_that_is_no_share_is_refused_before_any_work(
    scene: Scene, tmp_path: Path, length: float
) -> None:
    with pytest.raises(ConfigError, match=r"is not in \(0, 1\]"):
        _compare(tmp_path, scene, "mog2", length=length)
    assert not list(tmp_path.iterdir())


def test_a_split_that_leaves_nothing_to_score_fails_with_what_to_do(
    scene: Scene, tmp_path: Path
) -> None:
    comparison = _compare(tmp_path, scene, "mog2", split="all")
    list(comparison.run())
    assert "use --split half" in comparison.failures[0].reason


class Labelless:
    """A scene's label reader that must not be used."""

    def __call__(self, path: Path) -> Any:
        pytest.fail(f"{path.name} was read")


def test_a_method_that_learns_beforehand_sees_training_frames_and_no_labels(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, asked = scene.split("half"), []

    def frame(self: Scene, number: int) -> Frame:
        asked.append(number)
        return self.frames.read(number)

    monkeypatch.setattr(Scene, "frame", frame)
    ready_method("median", replace(scene, decode=Labelless()), split)
    assert asked == list(split.training)


def test_a_scene_without_labels_fails_and_no_other(
    drawn_scene: Path, scene: Scene, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene, tmp_path / "bare")
    for path in (tmp_path / "bare" / "groundtruth").iterdir():
        path.unlink()
    scenes = {"bare": cleanplate.open_scene(tmp_path / "bare"), "street": scene}
    comparison = Comparison(tmp_path / "report", scenes, ("mog2",), preset="smoke", device="cpu")
    list(comparison.run())
    (failure,) = comparison.failures
    assert failure.scene == "bare"
    assert "no labelled frame" in failure.reason
    assert [pair.result["scene"] for pair in comparison.pairs()] == ["street"]


def test_a_split_that_is_none_is_refused_before_any_work(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="split 'third' is unknown"):
        list(_compare(tmp_path, scene, "mog2", split="third").run())


def test_the_facts_tell_how_our_numbers_were_made(finished: Finished) -> None:
    facts = finished.comparison.facts()
    assert (facts["split"], facts["preset"], facts["seed"]) == ("half", "smoke", "0")
    assert facts["iterations"] == "10 + 60 + 10"


def test_changed_masks_of_a_published_folder_are_another_pair(
    masks: Path, scene: Scene, tmp_path: Path
) -> None:
    shutil.copytree(masks / "mog2", tmp_path / "theirs")
    theirs = {"theirs": tmp_path / "theirs"}
    comparison = _compare(tmp_path / "report", scene, "theirs", published=theirs)
    list(comparison.run())
    for path in (tmp_path / "theirs").rglob("bin*.png"):
        write_picture(path, np.zeros((64, 96), np.uint8))
    assert _steps(comparison) == ["theirs scoring"]
    assert comparison.pairs()[0].result["tp"] == 0


@pytest.mark.parametrize("name", ["two-stage", "mog2", "siamese"])
def test_published_results_cannot_be_called_like_a_method(
    scene: Scene, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match=f"results cannot be called {name}, which is a method"):
        _compare(tmp_path, scene, name, published={name: tmp_path})


def test_a_method_that_could_write_no_mask_fails_and_the_run_ends_well(
    drawn_scene: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "street"
    shutil.copytree(drawn_scene, folder)
    (folder / "temporalROI.txt").write_text("3 40")
    (folder / "groundtruth" / "gt000003.png").unlink()
    frame = folder / "input" / "in000003.png"  # neither trained on nor scored
    frame.write_bytes(frame.read_bytes()[:300])
    opened = cleanplate.open_scene(folder)
    comparison = _compare(tmp_path / "report", opened, "baseline-2", length=0.05, writes_masks=True)
    list(comparison.run())
    (failure,) = comparison.failures
    assert (failure.scene, failure.method) == ("masks of street", "baseline-2")
    assert "in000003.png" in failure.reason
    assert len(comparison.pairs()) == 1
    assert not (tmp_path / "report" / "masks" / "baseline-2.zip").exists()


def test_records_of_another_version_are_left_out(
    finished: Finished, scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    old = '{"scene": "street", "method": "knn", "split": "half", "tp": 1}'
    (tmp_path / "results" / "street.knn.half.0123456789ab.json").write_text(old)
    comparison = _compare(tmp_path, scene, "mog2")
    list(comparison.run())
    assert [row["method"] for row in comparison.results()] == ["mog2"]


def test_scenes_called_alike_are_told_apart_by_their_folder(
    drawn_scene: Path, tmp_path: Path
) -> None:
    for parent in ("a", "b"):
        shutil.copytree(drawn_scene, tmp_path / parent / "traffic")
    folders = [tmp_path / parent / "traffic" for parent in ("a", "b")]
    assert list(name_scenes(folders)[0]) == ["a/traffic", "b/traffic"]
    assert list(name_scenes(folders[:1])[0]) == ["traffic"]


def test_a_scene_that_cannot_be_opened_fails_and_no_other(
    drawn_scene: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene, tmp_path / "cut")
    first = tmp_path / "cut" / "input" / "in000001.png"
    first.write_bytes(first.read_bytes()[:300])
    scenes, unopened = name_scenes([tmp_path / "cut", drawn_scene])
    comparison = Comparison(tmp_path / "report", scenes, ("mog2",), broken=unopened)
    list(comparison.run())
    (failure,) = comparison.failures
    assert (failure.scene, failure.method) == ("cut", "all methods")
    assert "in000001.png: not a complete picture" in failure.reason
    assert [row["scene"] for row in comparison.results()] == ["street"]


def test_where_no_scene_can_be_opened_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="not a scene in CDNet layout"):
        name_scenes([tmp_path / "empty"])
    with pytest.raises(DatasetError, match="gone: no such scene; check the path"):
        name_scenes([tmp_path / "gone"])


def test_a_method_named_twice_is_run_once(scene: Scene, tmp_path: Path) -> None:
    comparison = _compare(tmp_path, scene, "mog2", "knn", "mog2")
    assert set(_steps(comparison)) == {"mog2 scoring", "knn scoring"}
    assert [pair.result["method"] for pair in comparison.pairs()] == ["mog2", "knn"]


def test_two_scenes_that_cannot_be_told_apart_are_refused(
    drawn_scene: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / parent / "base" / "traffic" for parent in ("a", "b")]
    for folder in folders:
        shutil.copytree(drawn_scene, folder)
    with pytest.raises(DatasetError, match="two scenes are called base/traffic; rename"):
        name_scenes(folders)
