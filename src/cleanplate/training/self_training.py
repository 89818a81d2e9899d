"""Where nobody labelled anything, stage 2 learns from its own masks, in rounds."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from cleanplate.config import PhaseSettings, SelfTrainingSettings
from cleanplate.images import BACKGROUND, FOREGROUND, IGNORED, Labels, to_image
from cleanplate.networks.losses import foreground_probability
from cleanplate.networks.resizing import resize
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.scenes.cutouts import cut_objects
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.pasting import Cutout
from cleanplate.training.reading import MOST_OWN_OBJECTS, TrainingSet

log = logging.getLogger(__name__)

LEAST_FOREGROUND, MOST_FOREGROUND = 0.0002, 0.6


def relabel_moments(
    settings: SelfTrainingSettings, phase: PhaseSettings, data: TrainingSet
) -> list[int]:
    """Return before which updates of phase 2 the frames are segmented anew.

    First of all by the network as it starts; never where somebody labelled frames, for there it
    brought nothing (see docs/recipe.md).
    """
    if len(data.labelled):
        return []
    return [phase.iterations * part // settings.rounds for part in range(settings.rounds)]


@torch.no_grad()
def relabel(net: TwoStageNet, data: TrainingSet, sure: float, device: str) -> None:
    """Give the unlabelled frames labels, in place, where the network is sure of them.

    Args:
        net: the network; its modes are left as they were.
        data: frames and labels.
        sure: foreground from this probability, background below one minus it, ignored between.
        device: torch device.
    """
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    for index in data.unlabelled:
        image = to_image(data.frames[index]).to(device)
        probability = foreground_probability(net(image).logits)[:, None]
        size = (data.labels.shape[1], data.labels.shape[2])
        data.labels[index] = sure_labels(resize(probability, size)[0, 0].cpu().numpy(), sure)
    for module, mode in modes:
        module.training = mode
    cut_own_objects(data)


def cut_own_objects(data: TrainingSet) -> None:
    """Take the objects to paste from what was found, in place."""
    found: list[Cutout] = []
    for index in data.unlabelled:
        found += cut_objects(data.frames[index], data.labels[index] == FOREGROUND, from_scene=True)
    data.objects[:] = [found[index] for index in spread(range(len(found)), MOST_OWN_OBJECTS)]


def sure_labels(probability: NDArray[np.float32], sure: float) -> Labels:
    """Turn probabilities ``(H, W)`` into labels, ignored where they are doubtful."""
    labels = np.full(probability.shape, IGNORED, np.int8)
    labels[probability >= sure] = FOREGROUND
    labels[probability <= 1 - sure] = BACKGROUND
    return labels


def suspicion(name: str, data: TrainingSet) -> str:
    """Say what looks wrong with labels that nobody checked, or return the empty string."""
    share = float((data.labels[data.unlabelled] == FOREGROUND).mean())
    if LEAST_FOREGROUND <= share <= MOST_FOREGROUND:
        return ""
    warning = (
        f"{100 * share:.2f} % of all pixels were taken for foreground, which is hardly so; label a "
        "few frames instead"
    )
    log.warning("%s: %s", name, warning)
    return warning
