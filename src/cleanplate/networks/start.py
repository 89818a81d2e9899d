"""The start of our own: stage 2 taught by drawn scenes alone, shipped with 8 bits a weight.

Made by ``benchmarks/make_start.py``; no picture of a real scene had part in it.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from cleanplate.errors import WeightsError
from cleanplate.files import write_bytes

START_FILE = "drawn.safetensors"
_SCALE = ".scale"
_STEPS = 127
"""Steps on either side of zero."""


def save_start(path: Path, net: nn.Module) -> None:
    """Write weights as 8-bit steps of each output channel's largest; vectors stay whole.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in net.state_dict().items():
        if tensor.ndim < 2:
            tensors[name] = tensor.clone()
            continue
        scale = tensor.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / _STEPS
        tensors[name] = (tensor / scale).round().to(torch.int8).contiguous()
        tensors[name + _SCALE] = scale.contiguous()
    write_bytes(path, save(tensors))


def start_digest() -> str:
    """Return a SHA-256 of the shipped start: what was trained from another one is another model."""
    return hashlib.sha256(_read_start()).hexdigest()


def _read_start() -> bytes:
    return resources.files("cleanplate.networks").joinpath(START_FILE).read_bytes()


def load_start(net: nn.Module) -> None:
    """Start a network from the weights that come with the package.

    Raises:
        WeightsError: they do not fit the network: it has another width or other inputs.
    """
    try:
        tensors = load(_read_start())
    except SafetensorError as error:
        raise WeightsError(
            f"{START_FILE}: the package's start is damaged ({error}); install Cleanplate again"
        ) from error
    whole = {
        name: tensor * tensors[name + _SCALE] if name + _SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(_SCALE)
    }
    wanted = {name: tensor.shape for name, tensor in net.state_dict().items()}
    if wanted != {name: tensor.shape for name, tensor in whole.items()}:
        raise WeightsError(
            f"{START_FILE}: the start from drawn scenes does not fit this stage 2; set "
            f"segmentation.width to {len(whole['head.weight'][0])}, or segmentation.start to ''"
        )
    net.load_state_dict(whole)
