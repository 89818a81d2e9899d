"""The half-split benchmark: compact against MOG2 and KNN on the real scenes, minutes and memory.

Every scene runs in a process of its own, all methods in that one process and on the same frames.
Scenes are found below the folder that CLEANPLATE_DATA names. Finished scenes are kept below
--output and not run again: take a new folder after a change of the code. Minutes are only worth
something on an idle machine: beside them stands the time of a fixed reference loop, taken just
before and just after training.

    CLEANPLATE_DATA=... python benchmarks/half_split.py --output runs/half-split
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCENES = (
    "cdnet/baseline/pedestrians",
    "cdnet/baseline/office",
    "cdnet/baseline/highway",
    "cdnet/dynamicBackground/canoe",
    "cdnet/cameraJitter/traffic",
    "cdnet/PTZ/zoomInZoomOut",
    "sbi2015/Toscana",
    "highway 1280x960",
)
ENLARGED = "highway 1280x960"
METHODS = ("two-stage", "mog2", "knn")
REFERENCE_STEPS = 20


def reference_seconds() -> float:
    """Time a fixed loop of convolutions, forward and backward, on all cores."""
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Conv2d(32, 32, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.rand(4, 32, 120, 160).to(memory_format=torch.channels_last)
    start = 0.0
    for step in range(REFERENCE_STEPS + 5):
        if step == 5:
            start = time.perf_counter()
        layer(image).square().mean().backward()
    return time.perf_counter() - start


def enlarge(source: Path, target: Path) -> Path:
    """Write a scene enlarged four times, frames bilinear and labels nearest; returns its folder."""
    import cv2

    for name in ("input", "groundtruth"):
        (target / name).mkdir(parents=True, exist_ok=True)
        for path in sorted((source / name).iterdir()):
            is_frame = name == "input"
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR if is_frame else cv2.IMREAD_GRAYSCALE)
            method = cv2.INTER_LINEAR if is_frame else cv2.INTER_NEAREST
            assert picture is not None, path
            large = cv2.resize(picture, None, fx=4, fy=4, interpolation=method)
            suffix = ".jpg" if is_frame else ".png"
            cv2.imwrite(str(target / name / f"{path.stem}{suffix}"), large)
    (target / "temporalROI.txt").write_text((source / "temporalROI.txt").read_text())
    return target


def run_scene(name: str, data: Path, output: Path, preset: str, seed: int) -> dict[str, Any]:
    """Train, score all methods and measure; runs in a process of its own."""
    import cleanplate
    from cleanplate.evaluation.benchmark import Comparison

    if name == ENLARGED:
        folder = enlarge(data / "cdnet/baseline/highway", output / "enlarged" / "highway")
    else:
        folder = data / name
    scenes = {name: cleanplate.open_scene(folder)}
    comparison = Comparison(output, scenes, METHODS, preset=preset, seed=seed, device="cpu")
    phases, training, loops = set(), 0.0, [reference_seconds()]
    begin = time.perf_counter()
    for _, method, what, _ in comparison.run():
        if method == "two-stage" and what == "scoring" and len(loops) == 1:
            training = time.perf_counter() - begin  # with the label scan, reading and validation
            loops.append(reference_seconds())
        phases.add(what)
    whole = {"background", "segmentation", "joint"} <= phases
    return {
        "scene": name,
        "training_seconds": round(training, 1) if whole else None,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "reference_seconds": [round(seconds, 2) for seconds in loops],
        "results": comparison.results(),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table and the means over the CDNet scenes."""
    head = "| scene | compact F | MOG2 F | KNN F | precision | recall | training | memory | loop |"
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    sums: dict[str, list[float]] = {}
    for row in rows:
        own = [result for result in row["results"] if result["scene"] == row["scene"]]
        by = {result["method"]: result for result in own}
        ours = by["two-stage"]
        if row["scene"].startswith("cdnet/"):
            for method, result in by.items():
                sums.setdefault(method, []).append(result["f_measure"])
        seconds = row["training_seconds"]
        minutes = "not whole" if seconds is None else f"{seconds / 60:.1f} min"
        loops = " / ".join(f"{loop:.2f}" for loop in row["reference_seconds"])
        lines.append(
            f"| {row['scene']} | **{ours['f_measure']:.4f}** | {by['mog2']['f_measure']:.4f} "
            f"| {by['knn']['f_measure']:.4f} | {ours['precision']:.4f} | {ours['recall']:.4f} "
            f"| {minutes} | {row['peak_mib']} MiB | {loops} s |"
        )
    means = {method: sum(values) / len(values) for method, values in sums.items()}
    if means:
        shown = " | ".join(f"{means[method]:.4f}" for method in ("two-stage", "mog2", "knn"))
        count = len(sums["two-stage"])
        lines.append(f"| mean of the {count} CDNet scenes | {shown} | | | | | |")
    return "\n".join(lines)


def main() -> None:
    """Run the scenes that are not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/half-split"))
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", nargs="*", default=SCENES)
    parser.add_argument("--one", help="run this scene here and print its record")
    options = parser.parse_args()
    data = os.environ.get("CLEANPLATE_DATA")
    if not data:
        sys.exit("half_split: set CLEANPLATE_DATA to the folder of real scenes; nothing was run")
    if options.one:
        record = run_scene(options.one, Path(data), options.output, options.preset, options.seed)
        print(json.dumps(record))
        return
    rows = []
    for name in options.scenes:
        parts = [name.replace("/", "-").replace(" ", "-"), Path(options.preset).stem]
        kept = options.output / f"{'.'.join(parts)}.seed{options.seed}.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, __file__, "--one", name, "--output", str(options.output)]
            command += ["--preset", options.preset, "--seed", str(options.seed)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            kept.write_text(done.stdout.splitlines()[-1])
        rows.append(json.loads(kept.read_text()))
        print(table(rows[-1:]).splitlines()[2], file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
