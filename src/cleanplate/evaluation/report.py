"""The report of a comparison: one page that holds everything, and its numbers and pictures."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cleanplate.evaluation import chapters
from cleanplate.evaluation.benchmark import Failure
from cleanplate.evaluation.figures import DPI, bars, fig3, jpeg, png
from cleanplate.evaluation.gallery import Gallery, background_galleries, fig2, truth_picture
from cleanplate.evaluation.pages import embedded, figure, notes, page, section
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.tables import category_table, curves, methods_of
from cleanplate.evaluation.typeset import (
    backgrounds_csv,
    curves_csv,
    results_csv,
    table_csv,
    table_latex,
    table_markdown,
)
from cleanplate.files import write_bytes
from cleanplate.images import Frame, Labels, Mask
from cleanplate.scenes.scene import Scene

__all__ = ["figure", "page", "results_table", "side_by_side", "write_report"]

COLUMNS = ("scene", "method", "f_measure", "precision", "recall", "pwc", "frames_scored", "seconds")
SHARP = 1.6
"""Drawings have so many pixels for each one that they are shown at."""
_ENLARGE = "A click shows it at full size."
_Chapter = tuple[str, str, str]
"""Its short name, its title and its HTML."""


def write_report(
    folder: Path,
    title: str,
    pairs: Sequence[Pair],
    failures: Sequence[Failure],
    scenes: Mapping[str, Scene],
    sections: Sequence[tuple[str, str]] = (),
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write ``report.html``, which needs no other file, and beside it its tables and pictures.

    Beside it stand ``results.json`` and ``.csv``, ``table1.csv``, ``.md`` and ``.tex``,
    ``backgrounds.csv``, ``fig2-*.png``, ``fig3.png`` and ``.csv``, ``categories.png`` and
    ``backgrounds-*.png``.

    Args:
        folder: an existing folder; an earlier report in it is replaced.
        title: the page's.
        pairs: what was finished.
        failures: what was not.
        scenes: the scenes by the names that the pairs know them by, for their frames.
        sections: titles and HTML of further parts.
        facts: how the numbers were made.

    Returns:
        The page's path.
    """
    for pattern in ("fig2-*.png", "fig3.png", "categories.png", "backgrounds-*.png"):
        for stale in folder.glob(pattern):
            stale.unlink(missing_ok=True)
    _write_numbers(folder, title, pairs, failures)
    parts = [part for part in _chapters(folder, pairs, failures, scenes) if part[2]]
    parts += [(f"extra-{index}", name, body) for index, (name, body) in enumerate(sections, 1)]
    parts += [
        ("patents", "Patents", chapters.patents(methods_of(pairs))),
        ("made", "How the numbers were made", chapters.facts(facts or {})),
    ]
    parts = [part for part in parts if part[2]]
    links = "".join(f'<a href="#{name}">{html.escape(title)}</a>' for name, title, _ in parts)
    body = chapters.summary(pairs, failures) + f'<nav aria-label="Contents">{links}</nav>'
    for name, heading, content in parts:
        body += section(name, heading, content, alarm=name == "failures")
    path = folder / "report.html"
    write_bytes(path, page(title, body).encode())
    return path


def _write_numbers(
    folder: Path, title: str, pairs: Sequence[Pair], failures: Sequence[Failure]
) -> None:
    table = category_table(pairs)
    results = {
        "results": [pair.result for pair in pairs],
        "failed": [vars(failure) for failure in failures],
    }
    caption = f"{title}: F-measure by category, unweighted means."
    for name, text in {
        "results.json": json.dumps(results, indent=1),
        "results.csv": results_csv(pairs),
        "table1.csv": table_csv(table),
        "table1.tex": table_latex(table, caption),
        "table1.md": table_markdown(table),
        "backgrounds.csv": backgrounds_csv(pairs),
        "fig3.csv": curves_csv(curves(pairs)),
    }.items():
        write_bytes(folder / name, text.encode())


def _chapters(
    folder: Path,
    pairs: Sequence[Pair],
    failures: Sequence[Failure],
    scenes: Mapping[str, Scene],
) -> list[_Chapter]:
    """Return the parts of the page; the pictures are written on the way."""
    if not pairs:
        return [("failures", "Failed", chapters.failed(failures))]
    return [
        ("failures", "Failed", chapters.failed(failures)),
        ("table1", "Table 1: F by category", chapters.by_category(pairs) + _bars(folder, pairs)),
        ("measures", "The seven measures", chapters.seven_measures(pairs)),
        ("scenes", "F by scene", chapters.by_scene(pairs)),
        ("fig3", "Fig. 3: thresholds", _thresholds(folder, pairs)),
        ("fig2", "Fig. 2: masks", _grids(folder, "fig2", fig2(pairs, scenes))),
        (
            "backgrounds",
            "Backgrounds",
            chapters.backgrounds(pairs)
            + _grids(folder, "backgrounds", background_galleries(pairs, scenes)),
        ),
        ("times", "Times", chapters.costs(pairs)),
    ]


def _bars(folder: Path, pairs: Sequence[Pair]) -> str:
    table = category_table(pairs)
    caption = "F by category and method; * is over fewer scenes than the other methods'."
    alt = f"{caption} The same numbers stand in the table above."
    return _drawing(folder / "categories.png", bars(table), caption, alt)


def _thresholds(folder: Path, pairs: Sequence[Pair]) -> str:
    found = curves(pairs)
    if not found:
        return ""
    caption = "F against the threshold on the distance to the background, mean over the scenes."
    alt = f"{caption} Best and fixed thresholds stand in the table below."
    return _drawing(folder / "fig3.png", fig3(found), caption, alt) + chapters.thresholds(found)


def _drawing(path: Path, drawn: Any, caption: str, alt: str) -> str:
    data = png(drawn, SHARP)
    write_bytes(path, data)
    return embedded(data, caption, alt, round(drawn.get_size_inches()[0] * DPI))


def _grids(folder: Path, name: str, galleries: Sequence[Gallery]) -> str:
    """Write the grids as PNG; the page holds them as JPEG, a fifth as large."""
    shown = []
    for index, gallery in enumerate(galleries, 1):
        drawn = gallery.draw()
        write_bytes(folder / f"{name}-{index}.png", png(drawn))
        width = round(drawn.get_size_inches()[0] * DPI)
        caption = f"{gallery.title}; each scene's scored frame with most foreground. {_ENLARGE}"
        shown.append(embedded(jpeg(drawn), caption, gallery.alt, width))
    key = "In the truth, white is foreground, black background, and grey is not scored."
    return (notes([key]) if name == "fig2" and shown else "") + "".join(shown)


def side_by_side(frame: Frame, background: Frame, mask: Mask, labels: Labels | None) -> Frame:
    """Put frame, clean plate, mask and, where known, truth (grey: not scored) in a row."""
    panels = [frame, background, np.repeat((mask.astype(np.uint8) * 255)[..., None], 3, 2)]
    if labels is not None:
        panels.append(truth_picture(labels))
    return np.concatenate(panels, 1)


def results_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return an HTML table, a row for each result, each scene's best F-measure in bold."""
    best: dict[str, float] = {}
    for result in results:
        scene, value = str(result["scene"]), result["f_measure"]
        if value is not None:
            best[scene] = max(best.get(scene, 0.0), value)
    rows = [
        _row(
            [_shown(result[column]) for column in COLUMNS],
            is_best=result["f_measure"] == best.get(str(result["scene"]), -1),
        )
        for result in results
    ]
    cells = "".join(f"<th>{html.escape(column.replace('_', ' '))}</th>" for column in COLUMNS)
    return f"<table><tr>{cells}</tr>{''.join(rows)}</table>"


def _row(cells: Sequence[str], is_best: bool = False) -> str:
    shown = "".join(
        f'<td class="{"text" if index < 2 else "number"}">{html.escape(cell)}</td>'
        for index, cell in enumerate(cells)
    )
    return f'<tr class="{"best" if is_best else "other"}">{shown}</tr>'


def _shown(value: Any) -> str:
    if value is None:
        return "undefined"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
