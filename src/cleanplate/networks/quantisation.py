"""Stage 2 in 8 bits, from what it computes on frames of its scene (post-training quantisation).

Each tensor's least and greatest value on those frames span its 256 steps (Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018, section 3); weights have steps of their own for each filter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cleanplate.networks.conversion import exported, graphs_of, quiet
from cleanplate.networks.openvino_engine import write_openvino

OPERATIONS = ("Conv", "Concat", "Resize")
"""What is computed in 8 bits: nearly all of the time is spent there."""
Inputs = dict[str, NDArray[Any]]
"""Of the decision graph: ``frames`` and ``context`` (see `DecisionGraph`)."""


def quantise(model: Path, folder: Path, seen: Iterable[Inputs]) -> None:
    """Write a model for OpenVINO with stage 2 in 8 bits.

    Args:
        model: the model file.
        folder: gets ``surroundings.xml`` with its ``.bin``, in float32, and ``decision.onnx``.
        seen: what stage 2 sees on some frames of the scene.

    Raises:
        WeightsError: see `load_model`.
    """
    import torch
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    surroundings, decision = graphs_of(model)
    with quiet(), tempfile.TemporaryDirectory(dir=folder) as name:
        write_openvino(exported(surroundings), folder / "surroundings.xml")
        plain, prepared = Path(name) / "plain.onnx", Path(name) / "prepared.onnx"
        program = torch.onnx.export(exported(decision), dynamo=True, verbose=False)
        assert program is not None
        program.save(plain)
        quant_pre_process(plain, prepared)
        quantize_static(
            prepared,
            folder / "decision.onnx",
            _Reader(seen),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATIONS),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


class _Reader:
    """Hands out inputs one after another, as the quantiser asks for them."""

    def __init__(self, seen: Iterable[Inputs]) -> None:
        self._rest = iter(seen)

    def get_next(self) -> Inputs | None:
        return next(self._rest, None)
