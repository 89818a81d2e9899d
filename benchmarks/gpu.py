"""The paper preset on a CUDA device: inference at 961 x 961, and an update of each phase.

    python benchmarks/gpu.py [--output gpu.json]

Needs torch, NumPy and OpenCV alone. Weights are untrained, which changes no speed. Every way of
running is compared in one process with plain float32, in frames a second, in the share of the
device's own measured matrix rate, and in the share of pixels whose decision it changes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))  # nothing is installed there
from cleanplate.networks.background import BackgroundNet
from cleanplate.networks.losses import reconstruction_loss, segmentation_loss
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.networks.two_stage import TwoStageNet, channels_last

STAGE_1_SIDE, CHANNELS, BOTTLENECK = 128, (64, 64, 128, 256, 512), 4000
PHASES = {"background": (4, 20_000), "segmentation": (2, 6_000), "joint": (1, 3_000)}
"""Batch size and updates of each phase in the preset ``paper``."""
Run = Callable[[Tensor], Tensor]


def make_net(side: int, device: str, bottleneck: int = BOTTLENECK) -> TwoStageNet:
    """Build the preset's network with random weights whose decisions are not all the same."""
    torch.manual_seed(0)
    first = BackgroundNet((STAGE_1_SIDE, STAGE_1_SIDE), CHANNELS, bottleneck, plate=False)
    second = LargeFovNet(6, unit_variance=True)
    for layer in second.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return channels_last(TwoStageNet(first, second, (side, side)).to(device))


def seconds_of(call: Callable[[], Any], device: str, repeats: int) -> float:
    """Return the mean seconds of a call, the device's queue emptied before and after."""
    for _ in range(min(3, repeats)):
        call()
    _wait(device)
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    _wait(device)
    return (time.perf_counter() - start) / repeats


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matrix_rate(device: str, side: int) -> float:
    """Return the device's bfloat16 matrix rate, in operations a second."""
    left, right = (torch.rand(side, side, device=device).bfloat16() for _ in range(2))
    return 2 * side**3 / seconds_of(lambda: left @ right, device, 10)


def plain(net: TwoStageNet) -> Run:
    """Run in float32."""
    return lambda image: net(image).logits.argmax(1)


def reduced(net: TwoStageNet, device: str) -> Run:
    """Run stage 2 in bfloat16."""

    def run(image: Tensor) -> Tensor:
        background = net.reconstruct(image)
        with torch.autocast(device, torch.bfloat16):
            logits = net.segment(image, background)
        return logits.argmax(1)

    return run


def graphed(run: Run, image: Tensor) -> Run:
    """Record a run as a CUDA graph and play it back, for one shape of images."""
    shown = image.clone()
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run(shown)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run(shown)

    def play(image: Tensor) -> Tensor:
        shown.copy_(image)
        graph.replay()
        return found

    return play


def ways_of(net: TwoStageNet, image: Tensor, device: str) -> dict[str, Callable[[], Run]]:
    """Return how the network can be run, by name; each is made when its turn comes."""
    found: dict[str, Callable[[], Run]] = {
        "float32": lambda: plain(net),
        "bfloat16": lambda: reduced(net, device),
    }
    if device == "cuda":
        found["bfloat16, graphed"] = lambda: graphed(reduced(net, device), image)
        found["bfloat16, compiled"] = lambda: torch.compile(
            reduced(net, device), mode="max-autotune"
        )
    return found


@torch.inference_mode()
def inference(net: TwoStageNet, options: argparse.Namespace, rate: float) -> list[dict[str, Any]]:
    """Measure every way of running, for every batch."""
    device, net = options.device, net.eval()
    with FlopCounterMode(display=False) as counter:
        net(torch.rand(1, 3, options.side, options.side, device=device))
    flops = counter.get_total_flops()
    rows = []
    for batch in options.batches:
        image = torch.rand(batch, 3, options.side, options.side, device=device)
        image = image.to(memory_format=torch.channels_last)
        truth = plain(net)(image)
        for name, make in ways_of(net, image, device).items():
            row: dict[str, Any] = {"way": name, "batch": batch, "tflop_a_frame": flops / 1e12}
            try:
                run = make()
                row["different"] = float((run(image) != truth).float().mean())
                seconds = seconds_of(lambda go=run, one=image: go(one), device, options.repeats)  # type: ignore[misc]
                row |= {"frames_per_second": batch / seconds}
                row |= {"share_of_matrix_rate": flops * batch / seconds / rate}
            except (RuntimeError, torch.cuda.OutOfMemoryError) as error:
                row["error"] = str(error).splitlines()[0]
            rows.append(row)
            print(row, flush=True)
    return rows


def update(net: TwoStageNet, phase: str, batch: int, side: int, device: str) -> Callable[[], None]:
    """Return one update of a phase, as training does it, in float32 and bfloat16 stage 2."""
    image = torch.rand(batch, 3, side, side, device=device)
    clean = torch.rand(batch, 3, STAGE_1_SIDE, STAGE_1_SIDE, device=device)
    known = torch.ones(batch, 1, STAGE_1_SIDE, STAGE_1_SIDE, dtype=torch.bool, device=device)
    labels = (torch.rand(batch, side, side, device=device) > 0.9).long()
    parts = {"background": net.background_net, "segmentation": net.segmentation_net, "joint": net}
    part = parts[phase]
    net.eval()
    part.train()
    if phase == "joint":  # one image alone has no statistics
        for layer in net.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.eval()
    optimiser = torch.optim.SGD(part.parameters(), lr=1e-6, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        with torch.set_grad_enabled(phase != "segmentation"):
            background = net.reconstruct(image)
        total = torch.zeros((), device=device)
        if phase != "segmentation":
            total = total + reconstruction_loss(background, clean, known, "caffe")
        if phase != "background":
            with torch.autocast(device, torch.bfloat16):
                logits = net.segment(image, background)
            total = total + segmentation_loss(logits.float(), labels)
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call] # torch has no type for it
        optimiser.step()

    return step


def training(net: TwoStageNet, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure an update of each phase, and what the preset's phases would take."""
    rows = []
    for phase, (batch, updates) in PHASES.items():
        step = update(net, phase, batch, options.side, options.device)
        seconds = seconds_of(step, options.device, options.repeats)
        row = {"phase": phase, "batch": batch, "updates": updates}
        rows.append({**row, "milliseconds": 1000 * seconds, "minutes": updates * seconds / 60})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure and print; with --output also write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--side", type=int, default=961)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--matrix", type=int, default=8192, help="side of the measured product")
    parser.add_argument("--bottleneck", type=int, default=BOTTLENECK, help="stage 1's narrowest")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("gpu: there is no CUDA device; --device cpu --side 129 tries the script")
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False  # float32 is what the others are compared with
    name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    rate = matrix_rate(options.device, options.matrix)
    print(f"{name}, torch {torch.__version__}: {rate / 1e12:.3g} TFLOP/s in bfloat16", flush=True)
    net = make_net(options.side, options.device, options.bottleneck)
    rows = {"inference": inference(net, options, rate), "training": training(net, options)}
    minutes = sum(row["minutes"] for row in rows["training"])
    print(f"the preset's three phases: {minutes:.1f} minutes")
    if options.output:
        found = {"device": name, "torch": torch.__version__, "matrix_flops": rate, **rows}
        options.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
