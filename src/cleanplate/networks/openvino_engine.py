"""OpenVINO as an engine: up to twice as fast as torch on CPUs that have bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.networks.conversion_cache import Convert, has_converted, open_converted
from cleanplate.networks.converted_engine import ConvertedEngine, Run

FAST = {"PERFORMANCE_HINT": "LATENCY"}
"""One frame at a time; bfloat16 where the CPU has it is OpenVINO's own choice."""
EXACT = {**FAST, "INFERENCE_PRECISION_HINT": "f32"}


def openvino_engine(model: Path) -> ConvertedEngine:
    """Open a model for OpenVINO, converting it the first time.

    Stage 1 computes in float32, for its backgrounds are looked at; stage 2 in bfloat16 where the
    CPU computes it by itself.

    Raises:
        WeightsError: the model file is damaged.
    """
    return _opened(model, "openvino", "decision.xml", _convert)


def int8_engine(model: Path, quantise: Convert | None = None) -> ConvertedEngine:
    """Open a model whose stage 2 computes in 8 bits.

    Args:
        model: the model file.
        quantise: makes it (see `networks.quantisation`); without, it was made before.

    Raises:
        ConfigError: nobody has made it yet.
        WeightsError: the model file is damaged.
    """
    if quantise is None and not has_int8(model):
        raise ConfigError(
            f"{model}: there is no 8-bit version of it here; make one with frames of its scene: "
            f"cleanplate quantise {model} VIDEO"
        )
    return _opened(model, "int8", "decision.onnx", quantise or _refuse, quantise is not None)


def has_int8(model: Path) -> bool:
    """Return whether somebody has made a model's 8-bit version on this machine."""
    return has_converted(model, _version("int8"))


def _refuse(model: Path, folder: Path) -> None:
    raise ConfigError(f"{model}: its 8-bit version is damaged; repeat cleanplate quantise")


def _version(name: str) -> str:
    import openvino

    return f"{name}-{openvino.__version__.split('-')[0]}"


def _opened(
    model: Path, name: str, decision: str, convert: Convert, anew: bool = False
) -> ConvertedEngine:
    import openvino

    core = openvino.Core()

    def opened(folder: Path) -> list[Run]:
        return [
            _running(core.compile_model(folder / file, "CPU", settings))
            for file, settings in (("surroundings.xml", EXACT), (decision, FAST))
        ]

    runs = open_converted(model, _version(name), convert, opened, anew)
    return ConvertedEngine(name, model, *runs)


def is_ready_for_openvino(model: Path) -> bool:
    """Say whether a model was converted before, so that opening it needs no torch."""
    return has_converted(model, _version("openvino"))


def _running(compiled: Any) -> Run:
    request = compiled.create_infer_request()

    def run(inputs: list[NDArray[Any]]) -> list[NDArray[np.float32]]:
        request.infer(inputs, share_inputs=True)
        return [tensor.data for tensor in request.output_tensors]

    return run


def write_openvino(
    traced: Any, path: Path, describe: Callable[[Any], None] = lambda model: None
) -> None:
    """Write what torch.export traced as OpenVINO's ``.xml``, its weights in a ``.bin`` beside it.

    OpenVINO's own ``convert_model`` does the same, and tells its makers of each use; this does not.

    Args:
        traced: the program.
        path: the file.
        describe: changes the model before it is written.
    """
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchFXPythonDecoder.from_exported_program(traced)  # must outlive what it decodes
    model = frontend.convert(frontend.load(decoder))
    describe(model)
    openvino.save_model(model, path, compress_to_fp16=False)


def _convert(model: Path, folder: Path) -> None:
    from cleanplate.networks.conversion import exported, graphs_of, quiet

    with quiet():
        for graph in graphs_of(model):
            write_openvino(exported(graph), folder / f"{graph.name}.xml")
