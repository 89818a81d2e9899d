"""OpenVINO as an engine: up to twice as fast as torch on CPUs that have bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleanplate.networks.converted import open_converted, read_long_term
from cleanplate.networks.engine import Frames

FAST = {"PERFORMANCE_HINT": "LATENCY"}
"""One frame at a time; bfloat16 where the CPU has it is OpenVINO's own choice."""
EXACT = {**FAST, "INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoEngine:
    """Runs a converted model (see `Engine`).

    Stage 1 computes in float32, for its backgrounds are looked at; stage 2 in bfloat16 where the
    CPU computes it by itself.

    Args:
        model: the model file, of which `read_card` was content.
    """

    name = "openvino"

    def __init__(self, model: Path) -> None:
        import openvino

        version = openvino.__version__.split("-")[0]
        core = openvino.Core()
        self.long_term, self.reach = read_long_term(model)

        def compiled(folder: Path) -> list[Any]:
            return [
                core.compile_model(folder / f"{name}.xml", "CPU", settings).create_infer_request()
                for name, settings in (("surroundings", EXACT), ("decision", FAST))
            ]

        requests = open_converted(model, f"openvino{version}", convert, compiled)
        self._surroundings, self._decision = requests

    def surround(
        self, frames: Frames, long_term: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.surround`."""
        inputs = [frames] if long_term is None else [frames, long_term]
        background, context = self._run(self._surroundings, inputs)
        return background.copy(), context.copy()  # they outlive the next call

    def decide(self, frames: Frames, context: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.decide`."""
        return self._run(self._decision, [frames, context])[0].copy()

    def _run(self, request: Any, inputs: list[NDArray[Any]]) -> list[NDArray[np.float32]]:
        request.infer([np.ascontiguousarray(one) for one in inputs], share_inputs=True)
        return [tensor.data for tensor in request.output_tensors]


def convert(model: Path, folder: Path) -> None:
    """Write a model's graphs as OpenVINO's files.

    OpenVINO's own ``convert_model`` does the same, and tells its makers of each use; this does not.

    Raises:
        WeightsError: the model file is damaged.
    """
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    from cleanplate.networks.conversion import exported, graphs_of, quiet

    with quiet():
        frontend = FrontEndManager().load_by_framework("pytorch")
        for graph in graphs_of(model):
            decoder = TorchFXPythonDecoder.from_exported_program(exported(graph))
            found = frontend.convert(frontend.load(decoder))
            openvino.save_model(found, folder / f"{graph.name}.xml", compress_to_fp16=False)
