"""The clean-plate benchmark: stage 1 and the refined plate against classical backgrounds.

Draws a scene of every challenge and adds the real scenes whose true background is known, below the
folder that CLEANPLATE_DATA names (left out where it is not set). Each scene runs in a process of
its own: a model is trained on the first half, then all methods see all frames in order in that one
process, and their backgrounds are compared with the true ones on 25 frames of the second half.
Median and PCA learn from the first half, as in `cleanplate compare`. Finished scenes are kept below
--output and not run again: take a new folder after a change of the code.

    CLEANPLATE_DATA=... python benchmarks/clean_plates.py --output runs/clean-plates
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cleanplate.images import Frame
    from cleanplate.scenes.scene import Scene
    from cleanplate.subtractors.protocol import Subtractor

DRAWN = "drawn"
REAL = ("sbi2015/HallAndMonitor",)
STAGE_1, REFINED = "stage 1", "refined"
CLASSICAL = ("median", "mog2", "knn", "pca", "robust-pca")
METHODS = (STAGE_1, REFINED, *CLASSICAL)


def open_one(name: str, options: argparse.Namespace) -> Scene:
    """Open a scene; a drawn one is drawn first, where that was not done yet."""
    import cleanplate
    from cleanplate.scenes.synthetic import parse_size, write_drawn_scene

    kind, _, challenge = name.partition("/")
    if kind != DRAWN:
        return cleanplate.open_scene(Path(os.environ["CLEANPLATE_DATA"]) / name)
    folder = options.output / f"{name}.{options.frames}.{options.size}.seed{options.seed}"
    if not folder.exists():
        part = folder.with_name(f"{folder.name}.part")
        size = parse_size(options.size)
        write_drawn_scene(
            part, challenge, frames=options.frames, size=size, seed=options.seed, overwrite=True
        )
        part.rename(folder)
    return cleanplate.open_scene(folder)


def trained(name: str, scene: Scene, options: argparse.Namespace) -> Subtractor:
    """Train the scene's model where it is missing, and load it."""
    from cleanplate.config import load_preset
    from cleanplate.evaluation.models import Models
    from cleanplate.evaluation.variants import TWO_STAGE, shortened

    settings = shortened(load_preset(options.preset), options.length)
    folder = options.output / "models"
    folder.mkdir(exist_ok=True)
    models = Models(folder, settings, options.preset, "half", options.seed, "cpu", None)
    split = scene.split("half")
    for _ in models.train(name, scene, TWO_STAGE, split):
        pass
    return models.subtractor(name, scene, TWO_STAGE, split)


def plates_of(
    name: str, scene: Scene, options: argparse.Namespace
) -> Iterator[tuple[int, dict[str, Frame | None], float]]:
    """Yield each frame's number, every method's background of it, and the seconds of refining."""
    from cleanplate.evaluation.models import ready_method
    from cleanplate.subtractors.plate_memory import PlateMemory

    ours = trained(name, scene, options)
    split = scene.split("half")
    classical = {method: ready_method(method, scene, split) for method in CLASSICAL}
    memory = PlateMemory()
    for number, frame in scene.frames:
        result = ours.segment(frame)
        start = time.perf_counter()
        refined = memory.update(frame, result)
        seconds = time.perf_counter() - start
        plates: dict[str, Frame | None] = {STAGE_1: result.background, REFINED: refined}
        for method, subtractor in classical.items():
            plates[method] = subtractor.segment(frame).background
        yield number, plates, seconds


def run_scene(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train, make all plates and measure them; runs in a process of its own."""
    from cleanplate.evaluation.background_measures import mean_measures, measure_background
    from cleanplate.evaluation.pairs import MEASURED_FRAMES
    from cleanplate.images import write_picture
    from cleanplate.scenes.numbering import spread

    scene = open_one(name, options)
    measured = set(spread(scene.split("half").scored, MEASURED_FRAMES))
    found: dict[str, list[Any]] = {method: [] for method in METHODS}
    spent = []
    for number, plates, seconds in plates_of(name, scene, options):
        spent.append(seconds)
        truth = scene.plate(number) if number in measured else None
        if truth is None:
            continue
        for method, plate in plates.items():
            if plate is not None:
                found[method].append(measure_background(plate, truth))
        if number == max(measured):
            shown = [scene.frame(number), plates[STAGE_1], plates[REFINED], truth]
            strip = np.hstack([picture for picture in shown if picture is not None])
            write_picture(options.output / f"{name.replace('/', '-')}.png", strip)
    return {
        "scene": name,
        "size": list(scene.size),
        "refining_ms": round(1000 * float(np.median(spent)), 2),
        "frames": len(found[REFINED]),
        "measures": {method: mean_measures(measures) for method, measures in found.items()},
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table: AGE / MS-SSIM of each method, and their means over the scenes."""
    lines = [f"| scene | {' | '.join(METHODS)} | refining |", "|---" * (len(METHODS) + 2) + "|"]
    sums: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    for row in rows:
        cells = []
        for method in METHODS:
            of = row["measures"][method]
            sums[method].append((of["age"], of["ms_ssim"]))
            cells.append(f"{of['age']:.2f} / {of['ms_ssim']:.3f}")
        lines.append(f"| {row['scene']} | {' | '.join(cells)} | {row['refining_ms']:.1f} ms |")
    if rows:
        means = [np.mean(sums[method], axis=0) for method in METHODS]
        shown = " | ".join(f"{age:.2f} / {ssim:.3f}" for age, ssim in means)
        lines.append(f"| mean of {len(rows)} | {shown} | |")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    """Read the command line."""
    from cleanplate.scenes.synthetic import CHALLENGES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/clean-plates"))
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--length", type=float, default=0.2, help="share of the preset's training")
    parser.add_argument("--frames", type=int, default=200, help="of each drawn scene")
    parser.add_argument("--size", default="240x160", help="of each drawn scene, WIDTHxHEIGHT")
    parser.add_argument("--seed", type=int, default=0, help="of drawing and of training")
    parser.add_argument("--scenes", nargs="*", help="drawn/CHALLENGE, or below CLEANPLATE_DATA")
    parser.add_argument("--one", help="run this scene here and print its record")
    options = parser.parse_args()
    if options.scenes is None:
        real = REAL if os.environ.get("CLEANPLATE_DATA") else ()
        options.scenes = [*(f"{DRAWN}/{challenge}" for challenge in CHALLENGES), *real]
    return options


def main() -> None:
    """Run the scenes that are not finished and print the table."""
    options = parse()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.one:
        print(json.dumps(run_scene(options.one, options)))
        return
    rows = []
    for name in options.scenes:
        stem = [name.replace("/", "-"), Path(options.preset).stem, f"x{options.length:g}"]
        if name.startswith(DRAWN):
            stem += [str(options.frames), options.size]
        kept = options.output / f"{'.'.join(stem)}.seed{options.seed}.json"
        if not kept.exists():
            command = [sys.executable, __file__, *sys.argv[1:], "--one", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            kept.write_text(done.stdout.splitlines()[-1])
        rows.append(json.loads(kept.read_text()))
        print(table(rows[-1:]).splitlines()[2], file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
