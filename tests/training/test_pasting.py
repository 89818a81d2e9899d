"""Objects from elsewhere teach a scene that shows none; skipped without CLEANPLATE_DATA."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import cleanplate
from cleanplate.config import Configuration, load_preset
from cleanplate.measures import ConfusionMatrix, count_frame
from cleanplate.scenes.scene import Scene
from cleanplate.training import batches

pytestmark = pytest.mark.real

EMPTY = range(570, 582)
"""Office's labelled frames before anybody enters: its first twelve."""


def shortened() -> Configuration:
    """Return compact, cut to some twenty seconds on one thread."""
    preset = load_preset("compact")
    lengths = {"background": 20, "segmentation": 120, "joint": 0}
    phases = {
        name: getattr(preset.phases, name).model_copy(
            update={"iterations": iterations, "batch_size": 4}
        )
        for name, iterations in lengths.items()
    }
    changes = {
        "phases": preset.phases.model_copy(update=phases),
        "augmentation": preset.augmentation.model_copy(update={"most_pasted": 2}),
    }
    return preset.model_copy(update=changes)


def trained_on_empty_frames(scene: Scene, objects: Path, folder: Path) -> ConfusionMatrix:
    """Train on frames that show nobody and count the masks of every tenth later frame."""
    listed, path = folder / "empty.txt", folder / "office.safetensors"
    listed.write_text("\n".join(map(str, EMPTY)))
    settings = shortened()
    made = cleanplate.train(
        scene, settings, path, split=f"list:{listed}", device="cpu", objects=objects, overwrite=True
    )
    assert list(made)
    model, counts = cleanplate.load(path, "cpu", engine="torch"), ConfusionMatrix()
    for number in scene.labelled[len(EMPTY) :: 10]:
        truth = scene.truth(number)
        mask = model.segment(scene.frame(number)).mask
        counts += count_frame(mask, truth.labels, truth.shadow)
    return counts


def test_pasted_strangers_teach_office_to_find_people(
    real_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Measured with Penn-Fudan's objects: F 0.63, 0.55, 0.35 for seeds 0, 1, 2; 0 without them."""
    scene = cleanplate.open_scene(real_data / "cdnet" / "baseline" / "office")
    assert not any((scene.truth(number).labels == 1).any() for number in EMPTY)
    with caplog.at_level(logging.INFO):
        pasted = trained_on_empty_frames(scene, real_data / "pennfudan", tmp_path)
    assert "no foreground in its 12 training labels" in caplog.text
    monkeypatch.setattr(batches, "paste", lambda *_: None)
    plain = trained_on_empty_frames(scene, real_data / "pennfudan", tmp_path)
    assert pasted.f_measure is not None
    assert pasted.f_measure > 0.25  # below the worst of the three seeds
    assert pasted.f_measure > (plain.f_measure or 0) + 0.2
