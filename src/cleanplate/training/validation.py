"""How good a fresh model is on labels of the training part, and whether it collapsed."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from typing import NamedTuple

from cleanplate.measures import ConfusionMatrix, Measures, count_frame
from cleanplate.networks.card import ModelCard, OperatingPoint
from cleanplate.networks.torch_engine import TorchEngine
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.two_stage import TwoStageSubtractor
from cleanplate.training.calibration import LogitCounts, Preference, calibrate
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


class Verdict(NamedTuple):
    """What was found out about a fresh model.

    Attributes:
        measures: those of the frames kept aside at the operating point, None where there are none.
        operating_point: chosen on the frames kept aside.
        warning: what looks wrong, or empty.
    """

    measures: Measures | None
    operating_point: OperatingPoint
    warning: str


class Judge:
    """Measures a fresh model on the training part.

    Args:
        scene: frames and labels.
        net: the network.
        card: what its file will say.
        device: torch device.
        spent: seconds spent before.
    """

    def __init__(
        self, scene: Scene, net: TwoStageNet, card: ModelCard, device: str, spent: float
    ) -> None:
        self._scene, self._net, self._card, self._device = scene, net, card, device
        self._start = time.monotonic() - spent

    def judge(
        self, training: tuple[int, ...], kept_aside: tuple[int, ...], prefer: Preference
    ) -> Generator[Progress, None, Verdict]:
        """Choose the operating point on frames kept aside, measure there, and look for a collapse.

        Args:
            training: the frames whose labels trained the model.
            kept_aside: frames of the training part that did not.
            prefer: what the operating point is chosen for.
        """
        untouched = calibrate(LogitCounts(), prefer)
        phases = self._card.configuration.phases
        if not phases.segmentation.iterations + phases.joint.iterations:
            warning = "stage 2 was not trained: only the background of this model means anything"
            return Verdict(None, untouched, warning)
        seen = LogitCounts()
        counts = yield from self._count(kept_aside, OperatingPoint(), seen)
        point = calibrate(seen, prefer) if kept_aside else untouched
        if kept_aside:
            counts = yield from self._count(kept_aside, point)
        measures = counts.as_dict() if kept_aside else None
        if (
            training and not counts.tp + counts.fn
        ):  # the slice shows no foreground, and so proves nothing
            counts = yield from self._count(training, point)
        warning = collapse(counts)
        if warning:
            log.warning("%s: %s", self._scene.name, warning)
        return Verdict(measures, point, warning)

    def _count(
        self, numbers: tuple[int, ...], point: OperatingPoint, seen: LogitCounts | None = None
    ) -> Generator[Progress, None, ConfusionMatrix]:
        """Count the model's masks on frames of the training part."""
        card = self._card.model_copy(update={"operating_point": point})
        subtractor = TwoStageSubtractor(TorchEngine(self._net, card, self._device), card)
        chosen = spread(numbers, MOST_VALIDATED)
        counts = ConfusionMatrix()
        for done, number in enumerate(chosen, start=1):
            truth = self._scene.truth(number)
            result = subtractor.segment(self._scene.frame(number))
            counts += count_frame(result.mask, truth.labels, truth.shadow)
            if seen is not None and result.probability is not None:
                seen.add(result.probability, truth.labels)
            seconds = time.monotonic() - self._start
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
