"""The commands that run a trained model over videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import cleanplate
from cleanplate.console import AsJson, Device, EngineName, Overwrite, show
from cleanplate.terminal import bar, clock, say

if TYPE_CHECKING:
    from cleanplate.runtime.camera_list import Camera
    from cleanplate.runtime.region import Region
    from cleanplate.runtime.selection import Selection
    from cleanplate.scenes.video import FrameSource


CALIBRATION_FRAMES = 64
To = Path | None
Masks = Annotated[To, typer.Option(help="Folder for mask PNGs.")]
Backgrounds = Annotated[To, typer.Option(help="Folder for refined clean plates.")]
Film = Annotated[To, typer.Option("--video", help="Mask video to write, .mp4.")]
Overlay = Annotated[To, typer.Option(help="Video with the foreground marked.")]
SideBySide = Annotated[To, typer.Option(help="Video of frame, plate and mask.")]
CleanVideo = Annotated[To, typer.Option(help="Video of the clean plates.")]
Foreground = Annotated[
    To, typer.Option(help="Foreground alone, transparent: .webm, .mov or a folder of PNGs.")
]
Lines = Annotated[To, typer.Option(help="JSON lines, masks as COCO run lengths.")]
Coco = Annotated[To, typer.Option(help="COCO JSON, one annotation for each connected part.")]
Components = Annotated[To, typer.Option(help="CSV of the masks' connected parts.")]
Events = Annotated[To, typer.Option(help="Folder for a clip of each event.")]
Roll = Annotated[float, typer.Option(min=0, help="Seconds around an event.")]
Start = Annotated[str, typer.Option(help="First frame: 250, 12.5s or 1:02:03.")]
Stop = Annotated[str, typer.Option(help="Last frame; else the end.")]
Every = Annotated[int, typer.Option(min=1, help="One of so many frames.")]
Roi = Annotated[
    list[str] | None, typer.Option(help="Region that counts: 'x,y x,y x,y' or a picture.")
]
Exclude = Annotated[list[str] | None, typer.Option(help="Region that does not count.")]
MinArea = Annotated[int, typer.Option(min=0, help="Pixels; smaller parts do not count.")]
BackgroundEvery = Annotated[
    int, typer.Option(min=1, help="Frames for which one reconstructed background serves.")
]
LiveModel = Annotated[To, typer.Argument(metavar="[MODEL", help="Model file.", show_default=False)]
Source = Annotated[
    str, typer.Argument(metavar="SOURCE]", help="rtsp://, http://, /dev/video0 or a file.")
]
CameraList = Annotated[
    To, typer.Option(help="cameras.toml: several cameras, in place of MODEL SOURCE.")
]
PagePort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of a local page; 0 takes a free one.")
]
PushTo = Annotated[str | None, typer.Option(help="rtsp:// or rtmp:// address to stream to.")]
PushView = Annotated[
    str | None, typer.Option(help="What is streamed: overlay, mask, plate or frame.")
]


def segment(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file.")],
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="Video or folder of pictures.")],
    masks: Masks = None,
    backgrounds: Backgrounds = None,
    video: Film = None,
    overlay: Overlay = None,
    side_by_side: SideBySide = None,
    clean_video: CleanVideo = None,
    foreground: Foreground = None,
    lines: Lines = None,
    coco: Coco = None,
    components: Components = None,
    events: Events = None,
    roll: Roll = 2.0,
    start: Start = "1",
    stop: Stop = "",
    every: Every = 1,
    roi: Roi = None,
    exclude: Exclude = None,
    min_area: MinArea = 0,
    background_every: BackgroundEvery = 5,
    overwrite: Overwrite = False,
    device: Device = "auto",
    engine: EngineName = "auto",
    as_json: AsJson = False,
) -> None:
    """Write masks, clean plates, videos, tables or clips of a whole video."""
    from cleanplate.runtime.outputs import Outputs
    from cleanplate.runtime.pipeline import Step, segment_source

    outputs = Outputs(
        masks, backgrounds, video, overlay, side_by_side, clean_video, foreground, lines, coco,
        components, events, roll, overwrite,
    )  # fmt: skip
    if outputs.is_empty:
        raise typer.BadParameter("nothing to write; give --masks, --video or another output")
    frames = cleanplate.open_source(source)
    selection, region = _selection(frames, start, stop, every), _region(roi, exclude, min_area)
    total = selection.count(frames)
    subtractor = cleanplate.load(
        model, device, engine=engine, every=background_every, plates=outputs.needs_plate
    )
    step = Step(0, 0, 0.0, 0.0)
    with bar() as shown:
        steps = segment_source(subtractor, frames, outputs, selection, region)
        try:
            for step in steps:
                shown.update("segmenting", step.done, total, step.pace(total))
        except KeyboardInterrupt:
            steps.close()
            where = f"frame {step.number} ({clock((step.number - 1) / frames.rate_fps)})"
            say(f"stopped after {where}; what was written is whole")
            raise
    rate = step.done / step.seconds if step.seconds else 0.0
    values = {"frames": step.done, "seconds": round(step.seconds, 3)}
    values |= {"frames_per_second": round(rate, 2)}
    named = {"engine": subtractor.engine.name}
    show({**values, **named} if as_json else f"{step.done} frames, {rate:.1f} a second")


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file.")],
    to: Annotated[str, typer.Option(help="onnx or openvino.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; else beside the model.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a model as one file for other programs: raw BGR frames in, masks out."""
    from cleanplate.runtime.export import KINDS
    from cleanplate.runtime.export import export as write

    path = output or model.with_suffix(KINDS.get(to, ""))
    found = write(model, to, path, overwrite)
    values = {"output": found.path.name, "frames_compared": found.checked}
    values["most_pixels_different"] = found.different
    text = f"{path}: its masks differ in {found.different:.3%} of the pixels at most"
    show(values if as_json else text)


def quantise(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file.")],
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="Video or folder of its scene.")],
    as_json: AsJson = False,
) -> None:
    """Make a model's 8-bit version from frames of its scene, for --engine int8 on this machine."""
    from cleanplate.runtime.quantise import quantise_model
    from cleanplate.runtime.selection import spread_frames

    found = quantise_model(model, spread_frames(source, CALIBRATION_FRAMES))
    text = (
        f"made from {found.made_from} frames; on {found.compared} others its masks differ in "
        f"{found.different:.3%} of the pixels (at most {found.most_different:.3%}); "
        f"{found.milliseconds:.1f} ms a frame, {found.milliseconds_before:.1f} before"
    )
    show(found._asdict() if as_json else text)


def live(
    model: LiveModel = None,
    source: Source = "",
    cameras: CameraList = None,
    page: PagePort = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after so long.")] = None,
    masks: Masks = None,
    video: Film = None,
    overlay: Overlay = None,
    lines: Lines = None,
    components: Components = None,
    events: Events = None,
    drift: Annotated[
        To, typer.Option(help="Folder for frames that look unlike training, to be labelled.")
    ] = None,
    push: PushTo = None,
    push_view: PushView = None,
    roi: Roi = None,
    exclude: Exclude = None,
    min_area: MinArea = 0,
    background_every: BackgroundEvery = 5,
    overwrite: Overwrite = False,
    device: Device = "auto",
    engine: EngineName = "auto",
    as_json: AsJson = False,
) -> None:
    """Segment cameras while they run, always the newest frame; Ctrl-C stops."""
    from cleanplate.runtime.cameras import LiveRun
    from cleanplate.runtime.page import Page

    to: dict[str, object] = {"masks": masks, "video": video, "overlay": overlay, "lines": lines}
    to |= {
        "components": components,
        "events": events,
        "drift": drift,
        "push": push,
        "push_view": push_view,
    }
    given: dict[str, Any] = {name: str(path) for name, path in to.items() if path is not None}
    given |= {"roi": tuple(roi or ()), "exclude": tuple(exclude or ()), "min_area": min_area}
    given["overwrite"] = overwrite
    chosen = _cameras(cameras, model, source, {**given, "background_every": background_every})
    served = None if page is None else Page(page, [camera.name for camera in chosen])
    if served is not None:
        say(f"look at {served.address}")

    run, stopped = LiveRun(chosen, device, engine, served, _report), False
    try:
        run.run(seconds)
    except KeyboardInterrupt:
        stopped = True
        say("stopped; what was written is whole")
    totals = {name: pace.as_dict() for name, pace in run.totals.items()}
    text = "\n".join(f"{name}: {pace.frames} frames, {pace}" for name, pace in run.totals.items())
    show({"cameras": totals} if as_json else text)
    if stopped or run.failed:
        raise SystemExit(130 if stopped else 1)


def _report(name: str, pace: object) -> None:
    say(f"{name}: {pace}")


def _cameras(
    listed: Path | None, model: Path | None, source: str, given: dict[str, Any]
) -> tuple[Camera, ...]:
    from cleanplate.runtime.camera_list import Camera, read_cameras

    if (listed is None) == (model is None or not source):
        raise typer.BadParameter("give MODEL and SOURCE, or --cameras")
    if listed is not None:
        if any(value for key, value in given.items() if key != "background_every"):
            raise typer.BadParameter("with --cameras, outputs and regions stand in that file")
        return read_cameras(listed)
    return (Camera(name="camera", model=str(model), source=source, **given),)


def _selection(frames: FrameSource, start: str, stop: str, every: int) -> Selection:
    from cleanplate.runtime.selection import Selection, parse_moment

    first = parse_moment(start, frames.rate_fps)
    last = parse_moment(stop, frames.rate_fps) if stop else None
    if last is not None and last < first:
        raise typer.BadParameter(f"--stop {stop} lies before --start {start}")
    return Selection(first, last, every)


def _region(roi: list[str] | None, exclude: list[str] | None, min_area: int) -> Region:
    from cleanplate.runtime.region import Region, parse_region

    inside = [parse_region(text) for text in roi or ()]
    outside = [parse_region(text) for text in exclude or ()]
    return Region(inside, outside, min_area)
