"""The three phases of section 3.3 as a stream of `Progress` records.

The loop reads top to bottom: batch, forward, loss, backward, step, record.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cleanplate.config import Configuration, PhaseSettings
from cleanplate.images import to_image
from cleanplate.networks.two_stage import TwoStageNet, channels_last
from cleanplate.scenes.numbering import spread
from cleanplate.training.averaging import WeightAverage
from cleanplate.training.batches import Batch, draw
from cleanplate.training.checkpoints import (
    Checkpoint,
    optimiser_tensors,
    read_checkpoint,
    restore_optimiser,
    write_checkpoint,
)
from cleanplate.training.progress import PHASES, Clock, Progress
from cleanplate.training.reading import MEDIAN_FRAMES, TrainingSet
from cleanplate.training.self_training import cut_own_objects, relabel, relabel_moments
from cleanplate.training.updates import (
    check_finite,
    compute_losses,
    is_reduced,
    learning_rate,
    make_optimiser,
    set_modes,
    to_device,
    trained_part,
)

CHECKPOINT_SECONDS = 15.0
CHECKPOINT_SHARE = 50
"""A checkpoint that takes long is written no oftener than every so many times its own duration."""


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
        _start_plates(net, data)
    else:
        net.load_state_dict(state.weights)
        if "labels" in state.kept:
            data.labels[data.unlabelled] = state.kept["labels"].numpy()
            cut_own_objects(data)
    clock = Clock(configuration, start, state)
    keeper = _Keeper(checkpoint, identity)
    for index, name in enumerate(PHASES):
        if state is not None and index < state.phase:
            continue
        here = state if state is not None and index == state.phase else None
        phase = Phase(net, data, configuration, index, seed, device, here)
        if here is None:
            yield Progress(name, 0, phase.settings.iterations, seconds=clock.seconds())
        for iteration in range(here.iteration if here else 0, phase.settings.iterations):
            numbers, rate = phase.update(iteration)
            done = iteration + 1
            keeper.keep(phase, done, clock.seconds())
            left = clock.seconds_left(index, done)
            seconds = clock.seconds()
            yield Progress(name, done, phase.settings.iterations, numbers, rate, seconds, left)
        phase.finish()


class Phase:
    """One training phase: its optimiser, its average of the weights, and one update after another.

    Args:
        net: the network.
        data: what it is trained on.
        configuration: all settings.
        index: which phase, from 0.
        seed: the batches' seed.
        device: torch device.
        state: a checkpoint of this phase to go on from, or None.
    """

    def __init__(
        self,
        net: TwoStageNet,
        data: TrainingSet,
        configuration: Configuration,
        index: int,
        seed: int,
        device: str,
        state: Checkpoint | None,
    ) -> None:
        self.net, self.data, self.index = net, data, index
        self._name, self._seed, self._device = PHASES[index], seed, device
        self._reduced = is_reduced(configuration.training.precision, device)
        self._all = configuration
        self.settings: PhaseSettings = getattr(configuration.phases, self._name)
        part = trained_part(net, self._name)
        self.optimiser = make_optimiser(part, self.settings)
        self._relabels = relabel_moments(
            configuration.self_training, configuration.phases.segmentation, data
        )
        decay = configuration.training.average
        self.average = WeightAverage(part, decay, state and state.kept_average()) if decay else None
        if state is not None:
            restore_optimiser(self.optimiser, state.optimiser)
            torch.set_rng_state(state.random)
        keeps_statistics = configuration.phases.segmentation.iterations > 0
        set_modes(net, self._name, keeps_statistics=keeps_statistics)

    def update(self, iteration: int) -> tuple[dict[str, float], float]:
        """Do one update; returns the losses by name and the learning rate."""
        if self._name == "segmentation" and iteration in self._relabels:
            self._relabel()
        rate = learning_rate(self.settings, iteration)
        random = np.random.default_rng([self._seed, self.index, iteration])
        batch = self._batch(random)
        losses = compute_losses(self.net, batch, self._name, self._all.loss, self._reduced)
        self.optimiser.zero_grad()
        losses["total"].backward()  # type: ignore[no-untyped-call] # torch has no type for it
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        if self.average is not None:
            self.average.update(iteration + 1)
        numbers = {term: float(value.detach()) for term, value in losses.items()}
        check_finite(numbers, self._name, iteration)
        return numbers, rate

    def _batch(self, random: np.random.Generator) -> Batch:
        everything = self._name == "background" or not len(self.data.labelled)
        pool = None if everything else self.data.labelled
        others = self.data.unlabelled if self._name == "segmentation" and not everything else None
        settings = self._all.augmentation
        batch = draw(self.data, self.settings.batch_size, settings, random, pool, others)
        return to_device(batch, self._device)

    def _relabel(self) -> None:
        if self.average is not None:
            self.average.swap()
        relabel(self.net, self.data, self._all.self_training.sure, self._device)
        if self.average is not None:
            self.average.swap()

    def finish(self) -> None:
        """End the phase: the averaged weights are the ones that count."""
        if self.average is not None and self.settings.iterations:
            self.average.swap()

    def kept(self) -> dict[str, Tensor]:
        """Return what a checkpoint keeps besides weights and optimiser."""
        kept = dict(self.average.values) if self.average is not None else {}
        kept = {f"average/{name}": tensor for name, tensor in kept.items()}
        if self._relabels:
            kept["labels"] = torch.from_numpy(self.data.labels[self.data.unlabelled])
        return kept


def _start_plates(net: TwoStageNet, data: TrainingSet) -> None:
    median = np.median(data.backgrounds[spread(range(len(data.backgrounds)), MEDIAN_FRAMES)], 0)
    net.background_net.start_from(to_image(np.rint(median).astype(np.uint8))[0])
    if net.long_term is not None and net.reach is not None:
        kept = torch.from_numpy(data.long_term).permute(2, 0, 1)[None]
        net.long_term.copy_(kept)
        net.reach.fill_(data.reach)


class _Keeper:
    """Writes a checkpoint now and then."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path, self._identity = path, identity
        self._next = time.monotonic() + CHECKPOINT_SECONDS

    def keep(self, phase: Phase, iteration: int, seconds: float) -> None:
        start = time.monotonic()
        if self._path is None or start < self._next:
            return
        state = Checkpoint(
            self._identity,
            phase.index,
            iteration,
            seconds,
            phase.net.state_dict(),
            optimiser_tensors(phase.optimiser),
            torch.get_rng_state(),
            phase.kept(),
        )
        write_checkpoint(self._path, state)
        spent = time.monotonic() - start
        self._next = time.monotonic() + max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * spent)
