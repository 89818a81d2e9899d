"""The picture of a label curve: F against the number of labelled frames."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cleanplate.evaluation.figures import OURS, PALETTE, new_figure, unmathed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES_ACROSS = 3


@dataclass(frozen=True)
class LabelPanel:
    """One scene's panel of a label curve.

    Attributes:
        title: the scene.
        runs: F of each run with so many labels, by the number of labels.
        half: how many labels the whole training half has.
        flat: F of each method that needs no label.
    """

    title: str
    runs: Mapping[int, Sequence[float]]
    half: int
    flat: Mapping[str, float]


def label_curves(panels: Sequence[LabelPanel]) -> Figure:
    """Draw F against the number of labels, logarithmic, a panel for each scene."""
    across = min(CURVES_ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    figure = new_figure(max(6.4, 0.6 + 4.2 * across), 0.8 + 3.4 * down)
    places = figure.subplots(down, across, sharey=True, squeeze=False).flat
    for index, (axes, panel) in enumerate(zip(places, panels, strict=False)):
        _label_panel(axes, panel)
        if index % across == 0:
            axes.set_ylabel("F on the second half")
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    places[0].set_ylim(top=1)
    handles = {
        text: handle
        for axes in places[: len(panels)]
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    style: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "fontsize": 9}
    figure.legend(handles.values(), handles, ncols=len(handles), **style)
    return figure


def _label_panel(axes: Axes, panel: LabelPanel) -> None:
    counts = sorted(count for count, run in panel.runs.items() if run)
    runs = [panel.runs[count] for count in counts]
    means = [sum(run) / len(run) for run in runs]
    if any(len(run) > 1 for run in runs):
        low, high = [min(run) for run in runs], [max(run) for run in runs]
        axes.fill_between(counts, low, high, color=OURS, alpha=0.2, linewidth=0, label="all seeds")
    axes.plot(
        counts,
        means,
        "o-",
        color=OURS,
        linewidth=2,
        markersize=5,
        label="two-stage, mean of the seeds",
    )
    for index, (method, value) in enumerate(panel.flat.items(), start=1):
        colour, style = PALETTE[index % len(PALETTE)], ("-.", "--", ":")[index % 3]
        axes.axhline(value, color=colour, linestyle=style, linewidth=1.6, label=unmathed(method))
    axes.set_xscale("log")
    names = [f"\nhalf ({count})" if count == panel.half else str(count) for count in counts]
    axes.set_xticks(counts, names, fontsize=8.5)
    axes.set_xticks([], minor=True)
    axes.set_xlabel("labelled frames that train")
    axes.set_title(unmathed(panel.title), fontsize=10, loc="left", weight="bold")
    axes.grid(color="#e4e7ea", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
