"""What all commands share: options that mean the same everywhere, and how results are printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cleanplate.terminal import printable

if TYPE_CHECKING:
    from cleanplate.networks.card import ModelCard
    from cleanplate.scenes.scene import Scene

ScenePath = Annotated[
    Path, typer.Argument(metavar="SCENE", help="CDNet folder; or frames, with --labels.")
]
LabelsPath = Annotated[Path | None, typer.Option("--labels", help="Folder of mask PNGs.")]
TrainingLabels = Annotated[
    str | None, typer.Option("--labels", help="Folder of mask PNGs; none trains without any.")
]
NO_LABELS = "none"
SplitName = Annotated[str, typer.Option("--split", help="half, half:N, list:FILE, all or none.")]
Prefer = Annotated[
    Literal["f", "recall", "precision"],
    typer.Option("--prefer", help="What the masks' threshold is chosen for: f, recall, precision."),
]
PresetName = Annotated[str, typer.Option("--preset", help="compact, paper, smoke or FILE.toml.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**63 - 1, help="Of all that is drawn at random.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
EngineName = Annotated[str, typer.Option("--engine", help="auto, torch, openvino, onnx or int8.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Objects = Annotated[
    Path | None,
    typer.Option("--objects", help="Cut-outs to paste where no training label shows foreground."),
]


def open_for_training(path: Path, labels: str | None, split: str) -> tuple[Scene, str]:
    """Open what ``train`` is pointed at, and say which split it gets.

    ``--labels none`` uses no label: of a scene that has some, by the half split, the first half's
    frames are looked at and the second half's are left for scoring.
    """
    import cleanplate
    from cleanplate.scenes.opening import is_scene_folder, open_unlabelled

    if labels != NO_LABELS:
        return cleanplate.open_scene(path, labels), split
    if split not in ("half", "half:0", "none"):
        raise typer.BadParameter(f"--labels none and --split {split} exclude each other")
    if is_scene_folder(path):
        opened = cleanplate.open_scene(path)
        return opened, "half:0" if split != "none" and opened.labelled else "none"
    return open_unlabelled(path), "none"


def trained_note(card: ModelCard) -> str:
    """Say in a few words how good a fresh model is, and who labelled its frames."""
    if not card.training_frames:
        return "; NOBODY LABELLED ANYTHING: its masks were learned from guesses nobody checked"
    measured = card.validation["f_measure"] if card.validation else None
    note = (
        ""
        if measured is None
        else f", F {measured:.4f} on labels kept aside, which chose its threshold"
    )
    error = card.operating_point.error
    return note if error is None else f"{note}, calibration error {error:.4f}"


def row(result: Mapping[str, Any]) -> str:
    """Return one result as a line."""
    measure = result["f_measure"]
    shown = "undefined" if measure is None else f"{measure:.4f}"
    return f"{result['scene']:<24} {result['method']:<12} F {shown}"


def lines(values: Mapping[str, Any]) -> str:
    """Return values one below the other."""
    return "\n".join(
        f"{key:<20} {value:.6g}"
        if isinstance(value, float)
        else f"{key:<20} {printable(str(value))}"
        for key, value in values.items()
    )


def show(result: str | Mapping[str, Any]) -> None:
    """Print a result on stdout: text as it is, anything else as JSON."""
    typer.echo(result if isinstance(result, str) else json.dumps(result, indent=1))
