"""A model as one ONNX or OpenVINO file that needs nothing of ours.

Raw BGR frames go in, as OpenCV has them; mask, probability and clean plate come out.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cleanplate.errors import ConfigError, OutputError
from cleanplate.files import check_output
from cleanplate.images import Frame
from cleanplate.networks.card import CARD_KEY, ModelCard, working_size
from cleanplate.networks.conversion import quiet
from cleanplate.networks.engine_choice import require
from cleanplate.networks.graphs import DecisionGraph, SurroundingsGraph
from cleanplate.networks.openvino_engine import write_openvino
from cleanplate.networks.resizing import resize
from cleanplate.networks.torch_engine import TorchEngine
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.networks.weights import load_model
from cleanplate.runtime.following import FollowingGraph
from cleanplate.subtractors.two_stage import TwoStageSubtractor

KINDS = {"onnx": ".onnx", "openvino": ".xml"}
MOST_DIFFERENT = 0.001
"""Share of the pixels in which an exported model's masks may differ from ours."""
CHECKED_FRAMES = 8
NAMES = ("mask", "probability", "background")


class WholeGraph(nn.Module):
    """The model from raw frames to masks.

    Args:
        net: the network.
        card: what its file says.
    """

    def __init__(self, net: TwoStageNet, card: ModelCard) -> None:
        super().__init__()
        self.size = working_size(card.configuration, card.frame_size)
        self.threshold = card.operating_point.threshold
        self.surroundings = SurroundingsGraph(net)
        self.decision = DecisionGraph(net, self.size, card.operating_point.temperature)
        self.has_background = net.uses_background
        self.long_term: Tensor | None
        self.register_buffer("long_term", net.long_term)
        self.following: FollowingGraph | None = None
        if net.long_term is not None and net.reach is not None and int(net.reach):
            self.following = FollowingGraph(net.long_term, int(net.reach))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Segment images ``(1, H, W, 3)`` uint8 BGR of any size.

        Returns:
            Mask ``(1, H, W)`` uint8, 0 or 255; the foreground's probability ``(1, H, W)`` float32;
            and the background ``(1, H, W, 3)`` uint8 BGR where the model has one.
        """
        size = (image.shape[1], image.shape[2])
        rgb = image.flip(3).permute(0, 3, 1, 2).float()
        frames = _fitted(rgb, self.size).round().permute(0, 2, 3, 1)
        kept = () if self.long_term is None else (self.long_term,)
        if self.following is not None:
            kept = (self.following(frames),)
        background, context = self.surroundings(frames, *kept)
        found = self.decision(frames, context)[:, None]
        probability = _fitted(found, size)[:, 0]
        mask = (probability >= self.threshold).to(torch.uint8) * 255
        if not self.has_background:
            return mask, probability
        large = functional.interpolate(background, size, mode="bilinear", align_corners=True)
        plate = (large.clamp(0, 1) * 255).round().to(torch.uint8)
        return mask, probability, plate.permute(0, 2, 3, 1).flip(3)


def _fitted(picture: Tensor, size: tuple[Any, Any]) -> Tensor:
    """Resize ``(N, C, H, W)`` as `resize_frame` does: area average down, bilinear up."""
    rows, columns = (
        _overlaps(side, new) for side, new in zip(picture.shape[2:], size, strict=True)
    )
    return rows @ picture @ columns.T


def _overlaps(side: Any, new: Any) -> Tensor:
    """Return the weights ``(new, side)``: how far each old pixel reaches into a new one.

    A new pixel is as wide as the old ones that it stands for, at least as wide as one; this is the
    area average where a line becomes shorter, and linear interpolation where it becomes longer.
    Sizes may be unknown while a graph is traced.
    """
    lefts, numbers = torch.arange(side).float()[None], torch.arange(new).float()[:, None]
    scale = (lefts[:, -1:] + 1) / (numbers[-1:] + 1)  # numbers of sizes are not traced, tensors are
    half = scale.clamp(min=1) / 2
    middles = (numbers + 0.5) * scale
    ends = torch.minimum(middles + half, lefts + 1)
    inside = (ends - torch.maximum(middles - half, lefts)).clamp(min=0)
    return inside / inside.sum(1, keepdim=True)


class Exported(NamedTuple):
    """What was exported and how near it is to the model.

    Attributes:
        path: the file.
        different: largest share of a frame's pixels in which the masks differ.
        checked: how many frames were compared.
    """

    path: Path
    different: float
    checked: int


def export(model: Path, kind: str, output: Path, overwrite: bool = False) -> Exported:
    """Write a model as one file for another program, and run that file to compare its masks.

    Height and width of the frames are free. OpenVINO's weights lie in a ``.bin`` beside the file.

    Args:
        model: the model file.
        kind: ``onnx`` or ``openvino``.
        output: ``.onnx`` or ``.xml`` file.
        overwrite: replace what is there.

    Raises:
        ConfigError: the kind or the file's ending is unknown, the model cannot be exported, or its
            masks differ from the model's own.
        OutputError: the file exists or cannot be written.
        WeightsError: the model file is damaged.
    """
    if kind not in KINDS:
        raise ConfigError(f"cannot export to {kind!r}; use one of {', '.join(KINDS)}")
    if output.suffix != KINDS[kind]:
        raise ConfigError(f"{output}: a file for {kind} ends in {KINDS[kind]}; rename it")
    for path in [output, output.with_suffix(".bin")][: 1 + (kind == "openvino")]:
        check_output(path, overwrite)
    require(kind)
    net, card = load_model(model)
    graph = WholeGraph(net, card).eval()
    part = output.with_name(f".{output.stem}.part{output.suffix}")
    parts = [part, part.with_suffix(".bin")][: 1 + (kind == "openvino")]
    write, run = (_write_onnx, _run_onnx) if kind == "onnx" else (_write_openvino, _run_openvino)
    try:
        with quiet(), warnings.catch_warnings():
            write(_traced(graph, card), card, part)
        found = Exported(output, *_compare(TorchEngine(net, card), graph, run(part), card))
        if found.different > MOST_DIFFERENT:
            raise ConfigError(
                f"{model}: exported to {kind} its masks differ in {found.different:.2%} of the "
                "pixels; nothing was kept"
            )
        for path in reversed(parts):
            path.replace(output.with_suffix(path.suffix))
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror}); make room") from error
    finally:
        for path in parts:
            path.unlink(missing_ok=True)
    return found


def _traced(graph: WholeGraph, card: ModelCard) -> Any:
    height, width = (torch.export.Dim(name, min=16, max=16384) for name in ("height", "width"))
    image = torch.zeros(1, *card.frame_size, 3, dtype=torch.uint8)
    with torch.no_grad():
        return torch.export.export(graph, (image,), dynamic_shapes={"image": {1: height, 2: width}})


def _write_onnx(traced: Any, card: ModelCard, path: Path) -> None:
    program = torch.onnx.export(traced, dynamo=True, verbose=False, output_names=NAMES)
    assert program is not None
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # which line of which file made it: this machine's paths
    program.model.metadata_props[CARD_KEY] = card.model_dump_json()
    program.save(path)


def _write_openvino(traced: Any, card: ModelCard, path: Path) -> None:
    def describe(model: Any) -> None:
        for output, name in zip(model.outputs, NAMES, strict=False):
            output.tensor.set_names({name})
        model.set_rt_info(card.model_dump_json(), [CARD_KEY])

    write_openvino(traced, path, describe)


Run = Callable[[Frame], list[NDArray[Any]]]
"""Runs an exported file on one BGR frame."""


def _run_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    json.loads(session.get_modelmeta().custom_metadata_map[CARD_KEY])
    return lambda image: session.run(None, {"image": image[None]})


def _run_openvino(path: Path) -> Run:
    import openvino

    exact = {"INFERENCE_PRECISION_HINT": "f32"}  # the file is compared, not the precision
    compiled = openvino.Core().compile_model(path, "CPU", exact)
    return lambda image: [*compiled([image[None]]).values()]


def _compare(
    engine: TorchEngine, graph: WholeGraph, run: Run, card: ModelCard
) -> tuple[float, int]:
    """Return the largest share of pixels that differ from the model's masks, over made frames."""
    ours = TwoStageSubtractor(engine, card, plates=False)
    worst = 0.0
    for index in range(CHECKED_FRAMES):
        image = _made_frame(graph, card.frame_size, index)
        worst = max(worst, float((run(image)[0][0] != ours.apply(image)).mean()))
    return worst, CHECKED_FRAMES


def _made_frame(graph: WholeGraph, size: tuple[int, int], index: int) -> Frame:
    """Make a BGR frame of the long-term background, a change of light and some rectangles."""
    random = np.random.default_rng(index)
    kept = graph.long_term
    flat = torch.full((1, 3, *graph.size), 127.0)
    scene = kept[:, :3].float() if isinstance(kept, Tensor) else flat
    image = resize(scene, size)[0].permute(1, 2, 0).numpy()[..., ::-1] * random.uniform(0.8, 1.1)
    for _ in range(index):
        top, left = random.integers(0, size[0]), random.integers(0, size[1])
        image[top : top + size[0] // 5, left : left + size[1] // 6] = random.integers(0, 255, 3)
    if graph.following is not None:  # the camera shakes: the first frames see it in the middle
        by = random.integers(-graph.following.reach, graph.following.reach + 1, 2)
        image = np.roll(image, by * (index > 1), (0, 1))
    noisy = image + random.normal(0, 2, image.shape)
    return np.ascontiguousarray(noisy.clip(0, 255).round(), np.uint8)
