"""From a scene to a model file."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import torch

import cleanplate
from cleanplate.config import Configuration, configuration_from, load_preset
from cleanplate.errors import ConfigError, DatasetError, OutputError
from cleanplate.images import FOREGROUND, check_output
from cleanplate.measures import Measures
from cleanplate.networks.published_weights import load_published
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.networks.two_stage import TwoStageNet, build, working_size
from cleanplate.networks.weights import (
    DIGEST_DIGITS,
    FORMAT,
    ModelCard,
    read_card,
    save_model,
)
from cleanplate.scenes.cutouts import read_objects
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.two_stage import choose_device
from cleanplate.training.batches import Reader, TrainingSet
from cleanplate.training.checkpoints import checkpoint_path
from cleanplate.training.phases import planned, run
from cleanplate.training.progress import Progress
from cleanplate.training.validation import collapse, hold_out, judge

log = logging.getLogger(__name__)

PASTE_WHERE_EMPTY = 0.8
"""Share of frames that get objects where no label shows any; the others stay as they are."""
MOST_WHERE_EMPTY = 2
"""At most so many objects at once there (section 4.1)."""


def train(
    scene: Scene,
    preset: str | Configuration = "compact",
    output: str | Path = "model.safetensors",
    *,
    split: str = "half",
    seed: int = 0,
    device: str = "auto",
    objects: str | Path | None = None,
    weights: str = "",
    partial_weights: bool = False,
    separate: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Iterator[Progress]:
    """Train a model of a scene and write its file; a generator: nothing happens until it is read.

    To stop is to read no further; the last checkpoint, beside the output, is what ``resume`` goes
    on from. Seeds torch's global generator once, first thing, for initial weights and dropout. On
    one CPU machine, with one number of threads, equal arguments give equal bits, resumed or not;
    a GPU's own generator is not kept.

    Args:
        scene: frames and labels.
        preset: ``compact``, ``paper``, ``smoke``, a TOML file, or a configuration.
        output: the model file to write.
        split: which labels train (see `Scene.split`).
        seed: of all that is drawn at random.
        device: ``auto``, ``cpu`` or ``cuda``.
        objects: a folder of cut-outs to paste (see `read_objects`), for a scene without foreground.
        weights: published weights to start stage 2 from, in the place of the preset's (see
            `SegmentationSettings`).
        partial_weights: take what such a file has.
        separate: also write the model as it stands after phase 2, before both stages learn
            together, to this file.
        resume: go on from a checkpoint; without one, start anew.
        overwrite: replace an existing model.

    Raises:
        OutputError: the output or a checkpoint of it exists, or it cannot be written.
        ConfigError: preset, split or device is unknown.
        DatasetError: the scene cannot be trained on.
        WeightsError: the checkpoint belongs to another training.
    """
    start, path = time.monotonic(), Path(output)
    checkpoint = checkpoint_path(path)
    card = _new_card(scene, preset, split, seed)
    if weights or partial_weights:
        card = _with_weights(card, weights, partial_weights)
    if path.exists() and resume and not checkpoint.exists():
        _check_finished(path, card)
        return
    _check_output(path, overwrite, resume)
    if separate is not None:
        check_output(Path(separate), True)
    device = choose_device(device)
    net = _initial_net(card)
    every = card.configuration.training.validation_every
    training, kept_aside = hold_out(card.training_frames, every)
    data = yield from _read(scene, training, card.configuration, net, objects)
    card = _pasting_where_needed(card, data)
    if not resume:
        checkpoint.unlink(missing_ok=True)
    identity = f"{card.model_dump_json()} {device} {len(data.objects)}"
    last = None
    for last in run(
        net,
        data,
        planned(card.configuration, len(data.labels)),
        start=start,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        identity=hashlib.sha256(identity.encode()).hexdigest(),
    ):
        if separate is not None and (last.phase, last.iteration) == ("joint", 0):
            save_model(Path(separate), net, _finished(card, None, ""))
        yield last
    spent = last.seconds if last else 0.0
    measures, warning = yield from judge(scene, net, card, training, kept_aside, device, spent)
    save_model(path, net, _finished(card, measures, warning))
    checkpoint.unlink(missing_ok=True)


def _new_card(scene: Scene, preset: str | Configuration, split: str, seed: int) -> ModelCard:
    """Describe a model of a scene before it is trained.

    Raises:
        ConfigError: preset or split is unknown.
        DatasetError: the split leaves no frame to train on.
    """
    name = preset if isinstance(preset, str) else "custom"
    configuration = load_preset(preset) if isinstance(preset, str) else preset
    divided = scene.split(split)
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
        warning="",
        configuration=configuration,
    )


def _with_weights(card: ModelCard, weights: str, partial: bool) -> ModelCard:
    """Let stage 2 start from published weights.

    Raises:
        ConfigError: the preset's network is not the one they are for.
    """
    if not weights:
        raise ConfigError(
            "partial weights need a file of weights; give --weights FILE with --partial"
        )
    values = card.configuration.model_dump()
    values["segmentation"] |= {"weights": weights, "partial_weights": partial}
    checked = configuration_from(values, f"weights {weights}")
    return card.model_copy(update={"configuration": checked})


def _finished(card: ModelCard, measures: Measures | None, warning: str) -> ModelCard:
    """Complete a card; of published weights only the file's name is kept, never its folder."""
    segmentation = card.configuration.segmentation
    named = segmentation.model_copy(update={"weights": Path(segmentation.weights).name})
    configuration = card.configuration.model_copy(update={"segmentation": named})
    changes = {"validation": measures, "warning": warning, "configuration": configuration}
    return card.model_copy(update=changes)


def _check_finished(path: Path, wanted: ModelCard) -> None:
    """Say that a model is finished, or refuse where it is another's."""
    found = read_card(path)
    if (found.label_fingerprint, found.seed) != (wanted.label_fingerprint, wanted.seed):
        raise OutputError(
            f"{path}: is a finished model of other labels or another seed; choose another output, "
            "or give --overwrite to replace it"
        )
    log.warning("%s: is finished already; nothing is left to resume", path)


def _check_output(path: Path, overwrite: bool, resume: bool) -> None:
    """Refuse an output before any work is done, and an unfinished training thrown away unasked."""
    check_output(path, overwrite or resume)
    if checkpoint_path(path).exists() and not (overwrite or resume):
        raise OutputError(
            f"{checkpoint_path(path)}: an unfinished training lies here; give --resume to go on "
            "with it or --overwrite to start anew"
        )


def _initial_net(card: ModelCard) -> TwoStageNet:
    torch.manual_seed(card.seed)
    net = build(card.configuration, card.frame_size)
    settings = card.configuration.segmentation
    if settings.weights and isinstance(net.segmentation_net, LargeFovNet):
        report = load_published(
            net.segmentation_net,
            settings.weights,
            partial=settings.partial_weights,
            first_layer=settings.first_layer,
        )
        log.info("%s", report.table())
    return net


def _read(
    scene: Scene,
    numbers: tuple[int, ...],
    configuration: Configuration,
    net: TwoStageNet,
    objects: str | Path | None,
) -> Generator[Progress, None, TrainingSet]:
    size = working_size(configuration, scene.size)
    reader = Reader(scene, numbers, configuration.training, size, net.background_net.size)
    for done in reader.read():
        yield Progress("frames", done, len(reader.numbers))
    given = read_objects(Path(objects), size) if objects and not reader.has_foreground else []
    data = reader.training_set(given)
    _check_labels(scene.name, data, bool(given))
    if objects:
        share = max(PASTE_WHERE_EMPTY, configuration.augmentation.paste)
        _say_what_is_pasted(scene.name, data, str(objects), len(given), share)
    return data


def _say_what_is_pasted(
    name: str, data: TrainingSet, objects: str, count: int, share: float
) -> None:
    """Section 4.1: objects from elsewhere go into scenes that show none, and into no other."""
    if (data.labels == FOREGROUND).any():
        log.info(
            "%s: the training labels show foreground; the objects of %s are not used", name, objects
        )
        return
    log.info(
        "%s: no foreground in its %d training labels; the %d objects of %s are pasted into %d %% "
        "of the frames",
        *(name, len(data.labels), count, objects, round(100 * share)),
    )


def _check_labels(name: str, data: TrainingSet, has_objects: bool) -> None:
    count = len(data.labels)
    if not (data.labels >= 0).any():
        raise DatasetError(
            f"{name}: all pixels of the {count} training labels are ignored; label background (0) "
            "and foreground (255)"
        )
    if not (data.labels == FOREGROUND).any() and not has_objects:
        raise DatasetError(
            f"{name}: no foreground in the {count} training labels; label frames that show objects "
            "(--split list:FILE names them), or give cut-outs to paste with --objects DIR"
        )


def _pasting_where_needed(card: ModelCard, data: TrainingSet) -> ModelCard:
    """Paste as section 4.1 does: one or two objects into frames of a scene that shows none."""
    augmentation = card.configuration.augmentation
    if (data.labels == FOREGROUND).any():
        return card
    changes = {
        "paste": max(PASTE_WHERE_EMPTY, augmentation.paste),
        "most_pasted": min(MOST_WHERE_EMPTY, augmentation.most_pasted),
    }
    pasting = augmentation.model_copy(update=changes)
    configuration = card.configuration.model_copy(update={"augmentation": pasting})
    return card.model_copy(update={"configuration": configuration})


__all__ = ["Progress", "collapse", "hold_out", "train"]
