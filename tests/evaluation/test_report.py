"""Tables and pages."""

import csv
import json
from pathlib import Path

import numpy as np

from cleanplate.evaluation.report import results_table, side_by_side, write_report
from cleanplate.evaluation.scoring import Result
from cleanplate.measures import ConfusionMatrix

RESULTS = [
    Result("<yard>", "two-stage", "half", 3, ConfusionMatrix(9, 1, 1, 9), 1.0).as_dict(),
    Result("<yard>", "mog2", "half", 3, ConfusionMatrix(5, 5, 5, 5), 1.0).as_dict(),
    Result("gate", "mog2", "half", 3, ConfusionMatrix(tn=4), 1.0).as_dict(),
]


def test_the_report_holds_the_same_numbers_in_all_three_forms(tmp_path: Path) -> None:
    write_report(tmp_path, "Trial", RESULTS)
    assert json.loads((tmp_path / "results.json").read_text()) == {"results": RESULTS}
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert [row["method"] for row in rows] == ["two-stage", "mog2", "mog2"]
    assert float(rows[0]["f_measure"]) == 0.9
    page = (tmp_path / "index.html").read_text()
    assert "0.9000" in page
    assert "undefined" in page
    assert "<yard>" not in page
    assert "&lt;yard&gt;" in page


def test_each_scenes_best_is_marked() -> None:
    table = results_table(RESULTS)
    assert table.count('class="best"') == 1
    best = table.split('class="best"')[1].split("</tr>")[0]
    assert "two-stage" in best


def test_four_panels_stand_in_a_row() -> None:
    frame = np.full((4, 5, 3), 90, np.uint8)
    mask = np.zeros((4, 5), bool)
    mask[1, 1] = True
    labels = np.full((4, 5), -1, np.int8)
    labels[1, 1] = 1
    panels = side_by_side(frame, frame + 1, mask, labels)
    assert panels.shape == (4, 20, 3)
    assert panels[1, 11].tolist() == [255] * 3
    assert panels[1, 16].tolist() == [255] * 3
    assert panels[0, 15].tolist() == [128] * 3
