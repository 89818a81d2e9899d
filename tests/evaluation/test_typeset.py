"""Tables as text."""

import csv

from cleanplate.evaluation.seeds import steps_table
from cleanplate.evaluation.tables import category_table, curves
from cleanplate.evaluation.typeset import (
    backgrounds_csv,
    curves_csv,
    escape_latex,
    notes_of,
    results_csv,
    steps_csv,
    steps_markdown,
    table_csv,
    table_latex,
    table_markdown,
)
from tests.evaluation.made_pairs import F_0, F_1, F_2_5THS, F_UNDEFINED, make_pair, make_sweep

PAIRS = [
    make_pair("highway", "a_1", F_1),
    make_pair("office", "a_1", F_2_5THS),
    make_pair("x", "a_1", F_UNDEFINED, "50% & more"),
    make_pair("highway", "b", F_1),
    make_pair("x", "b", F_0, "50% & more"),
]


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_table_1_as_csv_says_over_how_many_its_means_are() -> None:
    whole, part = _rows(table_csv(category_table(PAIRS)))
    assert float(whole["baseline"]) == 0.7
    assert (whole["50% & more"], whole["categories"], whole["scenes"]) == ("", "1", "2")
    assert (whole["undefined"], whole["incomplete"]) == ("1", "")
    assert (part["overall"], part["categories"], part["incomplete"]) == ("0.5", "2", "baseline")


def test_the_results_as_csv_hold_all_seven_measures_and_the_times() -> None:
    row = _rows(results_csv(PAIRS))[1]
    assert (row["scene"], row["method"], row["category"]) == ("office", "a_1", "baseline")
    assert (float(row["f_measure"]), float(row["pwc"]), row["tp"]) == (0.4, 30, "1")
    assert {"recall", "specificity", "fpr", "fnr", "precision"} <= set(row)
    assert (row["seconds_per_frame"], row["training_seconds"]) == ("0.2", "")
    assert _rows(results_csv([])) == []


def test_backgrounds_and_curves_as_csv() -> None:
    sweep = make_sweep({50: 1}, {20: 1})
    pair = make_pair("s", "median", F_1, sweep=sweep, backgrounds={"age": 2.5, "ms_ssim": None})
    (background,) = _rows(backgrounds_csv([pair, *PAIRS]))
    assert (background["method"], background["age"], background["cqm"]) == ("median", "2.5", "")
    lines = _rows(curves_csv(curves([pair])))
    assert len(lines) == 128
    assert (lines[30]["threshold"], lines[30]["f_measure"]) == (str(30 / 255), "1.0")
    assert (lines[30]["scenes"], lines[30]["undefined"]) == ("1", "0")


def test_latex_prints_every_letter_as_it_is() -> None:
    assert escape_latex(r"a_b 5% & #1 {x} $2 ~^\ ") == (
        r"a\_b 5\% \& \#1 \{x\} \$2 \textasciitilde{}\textasciicircum{}\textbackslash{} "
    )


def test_the_latex_table_is_a_whole_document_with_the_best_in_bold() -> None:
    text = table_latex(category_table(PAIRS), "F & more")
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    assert text.count("{") == text.count("}")
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    ours, others = body.splitlines()[1:]
    assert ours.startswith(r"a\_1 & \textbf{0.7000} & undefined & \textbf{0.7000} &")
    assert others == r"b & 1.0000* & \textbf{0.0000} & 0.5000* & 0.5000* & 0 \\"
    assert r"50\% \& more" in text
    assert {line.count(" & ") for line in (ours, others)} == {5}
    assert r"\begin{tabular}{lrrrrr}" in text


def test_the_markdown_table_marks_the_best_and_the_incomplete() -> None:
    text = table_markdown(category_table(PAIRS))
    lines = text.splitlines()
    assert lines[0] == (
        "| method | baseline | 50% & more | overall | mean over scenes | undefined |"
    )
    assert lines[2] == "| a_1 | **0.7000** | undefined | **0.7000** | **0.7000** | 1 |"
    assert lines[3] == r"| b | 1.0000\* | **0.0000** | 0.5000\* | 0.5000\* | 0 |"


def test_the_notes_name_the_scenes_and_what_is_left_out() -> None:
    notes = " ".join(notes_of(category_table(PAIRS)))
    assert "over the 2 categories of this table (1 of CDNet's 11); 3 scenes in all" in notes
    assert "baseline (2 of CDNet's 4 videos): highway, office." in notes
    assert "50% & more (1 scene, not of CDNet): x." in notes
    assert "a_1: 1 scene undefined and left out; overall is over 1 category." in notes
    assert "b: 1 scene without a result." in notes


def test_the_steps_are_written_with_mean_spread_and_runs() -> None:
    runs = {0: [make_pair("s", "a", F_1)], 7: [make_pair("s", "a", F_2_5THS)]}
    runs[0].append(make_pair("s", "b", F_0))
    steps = steps_table(runs)
    assert "| s | **0.7000 ± 0.4243 (2)** | 0.0000 (1) |" in steps_markdown(steps)
    rows = _rows(steps_csv(steps))
    assert [row["scene"] for row in rows] == ["s", "s", "mean over scenes", "mean over scenes"]
    assert (float(rows[0]["mean"]), rows[0]["runs"], rows[1]["spread"]) == (0.7, "2", "")
