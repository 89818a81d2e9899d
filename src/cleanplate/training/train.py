"""From a scene to a model file."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import torch

from cleanplate.config import Configuration
from cleanplate.errors import ConfigError, DatasetError, OutputError
from cleanplate.files import check_output
from cleanplate.images import FOREGROUND
from cleanplate.networks.building import build
from cleanplate.networks.card import ModelCard, working_size
from cleanplate.networks.engine_choice import choose_device
from cleanplate.networks.published_weights import load_published
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.networks.start import load_start, start_digest
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.networks.weights import begin_with_model, save_model
from cleanplate.scenes.cutouts import read_objects
from cleanplate.scenes.scene import Scene, Split
from cleanplate.training.calibration import Preference
from cleanplate.training.cards import check_finished, finished, new_card, with_weights
from cleanplate.training.checkpoints import (
    checkpoint_path,
    has_checkpoint,
    remove_checkpoints,
)
from cleanplate.training.phases import run
from cleanplate.training.progress import Progress
from cleanplate.training.reading import Reader, TrainingSet
from cleanplate.training.self_training import count_votes, suspicion
from cleanplate.training.updates import planned
from cleanplate.training.validation import Judge, collapse, hold_out

log = logging.getLogger(__name__)

Watch = Callable[[TwoStageNet, ModelCard, Progress], bool]
"""Looks at the network between two updates, leaves it as it is, and says whether to go on."""
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
    prefer: Preference = "f",
    begin_with: str | Path | None = None,
    watch: Watch | None = None,
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
        prefer: what the masks' threshold is chosen for on the validation slice: ``f``, ``recall``
            or ``precision``.
        begin_with: a model of the same settings and frame size whose weights training begins with,
            as after more labels were made; else it begins anew.
        watch: see `Watch`; told to end early, training keeps what is learned.
        resume: go on from a checkpoint; without one, start anew.
        overwrite: replace an existing model.

    Raises:
        OutputError: the output or a checkpoint of it exists, or it cannot be written.
        ConfigError: preset, split or device is unknown.
        DatasetError: the scene cannot be trained on.
        WeightsError: the checkpoint belongs to another training, or the model to begin with is of
            other settings.
    """
    start, path = time.monotonic(), Path(output)
    checkpoint = checkpoint_path(path)
    divided = scene.split(split)
    card = with_weights(new_card(scene, preset, divided, seed), weights, partial_weights)
    if path.exists() and resume and not has_checkpoint(checkpoint):
        check_finished(path, card)
        return
    _check_output(path, separate, overwrite, resume)
    device = choose_device(device)
    net = _initial_net(card)
    beginning = begin_with_model(Path(begin_with), net, card) if begin_with else ""
    every = card.configuration.training.validation_every
    training, kept_aside = hold_out(card.training_frames, every)
    if not card.training_frames:
        _say_that_nobody_labelled(scene.name, card.configuration, objects)
    data = yield from _read(scene, divided, training, card, net, objects)
    card = _pasting_where_needed(card, data)
    if not resume:
        remove_checkpoints(checkpoint)
    last = None
    for last in run(
        net,
        data,
        planned(card.configuration, len(data.frames), len(data.labelled), data.size),
        start=start,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        identity=_identity(card, data, device, beginning),
    ):
        if separate is not None and (last.phase, last.iteration) == ("joint", 0):
            save_model(Path(separate), net, finished(card))
        yield last
        if watch is not None and not watch(net, card, last):
            break
    judged = Judge(scene, net, card, device, last.seconds if last else 0.0)
    verdict = yield from judged.judge(training, kept_aside, prefer)
    if not card.training_frames:
        verdict = verdict._replace(warning=verdict.warning or suspicion(scene.name, data))
    save_model(path, net, finished(card, verdict))
    remove_checkpoints(checkpoint)


def _identity(card: ModelCard, data: TrainingSet, device: str, beginning: str) -> str:
    """Return a fingerprint of all that a training depends on."""
    start = start_digest() if card.configuration.segmentation.start else ""
    parts = [card.model_dump_json(), device, len(data.objects), data.numbers, start + beginning]
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def _say_that_nobody_labelled(
    name: str, configuration: Configuration, objects: str | Path | None
) -> None:
    """Say plainly where a model's masks come from.

    Raises:
        ConfigError: the settings have nothing to begin with.
    """
    if objects:
        raise ConfigError(f"{name}: --objects needs labels; leave it away or label some frames")
    phases = configuration.phases
    if not phases.segmentation.iterations + phases.joint.iterations:
        return  # stage 1 alone needs no label
    if not phases.segmentation.iterations:
        raise ConfigError(
            f"{name}: without labels stage 2 learns in phase 2; set phases.segmentation.iterations "
            "above 0"
        )
    if not configuration.segmentation.start:
        raise ConfigError(
            f"{name}: without labels stage 2 needs a start; set segmentation.start to 'drawn', or "
            "label some frames"
        )
    log.warning(
        "%s: NOBODY LABELLED ANYTHING: masks are learned from what the network and three "
        "classical methods agree on, which nobody checked; a few labels make a better model",
        name,
    )


def _check_output(path: Path, separate: str | Path | None, overwrite: bool, resume: bool) -> None:
    """Refuse an output before any work is done, and an unfinished training thrown away unasked."""
    check_output(path, overwrite or resume)
    if separate is not None:
        check_output(Path(separate), True)
    if has_checkpoint(checkpoint_path(path)) and not (overwrite or resume):
        raise OutputError(
            f"{checkpoint_path(path)}: an unfinished training lies here; give --resume to go on "
            "with it or --overwrite to start anew"
        )


def _initial_net(card: ModelCard) -> TwoStageNet:
    torch.manual_seed(card.seed)
    net = build(card.configuration, card.frame_size)
    settings = card.configuration.segmentation
    if settings.start:
        load_start(net.segmentation_net)
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
    divided: Split,
    labelled: tuple[int, ...],
    card: ModelCard,
    net: TwoStageNet,
    objects: str | Path | None,
) -> Generator[Progress, None, TrainingSet]:
    configuration = card.configuration
    size = working_size(configuration, scene.size)
    small, numbers = net.background_net.size, scene.frames.numbers
    unlabelled = [n for n in numbers if divided.may_look_at(n) and n not in divided.training]
    reader = Reader(scene, labelled, unlabelled, configuration.training, size, small)
    if configuration.training.unlabelled and not numbers:
        log.warning(
            "%s: its frames cannot be counted beforehand, so only labelled ones are looked at; "
            "an .mp4 file would do better",
            scene.name,
        )
    if not reader.numbers:
        raise DatasetError(
            f"{scene.name}: no frame to train on; label some, or give a file or folder whose "
            "frames can be counted beforehand, and training.unlabelled above 0"
        )
    for done in reader.read():
        yield Progress("frames", done, len(reader.numbers))
    given = read_objects(Path(objects), size) if objects and not reader.has_foreground else []
    data = reader.training_set(given, card.seed)
    if not labelled:
        learns = configuration.phases.segmentation.iterations > 0
        votes = (yield from count_votes(scene, unlabelled, data)) if learns else None
        return data._replace(votes=votes)
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
        *(name, len(data.labelled), count, objects, round(100 * share)),
    )


def _check_labels(name: str, data: TrainingSet, has_objects: bool) -> None:
    count = len(data.labelled)
    if not (data.labels[data.labelled] >= 0).any():
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
    if not card.training_frames or (data.labels == FOREGROUND).any():
        return card
    changes = {
        "paste": max(PASTE_WHERE_EMPTY, augmentation.paste),
        "most_pasted": min(MOST_WHERE_EMPTY, augmentation.most_pasted),
    }
    pasting = augmentation.model_copy(update=changes)
    configuration = card.configuration.model_copy(update={"augmentation": pasting})
    return card.model_copy(update={"configuration": configuration})


__all__ = ["Progress", "collapse", "hold_out", "train"]
