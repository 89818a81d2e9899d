"""Tables as text: CSV for programs, LaTeX and Markdown for papers and documents."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.seeds import Spread, StepsTable
from cleanplate.evaluation.tables import (
    BACKGROUND_MEASURES,
    DIGITS,
    F_MEASURE,
    MASKED_MEASURES,
    CategoryTable,
    Curve,
    Mean,
    MethodRow,
    best_of,
    is_best,
    measured_backgrounds,
)
from cleanplate.scenes.cdnet import CATEGORIES, VIDEOS

MARK = "*"
"""Stands behind a mean over fewer scenes than the other methods'."""
OVERALL, OVER_SCENES, UNDEFINED = "overall", "mean over scenes", "undefined"
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def cell(mean: Mean) -> str:
    """Write a mean as all tables do: four digits, marked where it is over fewer scenes."""
    if mean.value is None:
        return "failed" if mean.missing and not mean.undefined else UNDEFINED
    return f"{mean.value:.{DIGITS}f}{MARK if mean.missing else ''}"


def columns_of(table: CategoryTable) -> dict[str, list[Mean]]:
    """Return the columns of means by their titles, a value for each row."""
    columns = {name: [row.categories[name] for row in table.rows] for name in table.categories}
    columns[OVERALL] = [row.overall for row in table.rows]
    columns[OVER_SCENES] = [row.scenes for row in table.rows]
    return columns


def notes_of(table: CategoryTable) -> list[str]:
    """Say what the means are over: categories, scenes, and what is left out."""
    count, known = len(table.categories), sum(name in CATEGORIES for name in table.categories)
    notes = [
        "A category is the unweighted mean over its scenes, overall that over the "
        f"{counted(count)} of this table ({known} of CDNet's {len(CATEGORIES)}); "
        f"{counted(table.scenes, 'scene')} in all."
    ]
    notes += [f"{_extent(name, scenes)}: {', '.join(scenes)}." for name, scenes in _items(table)]
    if any(mean.missing for column in columns_of(table).values() for mean in column):
        notes.append(
            f"{MARK} is over fewer scenes than the other methods', as a pair failed; such a value "
            "is never the best."
        )
    return notes + [_left_out(row, count) for row in table.rows if _left_out(row, count)]


def _left_out(row: MethodRow, categories: int) -> str:
    undefined, missing = row.scenes.undefined, row.scenes.missing
    parts = [f"{counted(undefined, 'scene')} undefined and left out"] if undefined else []
    parts += [f"{counted(missing, 'scene')} without a result"] if missing else []
    parts += [f"overall is over {counted(row.overall.over)}"] * (row.overall.over < categories)
    return f"{row.method}: {'; '.join(parts)}." if parts else ""


def _items(table: CategoryTable) -> Iterable[tuple[str, tuple[str, ...]]]:
    return table.categories.items()


def counted(count: int, what: str = "category") -> str:
    """Write a number of things: ``1 category``, ``2 categories``."""
    plural = "categories" if what == "category" else f"{what}s"
    return f"{count} {what if count == 1 else plural}"


def _extent(name: str, scenes: Sequence[str]) -> str:
    if name not in VIDEOS:
        return f"{name or 'no category'} ({counted(len(scenes), 'scene')}, not of CDNet)"
    return f"{name} ({len(scenes)} of CDNet's {len(VIDEOS[name])} videos)"


def table_csv(table: CategoryTable) -> str:
    """Write Table 1 with all digits; ``incomplete`` names the categories that lack a scene."""
    head = ["method", *table.categories, OVERALL, "categories", "mean_over_scenes", "scenes"]
    rows = [
        [
            row.method,
            *(mean.value for mean in row.categories.values()),
            *(row.overall.value, row.overall.over, row.scenes.value, row.scenes.over),
            row.scenes.undefined,
            " ".join(name for name, mean in row.categories.items() if mean.missing),
        ]
        for row in table.rows
    ]
    return csv_text([*head, UNDEFINED, "incomplete"], rows)


def results_csv(pairs: Sequence[Pair]) -> str:
    """Write every pair with its counts, measures and times."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair.result))
    head = ["category", *(names or ["scene", "method"]), "seconds_per_frame", "training_seconds"]
    return csv_text(
        head,
        [
            [
                pair.category,
                *(pair.result.get(name) for name in names),
                pair.seconds_per_frame,
                pair.training_seconds,
            ]
            for pair in pairs
        ],
    )


def backgrounds_csv(pairs: Sequence[Pair]) -> str:
    """Write the background measures of every pair that has them."""
    names = (*BACKGROUND_MEASURES, *MASKED_MEASURES)
    return csv_text(
        ["category", "scene", "method", *names],
        [
            [pair.category, pair.result["scene"], pair.result["method"]]
            + [(pair.backgrounds or {}).get(name) for name in names]
            for pair in measured_backgrounds(pairs)
        ],
    )


def curves_csv(curves: Sequence[Curve]) -> str:
    """Write Fig. 3: the mean F over the scenes at every threshold."""
    return csv_text(
        ["method", "threshold", F_MEASURE, "scenes", UNDEFINED],
        [
            [curve.method, threshold, mean.value, mean.over, mean.undefined]
            for curve in curves
            for threshold, mean in zip(curve.thresholds, curve.means, strict=True)
        ],
    )


def steps_csv(steps: StepsTable) -> str:
    """Write F over the seeds; the rows of no scene are the means over the scenes."""
    rows = [
        [scene, method, spread.mean, spread.spread, spread.runs]
        for scene, by_method in [*steps.scenes.items(), (OVER_SCENES, steps.means)]
        for method, spread in by_method.items()
    ]
    return csv_text(["scene", "method", "mean", "spread", "runs"], rows)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def table_latex(table: CategoryTable, caption: str) -> str:
    """Write Table 1 as a document of its own, with booktabs; the best of a column is bold."""
    columns = columns_of(table)
    best = {name: table.best(means) for name, means in columns.items()}
    head = ["", *(rf"\rotatebox{{90}}{{{escape_latex(name)}}}" for name in [*columns, UNDEFINED])]
    body = []
    for index, row in enumerate(table.rows):
        cells = [escape_latex(row.method)]
        for name, means in columns.items():
            text = cell(means[index])
            cells.append(rf"\textbf{{{text}}}" if is_best(means[index], best[name]) else text)
        body.append(" & ".join([*cells, str(row.scenes.undefined)]) + r" \\")
    notes = [escape_latex(note) for note in notes_of(table)]
    return "\n".join(
        [
            r"\documentclass[a4paper,landscape]{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage[margin=2cm]{geometry}",
            r"\usepackage{booktabs,graphicx}",
            r"\begin{document}",
            r"\begin{table}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{escape_latex(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            r"\noindent\footnotesize",
            *(rf"{note}\par" for note in notes),
            r"\end{document}",
            "",
        ]
    )


def escape_latex(text: str) -> str:
    """Write a text so that LaTeX prints it as it is."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def table_markdown(table: CategoryTable) -> str:
    """Write Table 1 with its notes; the best of a column is bold."""
    columns = columns_of(table)
    best = {name: table.best(means) for name, means in columns.items()}
    rows = [
        [row.method]
        + [_bold(cell(means[index]), means[index], best[name]) for name, means in columns.items()]
        + [str(row.scenes.undefined)]
        for index, row in enumerate(table.rows)
    ]
    notes = "\n".join(f"- {_plain(note)}" for note in notes_of(table))
    return f"{markdown_table(['method', *columns, UNDEFINED], rows)}\n{notes}\n"


def steps_markdown(steps: StepsTable) -> str:
    """Write F over the seeds: mean, spread (sample standard deviation) and number of runs."""
    methods = list(steps.means)
    rows = []
    for scene, by_method in [*steps.scenes.items(), (OVER_SCENES, steps.means)]:
        found = [by_method[method] for method in methods]
        best = best_of([spread.mean for spread in found], F_MEASURE)
        rows.append([scene, *(_bold(spread_cell(one), one.mean, best) for one in found)])
    return markdown_table(["scene", *methods], rows)


def spread_cell(spread: Spread) -> str:
    """Write a mean over seeds, its spread and how many runs it is over."""
    if spread.mean is None:
        return UNDEFINED
    deviation = "" if spread.spread is None else f" ± {spread.spread:.{DIGITS}f}"
    return f"{spread.mean:.{DIGITS}f}{deviation} ({spread.runs})"


def _bold(text: str, value: float | Mean | None, best: float | None) -> str:
    return f"**{text}**" if is_best(value, best) else _plain(text)


def _plain(text: str) -> str:
    return text.replace("|", r"\|").replace(MARK, rf"\{MARK}")


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table as Markdown, its first column to the left, the others to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
