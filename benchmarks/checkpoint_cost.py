"""What checkpoints cost: the share of a training's time that goes into writing them.

    python benchmarks/checkpoint_cost.py --preset compact --size 160x120

Trains on a drawn street for a share of the preset's length.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import cleanplate
from cleanplate.config import load_preset
from cleanplate.evaluation.variants import shortened
from cleanplate.scenes.synthetic import parse_size, write_drawn_scene
from cleanplate.training import phases
from cleanplate.training.checkpoints import Checkpoint, write_checkpoint

SPENT: list[tuple[float, int]] = []


def main() -> None:
    """Train with a watch on the writing, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--length", type=float, default=0.25, help="share of the preset's length")
    parser.add_argument("--size", type=parse_size, default="160x120", help="WIDTHxHEIGHT")
    options = parser.parse_args()

    def timed(path: Path, state: Checkpoint) -> None:
        start = time.perf_counter()
        write_checkpoint(path, state)
        SPENT.append((time.perf_counter() - start, path.stat().st_size))

    with patch.object(phases, "write_checkpoint", timed), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_drawn_scene(folder / "street", "baseline", frames=60, size=options.size)
        scene = cleanplate.open_scene(folder / "street")
        configuration = shortened(load_preset(options.preset), options.length)
        start = time.perf_counter()
        list(cleanplate.train(scene, configuration, folder / "m.safetensors", device="cpu"))
        whole = time.perf_counter() - start
    spent = sum(seconds for seconds, _ in SPENT)
    most = max((size for _, size in SPENT), default=0) / 1e6
    print(
        f"{options.preset}: {whole:.1f} s, {len(SPENT)} checkpoints of {most:.1f} MB took "
        f"{spent:.2f} s, {spent / whole:.2%}"
    )


if __name__ == "__main__":
    main()
