"""The rows of a comparison that are ours: how each is made from a preset's settings.

The paper's four steps are those of sections 4.2 to 4.4; two-stage-separate and two-stage are one
training looked at after phase 2 and at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cleanplate.config import Configuration
from cleanplate.errors import ConfigError

TWO_STAGE, SEPARATE, BASELINE_1, BASELINE_2 = (
    "two-stage",
    "two-stage-separate",
    "baseline-1",
    "baseline-2",
)


def _unchanged(configuration: Configuration) -> Configuration:
    return configuration


def _baseline_2(configuration: Configuration) -> Configuration:
    """Section 4.3: three input channels, trained exactly like phase 2."""
    changed = with_iterations(configuration, background=0, joint=0)
    return _with(changed, "segmentation", input="frame", start="")


def _baseline_1(configuration: Configuration) -> Configuration:
    """Section 4.2: phase 1 alone."""
    return with_iterations(configuration, segmentation=0, joint=0)


def _siamese(configuration: Configuration) -> Configuration:
    return _with(configuration, "segmentation", input="siamese", start="")


def _fc6_rate_12(configuration: Configuration) -> Configuration:
    return _with(configuration, "segmentation", dilation=12)


def _weighted(factor: float) -> Callable[[Configuration], Configuration]:
    def derive(configuration: Configuration) -> Configuration:
        weight = factor * configuration.loss.segmentation_weight
        return _with(configuration, "loss", segmentation_weight=weight)

    return derive


def _one_joint_run(configuration: Configuration) -> Configuration:
    """All updates of the three phases in one joint run, at phase 2's rate and batch size."""
    phases = configuration.phases
    total = sum(
        phase.iterations for phase in (phases.background, phases.segmentation, phases.joint)
    )
    changed = with_iterations(configuration, background=0, segmentation=0)
    joint = phases.segmentation.model_copy(update={"iterations": total})
    return _with(changed, "phases", joint=joint)


@dataclass(frozen=True)
class Variant:
    """One row that is ours.

    Attributes:
        derive: makes its settings from the preset's.
        trained_as: rows of one name here share their training.
        after_phase_2: the model before both stages learned together.
        only_stage_1: stage 1 and a threshold, no stage 2.
        median_px: side of a median filter over the masks, in the place of a CRF; 0 for none.
    """

    derive: Callable[[Configuration], Configuration]
    trained_as: str = TWO_STAGE
    after_phase_2: bool = False
    only_stage_1: bool = False
    median_px: int = 0


STEPS: dict[str, Variant] = {
    TWO_STAGE: Variant(_unchanged),
    SEPARATE: Variant(_unchanged, after_phase_2=True),
    BASELINE_1: Variant(_baseline_1, BASELINE_1, only_stage_1=True),
    BASELINE_2: Variant(_baseline_2, BASELINE_2),
}
ABLATIONS: dict[str, Variant] = {
    "lambda-x0.1": Variant(_weighted(0.1), "lambda-x0.1"),
    "lambda-x10": Variant(_weighted(10), "lambda-x10"),
    "one-joint-run": Variant(_one_joint_run, "one-joint-run"),
    "fc6-rate-12": Variant(_fc6_rate_12, "fc6-rate-12"),
    "siamese": Variant(_siamese, "siamese"),
    "median-filtered": Variant(_unchanged, median_px=5),
}
VARIANTS = {**STEPS, **ABLATIONS}


def shortened(configuration: Configuration, length: float) -> Configuration:
    """Return the settings with every phase at a share of its iterations, at least one each.

    Raises:
        ConfigError: the share is not above 0, or above 1.
    """
    if not 0 < length <= 1:
        raise ConfigError(f"length {length:g} is not in (0, 1]; 1 trains the preset's whole length")
    counts = {
        name: max(1, round(length * getattr(configuration.phases, name).iterations))
        for name in ("background", "segmentation", "joint")
        if getattr(configuration.phases, name).iterations
    }
    return with_iterations(configuration, **counts)


def with_iterations(configuration: Configuration, **iterations: int) -> Configuration:
    """Return the settings with other lengths of the named phases."""
    changed = {
        name: getattr(configuration.phases, name).model_copy(update={"iterations": count})
        for name, count in iterations.items()
    }
    return _with(configuration, "phases", **changed)


def _with(configuration: Configuration, part: str, **values: Any) -> Configuration:
    changed = getattr(configuration, part).model_copy(update=values)
    return configuration.model_copy(update={part: changed})
