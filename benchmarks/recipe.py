"""The ablations of the recipe: one setting changed at a time, on validation slices.

Only the training half of a scene is used: its labels are divided once more, the first half trains
(all of it, or N evenly spread labels), the second half is scored. What the benchmarks score is
never read. Finished runs are kept below --output; take a new folder after a change of the code.

    CLEANPLATE_DATA=... python benchmarks/recipe.py --output runs/recipe
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

SCENES = {
    "highway": "cdnet/baseline/highway",
    "traffic": "cdnet/cameraJitter/traffic",
    "canoe": "cdnet/dynamicBackground/canoe",
    "Snellen": "sbi2015/Snellen",
    "boats": "ucsd/boats",
}
MOST_SCORED = 60

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "without the start": {"segmentation.start": ""},
    "no long-term background": {"segmentation.start": "", "segmentation.input": "pair"},
    "no stage-1 background": {"segmentation.start": "", "segmentation.input": "long-term"},
    "no background at all": {"segmentation.start": "", "segmentation.input": "frame"},
    "labelled frames only": {"training.unlabelled": 0},
    "average": {"training.average": 0.99},
    "flip": {"augmentation.flip": 0.5},
    "no pasting": {"augmentation.paste": 0.0},
    "always pasting": {"augmentation.paste": 1.0},
    "no strangers": {"augmentation.strangers": 0},
    "no sure background": {"augmentation.unlabelled": 0.0},
    "float32": {"training.precision": "float32"},
    "no change of light": {"augmentation.light": 0.0},
    "no joint phase": {"phases.joint.iterations": 0},
    "pasted near its place": {"augmentation.paste_shift": 0.05},
    "pasted anywhere": {"augmentation.paste_shift": 1.0},
    "focal loss": {},
    "balanced loss": {},
    "Dice term": {},
    "hard pixels only": {},
    "hard frames more often": {},
    "larger context": {},
    "deep supervision": {},
    "test-time flip": {},
    "group normalisation": {"segmentation.start": ""},
    "width 16": {"segmentation.start": "", "segmentation.width": 16},
    "width 32": {"segmentation.start": "", "segmentation.width": 32},
    "half the pixels": {"segmentation.most_pixels": 38400},
    "twice the updates": {"phases.segmentation.iterations": 534},
}
"""What each changes; those without a setting are in `ideas.IDEAS`."""


def changed(base: Any, changes: dict[str, Any]) -> Any:
    """Return settings with some keys, ``table.key``, at other values."""
    from cleanplate.config import configuration_from

    values = base.model_dump()
    for place, value in changes.items():
        table = values
        *tables, key = place.split(".")
        for name in tables:
            table = table[name]
        table[key] = value
    return configuration_from(values, "recipe")


def run(data: Path, name: str, count: str, variant: str, options: argparse.Namespace) -> Any:
    """Train one variant on part of the training half and score the rest of it."""
    from ideas import IDEAS

    import cleanplate
    from cleanplate.config import load_preset
    from cleanplate.evaluation.scoring import score
    from cleanplate.evaluation.variants import shortened
    from cleanplate.scenes.numbering import spread

    scene = cleanplate.open_scene(data / SCENES.get(name, name))
    training = scene.split("half").training
    inner = replace(scene, label_files={number: scene.label_files[number] for number in training})
    base = shortened(load_preset("compact"), options.length)
    configuration = changed(base, {**dict(options.set), **VARIANTS[variant]})
    split = "half" if count == "half" else f"half:{count}"
    model = options.output / f"{os.getpid()}.safetensors"
    start = time.monotonic()
    steps = cleanplate.train(
        inner, configuration, model, split=split, seed=options.seed, device="cpu", overwrite=True
    )
    with ExitStack() as stack:
        for patched in IDEAS.get(variant, list)():
            stack.enter_context(patched)
        for _ in steps:
            pass
        seconds = time.monotonic() - start
        scored = tuple(spread(inner.split(split).scored, MOST_SCORED))
        result = score(
            inner, scored, cleanplate.load(model, "cpu", engine="torch"), split
        ).as_dict()
    model.unlink()
    shown = {key: result[key] for key in ("f_measure", "precision", "recall")}
    return {"scene": name, "labels": count, "variant": variant, "seconds": seconds, **shown}


def table(rows: list[dict[str, Any]]) -> str:
    """Return F as a Markdown table: variants down, scenes and counts across, then the mean."""
    columns = list(dict.fromkeys((row["scene"], row["labels"]) for row in rows))
    lines = ["| variant | " + " | ".join(" ".join(column) for column in columns) + " | mean |"]
    lines += ["|---" * (len(columns) + 2) + "|"]
    for variant in dict.fromkeys(row["variant"] for row in rows):
        own = {(r["scene"], r["labels"]): r["f_measure"] for r in rows if r["variant"] == variant}
        cells = [f"{own[column] or 0:.4f}" if column in own else "" for column in columns]
        whole = len(own) == len(columns)
        mean = f"{sum(value or 0 for value in own.values()) / len(own):.4f}" if whole else ""
        lines.append(f"| {variant} | " + " | ".join(cells) + f" | {mean} |")
    return "\n".join(lines)


def _setting(text: str) -> tuple[str, Any]:
    place, _, value = text.partition("=")
    return place, json.loads(value)


def main() -> None:
    """Run what is not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/recipe"))
    parser.add_argument("--scenes", nargs="*", default=[*SCENES])
    parser.add_argument("--counts", nargs="*", default=["1", "5"])
    parser.add_argument("--variants", nargs="*", default=[*VARIANTS])
    parser.add_argument("--length", type=float, default=1 / 3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", nargs="*", type=_setting, default=[], help="table.key=value, for all variants"
    )
    options = parser.parse_args()
    data = os.environ.get("CLEANPLATE_DATA")
    if not data:
        sys.exit("recipe: set CLEANPLATE_DATA to the folder of real scenes; nothing was run")
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for variant in options.variants:
        for name in options.scenes:
            for count in options.counts:
                stem = f"{name}.{count}.{variant}.{options.length:.2f}.seed{options.seed}"
                kept = options.output / f"{stem.replace(' ', '-').replace('/', '-')}.json"
                if not kept.exists():
                    record = run(Path(data), name, count, variant, options)
                    kept.write_text(json.dumps(record))
                rows.append(json.loads(kept.read_text()))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
