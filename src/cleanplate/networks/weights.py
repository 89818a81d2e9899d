"""The model file (safetensors)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cleanplate.config import Configuration, configuration_from
from cleanplate.errors import ConfigError, WeightsError
from cleanplate.images import Size, write_bytes
from cleanplate.networks.two_stage import TwoStageNet, build
from cleanplate.settings import Positive, Settings

FORMAT = 4
"""Changes whenever the layout or a setting does: a file of another format is refused by name."""
DIGEST_DIGITS = 12
_KEY = "cleanplate"


class OperatingPoint(Settings):
    """How a model's logits become probabilities and masks.

    Attributes:
        prefer: what the threshold was chosen for: ``f``, ``recall`` or ``precision``.
        temperature: what logits are divided by, so that probabilities mean what they say.
        threshold: from this probability a pixel is foreground.
        error_before: expected calibration error, 0 to 1, of the probabilities without the
            temperature on the validation slice, or None where there was no slice.
        error: that of the probabilities with it, on the same slice.
    """

    prefer: Literal["f", "recall", "precision"] = "f"
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    error_before: float | None = None
    error: float | None = None


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
        training_frames: numbers of all frames of the split's training part; none where nobody
            labelled anything, and the masks were learned from the network's own.
        label_fingerprint: SHA-256 over numbers and label files (see `Scene.fingerprint`).
        label_digests: the first digits of each training label's own SHA-256, by which a scene is
            known again under another name.
        seed: of all that was drawn at random.
        validation: measures of the training part's slice that was kept aside, or None. Its frames
            lie between frames that trained, so the test part will mostly score a little lower.
        operating_point: how logits become probabilities and masks.
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
    training_frames: tuple[int, ...]
    label_fingerprint: str
    label_digests: tuple[str, ...]
    seed: int
    validation: dict[str, float | int | None] | None
    operating_point: OperatingPoint
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


__all__ = ["FORMAT", "ModelCard", "Size", "load_model", "save_model"]
