"""How good each model was on the labels held back, and what more labels may bring."""

from __future__ import annotations

import json
from contextlib import suppress
from math import log
from pathlib import Path
from typing import Any

from cleanplate.files import explained
from cleanplate.scenes.project_file import HIDDEN

_FILE = "figures.jsonl"
LEAST_GAIN = 0.002


def add_figures(folder: Path, figures: dict[str, Any]) -> None:
    """Keep a model's figures.

    Raises:
        OutputError: they cannot be written.
    """
    path = folder / HIDDEN / _FILE
    with explained(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")


def read_figures(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the figures by model, in the order in which they were trained."""
    found: dict[str, dict[str, Any]] = {}
    with suppress(OSError):
        for line in (folder / HIDDEN / _FILE).read_text(encoding="utf-8").splitlines():
            with suppress(json.JSONDecodeError, KeyError):
                figures = json.loads(line)
                found[figures["model"]] = figures
    return found


def estimate(folder: Path) -> dict[str, Any]:
    """Say how F grew with the number of labels, and guess what twice as many would bring.

    Errors of learners mostly fall as a power of the number of examples; with the best F of two
    numbers of labels that power is known, roughly.
    """
    best: dict[int, float] = {}
    for figures in read_figures(folder).values():
        if figures.get("f") is not None:
            labels = int(figures["labels"])
            best[labels] = max(best.get(labels, 0.0), float(figures["f"]))
    points = [{"labels": labels, "f": round(f, 4)} for labels, f in sorted(best.items())]
    return {"points": points, "sentence": _sentence(sorted(best.items()))}


def _sentence(points: list[tuple[int, float]]) -> str:
    if not points:
        return (
            "Train once with four labels or more: every fourth is held back, and tells how good "
            "the masks are."
        )
    labels, f = points[-1]
    now = f"{labels} label{'s' * (labels != 1)} gave F {f:.3f} on those held back."
    if len(points) == 1:
        return f"{now} Train again with more labels to see what they bring."
    earlier, f_then = points[-2]
    if f - f_then < LEAST_GAIN or f_then >= 1 or f >= 1:
        return (
            f"{now} {labels - earlier} more labels changed F by {f - f_then:+.3f}: label what it "
            "gets wrong, or stop here."
        )
    ratio = (1 - f) / (1 - f_then)
    doubled = 1 - (1 - f) * ratio ** (log(2) / log(labels / earlier))
    return (
        f"{now} From {earlier} to {labels} labels F grew by {f - f_then:.3f}; twice as many might "
        f"reach about {doubled:.3f}."
    )
