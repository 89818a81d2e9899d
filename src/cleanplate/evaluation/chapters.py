"""The parts of a report as HTML, from finished pairs; a part that has nothing to say is empty."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from cleanplate.evaluation.benchmark import Failure
from cleanplate.evaluation.pages import Cell, folded, notes, table
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.seeds import StepsTable
from cleanplate.evaluation.tables import (
    BACKGROUND_MEASURES,
    F_MEASURE,
    LOW_IS_GOOD,
    MASKED_MEASURES,
    MEASURES,
    MS_PER_FRAME,
    CategoryTable,
    Curve,
    Mean,
    background_means,
    best_of,
    category_table,
    is_best,
    measured_backgrounds,
    methods_of,
    scene_table,
    times,
)
from cleanplate.evaluation.typeset import (
    MARK,
    OVER_SCENES,
    UNDEFINED,
    cell,
    columns_of,
    counted,
    notes_of,
    spread_cell,
)
from cleanplate.subtractors.methods import PATENT_NOTES

ABSENT = "\N{EN DASH}"
"""Stands where there is no pair, or a method has no such value."""


def summary(pairs: Sequence[Pair], failures: Sequence[Failure]) -> str:
    """Say in a few sentences what was compared and what came first."""
    if not pairs:
        return f"<p>No pair was finished; {len(failures)} failed.</p>"
    found = category_table(pairs)
    splits = ", ".join(dict.fromkeys(str(pair.result["split"]) for pair in pairs))
    text = (
        f"{counted(len(found.rows), 'method')} on {counted(found.scenes, 'scene')} of "
        f"{counted(len(found.categories))}, scored by CDNet's rules on the same frames "
        f"(split {splits}): {counted(len(pairs), 'pair')} finished, {len(failures)} failed."
    )
    over = counted(len(found.categories)), counted(found.scenes, "scene")
    columns = [row.overall for row in found.rows], [row.scenes for row in found.rows]
    for what, means in zip(over, columns, strict=True):
        best = found.best(means)
        first = [r.method for r, mean in zip(found.rows, means, strict=True) if is_best(mean, best)]
        if best is not None:
            text += f" Highest mean F over the {what}: {best:.4f}, {', '.join(first)}."
    return f"<p>{html.escape(text)}</p>"


def failed(failures: Sequence[Failure]) -> str:
    """List the pairs that could not be finished, and why."""
    rows = [[failure.scene, failure.method, failure.reason] for failure in failures]
    caption = "These pairs have no result and are missing from every mean below."
    return table(["scene", "method", "reason"], rows, caption=caption, words=True) if rows else ""


def by_category(pairs: Sequence[Pair], measure: str = F_MEASURE) -> str:
    """Write Table 1, or the same of another measure, with its notes."""
    found = category_table(pairs, measure)
    if not found.rows:
        return ""
    caption = f"{_title(measure)} by category. The best of each column is bold."
    return _category_rows(found, caption) + notes(notes_of(found))


def _category_rows(found: CategoryTable, caption: str) -> str:
    columns = columns_of(found)
    rows: list[list[str | Cell]] = [[row.method] for row in found.rows]
    for means in columns.values():
        best = found.best(means)
        for row, mean in zip(rows, means, strict=True):
            row.append(Cell(cell(mean), is_best(mean, best)))
    for row, method in zip(rows, found.rows, strict=True):
        row.append(str(method.scenes.undefined))
    return table(["method", *columns, UNDEFINED], rows, caption=caption)


def _title(measure: str) -> str:
    direction = "low is good" if measure in LOW_IS_GOOD else "high is good"
    return f"{'F' if measure == F_MEASURE else measure} ({direction})"


def seven_measures(pairs: Sequence[Pair]) -> str:
    """Write all measures: overall, and below it each by category."""
    found = {measure: category_table(pairs, measure) for measure in MEASURES}
    rows: list[list[str | Cell]] = [[method] for method in methods_of(pairs)]
    for one in found.values():
        means = [row.overall for row in one.rows]
        for row, mean in zip(rows, means, strict=True):
            row.append(Cell(cell(mean), is_best(mean, one.best(means))))
    count = len(found[F_MEASURE].categories)
    caption = (
        f"The mean over {counted(count)} of each measure; pwc is in "
        "percent. As all are means of ratios, F is not made from the precision and recall here. "
        "A measure is undefined in a category where it is in all of its scenes."
    )
    parts = [
        folded(f"{measure} by category", _category_rows(one, _title(measure)))
        for measure, one in found.items()
        if measure != F_MEASURE
    ]
    head = ["method", *(_title(measure) for measure in MEASURES)]
    return table(head, rows, caption=caption) + "".join(parts) if rows else ""


def by_scene(pairs: Sequence[Pair]) -> str:
    """Write every scene's F for every method; the best of each row is bold."""
    methods = methods_of(pairs)
    rows: list[list[str | Cell]] = []
    for scene, values in scene_table(pairs).items():
        best = best_of(values.values(), F_MEASURE)
        shown = [
            Cell(_number(values[method], UNDEFINED), is_best(values[method], best))
            if method in values
            else "failed"
            for method in methods
        ]
        rows.append([scene, *shown])
    means = [row.scenes for row in category_table(pairs).rows]
    best = category_table(pairs).best(means)
    rows.append([OVER_SCENES, *(Cell(cell(mean), is_best(mean, best)) for mean in means)])
    caption = f"F by scene. The best of each row is bold; {MARK} is over fewer scenes."
    return table(["scene", *methods], rows, caption=caption, means=1)


def _number(value: float | None, otherwise: str = ABSENT) -> str:
    return otherwise if value is None else f"{value:.4f}"


def thresholds(curves: Sequence[Curve]) -> str:
    """Write each curve's best and fixed threshold and their F."""
    rows: list[list[str | Cell]] = []
    for curve in curves:
        best = None if curve.best is None else curve.means[curve.best].value
        place = None if curve.best is None else curve.thresholds[curve.best]
        rows.append(
            [
                curve.method,
                *(_number(place), _number(best)),
                *(_number(curve.fixed_threshold), _number(curve.fixed.value)),
                str(curve.fixed.over),
            ]
        )
    head = "method", "best threshold", "its F", "fixed threshold", "its F", "scenes"
    caption = (
        "The best threshold of the mean curve is chosen on the scored frames, as in the paper: its "
        "F is an upper bound. The other tables use the fixed threshold, the same for all scenes."
    )
    return table(head, rows, caption=caption) if rows else ""


def backgrounds(pairs: Sequence[Pair]) -> str:
    """Write the background measures: means over the scenes, and below them every scene's."""
    found = background_means(pairs)
    if not found:
        return ""
    names = [
        name
        for name in (*BACKGROUND_MEASURES, *MASKED_MEASURES)
        if any(means[name].over for means in found.values())
    ]
    best = {
        name: best_of((m[name].value for m in found.values() if not m[name].missing), name)
        for name in names
    }
    rows: list[list[str | Cell]] = [
        [method, *(_background_cell(means[name], best[name]) for name in names)]
        for method, means in found.items()
    ]
    scenes = [
        [f"{pair.result['scene']}: {pair.result['method']}"]
        + [_number((pair.backgrounds or {}).get(name)) for name in names]
        for pair in measured_backgrounds(pairs)
    ]
    head = [f"{name} ({'low' if name in LOW_IS_GOOD else 'high'})" for name in names]
    caption = (
        "Means over the scenes, how many in brackets. age to cqm compare with the true background "
        "where one is known; the masked ones with the frame where nothing hides the background."
    )
    every = table(["scene: method", *head], scenes, caption="Mean over the measured frames.")
    return table(["method", *head], rows, caption=caption) + folded("every scene", every)


def _background_cell(mean: Mean, best: float | None) -> Cell:
    if mean.value is None:
        return Cell(ABSENT)
    mark = MARK if mean.missing else ""
    return Cell(f"{mean.value:.4f}{mark} ({mean.over})", is_best(mean, best))


def costs(pairs: Sequence[Pair]) -> str:
    """Write the times of all methods."""
    found = times(pairs)
    best = best_of((one.ms_per_frame.value for one in found), MS_PER_FRAME)
    rows: list[list[str | Cell]] = []
    for one in found:
        spent, trained = one.ms_per_frame.value, one.training_seconds.value
        per_frame = "not measured" if spent is None else f"{spent:.2f}"
        training = ABSENT if trained is None else f"{trained:.1f}"
        scenes = str(one.training_seconds.over + one.training_seconds.undefined)
        rows.append([one.method, Cell(per_frame, is_best(spent, best)), training, scenes])
    caption = (
        "Means over a method's scenes, on the machine that ran it. Rows that share their training "
        "(two-stage and two-stage-separate) each show all of it."
    )
    head = "method", "ms per frame", "seconds of training", "scenes"
    return table(head, rows, caption=caption) if rows else ""


def patents(methods: Sequence[str]) -> str:
    """Repeat what is known of the patents on the methods used."""
    return notes([PATENT_NOTES[method] for method in methods if method in PATENT_NOTES])


def facts(known: Mapping[str, str]) -> str:
    """List how the numbers were made."""
    entries = (f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in known.items())
    return f"<dl>{''.join(entries)}</dl>" if known else ""


def over_seeds(steps: StepsTable) -> str:
    """Write F over several seeds: by scene and method, and the mean over the scenes."""
    rows: list[list[str | Cell]] = []
    for scene, by_method in [*steps.scenes.items(), (OVER_SCENES, steps.means)]:
        best = best_of((spread.mean for spread in by_method.values()), F_MEASURE)
        shown = (Cell(spread_cell(one), is_best(one.mean, best)) for one in by_method.values())
        rows.append([scene, *shown])
    caption = (
        f"F over the seeds {', '.join(map(str, steps.seeds))}: mean ± sample standard deviation "
        "(number of runs). The last row is of the runs' means over the scenes."
    )
    return table(["scene", *steps.means], rows, caption=caption, means=1)
