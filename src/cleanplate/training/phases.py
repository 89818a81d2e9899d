"""The three phases of section 3.3 as a stream of `Progress` records.

The loop reads top to bottom: batch, forward, loss, backward, step, record.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cleanplate.config import Configuration, LossSettings, PhaseSettings
from cleanplate.errors import ConfigError
from cleanplate.images import to_image
from cleanplate.networks.losses import reconstruction_loss, segmentation_loss
from cleanplate.networks.two_stage import TwoStageNet, channels_last
from cleanplate.training.batches import Batch, TrainingSet, cut_windows, draw
from cleanplate.training.checkpoints import (
    Checkpoint,
    optimiser_tensors,
    read_checkpoint,
    restore_optimiser,
    write_checkpoint,
)
from cleanplate.training.progress import PHASES, Clock, Progress

CHECKPOINT_SECONDS = 15.0
CHECKPOINT_SHARE = 50
"""A checkpoint that takes long is written no oftener than every so many times its own duration."""
MEDIAN_FRAMES = 101


def run(
    net: TwoStageNet,
    data: TrainingSet,
    configuration: Configuration,
    *,
    start: float,
    seed: int,
    device: str,
    checkpoint: Path | None = None,
    identity: str = "",
) -> Generator[Progress]:
    """Train a network in place; nothing happens until the records are read.

    Args:
        net: the network with its initial weights.
        data: what it is trained on.
        configuration: lengths, rates, losses and augmentation.
        start: when this sitting began, on the monotonic clock.
        seed: the batches' seed; dropout draws from torch's global generator.
        device: torch device.
        checkpoint: where the state is kept and taken up from, or None.
        identity: what the state must belong to.

    Raises:
        ConfigError: the loss stopped being a number.
        WeightsError: the checkpoint belongs to another training.
    """
    channels_last(net.to(device))
    state = read_checkpoint(checkpoint, identity) if checkpoint else None
    if state is None:
        _start_plate(net, data)
    else:
        net.load_state_dict(state.weights)
    first = state.phase if state else 0
    clock = Clock(configuration, start, state)
    keeper = _Keeper(checkpoint, identity)
    for index, name in enumerate(PHASES):
        if index < first:
            continue
        settings: PhaseSettings = getattr(configuration.phases, name)
        optimiser = make_optimiser(trained_part(net, name), settings)
        begin = 0
        if state is not None and index == first:
            begin = state.iteration
            restore_optimiser(optimiser, state.optimiser)
            torch.set_rng_state(state.random)
        set_modes(net, name, keeps_statistics=configuration.phases.segmentation.iterations > 0)
        if begin == 0:
            yield Progress(name, 0, settings.iterations, seconds=clock.seconds())
        for iteration in range(begin, settings.iterations):
            rate = learning_rate(settings, iteration)
            random = np.random.default_rng([seed, index, iteration])
            batch = draw(data, settings.batch_size, configuration.augmentation, random)
            losses = compute_losses(net, to_device(batch, device), name, configuration.loss)
            optimiser.zero_grad()
            losses["total"].backward()  # type: ignore[no-untyped-call] # torch has no type for it
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            numbers = {term: float(value.detach()) for term, value in losses.items()}
            _check_finite(numbers, name, iteration)
            done = iteration + 1
            keeper.keep(net, optimiser, index, done, clock.seconds())
            left = clock.seconds_left(index, done)
            yield Progress(name, done, settings.iterations, numbers, rate, clock.seconds(), left)


def _start_plate(net: TwoStageNet, data: TrainingSet) -> None:
    chosen = np.linspace(0, len(data.backgrounds) - 1, MEDIAN_FRAMES).astype(int)
    median = np.median(data.backgrounds[np.unique(chosen)], 0)
    net.background_net.start_from(to_image(np.rint(median).astype(np.uint8))[0])


class _Keeper:
    """Writes a checkpoint now and then."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path, self._identity = path, identity
        self._next = time.monotonic() + CHECKPOINT_SECONDS

    def keep(
        self,
        net: TwoStageNet,
        optimiser: torch.optim.Optimizer,
        phase: int,
        iteration: int,
        seconds: float,
    ) -> None:
        start = time.monotonic()
        if self._path is None or start < self._next:
            return
        state = Checkpoint(
            self._identity,
            phase,
            iteration,
            seconds,
            net.state_dict(),
            optimiser_tensors(optimiser),
            torch.get_rng_state(),
        )
        write_checkpoint(self._path, state)
        spent = time.monotonic() - start
        self._next = time.monotonic() + max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * spent)


def planned(configuration: Configuration, frames: int) -> Configuration:
    """Return the settings with each phase no longer than its passes over so many frames allow.

    Stage 1 learns few frames by heart: their backgrounds then fit better than those of any later
    frame, and stage 2, which learns from them, trusts a difference that it will not find again.
    """
    changed = {}
    for name in PHASES:
        phase: PhaseSettings = getattr(configuration.phases, name)
        if phase.most_passes:
            most = -(-phase.most_passes * frames // phase.batch_size)
            changed[name] = phase.model_copy(update={"iterations": min(phase.iterations, most)})
    phases = configuration.phases.model_copy(update=changed)
    return configuration.model_copy(update={"phases": phases})


def trained_part(net: TwoStageNet, phase: str) -> nn.Module:
    """Return what learns in a phase: stage 1, stage 2, or both."""
    parts: dict[str, nn.Module] = {
        "background": net.background_net,
        "segmentation": net.segmentation_net,
        "joint": net,
    }
    return parts[phase]


def set_modes(net: TwoStageNet, phase: str, keeps_statistics: bool = True) -> None:
    """Set training or evaluation mode of every layer for a phase.

    Batch normalisation runs on its kept statistics in the joint phase: those of one image alone
    would make the output depend on the frame and break the agreement with the test. A joint phase
    that no other precedes has none to keep.
    """
    net.eval()
    trained_part(net, phase).train()
    if phase == "joint" and keeps_statistics:
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def make_optimiser(part: nn.Module, settings: PhaseSettings) -> torch.optim.Optimizer:
    """Make a phase's optimiser; biases, normalisations and the plate do not decay."""
    weights = [p for name, p in part.named_parameters() if p.ndim > 1 and "plate" not in name]
    others = [p for name, p in part.named_parameters() if p.ndim <= 1 or "plate" in name]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def learning_rate(settings: PhaseSettings, iteration: int) -> float:
    """Return an update's rate: risen over the warm-up, fallen polynomially to zero at the end."""
    risen = min(1.0, (iteration + 1) / max(1, settings.warm_up))
    fallen = (1 - iteration / settings.iterations) ** settings.power
    return float(settings.learning_rate * risen * fallen)


def to_device(batch: Batch, device: str) -> Batch:
    """Move a batch to a device; frames keep their channels-last memory."""
    if device == "cpu":
        return batch
    return Batch(
        batch.image.to(device),
        batch.labels.to(device),
        batch.clean.to(device),
        batch.known.to(device),
        batch.windows,
    )


def compute_losses(
    net: TwoStageNet, batch: Batch, phase: str, settings: LossSettings
) -> dict[str, Tensor]:
    """Return the named terms of a phase's loss and their weighted ``total``: what is optimised.

    Phase 1 is L_rec, phase 2 L_seg with stage 1 frozen, phase 3 Eq. 3.
    """
    terms: dict[str, Tensor] = {}
    background = batch.image
    if phase != "segmentation" or net.uses_background:
        with torch.set_grad_enabled(phase != "segmentation"):
            background = net.reconstruct(batch.image)
    if phase != "segmentation":
        terms["reconstruction"] = reconstruction_loss(
            background, batch.clean, batch.known, settings.reconstruction
        )
    if phase == "background":
        return {**terms, "total": terms["reconstruction"]}
    pair, labels = net.join(batch.image, background), batch.labels
    if phase == "segmentation" and batch.windows is not None:
        pair, labels = cut_windows(pair, batch.windows), cut_windows(labels, batch.windows)
    logits: Tensor = net.segmentation_net(pair)
    labels = _enlarged(labels, logits)
    terms["segmentation"] = segmentation_loss(logits, labels)
    total = terms["segmentation"]
    if phase == "joint":
        total = terms["reconstruction"] + settings.segmentation_weight * total
    return {**terms, "total": total}


def _enlarged(labels: Tensor, logits: Tensor) -> Tensor:
    """Bring labels to the grid of the logits, corners aligned, each taking the nearest."""
    if labels.shape[1:] == logits.shape[2:]:
        return labels
    rows, columns = (
        torch.linspace(0, old - 1, new, device=labels.device).round().long()
        for old, new in zip(labels.shape[1:], logits.shape[2:], strict=True)
    )
    return labels[:, rows[:, None], columns]


def _check_finite(losses: dict[str, float], phase: str, iteration: int) -> None:
    for term, value in losses.items():
        if not np.isfinite(value):
            raise ConfigError(
                f"phase {phase}, iteration {iteration + 1}: the {term} loss became {value}; "
                f"lower phases.{phase}.learning_rate"
            )
