"""What a model's file will say of it, before and after it is trained."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cleanplate
from cleanplate.config import Configuration, configuration_from, load_preset
from cleanplate.errors import ConfigError, OutputError
from cleanplate.networks.card import DIGEST_DIGITS, FORMAT, ModelCard, OperatingPoint, read_card
from cleanplate.scenes.scene import Scene, Split
from cleanplate.training.validation import Verdict

log = logging.getLogger(__name__)


def new_card(scene: Scene, preset: str | Configuration, divided: Split, seed: int) -> ModelCard:
    """Describe a model of a scene before it is trained.

    Raises:
        ConfigError: the preset is unknown.
    """
    name = preset if isinstance(preset, str) else "custom"
    configuration = load_preset(preset) if isinstance(preset, str) else preset
    return ModelCard(
        format=FORMAT,
        version=cleanplate.__version__,
        preset=Path(name).stem,
        scene=scene.name,
        category=scene.category,
        frame_size=scene.size,
        split=divided.name,
        training_frames=divided.training,
        label_fingerprint=scene.fingerprint(divided.training),
        label_digests=tuple(scene.digest(n)[:DIGEST_DIGITS] for n in divided.training),
        seed=seed,
        validation=None,
        operating_point=OperatingPoint(),
        warning="",
        configuration=configuration,
    )


def with_weights(card: ModelCard, weights: str, partial: bool) -> ModelCard:
    """Let stage 2 start from published weights, where some are given.

    Raises:
        ConfigError: the preset's network is not the one they are for.
    """
    if not weights and not partial:
        return card
    if not weights:
        raise ConfigError(
            "partial weights need a file of weights; give --weights FILE with --partial"
        )
    values = card.configuration.model_dump()
    values["segmentation"] |= {"weights": weights, "partial_weights": partial}
    checked = configuration_from(values, f"weights {weights}")
    return card.model_copy(update={"configuration": checked})


def finished(card: ModelCard, verdict: Verdict | None = None) -> ModelCard:
    """Complete a card; of published weights only the file's name is kept, never its folder."""
    segmentation = card.configuration.segmentation
    named = segmentation.model_copy(update={"weights": Path(segmentation.weights).name})
    configuration = card.configuration.model_copy(update={"segmentation": named})
    changes: dict[str, Any] = {"configuration": configuration}
    if verdict is not None:
        changes |= {"validation": verdict.measures, "warning": verdict.warning}
        changes |= {"operating_point": verdict.operating_point}
    return card.model_copy(update=changes)


def check_finished(path: Path, wanted: ModelCard) -> None:
    """Say that a model is finished, or refuse where it is another's.

    Raises:
        OutputError: the model is of other labels, another seed, scene, split or preset.
    """
    found = read_card(path)
    for key in ("label_fingerprint", "seed", "scene", "split", "preset", "frame_size"):
        if getattr(found, key) != getattr(wanted, key):
            name = "labels" if key == "label_fingerprint" else key.replace("_", " ")
            raise OutputError(
                f"{path}: is a finished model of another kind ({name} differ); choose another "
                "output, or give --overwrite to replace it"
            )
    log.warning("%s: is finished already; nothing is left to resume", path)
