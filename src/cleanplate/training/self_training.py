"""Where nobody labelled anything, stage 2 learns from votes, its own among them, in rounds."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray

from cleanplate.config import PhaseSettings, SelfTrainingSettings
from cleanplate.errors import VideoError
from cleanplate.images import BACKGROUND, FOREGROUND, IGNORED, Labels, resize_frame, to_image
from cleanplate.networks.losses import foreground_probability
from cleanplate.networks.resizing import resize
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.scenes.cutouts import cut_objects
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.pasting import Cutout
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.votes import VOTERS, Voters
from cleanplate.training.progress import Progress
from cleanplate.training.reading import MOST_OWN_OBJECTS, TrainingSet

log = logging.getLogger(__name__)

LEAST_FOREGROUND, MOST_FOREGROUND = 0.0002, 0.6
LEAST_AGREEMENT = 1 / 3
OWN_VOTES = 2
"""What the network's own opinion weighs beside one vote of each classical method."""
MOST_VOTED = 2000
"""Frames that the classical methods are shown; of a longer video these are evenly spread."""


def count_votes(
    scene: Scene, numbers: Sequence[int], data: TrainingSet
) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Show classical methods the video in order; yields how far that is.

    Args:
        scene: the frames; one that cannot be read is passed over.
        numbers: of those that may be looked at, ascending.
        data: the frames that are voted on, some of these.

    Returns:
        ``(N, H, W)`` uint8, how many of `VOTERS` take a pixel of the set's frames for foreground.
    """
    votes = np.zeros(data.frames.shape[:3], np.uint8)
    places = {number: index for index, number in enumerate(data.numbers)}
    shown = sorted({*spread(numbers, MOST_VOTED), *places})
    voters = Voters(data.long_term[..., :3], data.reach)
    for done, number in enumerate(shown, start=1):
        if number in places:
            votes[places[number]] = voters.vote(data.frames[places[number]])
        else:
            with suppress(VideoError):
                voters.vote(resize_frame(scene.frame(number), data.size))
        yield Progress("votes", done, len(shown))
    return votes


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
    """Give the unlabelled frames labels, in place, where most voters agree.

    The network's probability weighs `OWN_VOTES` beside one vote of each classical method: what it
    sees is foreground where one of them sees it too, and what it does not see, where all of them
    do. So a network that floods the picture is held, and a method that loses what stands still does
    no harm.

    Args:
        net: the network; its modes are left as they were.
        data: frames, labels and votes; without votes the network decides alone.
        sure: foreground from this share of the votes, background up to one minus it, else ignored.
        device: torch device.
    """
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    for index in data.unlabelled:
        image = to_image(data.frames[index]).to(device)
        probability = foreground_probability(net(image).logits)[:, None]
        size = (data.labels.shape[1], data.labels.shape[2])
        share = resize(probability, size)[0, 0].cpu().numpy()
        if data.votes is not None:
            share = (OWN_VOTES * share + data.votes[index]) / (OWN_VOTES + len(VOTERS))
        data.labels[index] = sure_labels(share, sure)
    for module, mode in modes:
        module.training = mode
    cut_own_objects(data)


def cut_own_objects(data: TrainingSet) -> None:
    """Take the objects to paste from what was found, in place."""
    found: list[Cutout] = []
    for index in data.unlabelled:
        found += cut_objects(data.frames[index], data.labels[index] == FOREGROUND, from_scene=True)
    data.objects[:] = [found[index] for index in spread(range(len(found)), MOST_OWN_OBJECTS)]


def sure_labels(share: NDArray[np.float32], sure: float) -> Labels:
    """Turn shares ``(H, W)`` of the votes into labels, ignored where they are doubtful."""
    labels = np.full(share.shape, IGNORED, np.int8)
    labels[share >= sure] = FOREGROUND
    labels[share <= 1 - sure] = BACKGROUND
    return labels


def suspicion(name: str, data: TrainingSet) -> str:
    """Say what looks wrong with labels that nobody checked, or return the empty string."""
    found = data.labels[data.unlabelled] == FOREGROUND
    share, agreement = float(found.mean()), _agreement(found, data)
    if not LEAST_FOREGROUND <= share <= MOST_FOREGROUND:
        what = f"{100 * share:.2f} % of all pixels were taken for foreground, which is hardly so"
    elif agreement < LEAST_AGREEMENT:
        what = (
            "what was taken for foreground has little in common with what simpler methods take for "
            f"it (F {agreement:.2f} between the two)"
        )
    else:
        return ""
    warning = f"{what}; label a few frames instead"
    log.warning("%s: %s", name, warning)
    return warning


def _agreement(found: NDArray[np.bool_], data: TrainingSet) -> float:
    """Return F between the labels and what most classical methods take for foreground."""
    if data.votes is None:
        return 1.0
    voted = data.votes[data.unlabelled] > len(VOTERS) / 2
    return 2 * float((found & voted).sum()) / max(1, int(found.sum()) + int(voted.sum()))
