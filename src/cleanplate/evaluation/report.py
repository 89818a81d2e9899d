"""Tables and pages of results: CSV, JSON, HTML; pictures side by side."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cleanplate.images import Frame, Labels, Mask, write_bytes
from cleanplate.measures import mean_of_defined

COLUMNS = ("scene", "method", "f_measure", "precision", "recall", "pwc", "frames_scored", "seconds")
_GREY_OF_LABEL = {1: 255, 0: 0, -1: 128}

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
  color: #1c2733; background: #fbfbf9 }
h1 { font-weight: 600; margin-bottom: .2rem } p { max-width: 46rem }
table { border-collapse: collapse; margin: 1.2rem 0 } th { text-align: left; font-weight: 600 }
td, th { padding: .35rem .9rem; border-bottom: 1px solid #dcdfe2 }
td.number { text-align: right; font-variant-numeric: tabular-nums } tr.best td { font-weight: 700 }
figure { margin: 1.4rem 0 } img, video { max-width: 100%; border-radius: 4px }
figcaption { color: #5b6773; font-size: .9rem } code { background: #eef0f1; padding: .1rem .3rem }
"""


def side_by_side(frame: Frame, background: Frame, mask: Mask, labels: Labels | None) -> Frame:
    """Put frame, clean plate, mask and, where known, truth (grey: not scored) in a row."""
    panels = [frame, background, _grey(mask.astype(np.uint8) * 255)]
    if labels is not None:
        truth = np.zeros(labels.shape, np.uint8)
        for label, grey in _GREY_OF_LABEL.items():
            truth[labels == label] = grey
        panels.append(_grey(truth))
    return np.concatenate(panels, 1)


def _grey(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> Frame:
    return np.repeat(picture[..., None], 3, 2)


def write_report(folder: Path, title: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Write ``results.json``, ``results.csv`` and ``index.html`` of a comparison."""
    write_bytes(folder / "results.json", json.dumps({"results": results}, indent=1).encode())
    text = io.StringIO()
    writer = csv.DictWriter(text, results[0].keys() if results else COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(results)
    write_bytes(folder / "results.csv", text.getvalue().encode())
    scenes = sorted({str(result["scene"]) for result in results})
    note = f"<p>Scored by CDNet's rules on {html.escape(', '.join(scenes))}.</p>"
    body = note + results_table(results) + means_table(results)
    write_bytes(folder / "index.html", page(title, body).encode())


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
    return _table([column.replace("_", " ") for column in COLUMNS], rows)


def means_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return an HTML table of each method's unweighted mean F over the scenes."""
    methods = list(dict.fromkeys(str(result["method"]) for result in results))
    rows = []
    for method in methods:
        values = [result["f_measure"] for result in results if result["method"] == method]
        mean, undefined = mean_of_defined(values)
        rows.append(_row([method, _shown(mean), str(len(values) - undefined), str(undefined)]))
    return _table(["method", "mean F", "scenes", "undefined"], rows)


def page(title: str, body: str) -> str:
    """Return a whole HTML page that needs nothing from elsewhere."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>\n"
    )


def figure(source: str, caption: str) -> str:
    """Return an HTML figure of a picture or, by its ending, a video beside the page."""
    is_video = source.endswith(".mp4")
    media = (
        f'<video src="{html.escape(source)}" controls loop muted autoplay></video>'
        if is_video
        else f'<img src="{html.escape(source)}" alt="{html.escape(caption)}">'
    )
    return f"<figure>{media}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
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
