"""ONNX Runtime as an engine, for CPUs that OpenVINO does not run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleanplate.networks.conversion_cache import open_converted
from cleanplate.networks.converted_engine import ConvertedEngine, Run

PROVIDERS = ["CPUExecutionProvider"]


def onnx_engine(model: Path) -> ConvertedEngine:
    """Open a model for ONNX Runtime, in float32, converting it the first time.

    Raises:
        WeightsError: the model file is damaged.
    """
    import onnxruntime

    def opened(folder: Path) -> list[Run]:
        return [
            _running(onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=PROVIDERS))
            for name in ("surroundings", "decision")
        ]

    version = onnxruntime.__version__
    return ConvertedEngine(
        "onnx", model, *open_converted(model, f"onnx-{version}", _convert, opened)
    )


def _running(session: Any) -> Run:
    names = [one.name for one in session.get_inputs()]

    def run(inputs: list[NDArray[Any]]) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = session.run(None, dict(zip(names, inputs, strict=True)))
        return found

    return run


def _convert(model: Path, folder: Path) -> None:
    import torch

    from cleanplate.networks.conversion import exported, graphs_of, quiet

    with quiet():
        for graph in graphs_of(model):
            program = torch.onnx.export(exported(graph), dynamo=True, verbose=False)
            assert program is not None
            program.save(folder / f"{graph.name}.onnx")
