"""The commands that tell how many frames to label, and which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanplate.cli_experiments import end, follow
from cleanplate.console import AsJson, Device, LabelsPath, Overwrite, PresetName, show

if TYPE_CHECKING:
    from cleanplate.networks.card import ModelCard
    from cleanplate.scenes.scene import Scene
    from cleanplate.training.selection import Suggestion


def curve(
    scenes: Annotated[list[Path], typer.Argument(metavar="SCENE...", help="CDNet folders.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    counts: Annotated[
        str, typer.Option(help="Numbers of labels, comma-separated.")
    ] = "1,2,5,10,25,50,half",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each, seeds 0, 1, ...")] = 3,
    preset: PresetName = "compact",
    length: Annotated[float, typer.Option(help="Share of the preset's iterations.")] = 1.0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train with ever more labels and draw F against their number; what is finished is kept.

    The labels are spread evenly over the first half, the second half is scored. MOG2, KNN and the
    temporal median, which need no label, are flat lines.
    """
    from cleanplate.evaluation.label_curve import LabelCurve, parse_counts
    from cleanplate.scenes.opening import name_scenes

    wanted = parse_counts(counts)
    opened, broken = name_scenes(scenes)
    drawn = LabelCurve(
        output,
        opened,
        wanted,
        range(seeds),
        preset=preset,
        length=length,
        device=device,
        broken=broken,
    )
    follow(drawn.run())
    table = drawn.write()
    failed = [vars(failure) for failure in drawn.failures]
    found = {"results": [vars(point) for point in drawn.points()], "failed": failed}
    show(found if as_json else table)
    end(drawn.failures)


def suggest(
    path: Annotated[
        Path, typer.Argument(metavar="SCENE|VIDEO", help="CDNet folder, video or pictures.")
    ],
    labels: LabelsPath = None,
    model: Annotated[Path | None, typer.Option(help="Model file whose doubts count.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many frames.")] = 5,
    split: Annotated[
        str | None,
        typer.Option(help="Rehearse on labelled frames: choose from the training part of half."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the numbers, one a line.")
    ] = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Name the frames whose label would help most.

    With a model: those it doubts and that are unlike the labelled ones; without: the most
    different ones. The file of --output is what train --split list:FILE reads.
    """
    import cleanplate
    from cleanplate.files import check_output, write_bytes
    from cleanplate.terminal import bar, clock
    from cleanplate.training.selection import suggest as choose

    if output is not None:
        check_output(output, overwrite)
    scene = _open(path, labels)
    subtractor = None if model is None else cleanplate.load(model, device, engine="torch")
    card = None if subtractor is None else subtractor.card
    candidates, labelled = _to_choose_from(scene, card, split)
    with bar() as shown:
        found = choose(
            scene.frames, candidates, labelled, count, subtractor, scene.roi,
            lambda done, total: shown.update("frames looked at", done, total),
        )  # fmt: skip
    if output is not None:
        write_bytes(output, "".join(f"{one.number}\n" for one in found).encode())
    if as_json:
        suggested = [{**one._asdict(), "seconds": round(_seconds(scene, one), 3)} for one in found]
        show({"suggestions": suggested})
        return
    rows = [f"{one.number:<8} {clock(_seconds(scene, one)):>6}  {one.reason}" for one in found]
    show("\n".join([f"{'frame':<8} {'time':>6}  reason", *rows]))


def _open(path: Path, labels: Path | None) -> Scene:
    import cleanplate
    from cleanplate.scenes.opening import is_scene_folder, open_unlabelled

    is_labelled = labels is not None or is_scene_folder(path)
    return cleanplate.open_scene(path, labels) if is_labelled else open_unlabelled(path)


def _seconds(scene: Scene, suggestion: Suggestion) -> float:
    """Return a frame's time in the video; a folder's first picture is at 0."""
    first = next(iter(scene.frames.numbers), 1)
    return (suggestion.number - first) / scene.frames.rate_fps


def _to_choose_from(
    scene: Scene, card: ModelCard | None, split: str | None
) -> tuple[list[int], list[int]]:
    """Return the frames to choose from, and those that have a label.

    Raises:
        DatasetError: there is none to choose from.
    """
    from cleanplate.errors import DatasetError
    from cleanplate.evaluation.scoring import is_own_scene

    trained = set(card.training_frames) if card and is_own_scene(scene, card) else set()
    if split is None:
        labelled = trained.union(scene.labelled)
        numbers = list(scene.frames.numbers) or [number for number, _ in scene.frames]
        candidates = [number for number in numbers if number not in labelled]
        advice = "every frame has a label; give --split half to choose from those of the first half"
    else:
        labelled, divided = trained, scene.split(split)
        known = [number for number in scene.labelled if divided.may_look_at(number)]
        candidates = [number for number in known if number not in trained]
        advice = f"split {split} leaves no labelled frame to choose from; give another"
    if not candidates:
        raise DatasetError(f"{scene.name}: {advice}")
    return candidates, sorted(labelled)
