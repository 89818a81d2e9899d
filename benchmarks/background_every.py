"""What it costs to reconstruct the background for every k-th frame only: F and frames/s.

    CLEANPLATE_DATA=... python benchmarks/background_every.py --models FOLDER

FOLDER holds models of the half split as `benchmarks/label_tasks.py` leaves them in its folder
``models``. The scored half is segmented in order, by the fastest engine there is.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import cleanplate
from cleanplate.evaluation.scoring import score

SCENES = (
    "cdnet/baseline/highway",
    "cdnet/baseline/pedestrians",
    "cdnet/baseline/office",
    "cdnet/dynamicBackground/canoe",
    "cdnet/cameraJitter/traffic",
    "cdnet/PTZ/zoomInZoomOut",
)


def main() -> None:
    """Score and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--every", type=int, nargs="+", default=[1, 5, 25])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--scenes", nargs="*", help="only these, by the end of their names")
    options = parser.parse_args()
    data = os.environ.get("CLEANPLATE_DATA")
    if not data:
        sys.exit("background_every: set CLEANPLATE_DATA to the folder of real scenes")
    print("| scene | " + " | ".join(f"every {k}: F | frames/s" for k in options.every) + " |")
    print("|---|" + "---:|" * (2 * len(options.every)))
    for name in SCENES:
        model = options.models / f"half.{name.replace('/', '-')}.compact.seed0.model"
        if not model.exists() or (options.scenes and not name.endswith(tuple(options.scenes))):
            continue
        scene, cells = cleanplate.open_scene(Path(data) / name), []
        for every in options.every:
            ours = cleanplate.load(model, "cpu", engine=options.engine, every=every, plates=False)
            found = score(scene, scene.split("half").scored, ours, "half").as_dict()
            cells.append(
                f"{found['f_measure']:.4f} | {found['frames_scored'] / found['seconds']:.1f}"
            )
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
