"""The model file (safetensors) and published VGG-16 or DeepLab weights mapped to our layers."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cleanplate.config import Configuration, Positive, Settings, configuration_from
from cleanplate.errors import ConfigError, WeightsError
from cleanplate.images import Size, write_bytes
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.networks.two_stage import TwoStageNet, build

FORMAT = 1
"""Changes whenever the layout or a setting does: a file of another format is refused by name."""
DIGEST_DIGITS = 12
_KEY = "cleanplate"


class ModelCard(Settings):
    """What a model file says of itself; no path, user or host name.

    Attributes:
        format: version of the file's layout.
        version: Cleanplate's version that wrote it.
        preset: name of the preset.
        scene: the scene's name.
        category: CDNet's group of scenes, or empty.
        frame_size: height and width of the frames it was trained on.
        split: name of the split.
        training_frames: numbers of all frames of the split's training part.
        label_fingerprint: SHA-256 over numbers and label files (see `Scene.fingerprint`).
        label_digests: the first digits of each training label's own SHA-256, by which a scene is
            known again under another name.
        seed: of all that was drawn at random.
        validation: measures of the training part's slice that was kept aside, or None. Its frames
            lie between frames that trained, so the test part will mostly score a little lower.
        warning: what looked wrong at the end of training, or empty.
        configuration: all settings.
    """

    format: int
    version: str
    preset: str
    scene: str
    category: str
    frame_size: tuple[Positive, Positive]
    split: str
    training_frames: Annotated[tuple[int, ...], Field(min_length=1)]
    label_fingerprint: str
    label_digests: tuple[str, ...]
    seed: int
    validation: dict[str, float | int | None] | None
    warning: str
    configuration: Configuration


def save_model(path: Path, net: TwoStageNet, card: ModelCard) -> None:
    """Write a model file; an older one stays until the new one is whole.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
    write_bytes(path, save(tensors, {_KEY: card.model_dump_json()}))


def read_card(path: Path) -> ModelCard:
    """Read what a model file says of itself, without its weights.

    Raises:
        WeightsError: the file is missing, damaged, foreign or of another format.
    """
    text = _open(path).get(_KEY)
    if text is None:
        raise WeightsError(f"{path}: holds no Cleanplate model; train one with cleanplate train")
    try:
        values = json.loads(text)
        found = values.get("format")
    except (json.JSONDecodeError, AttributeError) as error:
        raise WeightsError(f"{path}: its description is damaged; copy the file again") from error
    if found != FORMAT:
        raise WeightsError(
            f"{path}: has format {found}, this Cleanplate reads {FORMAT}; "
            "use the version that wrote it or train again"
        )
    try:
        values["configuration"] = configuration_from(values.get("configuration", {}), str(path))
        for key in ("frame_size", "training_frames", "label_digests"):
            values[key] = tuple(values.get(key, ()))
        return ModelCard.model_validate(values)
    except (ConfigError, ValidationError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: its description is damaged ({reason})") from error


def _open(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such model file; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: no whole safetensors file ({error}); copy it again or train again"
        ) from error


def load_model(path: Path) -> tuple[TwoStageNet, ModelCard]:
    """Load a model for segmentation, on the CPU.

    Raises:
        WeightsError: see `read_card`; or the tensors do not fit the configuration.
    """
    card = read_card(path)
    with torch.device("meta"):  # shapes alone: a stranger's file may ask for any amount of memory
        described = build(card.configuration, card.frame_size)
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    complaint = misfit(described, tensors)
    if complaint:
        raise WeightsError(f"{path}: does not fit its configuration ({complaint}); train again")
    with torch.random.fork_rng(devices=[]):  # the initial weights are thrown away
        net = build(card.configuration, card.frame_size)
    net.load_state_dict(tensors)
    return net.eval(), card


def misfit(net: TwoStageNet, tensors: dict[str, Tensor]) -> str:
    """Say in which tensor a file and a network differ, or return the empty string."""
    wanted = net.state_dict()
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors:
            return f"{name} is missing"
        if name not in wanted:
            return f"{name} is not part of the network"
        if tensors[name].shape != wanted[name].shape or tensors[name].dtype != wanted[name].dtype:
            found, shape = tuple(tensors[name].shape), tuple(wanted[name].shape)
            return f"{name} is {tensors[name].dtype} {found}, wanted {wanted[name].dtype} {shape}"
    return ""


class Taken(NamedTuple):
    """What a file of published weights gave: names of our layers taken, adapted and left new."""

    taken: list[str]
    adapted: list[str]
    new: list[str]


# Place of VGG-16's convolutions in torchvision's "features" and in ours: theirs has 2 x 2 pooling
# without weights, so that only the places differ.
_VGG_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_CAFFE_NAMES = "conv1_1 conv1_2 conv2_1 conv2_2 conv3_1 conv3_2 conv3_3 conv4_1 conv4_2 conv4_3"
_CAFFE_NAMES += " conv5_1 conv5_2 conv5_3"


def load_published(net: LargeFovNet, path: Path) -> Taken:
    """Copy published weights into stage 2: torchvision's VGG-16 or DeepLab-LargeFOV's.

    The first layer has six input channels where theirs has three: theirs is copied to both halves,
    the background's negated, so that it starts as a difference (torchvision's order is RGB on unit
    variance; ours is BGR on 0 to 255, as Caffe's). The last layer, of other classes, stays new.

    Raises:
        WeightsError: the file cannot be read or lacks a convolution.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error) or "empty file").splitlines()[0]
        raise WeightsError(f"{path}: no readable weights ({reason}); give a state dict") from error
    if not isinstance(state, dict):
        raise WeightsError(f"{path}: no state dict; give VGG-16 or DeepLab-LargeFOV weights")
    ours = [layer for layer in net.features if isinstance(layer, torch.nn.Conv2d)]
    report = Taken([], [], ["fc8"])
    is_torchvision = "features.0.weight" in state
    names = _CAFFE_NAMES.split()
    theirs = [f"features.{place}" for place in _VGG_PLACES] if is_torchvision else names
    layers = list(zip(names, ours, theirs, strict=True))
    if not is_torchvision:
        fc6, fc7 = net.classifier[0], net.classifier[3]
        assert isinstance(fc6, torch.nn.Conv2d)
        assert isinstance(fc7, torch.nn.Conv2d)
        layers += [("fc6", fc6, "fc6"), ("fc7", fc7, "fc7")]
    else:
        report.new.extend(["fc6", "fc7"])
    for name, layer, source in layers:
        assert isinstance(layer, torch.nn.Conv2d)
        weight, bias = state.get(f"{source}.weight"), state.get(f"{source}.bias")
        if weight is None or bias is None:
            raise WeightsError(f"{path}: lacks {source}; give VGG-16 or DeepLab-LargeFOV weights")
        if name == "conv1_1":
            weight = _six_channels(weight, is_torchvision)
        if weight.shape != layer.weight.shape:
            found, wanted = tuple(weight.shape), tuple(layer.weight.shape)
            raise WeightsError(f"{path}: {source} is {found}, wanted {wanted}")
        with torch.no_grad():
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)
        (report.adapted if name == "conv1_1" else report.taken).append(name)
    return report


_IMAGENET_DEVIATION = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)


def _six_channels(weight: Tensor, is_torchvision: bool) -> Tensor:
    if is_torchvision:  # from RGB in units of the deviation to BGR in grey levels
        weight = (weight / (255 * _IMAGENET_DEVIATION)).flip(1)
    return torch.cat([-weight, weight], 1)


__all__ = ["FORMAT", "ModelCard", "Size", "Taken", "load_model", "load_published", "save_model"]
