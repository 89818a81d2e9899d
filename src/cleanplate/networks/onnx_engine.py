"""ONNX Runtime as an engine, for CPUs that OpenVINO does not run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleanplate.networks.converted import open_converted, read_long_term
from cleanplate.networks.engine import Frames

PROVIDERS = ["CPUExecutionProvider"]


class OnnxEngine:
    """Runs a converted model (see `Engine`), in float32.

    Args:
        model: the model file, of which `read_card` was content.
    """

    name = "onnx"

    def __init__(self, model: Path) -> None:
        import onnxruntime

        self.long_term, self.reach = read_long_term(model)

        def opened(folder: Path) -> list[Any]:
            return [
                onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=PROVIDERS)
                for name in ("surroundings", "decision")
            ]

        sessions = open_converted(model, f"onnx{onnxruntime.__version__}", convert, opened)
        self._surroundings, self._decision = sessions

    def surround(
        self, frames: Frames, long_term: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.surround`."""
        inputs = [frames] if long_term is None else [frames, long_term]
        background, context = self._run(self._surroundings, inputs)
        return background, context

    def decide(self, frames: Frames, context: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.decide`."""
        return self._run(self._decision, [frames, context])[0]

    def _run(self, session: Any, inputs: list[NDArray[Any]]) -> list[NDArray[np.float32]]:
        names = [one.name for one in session.get_inputs()]
        found: list[NDArray[np.float32]] = session.run(None, dict(zip(names, inputs, strict=True)))
        return found


def convert(model: Path, folder: Path) -> None:
    """Write a model's graphs as ONNX files.

    Raises:
        WeightsError: the model file is damaged.
    """
    import torch

    from cleanplate.networks.conversion import exported, graphs_of, quiet

    with quiet():
        for graph in graphs_of(model):
            program = torch.onnx.export(exported(graph), dynamo=True, verbose=False)
            assert program is not None
            program.save(folder / f"{graph.name}.onnx")
