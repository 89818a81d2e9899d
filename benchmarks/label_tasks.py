"""Accuracy by the number of labels: published lists, the half split, N labels of it, and none.

    CLEANPLATE_DATA=... python benchmarks/label_tasks.py --output runs/labels --tasks half 5 1 none

Tasks: ``list20`` and ``list50`` train on the published lists of SBI2015 and UCSD and score every
other labelled frame; ``half`` trains on the first half of the labels and scores the second; a
number N trains on N evenly spread labels of the first half, ``none`` on no label, and both score
the same second half; ``opencv`` scores OpenCV's methods there. Each training runs in a process of
its own, by default two at a time with one thread each. Finished ones are kept below --output and
not run again: take a new folder after a change of the code.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CDNET = (
    "cdnet/baseline/highway",
    "cdnet/baseline/pedestrians",
    "cdnet/baseline/office",
    "cdnet/dynamicBackground/canoe",
    "cdnet/cameraJitter/traffic",
)
PTZ = "cdnet/PTZ/zoomInZoomOut"
OPENCV = ("mog2", "knn", "mog", "gmg", "cnt", "gsoc", "lsbp")
PUBLISHED = {
    "list20 sbi2015": "FgSegNet_M .9794, S .9831, v2 .9853 (all 14 scenes)",
    "list20 ucsd": "FgSegNet_M .8948, S .8905, v2 .8945 (all 18 scenes)",
    "list50 ucsd": "FgSegNet_M .9203, S .9149, v2 .9203 (all 18 scenes)",
}


def scenes_of(task: str, data: Path) -> list[str]:
    """Return the scenes of a task, below the data folder."""
    small = sorted(
        str(path.parent.relative_to(data))
        for collection in ("sbi2015", "ucsd")
        for path in (data / collection).glob("*/groundtruth")
    )
    if task.startswith("list"):
        return [scene for scene in small if (data / scene / list_of(task)).exists()]
    if task in ("none", "opencv"):
        return [*CDNET, PTZ, *small]
    return [*CDNET, PTZ] if task == "half" else [*CDNET]


def list_of(task: str) -> str:
    """Return where a scene keeps the published list of a task."""
    return f"lists/train{task.removeprefix('list')}.txt"


def split_of(task: str, folder: Path) -> str:
    """Return the split of a task."""
    if task.startswith("list"):
        return f"list:{folder / list_of(task)}"
    counts = {"half": "half", "opencv": "half", "none": "half:0"}
    return counts.get(task, f"half:{task}")


def run(task: str, name: str, data: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Train and score one scene here, or score OpenCV's methods on it."""
    import cv2
    import torch

    import cleanplate
    from cleanplate.evaluation.models import ready_method
    from cleanplate.evaluation.scoring import score

    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    folder = data / name
    scene, split = cleanplate.open_scene(folder), split_of(task, folder)
    divided = scene.split(split)
    seconds = 0.0
    if task == "opencv":
        methods = [ready_method(method, scene, divided) for method in OPENCV]
    else:
        model = (
            options.output / "models" / kept_file(task, name, options).with_suffix(".model").name
        )
        model.parent.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        steps = cleanplate.train(
            scene, options.preset, model, split=split, seed=options.seed, device="cpu",
            resume=True, overwrite=True,
        )  # fmt: skip
        for _ in steps:
            pass
        seconds = time.monotonic() - start
        methods = [cleanplate.load(model, "cpu", engine="torch")]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return [
        {**score(scene, divided.scored, method, split).as_dict(), "task": task, "scene": name,
         "training_seconds": round(seconds, 1), "peak_mib": peak, "labels": len(divided.training)}
        for method in methods
    ]  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Return a Markdown table with the means that the published ones are compared with."""
    lines = ["| task | scene | labels | method | F | precision | recall | training | memory |"]
    lines += ["|---|---|---:|---|---:|---:|---:|---:|---:|"]
    sums: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        f_measure, group = row["f_measure"] or 0.0, row["scene"].split("/")[0]
        groups = [f"{row['task']} {group}", f"{row['task']} all"]
        if row["scene"] in ("sbi2015/Toscana", PTZ):
            groups = groups[1:] if row["task"] in ("none", "opencv") else []
        for key in groups:
            sums.setdefault((key, row["method"]), []).append(f_measure)
        lines.append(
            f"| {row['task']} | {row['scene']} | {row['labels']} | {row['method']} "
            f"| {f_measure:.4f} | {row['precision'] or 0:.4f} | {row['recall'] or 0:.4f} "
            f"| {row['training_seconds']:.0f} s | {row['peak_mib']} MiB |"
        )
    for (key, method), values in sums.items():
        mean = f"mean of {key}, {len(values)} scenes, {method}: {sum(values) / len(values):.4f}"
        lines.append(f"\n{mean}; published: {PUBLISHED.get(key, 'none')}")
    return "\n".join(lines)


def kept_file(task: str, name: str, options: argparse.Namespace) -> Path:
    """Return where a finished scene's rows lie."""
    stem = f"{task}.{name.replace('/', '-')}.{Path(options.preset).stem}.seed{options.seed}"
    return Path(options.output / f"{stem}.json")


def main() -> None:
    """Run what is not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/labels"))
    parser.add_argument("--tasks", nargs="+", default=["half", "25", "10", "5", "1"])
    parser.add_argument("--scenes", nargs="*", help="only these, by the end of their names")
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", nargs=2, help="run this task and scene here")
    options = parser.parse_args()
    if not os.environ.get("CLEANPLATE_DATA"):
        sys.exit("label_tasks: set CLEANPLATE_DATA to the folder of real scenes; nothing was run")
    data = Path(os.environ["CLEANPLATE_DATA"])
    options.output.mkdir(parents=True, exist_ok=True)
    if options.one:
        task, name = options.one
        rows = run(task, name, data, options)
        kept_file(task, name, options).write_text(json.dumps(rows))
        return
    jobs = [
        (task, name)
        for task in options.tasks
        for name in scenes_of(task, data)
        if not options.scenes or name.endswith(tuple(options.scenes))
    ]

    def start(job: tuple[str, str]) -> None:
        if not kept_file(*job, options).exists():
            subprocess.run([sys.executable, *sys.argv, "--one", *job], check=False)
        if kept_file(*job, options).exists():
            rows = json.loads(kept_file(*job, options).read_text())
            print(table(rows).splitlines()[2], file=sys.stderr, flush=True)

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(start, jobs))
    done = [kept_file(*job, options) for job in jobs if kept_file(*job, options).exists()]
    print(table([row for path in done for row in json.loads(path.read_text())]))
    if len(done) < len(jobs):
        sys.exit(f"label_tasks: {len(jobs) - len(done)} of {len(jobs)} failed; repeat the command")


if __name__ == "__main__":
    main()
