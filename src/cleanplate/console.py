"""What all commands share: options that mean the same everywhere, and how results are printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

ScenePath = Annotated[
    Path, typer.Argument(metavar="SCENE", help="CDNet folder; or frames, with --labels.")
]
LabelsPath = Annotated[Path | None, typer.Option("--labels", help="Folder of mask PNGs.")]
SplitName = Annotated[str, typer.Option("--split", help="half, list:FILE or all.")]
PresetName = Annotated[str, typer.Option("--preset", help="compact, paper, smoke or FILE.toml.")]
Seed = Annotated[int, typer.Option("--seed", help="Of all that is drawn at random.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Objects = Annotated[
    Path | None,
    typer.Option("--objects", help="Cut-outs to paste where no training label shows foreground."),
]


def row(result: Mapping[str, Any]) -> str:
    """Return one result as a line."""
    measure = result["f_measure"]
    shown = "undefined" if measure is None else f"{measure:.4f}"
    return f"{result['scene']:<24} {result['method']:<12} F {shown}"


def lines(values: Mapping[str, Any]) -> str:
    """Return values one below the other."""
    return "\n".join(
        f"{key:<20} {value:.6g}" if isinstance(value, float) else f"{key:<20} {value}"
        for key, value in values.items()
    )


def show(result: str | Mapping[str, Any]) -> None:
    """Print a result on stdout: text as it is, anything else as JSON."""
    typer.echo(result if isinstance(result, str) else json.dumps(result, indent=1))
