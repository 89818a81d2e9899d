"""Which engine and which device a model runs on."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from cleanplate.errors import CleanplateError, ConfigError
from cleanplate.networks.card import ModelCard, read_card
from cleanplate.networks.conversion_cache import first_line
from cleanplate.networks.engine import Engine
from cleanplate.networks.onnx_engine import onnx_engine
from cleanplate.networks.openvino_engine import int8_engine, openvino_engine

log = logging.getLogger(__name__)

ENGINES = ("auto", "torch", "openvino", "onnx", "int8")
_ONNX = ("onnxruntime", "onnx", "onnxscript")
_PACKAGES = {"openvino": ("openvino",), "onnx": _ONNX, "int8": ("openvino", *_ONNX)}
_OPENED: dict[str, Callable[[Path], Engine]] = {
    "openvino": openvino_engine,
    "onnx": onnx_engine,
    "int8": int8_engine,
}


def choose_device(name: str) -> str:
    """Return a torch device's name: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: the device is unknown or not there.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device {name!r} is unknown; use auto, cpu or cuda")
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise ConfigError("device cuda is not there; use --device cpu or auto")
    return "cpu"


def _may_have_gpu() -> bool:
    """Return whether to ask torch, whose import takes a second."""
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def make_engine(model: Path, device: str, name: str) -> tuple[Engine, ModelCard]:
    """Load a model file for an engine.

    Args:
        model: the file.
        device: ``auto``, ``cpu`` or ``cuda``; other engines than torch run on the CPU.
        name: one of `ENGINES`; ``auto`` takes OpenVINO on a CPU where it is installed and stage 2
            sees the background, else torch, also where the conversion fails.

    Raises:
        WeightsError: the file is missing, damaged, foreign or of another format.
        ConfigError: the device or the engine is unknown, not there, or cannot run the model.
    """
    if name not in ENGINES:
        raise ConfigError(f"engine {name!r} is unknown; use one of {', '.join(ENGINES)}")
    chosen, card = choose_device(device), read_card(model)
    sees_frame_alone = card.configuration.segmentation.input == "frame"
    if name == "auto":
        if chosen == "cpu" and not sees_frame_alone and find_spec("openvino") is not None:
            try:
                return _converted_engine(model, "openvino"), card
            except ConfigError as error:
                log.warning("%s; going on with torch", error)
        name = "torch"
    if name == "torch":
        return _torch_engine(model, chosen)
    if device == "cuda":
        raise ConfigError(f"engine {name} runs on the CPU; use --engine torch for cuda")
    if sees_frame_alone:
        raise ConfigError(f"{model}: its stage 2 sees the frame alone; use --engine torch")
    require(name)
    return _converted_engine(model, name), card


def require(name: str) -> None:
    """Refuse ``openvino``, ``onnx`` or ``int8`` where one of its packages is missing.

    Raises:
        ConfigError: says which, and how to install it.
    """
    missing = [package for package in _PACKAGES[name] if find_spec(package) is None]
    if missing:
        extra = "openvino" if missing[0] == "openvino" else "onnx"
        raise ConfigError(f"{missing[0]} is not installed; pip install 'cleanplate[{extra}]'")


def _converted_engine(model: Path, name: str) -> Engine:
    try:
        return _OPENED[name](model)
    except CleanplateError:
        raise
    except Exception as error:  # whatever a converter thinks of a network
        raise ConfigError(
            f"{model}: cannot be converted for {name} ({first_line(error)}); use --engine torch"
        ) from error


def _torch_engine(model: Path, device: str) -> tuple[Engine, ModelCard]:
    from cleanplate.networks.torch_engine import TorchEngine
    from cleanplate.networks.weights import load_model

    net, card = load_model(model)
    return TorchEngine(net, card, device), card
