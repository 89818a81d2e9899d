"""From a scene to a model file; stopped anywhere, resumed to the same bits."""

import getpass
import logging
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import cleanplate
from cleanplate.config import Configuration, configuration_from, load_preset
from cleanplate.errors import ConfigError, DatasetError, OutputError, WeightsError
from cleanplate.images import Frame, read_grey, read_picture, write_picture
from cleanplate.measures import ConfusionMatrix
from cleanplate.networks.card import read_card
from cleanplate.networks.sealing import read_metadata
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.scenes.synthetic import write_drawn_scene
from cleanplate.scenes.video import FolderSource
from cleanplate.training import phases
from cleanplate.training.cards import new_card
from cleanplate.training.checkpoints import read_checkpoint
from cleanplate.training.validation import collapse, hold_out


def _quick(**lengths: int) -> Configuration:
    smoke = load_preset("smoke")
    counts = {"background": 3, "segmentation": 4, "joint": 2} | lengths
    changed = {
        name: getattr(smoke.phases, name).model_copy(update={"iterations": count})
        for name, count in counts.items()
    }
    return smoke.model_copy(update={"phases": smoke.phases.model_copy(update=changed)})


def _same_bits(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def _train(folder: Path, output: Path, **options: object) -> None:
    list(cleanplate.train(cleanplate.open_scene(folder), _quick(), output, **options))  # type: ignore[arg-type]


def _stop_after(
    folder: Path, output: Path, updates: int, monkeypatch: pytest.MonkeyPatch, resume: bool = False
) -> None:
    """Train so many updates with a checkpoint after each, then stop."""
    monkeypatch.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(phases, "CHECKPOINT_SHARE", 0)
    scene = cleanplate.open_scene(folder)
    steps = cleanplate.train(scene, _quick(), output, device="cpu", resume=resume)
    done = (step for step in steps if step.losses)
    for _ in range(updates):
        next(done)
    steps.close()  # type: ignore[attr-defined]


def test_a_smoke_model_finds_the_objects_of_a_drawn_scene(
    smoke_model: Path, drawn_scene: Path
) -> None:
    from cleanplate.evaluation.scoring import score

    scene = cleanplate.open_scene(drawn_scene)
    subtractor = cleanplate.load(smoke_model, "cpu", engine="torch")
    result = score(scene, scene.split("half").scored, subtractor, "half")
    assert result.counts.f_measure is not None
    assert result.counts.f_measure > 0.6  # measured .79; MOG2 on the same frames .55


def test_nothing_happens_until_the_records_are_read(drawn_scene: Path, tmp_path: Path) -> None:
    cleanplate.train(cleanplate.open_scene(drawn_scene), "smoke", tmp_path / "m.safetensors")
    assert not any(tmp_path.iterdir())


def test_equal_seeds_give_equal_bits_and_others_differ(drawn_scene: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        _train(drawn_scene, tmp_path / f"{name}.safetensors", seed=seed)
    assert _same_bits(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert not _same_bits(tmp_path / "a.safetensors", tmp_path / "c.safetensors")


@pytest.mark.parametrize("stop_after", [1, 4, 6, 8])
def test_a_stopped_training_resumes_to_the_same_bits(
    drawn_scene: Path, tmp_path: Path, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(phases, "CHECKPOINT_SHARE", 0)
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    _train(drawn_scene, whole)
    scene = cleanplate.open_scene(drawn_scene)
    steps = cleanplate.train(scene, _quick(), broken)
    updates = (step for step in steps if step.losses)
    for _ in range(stop_after):
        next(updates)
    steps.close()  # type: ignore[attr-defined]
    assert not broken.exists()
    resumed = list(cleanplate.train(scene, _quick(), broken, resume=True))
    assert len([step for step in resumed if step.losses]) == 9 - stop_after
    assert _same_bits(whole, broken)
    assert sorted(path.name for path in tmp_path.iterdir()) == [broken.name, whole.name]


@pytest.mark.parametrize("stop_after", [2, 3, 4, 6, 7, 8])
@pytest.mark.parametrize("split", ["half:3", "half:0"])
def test_averages_and_rounds_without_labels_resume_to_the_same_bits(
    drawn_scene: Path,
    tmp_path: Path,
    split: str,
    stop_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(phases, "CHECKPOINT_SHARE", 0)
    compact = load_preset("compact")
    values = compact.model_dump() | {"phases": _quick().phases.model_dump()}
    values["training"] |= {"average": 0.9, "unlabelled": 12}
    values["self_training"] |= {"rounds": 2, "sure": 0.6}
    configuration = configuration_from(values, "test")
    scene = cleanplate.open_scene(drawn_scene)
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    list(cleanplate.train(scene, configuration, whole, split=split))
    steps = cleanplate.train(scene, configuration, broken, split=split)
    updates = (step for step in steps if step.losses)
    for _ in range(stop_after):
        next(updates)
    steps.close()  # type: ignore[attr-defined]
    list(cleanplate.train(scene, configuration, broken, split=split, resume=True))
    assert _same_bits(whole, broken)


def test_the_test_half_is_never_read(drawn_scene: Path, tmp_path: Path) -> None:
    untouched, spoilt = tmp_path / "untouched", tmp_path / "spoilt"
    for folder in (untouched, spoilt):
        shutil.copytree(drawn_scene, folder / "street")
    scored = cleanplate.open_scene(drawn_scene).split("half").scored
    random = np.random.default_rng(0)
    for number in scored:
        noise = random.integers(0, 256, (64, 96, 3)).astype(np.uint8)
        write_picture(spoilt / "street" / "input" / f"in{number:06d}.png", noise)
        labels = (noise[..., 0] > 127).astype(np.uint8) * 255
        write_picture(spoilt / "street" / "groundtruth" / f"gt{number:06d}.png", labels)
    for folder in (untouched, spoilt):
        _train(folder / "street", folder / "m.safetensors")
    assert _same_bits(untouched / "m.safetensors", spoilt / "m.safetensors")


def test_a_test_half_whose_frames_cannot_be_read_changes_no_weight(
    drawn_scene: Path, tmp_path: Path
) -> None:
    """Its labels are looked at for one thing: whether a pixel counts, which divides the halves."""
    spoilt = tmp_path / "street"
    shutil.copytree(drawn_scene, spoilt)
    scored = cleanplate.open_scene(drawn_scene).split("half:3").scored
    assert len(scored) == 20
    for number in scored:
        for name in (f"input/in{number:06d}.png", f"background/bg{number:06d}.png"):
            (spoilt / name).write_bytes(b"nobody can read this")
        everything = np.full((64, 96), 255, np.uint8)
        write_picture(spoilt / "groundtruth" / f"gt{number:06d}.png", everything)
    for name, folder in (("a", drawn_scene), ("b", spoilt)):
        _train(folder, tmp_path / f"{name}.safetensors", split="half:3", device="cpu")
    assert _same_bits(tmp_path / "a.safetensors", tmp_path / "b.safetensors")


class Counted(FolderSource):
    """Remembers which frames were read."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[int] = []
        super().__init__(folder)

    def read(self, number: int) -> Frame:
        self.asked.append(number)
        return super().read(number)


def test_unlabelled_frames_cost_nothing_and_each_labelled_one_is_read_once(
    drawn_scene: Path, tmp_path: Path
) -> None:
    frames = Counted(drawn_scene / "input")
    scene = replace(cleanplate.open_scene(drawn_scene), frames=frames)
    (tmp_path / "few.txt").write_text("3 9 14 20")
    quick = _quick()
    options = {"split": f"list:{tmp_path / 'few.txt'}"}
    list(cleanplate.train(scene, quick, tmp_path / "m.safetensors", **options))  # type: ignore[arg-type]
    # once to train, once for the check that the masks say something
    assert sorted(frames.asked) == [3, 3, 9, 9, 14, 14, 20, 20]


def test_resuming_a_finished_model_says_so_and_changes_nothing(
    smoke_model: Path, drawn_scene: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = smoke_model.read_bytes()
    with caplog.at_level(logging.WARNING):
        scene = cleanplate.open_scene(drawn_scene)
        assert list(cleanplate.train(scene, "smoke", smoke_model, resume=True)) == []
    assert "is finished already" in caplog.text
    assert smoke_model.read_bytes() == before


def test_an_unfinished_training_is_not_thrown_away_unasked(
    drawn_scene: Path, tmp_path: Path
) -> None:
    output = tmp_path / "m.safetensors"
    (tmp_path / "m.safetensors.checkpoint").write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"unfinished training lies here; give --resume"):
        _train(drawn_scene, output)
    assert (tmp_path / "m.safetensors.checkpoint").read_bytes() == b"precious"


def test_a_damaged_checkpoint_is_reported_and_training_starts_anew(
    drawn_scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "m.safetensors"
    (tmp_path / "m.safetensors.checkpoint").write_bytes(b"half a file")
    with caplog.at_level(logging.WARNING):
        _train(drawn_scene, output, resume=True)
    assert "damaged checkpoint" in caplog.text
    assert output.exists()


@pytest.mark.parametrize("damage", ["a flipped bit", "not there"])
def test_where_the_newest_checkpoint_is_damaged_the_one_before_it_is_used(
    drawn_scene: Path,
    tmp_path: Path,
    damage: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _stop_after(drawn_scene, tmp_path / "m.safetensors", 5, monkeypatch)
    newest = tmp_path / "m.safetensors.checkpoint"
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    if damage == "not there":  # the power went between the two renames
        newest.unlink()
    with caplog.at_level(logging.WARNING):
        scene = cleanplate.open_scene(drawn_scene)
        steps = list(
            cleanplate.train(scene, _quick(), tmp_path / "m.safetensors", resume=True, device="cpu")
        )
    assert len([step for step in steps if step.losses]) == 9 - 4
    assert ("the one before it is tried" in caplog.text) is (damage != "not there")
    _train(drawn_scene, tmp_path / "whole.safetensors", device="cpu")
    assert _same_bits(tmp_path / "whole.safetensors", tmp_path / "m.safetensors")
    assert not list(tmp_path.glob("*checkpoint*"))


def test_a_checkpoint_of_which_any_bit_is_flipped_is_passed_over(
    drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stop_after(drawn_scene, tmp_path / "m.safetensors", 2, monkeypatch)
    newest = tmp_path / "m.safetensors.checkpoint"
    data = newest.read_bytes()
    random = np.random.default_rng(0)
    for place in [*range(0, 400, 7), *random.integers(0, len(data), 100).tolist()]:
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(random.integers(8))
        alone = tmp_path / "alone.checkpoint"
        alone.write_bytes(flipped)
        assert read_checkpoint(alone, "whatever") is None, place


def test_a_full_disk_ends_the_training_with_a_line_and_keeps_what_was_there(
    drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "m.safetensors"
    _stop_after(drawn_scene, output, 4, monkeypatch)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    most = len(kept["m.safetensors.checkpoint"]) // 2
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(OutputError, match=r"checkpoint: cannot be written .*with --resume"):
            _stop_after(drawn_scene, output, 4, monkeypatch, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
    _train(drawn_scene, output, resume=True, device="cpu")
    _train(drawn_scene, tmp_path / "whole.safetensors", device="cpu")
    assert _same_bits(tmp_path / "whole.safetensors", output)


def test_what_a_killed_training_left_half_written_goes_with_the_next(
    drawn_scene: Path, tmp_path: Path
) -> None:
    (tmp_path / ".m.safetensors.checkpoint.part").write_bytes(b"half")
    (tmp_path / ".m.safetensors.part").write_bytes(b"half")
    _train(drawn_scene, tmp_path / "m.safetensors", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_checkpoint_of_another_seed_is_refused(
    drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
    scene = cleanplate.open_scene(drawn_scene)
    steps = cleanplate.train(scene, _quick(), tmp_path / "m.safetensors")
    next(step for step in steps if step.losses)
    steps.close()  # type: ignore[attr-defined]
    with pytest.raises(WeightsError, match="belongs to other settings, labels or another seed"):
        _train(drawn_scene, tmp_path / "m.safetensors", resume=True, seed=1)


def test_an_existing_model_is_refused_and_kept(drawn_scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.safetensors"
    output.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"m\.safetensors: exists already; give --overwrite"):
        _train(drawn_scene, output)
    assert output.read_bytes() == b"precious"
    _train(drawn_scene, output, overwrite=True)
    assert read_card(output).scene == drawn_scene.name


def test_an_output_folder_that_is_not_there_is_refused_at_once(
    drawn_scene: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="its folder does not exist; make it first"):
        _train(drawn_scene, tmp_path / "nowhere" / "m.safetensors")


def test_the_card_says_what_the_model_was_trained_on(smoke_model: Path, drawn_scene: Path) -> None:
    card, scene = read_card(smoke_model), cleanplate.open_scene(drawn_scene)
    split = scene.split("half")
    assert card.training_frames == split.training
    assert card.split == "half"
    assert card.label_fingerprint == scene.fingerprint(split.training)
    assert card.configuration == load_preset("smoke")
    assert card.validation is not None
    assert card.validation["f_measure"] is not None
    assert card.warning == ""


def test_a_model_file_names_no_path_user_or_host(
    smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    preset, numbers = tmp_path / "quick.toml", tmp_path / "few.txt"
    preset.write_text(resources.files("cleanplate.presets").joinpath("smoke.toml").read_text())
    numbers.write_text("3 9")
    scene = cleanplate.open_scene(drawn_scene)
    card = new_card(scene, str(preset), scene.split(f"list:{numbers}"), 0)
    assert read_metadata(smoke_model).keys() == {"cleanplate", "sha256"}
    for text in (card.model_dump_json(), read_metadata(smoke_model)["cleanplate"]):
        words = set(re.split(r"[^\w.-]+", text))
        assert not words & {socket.gethostname(), getpass.getuser()}
        assert "/" not in text
        assert "\\\\" not in text


def test_every_so_manyth_label_is_kept_aside_where_there_are_enough() -> None:
    numbers = tuple(range(100, 140))
    training, kept = hold_out(numbers, 16)
    assert kept == (108, 124)
    assert set(training) | set(kept) == set(numbers)
    assert not set(training) & set(kept)
    assert hold_out((1, 2, 3), 16) == ((1, 2, 3), ())


def _relabelled(drawn_scene: Path, folder: Path, code: int) -> Path:
    shutil.copytree(drawn_scene, folder)
    for path in (folder / "groundtruth").iterdir():
        write_picture(path, np.full((64, 96), code, np.uint8))
    return folder


def test_a_training_half_without_foreground_says_what_to_do(
    drawn_scene: Path, tmp_path: Path
) -> None:
    folder = _relabelled(drawn_scene, tmp_path / "empty", 0)
    with pytest.raises(DatasetError, match=r"no foreground in the \d+ training labels.*--objects"):
        _train(folder, tmp_path / "m.safetensors")


def test_a_scene_that_is_all_ignored_has_no_labelled_frame(
    drawn_scene: Path, tmp_path: Path
) -> None:
    folder = _relabelled(drawn_scene, tmp_path / "unknown", 170)
    with pytest.raises(
        DatasetError, match=r"all pixels of its \d+ label pictures are ignored; label background"
    ):
        _train(folder, tmp_path / "m.safetensors")


def test_cutouts_stand_in_for_a_missing_foreground(drawn_scene: Path, tmp_path: Path) -> None:
    folder = _relabelled(drawn_scene, tmp_path / "empty", 0)
    for name in ("PNGImages", "PedMasks"):
        (tmp_path / "objects" / name).mkdir(parents=True)
    picture = np.full((40, 30, 3), 200, np.uint8)
    mask = np.zeros((40, 30), np.uint8)
    mask[5:35, 5:25] = 1
    write_picture(tmp_path / "objects" / "PNGImages" / "p1.png", picture)
    write_picture(tmp_path / "objects" / "PedMasks" / "p1_mask.png", mask)
    _train(folder, tmp_path / "m.safetensors", objects=tmp_path / "objects")
    assert (tmp_path / "m.safetensors").exists()


def test_masks_that_say_nothing_end_in_a_loud_warning(
    drawn_scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    values = _quick(segmentation=20, joint=0).model_dump()
    values["augmentation"] |= {"paste": 0.0, "crop_on_objects": 0.0}
    values["phases"]["segmentation"] |= {
        "learning_rate": 1.0,
        "warm_up": 0,
        "batch_size": 1,
    }  # far too much
    output = tmp_path / "m.safetensors"
    with caplog.at_level(logging.WARNING):
        list(cleanplate.train(scene, configuration_from(values, "test"), output))
    warning = read_card(output).warning
    assert warning.startswith("EVERY MASK IS EMPTY")
    assert warning in caplog.text


@pytest.mark.parametrize(
    ("counts", "beginning"),
    [
        (ConfusionMatrix(tp=0, fp=0, fn=50, tn=950), "EVERY MASK IS EMPTY"),
        (ConfusionMatrix(tp=0, fp=3, fn=50, tn=947), "EVERY MASK IS EMPTY"),
        (ConfusionMatrix(tp=50, fp=950, fn=0, tn=0), "EVERY MASK IS FULL"),
        (ConfusionMatrix(tp=49, fp=946, fn=1, tn=4), "EVERY MASK IS FULL"),
    ],
)
def test_masks_that_are_empty_or_full_are_told_apart(
    counts: ConfusionMatrix, beginning: str
) -> None:
    assert collapse(counts).startswith(beginning)


@pytest.mark.parametrize(
    "counts",
    [
        ConfusionMatrix(tp=40, fp=9, fn=10, tn=941),
        ConfusionMatrix(tn=1000),
        ConfusionMatrix(tp=1000),
        ConfusionMatrix(tp=5, fp=0, fn=45, tn=950),
    ],
)
def test_masks_that_say_something_raise_no_alarm(counts: ConfusionMatrix) -> None:
    assert collapse(counts) == ""


def _tiny_paper() -> Configuration:
    """The paper's networks with a small square and three updates; dropout and SGD as they are."""
    values = load_preset("paper").model_dump()
    values["background"] |= {"bottleneck": 8, "most_pixels": 32 * 32}
    values["segmentation"] |= {"side": 17}
    for phase, count in (("background", 1), ("segmentation", 2), ("joint", 1)):
        values["phases"][phase]["iterations"] = count
    return configuration_from(values, "test")


def test_dropout_and_momentum_resume_to_the_same_bits(
    drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    list(cleanplate.train(scene, _tiny_paper(), whole))
    with monkeypatch.context() as patched:  # a checkpoint has 240 MB: none where none is needed
        patched.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
        patched.setattr(phases, "CHECKPOINT_SHARE", 0)
        steps = cleanplate.train(scene, _tiny_paper(), broken)
        next(step for step in steps if step.phase == "segmentation")
        steps.close()  # type: ignore[attr-defined]
    torch.manual_seed(99)  # another process has another generator
    list(cleanplate.train(scene, _tiny_paper(), broken, resume=True))
    assert _same_bits(whole, broken)


def test_a_model_started_from_published_weights_does_not_tell_where_they_lay(
    drawn_scene: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    state: dict[str, torch.Tensor] = {}
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    layers = [layer for layer in LargeFovNet(3).features if isinstance(layer, torch.nn.Conv2d)]
    for place, layer in zip(places, layers, strict=True):
        assert layer.bias is not None
        state |= {f"features.{place}.weight": layer.weight, f"features.{place}.bias": layer.bias}
    weights = tmp_path / "secret-folder" / "vgg16.pth"
    weights.parent.mkdir()
    torch.save(state, weights)
    output = tmp_path / "m.safetensors"
    scene = cleanplate.open_scene(drawn_scene)
    partial = {"weights": str(weights), "partial_weights": True}
    list(cleanplate.train(scene, _tiny_paper(), output, **partial))  # type: ignore[arg-type]
    header = output.read_bytes()[:30_000]
    kept = read_card(output).configuration.segmentation
    assert (kept.weights, kept.partial_weights) == ("vgg16.pth", True)
    assert b"vgg16.pth" in header
    assert b"secret-folder" not in header
    assert str(tmp_path).encode() not in header
    again = cleanplate.load(output, "cpu", engine="torch")
    assert again.segment(scene.frame(1)).mask.shape == (64, 96)


def test_a_retraining_over_an_old_model_can_be_resumed(
    drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
    output = tmp_path / "m.safetensors"
    _train(drawn_scene, output)
    scene = cleanplate.open_scene(drawn_scene)
    steps = cleanplate.train(scene, _quick(), output, seed=1, overwrite=True)
    next(step for step in steps if step.losses)
    steps.close()  # type: ignore[attr-defined]
    _train(drawn_scene, output, seed=1, resume=True)
    assert read_card(output).seed == 1


def test_resuming_onto_another_models_file_is_refused(smoke_model: Path, drawn_scene: Path) -> None:
    with pytest.raises(OutputError, match="is a finished model of another kind"):
        list(cleanplate.train(
            cleanplate.open_scene(drawn_scene), "smoke", smoke_model, seed=5, resume=True
        ))  # fmt: skip


def test_an_unknown_preset_is_named(drawn_scene: Path, tmp_path: Path) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    with pytest.raises(ConfigError, match="preset 'fast' is unknown; use compact, paper, smoke"):
        list(cleanplate.train(scene, "fast", tmp_path / "m.safetensors"))


def test_weights_for_another_network_are_refused_before_any_work(
    drawn_scene: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"weights vgg16: .*fit the network largefov only"):
        _train(drawn_scene, tmp_path / "m.safetensors", weights="vgg16")
    assert not any(tmp_path.iterdir())


def test_partial_weights_without_weights_are_refused(drawn_scene: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="partial weights need a file of weights; give --weights"):
        _train(drawn_scene, tmp_path / "m.safetensors", partial_weights=True)


@pytest.fixture(scope="module")
def after_phase_2(drawn_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training that has no joint phase."""
    path = tmp_path_factory.mktemp("phase2") / "m.safetensors"
    scene = cleanplate.open_scene(drawn_scene)
    list(cleanplate.train(scene, _quick(joint=0), path, device="cpu"))
    return path


def test_the_separate_model_is_the_one_after_phase_2(
    drawn_scene: Path, tmp_path: Path, after_phase_2: Path
) -> None:
    joint, separate = tmp_path / "joint.safetensors", tmp_path / "separate.safetensors"
    _train(drawn_scene, joint, separate=separate)
    assert _same_bits(separate, after_phase_2)
    assert not _same_bits(separate, joint)
    assert read_card(separate).training_frames == read_card(joint).training_frames
    assert read_card(separate).validation is None


def test_keeping_the_separate_model_changes_nothing_in_the_final_one(
    drawn_scene: Path, tmp_path: Path
) -> None:
    with_it, without = tmp_path / "with.safetensors", tmp_path / "without.safetensors"
    _train(drawn_scene, with_it, separate=tmp_path / "separate.safetensors")
    _train(drawn_scene, without)
    assert _same_bits(with_it, without)


@pytest.mark.parametrize("stop_after", [6, 7, 8], ids=["phase 2", "its end", "the joint phase"])
def test_the_separate_model_survives_an_interruption(
    drawn_scene: Path,
    tmp_path: Path,
    after_phase_2: Path,
    stop_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phases, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(phases, "CHECKPOINT_SHARE", 0)
    scene, separate = cleanplate.open_scene(drawn_scene), tmp_path / "separate.safetensors"
    joint = tmp_path / "joint.safetensors"
    steps = cleanplate.train(scene, _quick(), joint, separate=separate)
    updates = (step for step in steps if step.losses)
    for _ in range(stop_after):
        next(updates)
    steps.close()  # type: ignore[attr-defined]
    assert separate.exists() is (stop_after > 7)
    list(cleanplate.train(scene, _quick(), joint, separate=separate, resume=True))
    assert _same_bits(separate, after_phase_2)


def test_a_training_of_phase_1_alone_has_no_masks_to_measure(
    drawn_scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output, scene = tmp_path / "m.safetensors", cleanplate.open_scene(drawn_scene)
    with caplog.at_level(logging.WARNING):
        steps = list(cleanplate.train(scene, _quick(segmentation=0, joint=0), output))
    assert "validation" not in {step.phase for step in steps}
    card = read_card(output)
    assert card.validation is None
    assert card.warning.startswith("stage 2 was not trained")
    assert "EVERY MASK" not in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    assert cleanplate.load(output, "cpu", engine="torch").reconstruct(scene.frame(1)).shape == (
        64,
        96,
        3,
    )


def test_a_training_ends_when_its_passes_over_the_frames_are_done(
    drawn_scene: Path, tmp_path: Path
) -> None:
    values = _quick(background=50, segmentation=1, joint=0).model_dump()
    values["phases"]["background"] |= {"most_passes": 1, "batch_size": 3}
    (tmp_path / "few.txt").write_text("3 9 14 20 21 22 23")
    scene, split = cleanplate.open_scene(drawn_scene), f"list:{tmp_path / 'few.txt'}"
    settings = configuration_from(values, "test")
    steps = list(cleanplate.train(scene, settings, tmp_path / "m.safetensors", split=split))
    updates = [step for step in steps if step.losses and step.phase == "background"]
    assert [(step.iteration, step.iterations) for step in updates] == [(1, 3), (2, 3), (3, 3)]
    assert read_card(tmp_path / "m.safetensors").configuration == settings


@pytest.mark.slow
def test_twenty_thousand_frames_of_1080p_open_at_once_and_train_in_bounded_memory(
    tmp_path: Path,
) -> None:
    drawn = tmp_path / "drawn"
    write_drawn_scene(drawn, "baseline", frames=4, size=(1080, 1920))
    scene = tmp_path / "scene"
    for name, source, suffix, count in (
        ("input", "in", "jpg", 20_000),
        ("groundtruth", "gt", "png", 4_000),
    ):
        (scene / name).mkdir(parents=True)
        for index in range(4):
            frame = drawn / name / f"{source}{index + 1:06d}.png"
            picture = read_picture(frame) if name == "input" else read_grey(frame)
            write_picture(tmp_path / f"{index}.{suffix}", picture)
        for number in range(1, count + 1):
            target = scene / name / f"{source}{number:06d}.{suffix}"
            target.hardlink_to(tmp_path / f"{number % 4}.{suffix}")
    start = time.monotonic()
    cleanplate.open_scene(scene)
    assert time.monotonic() - start < 1
    code = (
        "import cleanplate, resource, sys\n"
        "list(cleanplate.train(cleanplate.open_scene(sys.argv[1]), 'smoke', sys.argv[2]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    )
    command = [sys.executable, "-c", code, str(scene), str(tmp_path / "m.safetensors")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4


def test_a_training_told_to_end_early_keeps_what_it_learned(
    drawn_scene: Path, tmp_path: Path
) -> None:
    scene, output = cleanplate.open_scene(drawn_scene), tmp_path / "early.safetensors"
    seen: list[tuple[str, int]] = []

    def watch(net: torch.nn.Module, card: object, progress: cleanplate.Progress) -> bool:
        seen.append((progress.phase, progress.iteration))
        return seen[-1] != ("segmentation", 3)

    steps = list(cleanplate.train(scene, "smoke", output, watch=watch))
    assert seen[-1] == ("segmentation", 3)
    assert [one.phase for one in steps if one.phase != "validation"][-1] == "segmentation"
    assert cleanplate.load(output, engine="torch").segment(scene.frame(1)).mask.shape == scene.size
    assert not output.with_name("early.safetensors.checkpoint").exists()


def test_watching_changes_no_bit(drawn_scene: Path, tmp_path: Path) -> None:
    plain, watched = tmp_path / "plain.safetensors", tmp_path / "watched.safetensors"
    _train(drawn_scene, plain)
    _train(drawn_scene, watched, watch=lambda *_: True)
    assert _same_bits(plain, watched)


def test_training_begins_with_another_models_weights(
    smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    scene, output = cleanplate.open_scene(drawn_scene), tmp_path / "again.safetensors"
    first: list[dict[str, torch.Tensor]] = []

    def watch(net: torch.nn.Module, card: object, progress: cleanplate.Progress) -> bool:
        first.append({name: tensor.clone() for name, tensor in net.state_dict().items()})
        return False

    list(cleanplate.train(scene, "smoke", output, begin_with=smoke_model, watch=watch))
    wanted = load_file(smoke_model)
    name = next(name for name in wanted if name.startswith("segmentation_net") and "weight" in name)
    assert torch.equal(first[0][name], wanted[name])


def test_a_model_of_other_settings_is_no_beginning(
    smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    scene, output = cleanplate.open_scene(drawn_scene), tmp_path / "other.safetensors"
    with pytest.raises(WeightsError, match="other settings"):
        next(iter(cleanplate.train(scene, "compact", output, begin_with=smoke_model)))
