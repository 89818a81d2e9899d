"""The report of a comparison: the page and the files beside it."""

import base64
import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cleanplate.evaluation.benchmark import Comparison, Failure
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.report import results_table, side_by_side, write_report
from cleanplate.evaluation.scoring import Result
from cleanplate.files import write_bytes
from cleanplate.images import read_picture, write_picture
from cleanplate.measures import ConfusionMatrix
from cleanplate.scenes.opening import open_scene
from tests.evaluation.made_pairs import F_1, F_UNDEFINED, make_pair

RESULTS = [
    Result("<yard>", "two-stage", "half", 3, ConfusionMatrix(9, 1, 1, 9), 1.0).as_dict(),
    Result("<yard>", "mog2", "half", 3, ConfusionMatrix(5, 5, 5, 5), 1.0).as_dict(),
    Result("gate", "mog2", "half", 3, ConfusionMatrix(tn=4), 1.0).as_dict(),
]
FILES = ("results.json", "results.csv", "table1.csv", "table1.tex", "backgrounds.csv", "fig3.csv")
VOID = {"meta", "img", "wbr"}


class _Checker(HTMLParser):
    """Checks that tags are closed in order, and collects what leads out of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.names: list[str] = []
        self.undescribed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        values = {name: value or "" for name, value in attrs}
        self.sources += [values["src"]] if "src" in values else []
        self.links += [values["href"]] if "href" in values else []
        self.names += [values["id"]] if "id" in values else []
        self.undescribed += tag == "img" and not values.get("alt")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _check(text: str) -> _Checker:
    checker = _Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert all(source.startswith("data:image/") for source in checker.sources)
    assert {link.removeprefix("#") for link in checker.links} <= set(checker.names)
    assert len(set(checker.names)) == len(checker.names)
    assert not checker.undescribed
    assert "url(" not in text
    assert "http" not in re.sub(r'"data:[^"]*"', "", text)
    return checker


@pytest.fixture(scope="module")
def report(drawn_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Pair]]:
    """The folder of a report of a street, where one pair failed, and its pairs."""
    folder = tmp_path_factory.mktemp("report")
    scenes = {"street": open_scene(drawn_scene)}
    comparison = Comparison(folder, scenes, ["median", "mog2"], device="cpu")
    list(comparison.run())
    failures = [*comparison.failures, Failure("street", "vibe", "VideoError: <x> is truncated")]
    pairs = comparison.pairs()
    write_report(
        folder,
        "A <trial>",
        pairs,
        failures,
        scenes,
        [("More", "<p>of it</p>")],
        facts={"split": "half", "version": "1 < 2"},
    )
    return folder, pairs


def test_the_page_needs_nothing_from_elsewhere_and_its_tags_are_closed(
    report: tuple[Path, list[Pair]],
) -> None:
    text = (report[0] / "report.html").read_text()
    checker = _check(text)
    assert len(checker.sources) == 4  # categories, Fig. 3, Fig. 2, backgrounds
    assert checker.names[0] == "failures"
    assert "A &lt;trial&gt;" in text


def test_the_page_holds_the_numbers_the_reasons_and_the_facts(
    report: tuple[Path, list[Pair]],
) -> None:
    folder, pairs = report
    text = (folder / "report.html").read_text()
    for pair in pairs:
        for measure in ("f_measure", "precision", "specificity", "pwc"):
            assert f">{pair.result[measure]:.4f}<" in text
    age = (pairs[0].backgrounds or {})["age"]
    assert f">{age:.4f} (1)<" in text
    assert "VideoError: &lt;x&gt; is truncated" in text
    assert "2 pairs finished, 1 failed" in text
    assert "<p>of it</p>" in text
    assert "<dt>version</dt><dd>1 &lt; 2</dd>" in text
    assert "an upper bound" in text


def test_the_best_of_a_column_is_bold(report: tuple[Path, list[Pair]]) -> None:
    folder, pairs = report
    text = (folder / "report.html").read_text()
    best, worst = sorted((pair.result["f_measure"] for pair in pairs), reverse=True)
    assert f'<td class="number best">{best:.4f}</td>' in text
    assert f'<td class="number best">{worst:.4f}</td>' not in text


def test_the_pictures_of_the_page_show_the_methods_masks(
    report: tuple[Path, list[Pair]], tmp_path: Path
) -> None:
    folder, pairs = report
    _, _, grid, _ = _check((folder / "report.html").read_text()).sources
    write_bytes(tmp_path / "grid.jpg", base64.b64decode(grid.split(",")[1]))
    held, beside = read_picture(tmp_path / "grid.jpg"), read_picture(folder / "fig2-1.png")
    assert held.shape == beside.shape
    assert np.abs(held.astype(int) - beside).mean() < 3
    mask = read_picture(pairs[1].mask)[..., 0] > 0
    left, top, width, height = 170 + 3 * 156, 34, 150, 100
    panel = beside[top : top + height, left : left + width, 0]
    rows, columns = (np.arange(n) * s // n for n, s in ((height, 64), (width, 96)))
    assert ((panel > 127) == mask[rows][:, columns]).mean() > 0.97


def test_the_files_beside_the_page_hold_the_same_numbers(
    report: tuple[Path, list[Pair]],
) -> None:
    folder, pairs = report
    found = json.loads((folder / "results.json").read_text())
    assert found["results"] == [pair.result for pair in pairs]
    assert found["failed"] == [
        {"scene": "street", "method": "vibe", "reason": "VideoError: <x> is truncated"}
    ]
    rows = list(csv.DictReader((folder / "table1.csv").read_text().splitlines()))
    assert [float(row["overall"]) for row in rows] == [p.result["f_measure"] for p in pairs]
    for name in (*FILES, "fig2-1.png", "fig3.png", "categories.png", "backgrounds-1.png"):
        assert (folder / name).stat().st_size


def test_an_earlier_reports_pictures_do_not_stay(tmp_path: Path) -> None:
    write_picture(tmp_path / "fig2-9.png", np.zeros((4, 4, 3), np.uint8))
    write_picture(tmp_path / "mine.png", np.zeros((4, 4, 3), np.uint8))
    write_report(tmp_path, "None", [], [], {})
    assert [path.name for path in tmp_path.glob("*.png")] == ["mine.png"]


def test_a_comparison_in_which_everything_failed_has_a_report(tmp_path: Path) -> None:
    path = write_report(tmp_path, "None", [], [Failure("s", "mog2", "no label")], {})
    text = path.read_text()
    assert not _check(text).sources
    assert "No pair was finished; 1 failed." in text
    assert ">no label<" in text
    assert all((tmp_path / name).exists() for name in FILES)


def test_scenes_without_foreground_curves_or_backgrounds_have_a_report(tmp_path: Path) -> None:
    write_picture(tmp_path / "mask.png", np.zeros((64, 96), bool))
    pairs = [
        make_pair("<yard>", "vibe", F_UNDEFINED, "", mask=tmp_path / "mask.png"),
        make_pair("gate", "vibe", F_1, "mine", mask=tmp_path / "mask.png"),
    ]
    text = write_report(tmp_path, "Small", pairs, [], {}).read_text()
    checker = _check(text)
    assert {"fig3", "backgrounds", "failures", "made"}.isdisjoint(checker.names)
    assert "undefined" in text
    assert "ViBe is claimed by the patents" in text
    assert "<yard>" not in text
    assert "&lt;yard&gt;" in text


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
