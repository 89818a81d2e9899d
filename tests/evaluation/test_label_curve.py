"""F against the number of labels: what is trained, kept, drawn and written."""

import csv
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import ConfigError
from cleanplate.evaluation.figures import png
from cleanplate.evaluation.label_curve import FLAT, WHOLE_HALF, LabelCurve, parse_counts
from cleanplate.evaluation.label_figures import LabelPanel, label_curves
from cleanplate.images import read_picture

COUNTS = (2, 20, 50, WHOLE_HALF)
"""The drawn scene's half has 20 labels."""
SEEDS = (0, 1)


def _curve(folder: Path, scene: Path, **options: Any) -> LabelCurve:
    changed: dict[str, Any] = {"preset": "smoke", "length": 0.05, "device": "cpu", **options}
    scenes = {scene.name: cleanplate.open_scene(scene)}
    return LabelCurve(folder, scenes, COUNTS, SEEDS, **changed)


@dataclass(frozen=True)
class Finished:
    """A curve that was run once, its folder, what it said while it ran, and its table."""

    curve: LabelCurve
    folder: Path
    whats: list[tuple[str, str]]
    table: str


@pytest.fixture(scope="module")
def finished(drawn_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("curve")
    curve = _curve(folder, drawn_scene)
    whats = [(step.method, step.what) for step in curve.run()]
    return Finished(curve, folder, whats, curve.write())


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO((folder / "curve.csv").read_text())))


def test_every_count_has_a_row_for_each_seed_and_every_flat_method_one(finished: Finished) -> None:
    found = [(row["method"], row["labels"], row["seed"]) for row in _rows(finished.folder)]
    flat = [(method, "0", "0") for method in FLAT]
    ours = [("two-stage", labels, str(seed)) for seed in SEEDS for labels in ("2", "20")]
    assert found == flat + ours


def test_the_rows_hold_what_was_measured(finished: Finished) -> None:
    rows = _rows(finished.folder)
    assert list(rows[0]) == [
        "scene", "method", "labels", "seed", "f_measure", "precision", "recall",
        "training_seconds",
    ]  # fmt: skip
    assert float(next(row for row in rows if row["method"] == "knn")["f_measure"]) > 0.3
    assert all(row["scene"] == "street" for row in rows)
    assert all((row["training_seconds"] == "") == (row["labels"] == "0") for row in rows)


def test_counts_beyond_the_half_are_the_half_and_train_once(finished: Finished) -> None:
    models = [
        path
        for path in (finished.folder / "models").glob("*.safetensors")
        if ".separate." not in path.name
    ]
    assert len(models) == 2 * len(SEEDS)
    assert sorted(path.name.split(".")[2] for path in models) == [
        "half",
        "half",
        "half-2",
        "half-2",
    ]
    assert not finished.curve.failures


def test_a_second_run_trains_nothing_and_says_the_same(
    finished: Finished, drawn_scene: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.folder.glob("*/*")}
    again = _curve(finished.folder, drawn_scene)
    assert {step.what for step in again.run()} == {"counting labels", "finished before"}
    assert again.write() == finished.table
    assert {path: path.stat().st_mtime_ns for path in finished.folder.glob("*/*")} == before


def test_a_training_is_announced_with_its_labels_and_seed(finished: Finished) -> None:
    methods = {method for method, what in finished.whats if what == "joint"}
    assert methods == {
        f"two-stage of {labels} labels, seed {seed}" for labels in (2, 20) for seed in SEEDS
    }


def test_the_table_has_a_line_for_each_count_and_says_how_many_labels_the_half_has(
    finished: Finished,
) -> None:
    lines = finished.table.splitlines()
    heads = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert heads == ["", "---", *FLAT, "2 labels", "20 labels", "50 labels", "half"]
    assert lines[7].endswith("(2), of 20 |")
    assert lines[8].endswith("(2) |")
    assert "street 20" in lines[-1]
    assert (finished.folder / "curve.md").read_text() == finished.table


def test_the_picture_is_there(finished: Finished) -> None:
    picture = read_picture(finished.folder / "curve.png")
    assert picture.shape[1] > 800
    assert picture.min() < 100


def test_a_scene_that_fails_is_reported_and_the_others_are_there(
    drawn_scene: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(drawn_scene, broken)
    frame = broken / "input" / "in000030.png"
    frame.write_bytes(frame.read_bytes()[:500])
    scenes = {path.name: cleanplate.open_scene(path) for path in (broken, drawn_scene)}
    settings: dict[str, Any] = {"preset": "smoke", "length": 0.05, "device": "cpu"}
    curve = LabelCurve(tmp_path / "run", scenes, (1,), (0,), broken={"gone": "why"}, **settings)
    list(curve.run())
    failed = [(failure.scene, failure.method) for failure in curve.failures]
    flat = [("gone", "all methods"), *(("broken", method) for method in FLAT)]
    assert failed == [*flat, ("broken", "two-stage of 1 label, seed 0")]
    table = curve.write()
    assert {point.scene for point in curve.points()} == {"street"}
    assert "undefined" in table  # of the mean over scenes, which one of them lacks


@pytest.mark.parametrize("text", ["0", "1,,2", "two", "-1", "half:3"])
def test_a_count_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="write numbers from 1, or half"):
        parse_counts(text)


def test_counts_are_sorted_and_the_half_comes_last() -> None:
    assert parse_counts("half, 10,2,10") == (2, 10, WHOLE_HALF)


PANEL = LabelPanel("a$b", {1: [0.2, 0.6], 5: [0.7, 0.8], 40: [0.9]}, 40, {"mog2": 0.5, "knn": 0.3})


def test_a_panel_has_mean_band_and_flat_lines_over_a_logarithmic_axis() -> None:
    (axes,) = label_curves([PANEL]).axes
    assert axes.get_xscale() == "log"
    line, *flat = axes.get_lines()
    assert np.asarray(line.get_xdata()).tolist() == [1, 5, 40]
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([0.4, 0.75, 0.9])
    assert [np.asarray(one.get_ydata()).tolist() for one in flat] == [[0.5, 0.5], [0.3, 0.3]]
    (band,) = axes.collections
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert np.unique(heights.round(3)).tolist() == [0.2, 0.6, 0.7, 0.8, 0.9]
    assert [label.get_text().strip() for label in axes.get_xticklabels()] == ["1", "5", "half (40)"]


def test_one_seed_has_no_band_and_each_scene_its_panel() -> None:
    lone = LabelPanel("lone", {3: [0.5], 7: []}, 7, {})
    figure = label_curves([PANEL, lone, PANEL, lone])
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == [r"a\$b", "lone", r"a\$b", "lone"]
    assert not shown[1].collections
    assert png(figure)
