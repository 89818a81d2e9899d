"""Every setting as frozen pydantic models, mirrored by TOML: one table for each model."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from cleanplate.errors import ConfigError
from cleanplate.settings import (
    Amount,
    Count,
    Positive,
    Settings,
    Share,
    check_settings,
    parse_settings,
    read_text,
)

PRESETS = ("compact", "paper", "smoke")
LEAST_SIDE = 17
Filters = Annotated[int, Field(ge=1, le=2**16)]
Pixels = Annotated[int, Field(ge=0, le=2**27)]
"""An area. The bounds are wide; they keep a stranger's model from asking for all the memory."""


class BackgroundSettings(Settings):
    """Stage 1, the encoder-decoder (section 3.1).

    Attributes:
        most_pixels: area of its input; a frame keeps its shape, sides are rounded to the stride.
        square: its input is square whatever the frame's shape, as the paper's 128 x 128 is.
        channels: filters of the strided convolutions, outermost first.
        bottleneck: length of the latent vector.
        plate: learn one value for each pixel, started at the median background, to which the
            decoder adds what changes; the paper has none.
    """

    most_pixels: Annotated[Pixels, Field(ge=1)]
    square: bool
    channels: Annotated[tuple[Filters, ...], Field(min_length=1, max_length=12)]
    bottleneck: Filters
    plate: bool


class SegmentationSettings(Settings):
    """Stage 2 (section 3.2).

    Attributes:
        network: ``largefov`` is the paper's VGG-16 with a large field of view, ``compact`` ours.
        input: what it sees: ``pair`` is the paper's six channels, background and frame; ``triple``
            adds the long-term background, which the model file keeps: the median of the frames
            that may be looked at, and how far they are from it; ``long-term`` has that alone beside
            the frame; ``frame`` is the paper's Baseline-2 (section 4.3); ``siamese`` runs one
            encoder over background and frame, and joins what it finds (section 3.2).
        side: side of the square input of ``largefov``; 0 works at the frame's own size.
        most_pixels: a larger frame is worked on at about this area; 0 sets no limit.
        width: filters of ``compact`` at half resolution, doubled twice further in.
        dilation: of fc6 of ``largefov``; DeepLab has 12, the paper 6 "for small objects".
        start: ``drawn`` starts ``compact`` from weights that drawn scenes taught; empty from none.
        weights: a file of published VGG-16 or DeepLab weights, ``vgg16`` to fetch ImageNet's, or
            empty.
        partial_weights: take what such a file has and start the rest anew, instead of refusing it.
        first_layer: how its three input channels become six: ``difference`` negates them for the
            background; ``halves`` gives half to each; ``frame`` gives the background none.
    """

    network: Literal["largefov", "compact"]
    input: Literal["pair", "triple", "long-term", "frame", "siamese"]
    side: Annotated[int, Field(ge=0, le=2**13)]
    most_pixels: Pixels
    width: Filters
    dilation: Filters
    start: Literal["drawn", ""]
    weights: str
    partial_weights: bool
    first_layer: Literal["difference", "halves", "frame"]

    @model_validator(mode="after")
    def _settings_fit_the_network(self) -> Self:
        if self.weights and self.network != "largefov":
            raise ValueError("published weights fit the network largefov only; leave weights empty")
        if self.network == "largefov" and self.side < LEAST_SIDE:
            raise ValueError(f"largefov works on a square; set side to at least {LEAST_SIDE}")
        if self.network == "largefov" and self.input in ("triple", "long-term"):
            raise ValueError("largefov has no long-term background; set input to pair or frame")
        if self.start and (self.network, self.input) != ("compact", "triple"):
            raise ValueError("start fits compact with the input triple only; leave it empty")
        return self


class LossSettings(Settings):
    """Eqs. 1 to 3.

    Attributes:
        reconstruction: ``caffe`` sums squares over an image and halves, ``mean`` averages them.
        segmentation_weight: lambda of Eq. 3, the weight of L_seg in the joint phase.
        focus: how much more L_seg weighs pixels that are still wrong, see `segmentation_loss`; 0
            is the paper's.
    """

    reconstruction: Literal["caffe", "mean"]
    segmentation_weight: Amount
    focus: Amount


class AugmentationSettings(Settings):
    """How training frames are varied; the paper pastes objects only where there are none.

    Attributes:
        paste: share of the frames that get objects pasted.
        most_pasted: at most so many objects at once, at least one.
        paste_shift: how far an own object is moved, as a share of the frame's sides.
        light: largest relative change of brightness, the same for frame and background.
        crop: sides of the parts of frames that phase 2 learns from, as a share; 1 is all of it.
        crop_pixels: such a part has at most about so many pixels; 0 sets no limit.
        crop_on_objects: share of these parts that are laid around foreground.
        flip: share of these parts that are mirrored.
        strangers: objects of a random shape and look are pasted as often as the own ones of so
            many labelled frames would be; 0 pastes none.
        unlabelled: at most this share of what phase 2 learns from is frames without a label, where
            they surely show the background; a labelled frame counts as ten of them.
    """

    paste: Share
    most_pasted: Positive
    paste_shift: Share
    light: Share
    crop: Annotated[float, Field(gt=0, le=1)]
    crop_pixels: Count
    crop_on_objects: Share
    flip: Share
    strangers: Count
    unlabelled: Share


class PhaseSettings(Settings):
    """One training phase (section 3.3).

    Attributes:
        iterations: optimiser updates.
        most_passes: at most so many passes over the training frames, however few they are; 0 sets
            no limit.
        batch_size: frames in one update.
        learning_rate: of the first update.
        optimiser: ``sgd`` with momentum, or ``adam`` with decoupled decay.
        momentum: of SGD.
        weight_decay: on weights, not on biases and normalisations.
        power: the rate falls as (1 - iteration / iterations) ** power; 0 keeps it.
        warm_up: updates over which the rate rises from zero.
    """

    iterations: Count
    most_passes: Count
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    optimiser: Literal["sgd", "adam"]
    momentum: Share
    weight_decay: Amount
    power: Amount
    warm_up: Count


class Phases(Settings):
    """The three phases: stage 1 alone, stage 2 with stage 1 frozen, both together."""

    background: PhaseSettings
    segmentation: PhaseSettings
    joint: PhaseSettings

    @model_validator(mode="after")
    def _the_latent_vector_can_be_normalised(self) -> Self:
        if self.background.batch_size < 2:
            raise ValueError("batch normalisation of the latent vector needs a batch_size of 2")
        return self


class TrainingSettings(Settings):
    """What training holds in memory and keeps aside.

    Attributes:
        memory_mib: memory for the frames; of more than fit, evenly spread ones are taken.
        margin_px: how far around an object a pixel counts as unclean, at the frame's own size.
        validation_every: each so-many-th training label is kept aside for the model's own figures
            where twice as many are there; 0 keeps none.
        unlabelled: at most so many frames without a label are looked at, for stage 1 and the
            long-term background, and for stage 2 where there is no label at all.
        stretch: phase 2 of small frames, whose parts have fewer pixels than
            `AugmentationSettings.crop_pixels`, is up to so many times as long, so that it learns
            from as many pixels; 1 is no longer.
        average: decay of the running average of the weights, which is kept; 0 keeps the last ones.
        precision: what stage 2 learns in: ``float32``, ``bfloat16``, or ``auto``, which takes
            bfloat16 where a CPU computes it by itself.
    """

    memory_mib: Positive
    margin_px: Count
    validation_every: Count
    unlabelled: Count
    stretch: Annotated[float, Field(ge=1)]
    average: Annotated[float, Field(ge=0, lt=1)]
    precision: Literal["auto", "float32", "bfloat16"]


class SelfTrainingSettings(Settings):
    """How stage 2 learns where nobody labelled anything.

    Attributes:
        rounds: how often in phase 2 the frames are segmented anew, the first time at its start.
        sure: foreground from this share of the votes, background up to one minus it, else ignored
            (`training/self_training.py::relabel`).
    """

    rounds: Positive
    sure: Annotated[float, Field(ge=0.5, lt=1)]


class Configuration(Settings):
    """All settings of one model; stored whole in its file."""

    background: BackgroundSettings
    segmentation: SegmentationSettings
    loss: LossSettings
    augmentation: AugmentationSettings
    training: TrainingSettings
    self_training: SelfTrainingSettings
    phases: Phases

    @model_validator(mode="after")
    def _parts_of_frames_fit_the_network(self) -> Self:
        cuts = self.augmentation.crop < 1 or self.augmentation.crop_pixels
        if self.segmentation.network == "largefov" and cuts:
            raise ValueError(
                "augmentation.crop and crop_pixels fit the network compact only; set 1 and 0"
            )
        return self


def load_preset(name: str) -> Configuration:
    """Load ``compact``, ``paper``, ``smoke`` or a TOML file.

    Raises:
        ConfigError: there is no such preset or file, or the file is not valid.
    """
    if name in PRESETS:
        text = resources.files("cleanplate.presets").joinpath(f"{name}.toml").read_text()
        return parse_settings(Configuration, text, f"preset {name}")
    path = Path(name)
    if path.suffix != ".toml":
        raise ConfigError(f"preset {name!r} is unknown; use {', '.join(PRESETS)} or a .toml file")
    try:
        return parse_settings(Configuration, read_text(path), name)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error}); check the path") from error


def configuration_from(values: dict[str, Any], where: str) -> Configuration:
    """Check a configuration given as nested dictionaries (see `parse_settings`)."""
    return check_settings(Configuration, values, where)
