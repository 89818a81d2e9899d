"""How fast everything is, in one run: engines, the stages, classical methods, whole commands.

    python benchmarks/speed.py [--video CLIP] [--model MODEL] [--sizes 320x240 720x480 1920x1080]

Without a model one is made of untrained weights for a drawn scene, whose speed is the same; with
MODEL (and VIDEO, the scene it is of) the first size's figures are a real model's. Each row is
measured in turns with the others and the mean is taken, for one frame in five may differ from the
rest. The machine's own rates are measured beside them: what two matrices, and a copy, take.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import cleanplate
from cleanplate.config import load_preset
from cleanplate.images import Frame, Size
from cleanplate.networks.building import build
from cleanplate.networks.card import FORMAT, ModelCard, OperatingPoint, working_size
from cleanplate.networks.weights import save_model
from cleanplate.runtime.quantise import quantise_model
from cleanplate.scenes.synthetic import draw
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.subtractors.methods import make_method

TURNS, CALLS, WARM = 3, 25, 5
CLASSICAL = ("mog2", "knn", "cnt", "gsoc", "vibe")


def make_model(path: Path, preset: str, size: Size) -> Path:
    """Write a model with initial weights."""
    configuration = load_preset(preset)
    torch.manual_seed(0)
    net = build(configuration, size).eval()
    card = ModelCard(
        format=FORMAT, version=cleanplate.__version__, preset=preset, scene="drawn", category="",
        frame_size=size, split="half", training_frames=(1,), label_fingerprint="",
        label_digests=(), seed=0, validation=None, operating_point=OperatingPoint(), warning="",
        configuration=configuration,
    )  # fmt: skip
    save_model(path, net, card)
    return path


def drawn_frames(size: Size, count: int) -> list[Frame]:
    """Draw a street."""
    return [moment.frame for moment in draw("baseline", frames=count, size=size, seed=1)]


def in_turns(rows: dict[str, Callable[[int], Any]]) -> dict[str, float]:
    """Return each row's mean milliseconds, all measured in turns."""
    times: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(TURNS):
        for name, call in rows.items():
            for step in range(WARM + CALLS):  # threads of the row before may still be spinning
                start = time.perf_counter()
                call(step)
                if step >= WARM:
                    times[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.mean(found)) for name, found in times.items()}


def engine_rows(model: Path, frames: list[Frame]) -> dict[str, Callable[[int], Any]]:
    """Return the calls of our engines: whole, with kept backgrounds, and stage 2 alone."""
    rows: dict[str, Callable[[int], Any]] = {}
    quantise_model(model, frames)
    for engine in ("torch", "openvino", "int8", "onnx"):
        for every in (1, 5, 25):
            ours = cleanplate.load(model, "cpu", engine=engine, every=every, plates=False)
            rows[f"{engine}, background every {every}"] = _segmenting(ours, frames)
    return rows


def _segmenting(subtractor: Any, frames: list[Frame]) -> Callable[[int], Any]:
    return lambda step: subtractor.segment(frames[step % len(frames)])


def flops_of(model: Path) -> float:
    """Return how many floating-point operations a frame takes, both stages."""
    from torch.utils.flop_counter import FlopCounterMode

    from cleanplate.networks.weights import load_model

    net, card = load_model(model)
    size = working_size(card.configuration, card.frame_size)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        net(torch.zeros(1, 3, *size))
    return float(counter.get_total_flops())


def machine_rates() -> dict[str, float]:
    """Return the machine's rates in 10^9 a second: float32 and bfloat16 matrices, a copy."""
    rates = {}
    for kind in (torch.float32, torch.bfloat16):
        left, right = (torch.rand(2048, 2048).to(kind) for _ in range(2))
        found = in_turns({"product": lambda _, a=left, b=right: a @ b})["product"]  # type: ignore[misc]
        rates[str(kind).removeprefix("torch.")] = 2 * 2048**3 / found / 1e6
    data, target = np.ones(1 << 26, np.uint8), np.empty(1 << 26, np.uint8)
    copied = in_turns({"copy": lambda _: np.copyto(target, data)})["copy"]
    return {**rates, "copy": 2 * data.nbytes / copied / 1e6}


def table(size: Size, times: dict[str, float], flops: float, rates: dict[str, float]) -> str:
    """Return a Markdown table of one size."""
    eager = times["torch, background every 1"]
    lines = [
        f"\n### {size[1]} x {size[0]}, {flops / 1e9:.2f} GFLOP a frame\n",
        "| what | ms | frames/s | to eager torch | share of the float32 matrix rate |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, found in times.items():
        ours = name.startswith(("torch", "openvino", "int8", "onnx"))
        share = f"{flops / found / 1e6 / rates['float32']:.0%}" if ours else ""
        lines.append(
            f"| {name} | {found:.1f} | {1000 / found:.1f} | {eager / found:.2f} | {share} |"
        )
    return "\n".join(lines)


def whole_commands(model: Path, clip: Path, folder: Path) -> str:
    """Run ``cleanplate segment``, and OpenCV's own loop, from H.264 to a mask video."""
    lines = ["\n### H.264 in, mask video out\n", "| what | seconds | frames/s | peak memory |"]
    lines += ["|---|---:|---:|---:|"]
    command = [sys.executable, "-m", "cleanplate.cli", "segment", str(model), str(clip), "--video"]
    runs = {
        "cleanplate segment, one frame: start-up": [*command, "{}", "--stop", "1"],
        "cleanplate segment --background-every 1": [*command, "{}", "--background-every", "1"],
        "cleanplate segment --background-every 5": [*command, "{}"],
        "MOG2's loop": [sys.executable, __file__, "--mog2", str(clip), "{}"],
    }
    count = sum(1 for _ in cleanplate.open_source(clip))
    for index, (name, arguments) in enumerate(runs.items()):
        output = str(folder / f"{index}.mp4")
        done = [part.replace("{}", output) for part in arguments]
        start = time.perf_counter()
        with PEAK.open("w") as peak_file:
            subprocess.run([*TIMED, *done], check=True, stdout=subprocess.DEVNULL, stderr=peak_file)
        seconds = time.perf_counter() - start
        frames = 1 if "start-up" in name else count
        peak = PEAK.read_text().split()[-1]
        lines.append(f"| {name} | {seconds:.2f} | {frames / seconds:.1f} | {peak} |")
    return "\n".join(lines)


PEAK = Path(tempfile.gettempdir()) / "cleanplate-peak.txt"
TIMED = [
    sys.executable, "-c",
    "import subprocess, sys, resource; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, 'MiB', sep='', "
    "file=sys.stderr)",
]  # fmt: skip


def mog2_loop(clip: Path, output: Path) -> None:
    """Run OpenCV's MOG2 as its tutorial does, and write the masks."""
    import cv2

    method = cv2.createBackgroundSubtractorMOG2()
    with VideoWriter(output, 25) as video:
        for _, frame in cleanplate.open_source(clip):
            video.write(method.apply(np.ascontiguousarray(frame[..., ::-1])) == 255)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["320x240", "720x480", "1920x1080"])
    parser.add_argument("--paper", action="store_true", help="the preset paper too: minutes")
    parser.add_argument("--frames", type=int, default=300, help="of the clip that is drawn")
    parser.add_argument("--mog2", nargs=2, type=Path, help="run MOG2's loop only")
    options = parser.parse_args()
    if options.mog2:
        mog2_loop(*options.mog2)
        return
    rates = machine_rates()
    print(f"{torch.get_num_threads()} threads; matrices {rates['float32']:.0f} GFLOP/s float32, "
          f"{rates['bfloat16']:.0f} bfloat16; copying {rates['copy']:.1f} GB/s")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for text in options.sizes:
            width, height = map(int, text.split("x"))
            size, first = (height, width), text == options.sizes[0]
            model = options.model if first and options.model else make_model(
                folder / f"{text}.safetensors", "compact", size
            )  # fmt: skip
            frames = drawn_frames(size, 12)
            rows = engine_rows(model, frames)
            rows |= {method: _segmenting(make_method(method), frames) for method in CLASSICAL}
            if options.paper and first:
                paper = make_model(folder / "paper.safetensors", "paper", size)
                rows["paper preset, torch"] = _segmenting(
                    cleanplate.load(paper, "cpu", engine="torch", plates=False), frames
                )
            print(table(size, in_turns(rows), flops_of(model), rates), flush=True)
            clip = options.video if first and options.video else None
            if clip is None and height < 1000:
                clip = folder / f"{text}.mp4"
                with VideoWriter(clip, 25) as video:
                    for frame in drawn_frames(size, options.frames):
                        video.write(frame)
            if clip is not None:
                print(whole_commands(model, clip, folder), flush=True)
                for path in folder.glob("*.mp4"):
                    path.unlink()
    print(
        f"\npeak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB"
    )


if __name__ == "__main__":
    main()
