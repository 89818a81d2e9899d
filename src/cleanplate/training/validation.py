"""How good a fresh model is on labels of the training part, and whether it collapsed."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator

from cleanplate.measures import ConfusionMatrix, Measures, count_frame
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.networks.weights import ModelCard
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.two_stage import TwoStageSubtractor
from cleanplate.training.batches import spread
from cleanplate.training.progress import Progress

log = logging.getLogger(__name__)

MOST_VALIDATED = 50
NONE_OF_IT, ALL_OF_IT = 0.01, 0.99
"""A mask that finds less than this share of the foreground counts as empty."""
"""A mask that covers more than this share of the counted pixels counts as all foreground."""


def hold_out(numbers: tuple[int, ...], every: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Divide the training part into what trains and each ``every``-th frame kept for validation."""
    if every == 0 or len(numbers) < 2 * every:
        return numbers, ()
    kept = numbers[every // 2 :: every]
    return tuple(sorted(set(numbers) - set(kept))), kept


def judge(
    scene: Scene,
    net: TwoStageNet,
    card: ModelCard,
    training: tuple[int, ...],
    kept_aside: tuple[int, ...],
    device: str,
    spent: float,
) -> Generator[Progress, None, tuple[Measures | None, str]]:
    """Measure a fresh model on the training part.

    Args:
        scene: frames and labels.
        net: the network.
        card: what its file will say.
        training: the frames that trained it.
        kept_aside: frames of the training part that did not.
        device: torch device.
        spent: seconds spent before.

    Returns:
        The measures on the frames kept aside, None where there are none; and what looks wrong.
    """
    phases = card.configuration.phases
    if not phases.segmentation.iterations + phases.joint.iterations:
        return None, "stage 2 was not trained: only the background of this model means anything"
    counts = yield from _counted(scene, net, card, kept_aside or training, device, spent)
    measures = counts.as_dict() if kept_aside else None
    if not counts.tp + counts.fn:  # the slice shows no foreground, and so proves nothing
        counts = yield from _counted(scene, net, card, training, device, spent)
    warning = collapse(counts)
    if warning:
        log.warning("%s: %s", scene.name, warning)
    return measures, warning


def _counted(
    scene: Scene,
    net: TwoStageNet,
    card: ModelCard,
    numbers: tuple[int, ...],
    device: str,
    spent: float,
) -> Generator[Progress, None, ConfusionMatrix]:
    """Count the model's masks on frames of the training part."""
    start = time.monotonic()
    subtractor = TwoStageSubtractor(net, card, device)
    chosen = spread(numbers, MOST_VALIDATED)
    counts = ConfusionMatrix()
    for done, number in enumerate(chosen, start=1):
        truth = scene.truth(number)
        mask = subtractor.segment(scene.frame(number)).mask
        counts += count_frame(mask, truth.labels, truth.shadow)
        seconds = spent + time.monotonic() - start
        yield Progress("validation", done, len(chosen), seconds=seconds)
    return counts


def collapse(counts: ConfusionMatrix) -> str:
    """Say what is wrong when masks came out empty or full, else return the empty string."""
    found = counts.tp + counts.fp
    total = found + counts.fn + counts.tn
    if counts.recall is not None and counts.recall < NONE_OF_IT:
        return (
            "EVERY MASK IS EMPTY although the labels show foreground: too few updates, a learning "
            "rate too high, or foreground labels too few or too small; do not use this model"
        )
    if total and found > ALL_OF_IT * total and counts.fp:
        return (
            "EVERY MASK IS FULL: the learning rate is too high, or background (0) and foreground "
            "(255) are swapped in the labels; do not use this model"
        )
    return ""
