"""Pictures of a report: grids of frames and masks (Fig. 2), curves (Fig. 3), bars by category.

Each function gives a matplotlib `Figure` that belongs to nobody else: no window, no global state.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.evaluation.tables import CategoryTable, Curve, is_best
from cleanplate.evaluation.typeset import counted
from cleanplate.evaluation.variants import VARIANTS
from cleanplate.images import Frame, resize_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100
GRID_ROWS, GRID_COLUMNS = 12, 11
"""A grid picture has at most so many scenes and panels."""
PANEL_PX, GAP_PX, LABEL_PX, HEAD_PX = 150, 6, 170, 34
TALLEST = 1.2
"""A panel is at most so much taller than wide."""
PAPER, NOTHING, EDGE = 255, 228, 150
"""Greys of a grid's ground, of a panel without a picture, and of the line around each panel."""
INK, FAINT = "#1c2733", "#5b6773"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers can tell apart, but for the yellow."""
OURS, CLASSICAL = PALETTE[0], PALETTE[4]
BARS_ACROSS = 4
JPEG_QUALITY = 82


@dataclass(frozen=True)
class GridRow:
    """A scene's row of a grid.

    Attributes:
        title: the scene.
        subtitle: what is said of it in small print.
        panels: frames, one for each column; None where there is none.
    """

    title: str
    subtitle: str
    panels: Sequence[Frame | None]


def panel_size(row: GridRow) -> tuple[int, int]:
    """Return the height and width in pixels of a row's panels: as wide as all, as tall as fits."""
    shapes = [panel.shape for panel in row.panels if panel is not None]
    shape = max((height / width for height, width, _ in shapes), default=0.75)
    return max(1, round(PANEL_PX * min(TALLEST, shape))), PANEL_PX


def grid(columns: Sequence[str], rows: Sequence[GridRow]) -> Figure:
    """Draw pictures in rows and columns, each pixel as it is, titles above and at the left."""
    canvas, tops = _canvas(len(columns), rows)
    height, width = canvas.shape[:2]
    figure = new_figure(width / DPI, height / DPI)
    figure.figimage(canvas, origin="upper")
    for index, column in enumerate(columns):
        middle = LABEL_PX + index * (PANEL_PX + GAP_PX) + PANEL_PX / 2
        size = min(9.5, PANEL_PX * 72 / DPI / (0.66 * max(1, len(column))))
        _write(figure, middle, HEAD_PX / 2, column, size, weight="bold", ha="center", va="center")
    for row, top in zip(rows, tops, strict=True):
        middle = top + panel_size(row)[0] / 2
        _write(figure, 8, middle - 1, row.title, _fitting(row.title), weight="bold", va="bottom")
        size = _fitting(row.subtitle, 8)
        _write(figure, 8, middle + 4, row.subtitle, size, color=FAINT, va="top")
        for index, panel in enumerate(row.panels):
            left = LABEL_PX + index * (PANEL_PX + GAP_PX) + PANEL_PX / 2
            if panel is None:
                _write(
                    figure, left, middle, "no picture", 8.5, color=FAINT, ha="center", va="center"
                )
    return figure


def _canvas(columns: int, rows: Sequence[GridRow]) -> tuple[Frame, list[int]]:
    """Paste the panels; also returns where each row begins."""
    heights = [panel_size(row)[0] for row in rows]
    tops = [HEAD_PX + sum(heights[:index]) + index * GAP_PX for index in range(len(rows))]
    size = (HEAD_PX + sum(heights) + len(rows) * GAP_PX, LABEL_PX + columns * (PANEL_PX + GAP_PX))
    canvas = np.full((*size, 3), PAPER, np.uint8)
    for row, top, height in zip(rows, tops, heights, strict=True):
        for index, panel in enumerate(row.panels):
            left = LABEL_PX + index * (PANEL_PX + GAP_PX)
            canvas[top - 1 : top + height + 1, left - 1 : left + PANEL_PX + 1] = EDGE
            canvas[top : top + height, left : left + PANEL_PX] = NOTHING
            if panel is not None:
                fitted = _fit(panel, (height, PANEL_PX))
                down, right = (height - len(fitted)) // 2, (PANEL_PX - fitted.shape[1]) // 2
                inside = np.s_[top + down :, left + right :]
                canvas[inside][: len(fitted), : fitted.shape[1]] = fitted
    return canvas, tops


def _fit(panel: Frame, size: tuple[int, int]) -> Frame:
    """Resize to fit into a size without a change of shape."""
    scale = min(size[0] / panel.shape[0], size[1] / panel.shape[1])
    height, width = (max(1, round(side * scale)) for side in panel.shape[:2])
    return resize_frame(panel, (min(height, size[0]), min(width, size[1])))


def _write(figure: Figure, left: float, top: float, text: str, size: float, **style: Any) -> None:
    """Write text at a place in pixels from the upper left corner."""
    width, height = (side * DPI for side in figure.get_size_inches())
    place = (left / width, 1 - top / height)
    figure.text(*place, text, size=size, parse_math=False, **{"color": INK, **style})


def _fitting(text: str, largest: float = 9.5) -> float:
    return min(largest, (LABEL_PX - 16) * 72 / DPI / (0.64 * max(1, len(text))))


def fig3(curves: Sequence[Curve]) -> Figure:
    """Draw F against the threshold, the best of each line as a dot, the fixed one as a ring."""
    figure = new_figure(8.4, 4.6 + 0.21 * math.ceil(len(curves)))
    axes = figure.add_subplot()
    styles = ("-", "--", "-.", ":")
    for index, curve in enumerate(curves):
        values = [math.nan if mean.value is None else mean.value for mean in curve.means]
        colour = PALETTE[index % len(PALETTE)]
        style = styles[index // len(PALETTE) % len(styles)]
        axes.plot(
            curve.thresholds, values, style, color=colour, linewidth=2, label=_line_title(curve)
        )
        if curve.best is not None:
            best = curve.thresholds[curve.best], values[curve.best]
            axes.plot(*best, "o", color=colour, markersize=8)
        if curve.fixed_threshold is not None and curve.fixed.value is not None:
            ring = curve.fixed_threshold, curve.fixed.value
            axes.plot(*ring, "o", color=colour, markerfacecolor="none", markersize=11)
    axes.set(xlim=(0, 0.5), ylim=(0, 1), xlabel="threshold", ylabel="F, mean over the scenes")
    axes.grid(color="#e4e7ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        loc="outside lower left",
        frameon=False,
        fontsize=9.5,
        title="dot: best, chosen on the scored frames; ring: the fixed threshold of the tables",
        title_fontsize=9.5,
        alignment="left",
    )
    return figure


def _line_title(curve: Curve) -> str:
    if curve.best is None:
        return f"{unmathed(curve.method)}: no F is defined"
    scenes, value = curve.fixed.over, curve.means[curve.best].value
    best = f"best F {value:.4f} at {curve.thresholds[curve.best]:.3f}"
    known = curve.fixed.value is not None and curve.fixed_threshold is not None
    fixed = f", fixed {curve.fixed.value:.4f} at {curve.fixed_threshold:.3f}" if known else ""
    return f"{unmathed(curve.method)}: {best}{fixed} ({counted(scenes, 'scene')})"


def bars(table: CategoryTable) -> Figure:
    """Draw F by category: a panel for each and one for the overall mean, a bar for each method."""
    names = [*table.categories, "overall"]
    across = min(BARS_ACROSS, len(names))
    down = math.ceil(len(names) / across)
    figure = new_figure(2.2 + 2.3 * across, 0.5 + down * (0.5 + 0.2 * len(table.rows)))
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for index, axes in enumerate(panels.flat):
        if index < len(names):
            _bar_panel(axes, names[index], table)
        else:
            axes.set_visible(False)
    for index in range(len(names)):  # the lowest panel of a column carries the scale
        panels.flat[index].tick_params(labelbottom=index + across >= len(names))
    kinds = {row.method in VARIANTS for row in table.rows}
    handles = [_patch(OURS, "networks of this project")] if True in kinds else []
    handles += [_patch(CLASSICAL, "other methods")] if False in kinds else []
    figure.legend(handles=handles, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    return figure


def _bar_panel(axes: Axes, name: str, table: CategoryTable) -> None:
    is_overall = name == "overall" and name not in table.categories
    means = [row.overall if is_overall else row.categories[name] for row in table.rows]
    places, best = range(len(means)), table.best(means)
    colours = [OURS if row.method in VARIANTS else CLASSICAL for row in table.rows]
    axes.barh(places, [mean.value or 0 for mean in means], 0.74, color=colours)
    for place, mean in zip(places, means, strict=True):
        text = "none" if mean.value is None else f"{mean.value:.3f}{'*' * (mean.missing > 0)}"
        weight = "bold" if is_best(mean, best) else "normal"
        axes.text((mean.value or 0) + 0.02, place, text, va="center", size=8, weight=weight)
    title = f"overall ({counted(len(table.categories))})" if is_overall else name
    axes.set_title(unmathed(title), fontsize=10, loc="left", weight="bold")
    axes.set_yticks(list(places), [unmathed(row.method) for row in table.rows], fontsize=8.5)
    axes.set(xlim=(0, 1.22), xticks=[0, 0.5, 1], ylim=(len(means) - 0.45, -0.55))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of a width and height in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def unmathed(text: str) -> str:
    """Write a text so that matplotlib reads no formula in it."""
    return text.replace("$", r"\$")


def png(figure: Figure, scale: float = 1) -> bytes:
    """Encode as PNG; a ``scale`` other than 1 is for drawings, not for grids."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI * scale, metadata={"Software": None})
    return data.getvalue()


def jpeg(figure: Figure) -> bytes:
    """Encode as JPEG, for grids in a page."""
    data = io.BytesIO()
    figure.savefig(data, format="jpg", dpi=DPI, pil_kwargs={"quality": JPEG_QUALITY})
    return data.getvalue()
