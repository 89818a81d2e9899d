"""What was tried for the recipe and is no setting: each idea replaces a function of the library.

`benchmarks/recipe.py` runs them as variants. They live here so that the library keeps only what
paid, and so that anyone can run what did not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cleanplate.images import FOREGROUND, IGNORED
from cleanplate.networks import segmentation
from cleanplate.networks.losses import foreground_probability, segmentation_loss
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.training import batches, phases, updates

Loss = Callable[[Tensor, Tensor], Tensor]
FOCUS = 2.0
HARD_SHARE = 0.25
GROUPS = 8
SIDE_WEIGHT = 0.4
"""Of the decoder's coarser outputs, with deep supervision."""


def _pixel_losses(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each pixel's cross-entropy and which pixels have a label."""
    losses = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
    return losses, labels != IGNORED


def _focal(logits: Tensor, labels: Tensor) -> Tensor:
    losses, known = _pixel_losses(logits, labels)
    weights = (1 - torch.exp(-losses)) ** FOCUS * known
    return (weights * losses).sum() / weights.sum().detach().clamp(min=1)


def _balanced(logits: Tensor, labels: Tensor) -> Tensor:
    losses, known = _pixel_losses(logits, labels)
    sides = [known & ((labels == FOREGROUND) == side) for side in (True, False)]
    return torch.stack([(losses * side).sum() / side.sum().clamp(min=1) for side in sides]).mean()


def _with_dice(logits: Tensor, labels: Tensor) -> Tensor:
    known, truth = labels != IGNORED, (labels == FOREGROUND).float()
    found = foreground_probability(logits) * known
    dice = 1 - (2 * (found * truth).sum() + 1) / (found.sum() + truth.sum() + 1)
    return segmentation_loss(logits, labels) + dice


def _hard_pixels(logits: Tensor, labels: Tensor) -> Tensor:
    losses, known = _pixel_losses(logits, labels)
    every = losses[known]
    return (
        every.topk(max(1, int(HARD_SHARE * len(every)))).values.mean()
        if len(every)
        else every.sum()
    )


def _replaced_loss(loss: Loss) -> Any:
    return patch.object(updates, "segmentation_loss", loss)


class _HardFrames:
    """Frames whose loss was high are drawn more often: in proportion to its running mean."""

    def __init__(self) -> None:
        self._losses: dict[int, float] = {}
        self._drawn: list[int] = []

    def choose(self, pool: Any, others: Any, count: int, most: float, random: Any) -> Any:
        share = 0.0 if others is None or not len(others) else min(
            most, len(others) / (len(others) + batches.LABEL_WORTH * len(pool))
        )  # fmt: skip
        few = round(share * count)
        known = np.array([self._losses.get(int(one), 1.0) for one in pool])
        drawn = random.choice(pool, count - few, p=known / known.sum())
        if few:
            drawn = np.concatenate([drawn, random.choice(others, few, replace=len(others) < few)])
        self._drawn = [int(one) for one in drawn]
        return drawn

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        for index, logit, label in zip(self._drawn, logits.detach(), labels, strict=False):
            value = float(segmentation_loss(logit[None], label[None])) + 1e-3
            self._losses[index] = 0.7 * self._losses.get(index, value) + 0.3 * value
        return segmentation_loss(logits, labels)


def _hard_frames() -> list[Any]:
    miner = _HardFrames()
    return [patch.object(batches, "_choose", miner.choose), _replaced_loss(miner.loss)]


def _group_normalised(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.GroupNorm(GROUPS, after),
        nn.ReLU(inplace=True),
    )


def _flipped_too(net: TwoStageNet, image: Tensor, background: Tensor) -> Tensor:
    seen = net.join(image, background)
    mirrored: Tensor = net.segmentation_net(seen.flip(-1))
    logits: Tensor = net.segmentation_net(seen)
    return (logits + mirrored.flip(-1)) / 2


def _wider_view() -> list[Any]:
    """The deepest convolution sees four times as far: dilated, so that the start still fits."""
    first = segmentation.CompactNet.__init__

    def init(net: segmentation.CompactNet, *args: Any, **settings: Any) -> None:
        first(net, *args, **settings)
        deepest = net.encoders[-1][1][0]  # type: ignore[index]
        deepest.dilation, deepest.padding = (4, 4), (4, 4)

    return [patch.object(segmentation.CompactNet, "__init__", init)]


def _deep_supervision() -> list[Any]:
    """Each decoder's output decides too, by a head of its own that only training has."""
    heads: dict[int, nn.Conv2d] = {}
    kept: list[tuple[int, Tensor]] = []

    def notice(module: nn.Module, _: Any, output: Tensor) -> None:
        if module.training and torch.is_grad_enabled():
            kept.append((id(module), output))

    make = updates.make_optimiser

    def optimiser(part: nn.Module, settings: Any) -> torch.optim.Optimizer:
        made = make(part, settings)
        net = getattr(part, "segmentation_net", part)
        for decoder in getattr(net, "decoders", ())[:-1]:  # the last one has the real head
            if id(decoder) not in heads:
                heads[id(decoder)] = nn.Conv2d(decoder[0].out_channels, 2, 1)
                decoder.register_forward_hook(notice)
            parameters = list(heads[id(decoder)].parameters())
            made.add_param_group({"params": parameters, "weight_decay": 0.0})
        return made

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        total = segmentation_loss(logits, labels)
        for place, features in kept:
            coarse = heads[place](features.float())
            enlarged = functional.interpolate(coarse, logits.shape[2:], mode="bilinear")
            total = total + SIDE_WEIGHT * segmentation_loss(enlarged, labels)
        kept.clear()
        return total

    return [
        patch.object(phases, "make_optimiser", optimiser),
        patch.object(phases._Keeper, "keep", lambda *_: None),
        _replaced_loss(loss),
    ]


IDEAS: dict[str, Callable[[], list[Any]]] = {
    "focal loss": lambda: [_replaced_loss(_focal)],
    "balanced loss": lambda: [_replaced_loss(_balanced)],
    "Dice term": lambda: [_replaced_loss(_with_dice)],
    "hard pixels only": lambda: [_replaced_loss(_hard_pixels)],
    "hard frames more often": _hard_frames,
    "group normalisation": lambda: [patch.object(segmentation, "_convolution", _group_normalised)],
    "test-time flip": lambda: [patch.object(TwoStageNet, "segment", _flipped_too)],
    "larger context": _wider_view,
    "deep supervision": _deep_supervision,
}
"""Each gives the patches that are on while a variant trains and is scored."""
