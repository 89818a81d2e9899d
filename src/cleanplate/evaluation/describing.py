"""What a model file, a scene or a method is, in plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cleanplate.networks.card import UNSEALED_FORMAT
from cleanplate.networks.weights import load_model
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.methods import PATENT_NOTES, make_method
from cleanplate.subtractors.protocol import HasState, LearnsBeforehand

PICTURE_NOTE = (
    "a picture of its scene, which cleanplate background shows: "
    "give the file to those only to whom you would give the picture"
)
"""Stage 1 can be asked for the background, and the long-term one lies in the file as it is."""


def describe_model(path: Path) -> dict[str, Any]:
    """Say what a model was trained on and how large it is.

    Raises:
        WeightsError: the file is missing, damaged, foreign or of another format.
    """
    net, card = load_model(path)
    stages = {"stage_1": net.background_net, "stage_2": net.segmentation_net}
    weights = {
        name: sum(parameter.numel() for parameter in stage.parameters())
        for name, stage in stages.items()
    }
    frames = card.training_frames
    return {
        "scene": card.scene,
        "category": card.category,
        "preset": card.preset,
        "split": card.split,
        "labels": len(frames),
        "labelled_by": "people" if frames else "nobody: masks learned from the network's own",
        "first_label": frames[0] if frames else None,
        "last_label": frames[-1] if frames else None,
        "label_fingerprint": card.label_fingerprint,
        "width": card.frame_size[1],
        "height": card.frame_size[0],
        "seed": card.seed,
        "weights": weights,
        "validation": card.validation,
        "operating_point": card.operating_point.model_dump(),
        "warning": card.warning,
        "holds": PICTURE_NOTE,
        "checksum": "none, of format 5" if card.format == UNSEALED_FORMAT else "fits",
        "version": card.version,
        "format": card.format,
        "configuration": card.configuration.model_dump(),
    }


def describe_scene(scene: Scene) -> dict[str, Any]:
    """Say what a scene holds; reads all its labels."""
    labelled = scene.labelled
    foreground = sum(bool((scene.truth(number).labels == 1).any()) for number in labelled)
    return {
        "scene": scene.name,
        "category": scene.category,
        "width": scene.size[1],
        "height": scene.size[0],
        "frames": scene.frames.count,
        "labels": len(labelled),
        "labels_with_foreground": foreground,
        "first_label": labelled[0] if labelled else None,
        "last_label": labelled[-1] if labelled else None,
        "temporal_region": scene.temporal_region,
        "region_of_interest": scene.roi is not None,
    }


def describe_method(name: str) -> dict[str, Any]:
    """Say how a classical method works with frames, and who claims it.

    Raises:
        ConfigError: there is no such method.
    """
    method = make_method(name)
    about = type(method).__doc__ or ""
    return {
        "method": name,
        "about": about.splitlines()[0],
        "learns_online": method.learns_online,
        "learns_beforehand": isinstance(method, LearnsBeforehand),
        "state_can_be_saved": isinstance(method, HasState),
        "patent_note": PATENT_NOTES.get(name),
    }
