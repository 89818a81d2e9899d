"""The model file (safetensors): weights, and the card in its metadata."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from cleanplate.errors import WeightsError
from cleanplate.files import write_bytes
from cleanplate.networks.building import build
from cleanplate.networks.card import CARD_KEY, UNSEALED_FORMAT, ModelCard, card_from, read_card
from cleanplate.networks.sealing import check_seal, sealed
from cleanplate.networks.two_stage import TwoStageNet


def save_model(path: Path, net: TwoStageNet, card: ModelCard) -> None:
    """Write a model file; an older one stays until the new one is whole.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
    write_bytes(path, sealed(save(tensors), {CARD_KEY: card.model_dump_json()}), lasting=True)


def load_model(path: Path) -> tuple[TwoStageNet, ModelCard]:
    """Load a model for segmentation, on the CPU; nothing that a file holds is run.

    Raises:
        WeightsError: see `read_card` and `check_seal`; or the tensors do not fit the configuration,
            or are not finite.
    """
    card = read_card(path)
    if card.format != UNSEALED_FORMAT:
        card = card_from(path, check_seal(path))
    try:
        with torch.device("meta"):  # shapes alone: a stranger may ask for any amount of memory
            described = build(card.configuration, card.frame_size)
    except (RuntimeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: its configuration makes no network ({reason})") from error
    tensors = load(path.read_bytes())
    complaint = misfit(described, tensors)
    if complaint:
        raise WeightsError(f"{path}: does not fit its configuration ({complaint}); train again")
    spoilt = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if spoilt:
        raise WeightsError(
            f"{path}: {spoilt[0]} has values that are not finite; use another file or train again"
        )
    with torch.random.fork_rng(devices=[]):  # the initial weights are thrown away
        net = build(card.configuration, card.frame_size)
    net.load_state_dict(tensors)
    return net.eval(), card


def begin_with_model(path: Path, net: TwoStageNet, card: ModelCard) -> str:
    """Give a network the weights of a model of the same settings; returns a digest of its file.

    Raises:
        WeightsError: the model cannot be read (see `load_model`), or is of other settings.
    """
    other, its = load_model(path)
    complaint = misfit(net, other.state_dict())
    if complaint or its.frame_size != card.frame_size:
        raise WeightsError(
            f"{path}: is of other settings or frames ({complaint or 'frame size'}); begin anew"
        )
    net.load_state_dict(other.state_dict())
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
