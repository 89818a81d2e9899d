"""Five suggested labels against five evenly spread ones, scored on the second half.

    CLEANPLATE_DATA=... python benchmarks/suggested_labels.py --output runs/suggested

Ways of choosing five frames of the training half: ``even`` takes those of the split half:5;
``different`` the most different ones, as ``cleanplate suggest`` names them without a model;
``doubted`` two evenly spread ones, a training, then the three that this model's doubts and novelty
name. ``even`` chooses among labels that show foreground; the other two have seen no label that they
did not choose. Every training gets the chosen labels alone and the frames before the scored half,
so that all ways see the same pictures. Finished trainings are kept below --output and not run
again: take a new folder after a change of the code.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

SCENES = ("cdnet/baseline/highway", "cdnet/baseline/office", "cdnet/dynamicBackground/canoe")
EVEN, DIFFERENT, DOUBTED = "even", "different", "doubted"
WAYS = (EVEN, DIFFERENT, DOUBTED)
LABELS, FIRST_LABELS = 5, 2


class Bench:
    """One scene with one seed.

    Args:
        folder: the scene's folder.
        output: models and records go there.
        stem: the beginning of their names.
        preset: preset of all trainings.
        length: share of its iterations.
        seed: of all that is drawn at random, the same for all ways.
    """

    def __init__(
        self, folder: Path, output: Path, stem: str, preset: str, length: float, seed: int
    ) -> None:
        import cleanplate
        from cleanplate.config import load_preset
        from cleanplate.evaluation.variants import shortened
        from cleanplate.scenes.video import PartSource

        self.scene = cleanplate.open_scene(folder)
        self.half = self.scene.split("half")
        self.frames = PartSource(self.scene.frames, self.half.scored[0] - 1)
        self.settings = shortened(load_preset(preset), length)
        self.output, self.stem, self.seed = output, stem, seed

    def train(self, name: str, numbers: Sequence[int]) -> Any:
        """Train on these labels and all frames before the scored half; returns the model."""
        import cleanplate

        files = {number: self.scene.label_files[number] for number in numbers}
        part = replace(self.scene, frames=self.frames, label_files=files)
        path = self.output / "models" / f"{self.stem}.{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"split": "all", "seed": self.seed, "device": "cpu"}
        for step in cleanplate.train(part, self.settings, path, resume=True, **options):
            print(f"\r{path.stem}: {step.phase} {step.iteration}   ", end="", file=sys.stderr)
        return cleanplate.load(path, "cpu", engine="torch")

    def suggested(self, labelled: Sequence[int], count: int, model: Any = None) -> list[int]:
        """Let the training half's frames that could be labelled be suggested."""
        from cleanplate.training.selection import suggest

        candidates, roi = self.half.training, self.scene.roi
        found = suggest(self.frames, candidates, labelled, count, model, roi)
        return [one.number for one in found]

    def choose(self, way: str) -> list[int]:
        """Return the five frames of one way."""
        if way == EVEN:
            return list(self.scene.split(f"half:{LABELS}").training)
        if way == DIFFERENT:
            return sorted(self.suggested((), LABELS))
        first = list(self.scene.split(f"half:{FIRST_LABELS}").training)
        model = self.train(f"first{FIRST_LABELS}", first)
        return sorted(first + self.suggested(first, LABELS - FIRST_LABELS, model))

    def run(self, way: str) -> dict[str, Any]:
        """Choose, train and score."""
        from cleanplate.errors import DatasetError
        from cleanplate.evaluation.scoring import score

        start, failure, result = time.monotonic(), "", {}
        numbers = self.choose(way)
        try:
            model = self.train(way, numbers)
            result = score(self.scene, self.half.scored, model, way).as_dict()
        except DatasetError as error:  # the chosen labels show no foreground: the way's own fault
            failure = str(error)
        seconds = round(time.monotonic() - start, 1)
        kept = {name: result.get(name) for name in ("f_measure", "precision", "recall")}
        return {"way": way, "numbers": numbers, **kept, "seconds": seconds, "failure": failure}


def table(records: list[dict[str, Any]]) -> str:
    """Return F by scene and way, mean and spread over the seeds; a failure counts as 0."""
    lines = [f"| scene | {' | '.join(WAYS)} | best |", "|---" * (len(WAYS) + 2) + "|"]
    for scene in dict.fromkeys(record["scene"] for record in records):
        means, cells = {}, []
        for way in WAYS:
            own = [r for r in records if (r["scene"], r["way"]) == (scene, way)]
            values = [record["f_measure"] or 0.0 for record in own]
            means[way] = fmean(values) if values else 0.0
            spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
            cells.append(f"{means[way]:.4f}{spread} ({len(values)})")
        lines.append(f"| {scene} | {' | '.join(cells)} | {max(WAYS, key=means.__getitem__)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/suggested-labels"))
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--length", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scenes", nargs="+", default=SCENES, help="below CLEANPLATE_DATA")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves it to torch")
    options = parser.parse_args()
    data = os.environ.get("CLEANPLATE_DATA")
    if not data:
        sys.exit("suggested_labels: set CLEANPLATE_DATA to the folder of scenes; nothing was run")
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    records = []
    for seed in options.seeds:
        for name in options.scenes:
            stem = f"{name.replace('/', '-')}.{Path(options.preset).stem}"
            stem += f".length{options.length:g}.seed{seed}"
            bench = None
            for way in WAYS:
                kept = options.output / f"{stem}.{way}.json"
                if not kept.exists():
                    settings = (options.output, stem, options.preset, options.length, seed)
                    bench = bench or Bench(Path(data) / name, *settings)
                    record = {"scene": name, "seed": seed, **bench.run(way)}
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.write_text(json.dumps(record, indent=1))
                records.append(json.loads(kept.read_text()))
                print(f"\r{json.dumps(records[-1])}", file=sys.stderr, flush=True)
    print(table(records))


if __name__ == "__main__":
    main()
