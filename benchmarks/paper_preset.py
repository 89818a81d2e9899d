"""The paper preset whole, on one scene: F, minutes, and images a second of each phase.

Meant for a GPU: on two CPU cores the 29 000 updates would take weeks. Interrupted, it goes on from
its last checkpoint; the rates are of the last sitting.

    python benchmarks/paper_preset.py path/to/highway --output runs/paper
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import cleanplate
from cleanplate.config import load_preset
from cleanplate.evaluation.scoring import score
from cleanplate.files import make_folder


def main() -> None:
    """Train, score and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path, help="folder in CDNet's layout")
    parser.add_argument("--output", type=Path, default=Path("runs/paper"))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    make_folder(options.output)
    scene = cleanplate.open_scene(options.scene)
    model = options.output / f"{scene.name}.safetensors"
    phases = load_preset(options.preset).phases
    updates: dict[str, int] = {}
    spent: dict[str, float] = {}
    last, seconds = time.monotonic(), 0.0
    steps = cleanplate.train(scene, options.preset, model, device=options.device, resume=True)
    for step in steps:
        now = time.monotonic()
        spent[step.phase] = spent.get(step.phase, 0.0) + now - last
        updates[step.phase] = updates.get(step.phase, 0) + 1
        last, seconds = now, step.seconds
        if step.iteration % 500 == 0:
            print(f"{step.phase} {step.iteration}/{step.iterations} {step.losses}", file=sys.stderr)
    rates = {
        name: round(getattr(phases, name).batch_size * updates[name] / spent[name], 2)
        for name in ("background", "segmentation", "joint")
        if updates.get(name)
    }
    subtractor = cleanplate.load(model, options.device, engine="torch")
    result = score(scene, scene.split("half").scored, subtractor, "half")
    values = {**result.as_dict(), "training_minutes": round(seconds / 60, 1)}
    print(json.dumps({**values, "images_per_second": rates}, indent=1))


if __name__ == "__main__":
    main()
