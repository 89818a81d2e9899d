"""What a model file says of itself, readable without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from cleanplate.config import Configuration, configuration_from
from cleanplate.errors import ConfigError, WeightsError
from cleanplate.images import Size, fitting_size
from cleanplate.networks.sealing import read_metadata
from cleanplate.settings import Settings

FORMAT = 6
"""Changes whenever the layout or a setting does: a file of another format is refused by name."""
UNSEALED_FORMAT = 5
"""Is read too: the same, but no checksum tells whether a bit has changed."""
DIGEST_DIGITS = 12
Side = Annotated[int, Field(ge=1, le=2**16)]
CARD_KEY = "cleanplate"
"""Of the file's metadata; under it stands the card as JSON."""


class OperatingPoint(Settings):
    """How a model's logits become probabilities and masks.

    Attributes:
        prefer: what the threshold was chosen for: ``f``, ``recall`` or ``precision``.
        temperature: what logits are divided by, so that probabilities mean what they say.
        threshold: from this probability a pixel is foreground.
        error_before: expected calibration error, 0 to 1, of the probabilities without the
            temperature on the validation slice, or None where there was no slice.
        error: that of the probabilities with it, on the same slice.
    """

    prefer: Literal["f", "recall", "precision"] = "f"
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    error_before: float | None = None
    error: float | None = None


class ModelCard(Settings):
    """What a model file says of itself; no path, user or host name.

    Attributes:
        format: version of the file's layout.
        version: Cleanplate's version that wrote it.
        preset: name of the preset.
        scene: the scene's name.
        category: CDNet's group of scenes, or empty.
        frame_size: height and width of the frames it was trained on.
        split: name of the split.
        training_frames: numbers of all frames of the split's training part; none where nobody
            labelled anything, and the masks were learned from the network's own.
        label_fingerprint: SHA-256 over numbers and label files (see `Scene.fingerprint`).
        label_digests: the first digits of each training label's own SHA-256, by which a scene is
            known again under another name.
        seed: of all that was drawn at random.
        validation: measures of the training part's slice that was kept aside, or None. Its frames
            lie between frames that trained, so the test part will mostly score a little lower.
        operating_point: how logits become probabilities and masks.
        warning: what looked wrong at the end of training, or empty.
        configuration: all settings.
    """

    format: int
    version: str
    preset: str
    scene: str
    category: str
    frame_size: tuple[Side, Side]
    split: str
    training_frames: tuple[int, ...]
    label_fingerprint: str
    label_digests: tuple[str, ...]
    seed: int
    validation: dict[str, float | int | None] | None
    operating_point: OperatingPoint
    warning: str
    configuration: Configuration


def read_card(path: Path) -> ModelCard:
    """Read what a model file says of itself, without its weights.

    Raises:
        WeightsError: the file is missing, damaged, foreign or of another format.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such model file; check the path")
    return card_from(path, read_metadata(path))


def card_from(path: Path, metadata: dict[str, str]) -> ModelCard:
    """Read a card out of a model file's metadata (see `read_card`)."""
    text = metadata.get(CARD_KEY)
    if text is None:
        raise WeightsError(f"{path}: holds no Cleanplate model; train one with cleanplate train")
    try:
        values = json.loads(text)
        found = values.get("format")
    except (ValueError, RecursionError, AttributeError) as error:
        raise WeightsError(f"{path}: its description is damaged; copy the file again") from error
    if found not in (FORMAT, UNSEALED_FORMAT):
        raise WeightsError(
            f"{path}: has format {found}, this Cleanplate reads {FORMAT}; "
            "use the version that wrote it or train again"
        )
    try:
        values["configuration"] = configuration_from(values.get("configuration", {}), str(path))
        for key in ("frame_size", "training_frames", "label_digests"):
            values[key] = tuple(values.get(key, ()))
        return ModelCard.model_validate(values)
    except (ConfigError, ValidationError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: its description is damaged ({reason})") from error


def working_size(configuration: Configuration, frame_size: Size) -> Size:
    """Return the size at which frames of ``frame_size`` are trained on and segmented."""
    most = configuration.segmentation.most_pixels
    return fitting_size(frame_size, most) if most else frame_size


def background_size(configuration: Configuration, frame_size: Size) -> Size:
    """Return the size at which stage 1 works: a multiple of its stride."""
    settings = configuration.background
    shape = (1, 1) if settings.square else frame_size
    enlarged = (shape[0] * settings.most_pixels, shape[1] * settings.most_pixels)
    return fitting_size(enlarged, settings.most_pixels, multiple=2 ** len(settings.channels))


def sees_background(configuration: Configuration) -> bool:
    """Return whether stage 2 sees stage 1's background."""
    return configuration.segmentation.input in ("pair", "triple", "siamese")
