"""From a scene to a model file; stopped anywhere, resumed to the same bits."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import cleanplate
from cleanplate.config import Configuration, load_preset
from cleanplate.errors import ConfigError, DatasetError, OutputError, WeightsError
from cleanplate.images import write_picture
from cleanplate.networks.weights import read_card
from cleanplate.training import phases
from cleanplate.training.train import hold_out


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


def test_a_smoke_model_finds_the_objects_of_a_drawn_scene(
    smoke_model: Path, drawn_scene: Path
) -> None:
    from cleanplate.evaluation.benchmark import score

    scene = cleanplate.open_scene(drawn_scene)
    subtractor = cleanplate.load(smoke_model, "cpu")
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
    with pytest.raises(DatasetError, match="no labelled frame; label some frames"):
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
    configuration = _quick(background=1, segmentation=0, joint=0)
    output = tmp_path / "m.safetensors"
    torch.manual_seed(0)
    with caplog.at_level(logging.WARNING):
        list(cleanplate.train(scene, configuration, output))
    warning = read_card(output).warning
    assert warning.startswith(("EVERY MASK IS EMPTY", "EVERY MASK IS FULL"))
    assert warning in caplog.text


def test_an_unknown_preset_is_named(drawn_scene: Path, tmp_path: Path) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    with pytest.raises(ConfigError, match="preset 'fast' is unknown; use compact, paper, smoke"):
        list(cleanplate.train(scene, "fast", tmp_path / "m.safetensors"))
