"""The paper's claims without a plot: what each change costs and brings, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from cleanplate.config import Configuration
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.variants import VARIANTS
from cleanplate.images import Size
from cleanplate.networks.building import build
from cleanplate.networks.card import working_size
from cleanplate.training.batches import Batch
from cleanplate.training.updates import compute_losses, set_modes


@dataclass(frozen=True)
class AblationRow:
    """One variant.

    Attributes:
        method: its name.
        scenes: F of each scene, None where undefined.
        mean: over the scenes, or None where one is missing or undefined.
        training_seconds: mean over the scenes, of models trained for this row or another's.
        activations_mib: what one frame's update of phase 3 keeps for the way back.
    """

    method: str
    scenes: dict[str, float | None]
    mean: float | None
    training_seconds: float | None
    activations_mib: float


def ablation_rows(
    pairs: Sequence[Pair], configuration: Configuration, size: Size
) -> list[AblationRow]:
    """Gather the variants' figures.

    Args:
        pairs: finished pairs of our own methods.
        configuration: the settings that all were derived from.
        size: height and width of the frames that memory is told for.
    """
    rows = []
    for method in dict.fromkeys(pair.result["method"] for pair in pairs):
        own = [pair for pair in pairs if pair.result["method"] == method]
        scenes = {pair.result["scene"]: pair.result["f_measure"] for pair in own}
        defined = [value for value in scenes.values() if value is not None]
        is_complete = len(defined) == len({pair.result["scene"] for pair in pairs})
        seconds = [pair.training_seconds for pair in own if pair.training_seconds is not None]
        derived = VARIANTS[method].derive(configuration)
        rows.append(
            AblationRow(
                method,
                scenes,
                fmean(defined) if is_complete else None,
                fmean(seconds) if seconds else None,
                activations_mib(derived, working_size(derived, size)),
            )
        )
    return rows


def activations_mib(configuration: Configuration, size: Size) -> float:
    """Count what one frame's update of phase 3 keeps for the backward pass, weights left out.

    Counted tensor by tensor, each memory once, so that it is the same on every machine.
    """
    with torch.random.fork_rng(devices=[]):
        net = build(configuration, size)
    set_modes(net, "joint")
    weights = {parameter.untyped_storage().data_ptr() for parameter in net.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    height, width = net.background_net.size
    batch = Batch(
        image=torch.zeros(1, 3, *size),
        labels=torch.zeros(1, *size, dtype=torch.int64),
        clean=torch.zeros(1, 3, height, width),
        known=torch.ones(1, 1, height, width, dtype=torch.bool),
    )
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = compute_losses(net, batch, "joint", configuration.loss)
    del losses
    return sum(kept.values()) / 2**20
