"""What section 4's report says beside Table 1: the four steps over seeds, and the ablations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cleanplate.evaluation.ablations import AblationRow, ablation_rows
from cleanplate.evaluation.benchmark import Comparison
from cleanplate.evaluation.chapters import ABSENT, over_seeds
from cleanplate.evaluation.pages import Cell, table
from cleanplate.evaluation.seeds import steps_table
from cleanplate.evaluation.tables import F_MEASURE, best_of, is_best
from cleanplate.evaluation.typeset import steps_csv, steps_markdown
from cleanplate.files import write_bytes


def steps_section(folder: Path, runs: Mapping[int, Comparison]) -> tuple[str, str]:
    """Write ``steps.csv`` and ``steps.md``; return title and HTML of the four steps over seeds."""
    steps = steps_table({seed: comparison.pairs() for seed, comparison in runs.items()})
    write_bytes(folder / "steps.csv", steps_csv(steps).encode())
    write_bytes(folder / "steps.md", steps_markdown(steps).encode())
    updates = next(iter(runs.values())).facts()["iterations"]
    note = (
        f"<p>At most {updates} updates in phases 1, 2 and 3, fewer in phase 1 where the frames are "
        "few. Baseline-1 is phase 1 alone, Baseline-2 phase 2 alone, two-stage-separate lacks "
        "phase 3.</p>"
    )
    return "The four steps side by side", note + over_seeds(steps)


def ablations_section(folder: Path, comparison: Comparison) -> tuple[str, str]:
    """Write ``ablations.md`` and return the title and HTML of the ablations."""
    sizes = [scene.size for scene in comparison.scenes.values()]
    found = ablation_rows(comparison.pairs(), comparison.models.configuration, sizes[0])
    scenes = list(comparison.scenes)
    head = ["variant", *scenes, "mean", "training, s", "memory, MiB"]
    write_bytes(folder / "ablations.md", _markdown(head, found, scenes).encode())
    columns = [[row.scenes.get(scene) for row in found] for scene in scenes]
    bests = [best_of(values, F_MEASURE) for values in [*columns, [row.mean for row in found]]]
    rows: list[list[str | Cell]] = [
        [
            row.method,
            *(
                Cell(_shown(value), is_best(value, best))
                for value, best in zip(_values(row, scenes), bests, strict=True)
            ),
            ABSENT if row.training_seconds is None else f"{row.training_seconds:.0f}",
            f"{row.activations_mib:.1f}",
        ]
        for row in found
    ]
    caption = (
        f"F of variants, each trained for at most {comparison.facts()['iterations']} updates or as "
        f"many in one run. Memory is what one frame of {sizes[0][1]}x{sizes[0][0]} keeps for the "
        "way back in phase 3, weights left out."
    )
    return "Claims without a plot", table(head, rows, caption=caption)


def _values(row: AblationRow, scenes: list[str]) -> list[float | None]:
    return [*(row.scenes.get(scene) for scene in scenes), row.mean]


def _shown(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.4f}"


def _markdown(head: list[str], rows: list[AblationRow], scenes: list[str]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        seconds = ABSENT if row.training_seconds is None else f"{row.training_seconds:.0f}"
        cells = [row.method, *map(_shown, _values(row, scenes)), seconds]
        lines.append(f"| {' | '.join([*cells, f'{row.activations_mib:.1f}'])} |")
    return "\n".join(lines) + "\n"
