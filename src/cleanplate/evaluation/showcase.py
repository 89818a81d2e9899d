"""A folder worth looking at: one scene's video side by side, its plate, masks and a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cleanplate.errors import DatasetError, OutputError
from cleanplate.evaluation.benchmark import Comparison
from cleanplate.evaluation.report import figure, page, results_table, side_by_side
from cleanplate.files import make_folder, write_bytes
from cleanplate.images import Frame, write_picture
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.synthetic import write_drawn_scene
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.subtractors.clean_plate import clean_plate
from cleanplate.subtractors.protocol import Subtractor
from cleanplate.subtractors.two_stage import load

METHODS = ("two-stage", "mog2", "knn")
PLATE_FRAMES = 25
DRAWN_FRAMES = 240
DRAWN_SIZE = (160, 240)
DEMO_MARK = ".cleanplate-demo"
"""Lies in a demo's folder, so that only such a folder is ever replaced."""


def write_showcase(
    folder: Path,
    scene: Scene,
    numbers: Sequence[int],
    subtractor: Subtractor,
    results: Sequence[Mapping[str, Any]],
) -> None:
    """Write ``side-by-side.mp4``, ``clean-plate.png``, ``masks/``, ``moment.png``, ``index.html``.

    Args:
        folder: an existing folder.
        scene: the scene.
        numbers: the frames to show: labelled ones that did not train.
        subtractor: a method whose segmentations have backgrounds.
        results: what ``compare`` found on these frames.
    """
    masks = folder / "masks"
    masks.mkdir(exist_ok=True)
    fullest, moment = -1, None
    with VideoWriter(folder / "side-by-side.mp4", scene.frames.rate_fps) as video:
        for number in numbers:
            frame, labels = scene.frame(number), scene.truth(number).labels
            result = subtractor.segment(frame)
            assert result.background is not None
            write_picture(masks / f"bin{number:06d}.png", result.mask)
            panels = side_by_side(frame, result.background, result.mask, labels)
            video.write(panels)
            foreground = int((labels == 1).sum())
            if foreground > fullest:
                fullest, moment = foreground, panels
    assert moment is not None
    write_picture(folder / "moment.png", moment)
    frames: list[Frame] = [scene.frame(number) for number in spread(numbers, PLATE_FRAMES)]
    write_picture(folder / "clean-plate.png", clean_plate(subtractor, frames))
    body = (
        f"<p>Trained on the first half of the labelled frames of <b>{scene.name}</b>, scored on "
        f"the {len(numbers)} of the second half by CDNet's rules; the other methods saw the same "
        "frames.</p>"
        + results_table(results)
        + figure("side-by-side.mp4", "frame | clean plate | mask | truth (grey: not scored)")
        + figure("moment.png", "the frame with the most foreground")
        + figure("clean-plate.png", "the clean plate at full resolution")
    )
    write_bytes(folder / "index.html", page(f"Cleanplate on {scene.name}", body).encode())


def run_demo(
    folder: Path, scene_folder: Path | None, device: str, preset: str = "compact"
) -> Iterator[tuple[str, float]]:
    """Do the main job on one scene and leave a folder to look at; replaces an earlier demo's.

    Yields what is going on and its share done. The scene's first half trains, the second is scored.

    Args:
        folder: where everything goes; it is emptied first, if an earlier demo made it.
        scene_folder: a CDNet folder, or None to draw a scene.
        device: torch device.
        preset: what is trained.

    Raises:
        OutputError: the folder exists and no demo made it.
        DatasetError: the scene cannot be trained on or scored.
    """
    if scene_folder is not None:
        open_scene(scene_folder)  # a mistyped one must not cost the earlier demo
        if scene_folder.resolve().is_relative_to(folder.resolve()):
            raise OutputError(f"{scene_folder}: lies in {folder}, which is emptied; choose another")
    _clear(folder)
    if scene_folder is None:
        yield "drawing a scene", 0.0
        scene_folder = folder / "street"
        write_drawn_scene(scene_folder, "baseline", frames=DRAWN_FRAMES, size=DRAWN_SIZE)
    scene = open_scene(scene_folder)
    scenes, split = {scene.name: scene}, scene.split("half")
    comparison = Comparison(folder, scenes, METHODS, preset=preset, device=device)
    for _, method, what, share in comparison.run():
        yield f"{method}: {what}", share or 0.0
    if comparison.failures:
        raise DatasetError(f"{scene.name}: {comparison.failures[0].reason}")
    results = comparison.results()
    write_bytes(folder / "results.json", json.dumps({"results": results}, indent=1).encode())
    yield "writing the page", 0.0
    subtractor = load(comparison.model_path(scene.name, split), device, engine="torch")
    write_showcase(folder, scene, split.scored, subtractor, results)
    yield "writing the page", 1.0


def _clear(folder: Path) -> None:
    mark = folder / DEMO_MARK
    make_folder(folder)
    if any(folder.iterdir()) and not mark.exists():
        raise OutputError(f"{folder}: exists and no demo made it; choose another --output")
    shutil.rmtree(folder)
    make_folder(folder)
    mark.touch()
