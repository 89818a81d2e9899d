"""Thin commands over the library: settings in, one call, the result out.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 our error, 2 usage, 130
interrupted.
"""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import cleanplate
from cleanplate.cli_experiments import compare, download, paper
from cleanplate.cli_labels import curve, suggest
from cleanplate.cli_runtime import export, live, quantise, segment
from cleanplate.cli_studio import studio
from cleanplate.console import (
    AsJson,
    Device,
    EngineName,
    LabelsPath,
    Objects,
    Overwrite,
    Prefer,
    PresetName,
    ScenePath,
    Seed,
    SplitName,
    TrainingLabels,
    lines,
    open_for_training,
    row,
    show,
    trained_note,
)
from cleanplate.errors import CleanplateError
from cleanplate.terminal import bar, say, show_training, start_logging, writes_json

OUR_MISTAKE = "this is a mistake of Cleanplate's; run it again with --debug and report it"

app = typer.Typer(
    help="Teach a fixed camera what its background is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(cleanplate.__version__)
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Write events on stderr as JSON lines.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # our one line replaces its own
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: service managers send it
    start_logging(debug, log_json)


@app.command()
def train(
    scene: ScenePath,
    output: Annotated[Path, typer.Option("--output", "-o", help="Model file to write.")],
    labels: TrainingLabels = None,
    preset: PresetName = "compact",
    split: SplitName = "half",
    seed: Seed = 0,
    prefer: Prefer = "f",
    objects: Objects = None,
    weights: Annotated[
        str, typer.Option(help="Published weights to start stage 2 from: FILE or vgg16.")
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Take what such a file has, the rest anew.")
    ] = False,
    begin_with: Annotated[
        Path | None, typer.Option(help="Model whose weights to begin with, as after more labels.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a model of one scene from its labelled frames."""
    from cleanplate.networks.card import read_card
    from cleanplate.terminal import clock

    opened, split = open_for_training(scene, labels, split)
    settings: dict[str, Any] = {"split": split, "seed": seed, "device": device, "objects": objects}
    settings |= {"weights": weights, "partial_weights": partial, "prefer": prefer}
    settings["begin_with"] = begin_with
    steps = cleanplate.train(opened, preset, output, resume=resume, overwrite=overwrite, **settings)
    try:
        last = show_training(steps)
    except KeyboardInterrupt:
        say("stopped; repeat the command with --resume to go on from the last checkpoint, if any")
        raise
    card = read_card(output)
    seconds = round(last.seconds, 1) if last else 0.0
    values = {"model": output.name, "seconds": seconds, "labels": len(card.training_frames)}
    values |= {"validation": card.validation, "operating_point": card.operating_point.model_dump()}
    note = trained_note(card)
    show({**values, "warning": card.warning} if as_json else f"{output}: {clock(seconds)}{note}")


@app.command()
def evaluate(
    scene: ScenePath,
    labels: LabelsPath = None,
    model: Annotated[Path | None, typer.Option(help="Model file to score.")] = None,
    results: Annotated[Path | None, typer.Option(help="Folder of masks to score.")] = None,
    method: Annotated[str | None, typer.Option(help="Classical method, such as mog2.")] = None,
    split: Annotated[
        str | None, typer.Option(help="half or list:FILE; a model brings its own.")
    ] = None,
    on_training_frames: Annotated[
        bool, typer.Option("--on-training-frames", help="Also score frames that trained.")
    ] = False,
    device: Device = "auto",
    engine: EngineName = "torch",
    as_json: AsJson = False,
) -> None:
    """Score a model, a folder of masks or a classical method by CDNet's rules."""
    from cleanplate.evaluation import scoring
    from cleanplate.evaluation.models import ready_method

    if sum(choice is not None for choice in (model, results, method)) != 1:
        raise typer.BadParameter("give one of --model, --results and --method")
    opened = cleanplate.open_scene(scene, labels)
    if model is not None:
        subtractor = cleanplate.load(model, device, engine=engine)
        divided = scoring.model_split(opened, subtractor.card, split, on_training_frames)
    else:
        divided = opened.split(split or "half")
    numbers = scoring.scorable_split(opened, divided, on_training_frames)
    if model is not None:
        result = scoring.score(opened, numbers, subtractor, divided.name)
    elif results is not None:
        result = scoring.score_results(opened, numbers, results, divided.name)
    else:
        assert method is not None
        result = scoring.score(opened, numbers, ready_method(method, opened, divided), divided.name)
    show(result.as_dict() if as_json else lines(result.as_dict()))


@app.command()
def background(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file.")],
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="Video, folder or picture.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write, .png.")],
    overwrite: Overwrite = False,
    device: Device = "auto",
) -> None:
    """Write one clean plate: the scene with nobody in it."""
    from cleanplate.files import check_output
    from cleanplate.images import write_picture
    from cleanplate.runtime.selection import spread_frames
    from cleanplate.subtractors.clean_plate import clean_plate

    check_output(output, overwrite)
    subtractor = cleanplate.load(model, device, engine="torch")  # some frames: nothing to convert
    write_picture(output, clean_plate(subtractor, spread_frames(source)))
    show(str(output))


@app.command()
def synth(
    challenge: Annotated[
        str,
        typer.Argument(metavar="CHALLENGE", help="One of CDNet's eleven, such as PTZ; or all."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    frames: Annotated[int, typer.Option(min=2, max=1_000_000, help="How many frames.")] = 300,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "320x240",
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Draw a scene with exact masks and backgrounds, in CDNet's layout.

    ``all`` draws one of each challenge, each in a folder of its own: a benchmark for ``compare``
    and ``paper`` that needs nothing from elsewhere.
    """
    from cleanplate.scenes.synthetic import folders_of, parse_size, write_drawn_scene

    shape = parse_size(size)
    for name, folder in folders_of(challenge, output, seed).items():
        count = write_drawn_scene(
            folder, name, frames=frames, size=shape, seed=seed, overwrite=overwrite
        )
        show(f"{folder}: {count} frames")


@app.command()
def info(
    path: Annotated[
        Path, typer.Argument(metavar="MODEL|SCENE|METHOD", help="Model file, scene or method.")
    ],
    labels: LabelsPath = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model was trained on, what a scene holds, or who claims a method."""
    from cleanplate.evaluation.describing import describe_method, describe_model, describe_scene
    from cleanplate.subtractors.methods import CLASSICAL_METHODS

    if path.is_dir() or labels is not None:
        values = describe_scene(cleanplate.open_scene(path, labels))
    elif str(path) in CLASSICAL_METHODS and not path.exists():
        values = describe_method(str(path))
    else:
        values = describe_model(path)
    show(values if as_json else lines(values))


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path("demo"),
    scene: Annotated[Path | None, typer.Option(help="CDNet folder; else one is drawn.")] = None,
    device: Device = "auto",
) -> None:
    """Train on a scene's first half, segment the second, and leave a page to look at."""
    from cleanplate.evaluation.showcase import run_demo

    with bar() as shown:
        for what, share in run_demo(output, scene, device):
            shown.update(what, round(100 * share), 100)
    found = json.loads((output / "results.json").read_text())["results"]
    show("\n".join(row(result) for result in found))
    show(f"\nopen {output / 'index.html'}")


for command in (
    segment, live, export, quantise, compare, paper, download, curve, suggest, studio,
):  # fmt: skip
    app.command()(command)


def main() -> None:
    """Run the command line: what goes wrong is one line on stderr and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: names may be no text
    try:
        app()
    except BrokenPipeError:
        raise SystemExit(1) from None
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        say(f"{'' if writes_json() else 'cleanplate: '}{_explained(error)}", logging.ERROR, code=1)
        raise SystemExit(1) from None


def _explained(error: Exception) -> str:
    """Return an error's line; what is none of ours is a mistake of ours, or the machine's fault."""
    if isinstance(error, CleanplateError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory; use smaller or fewer frames, or close other programs"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}; check the path"
    reason = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {reason}; {OUR_MISTAKE}"


if __name__ == "__main__":
    main()
