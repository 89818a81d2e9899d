"""Stop anywhere, resume to the same bits: a file beside the model holds the state of a training.

The one before it is kept too, for the day on which the newest is damaged.

Batches depend on seed, phase and iteration alone, so that weights and their average, optimiser,
torch's generator, the place in the schedule and the labels that training made itself are all there
is to keep.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load, save
from torch import Tensor

from cleanplate.errors import OutputError, WeightsError
from cleanplate.files import part_of, write_bytes
from cleanplate.networks.sealing import check_seal, sealed

log = logging.getLogger(__name__)

_KEY = "checkpoint"
_PLACE = {"identity": str, "phase": int, "iteration": int, "seconds": float}


class Checkpoint(NamedTuple):
    """The state of a training between two updates.

    Attributes:
        identity: fingerprint of everything that the training depends on.
        phase: index of the running phase.
        iteration: updates done in it.
        seconds: time spent until then.
        weights: the network's state.
        optimiser: the optimiser's state, tensors by ``PARAMETER.NAME``.
        random: state of torch's generator.
        kept: whatever else the training keeps, tensors by name.
    """

    identity: str
    phase: int
    iteration: int
    seconds: float
    weights: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    random: Tensor
    kept: dict[str, Tensor]

    def kept_average(self) -> dict[str, Tensor]:
        """Return the running average of the weights."""
        return _part(self.kept, "average/")


def checkpoint_path(output: Path) -> Path:
    """Return where the newest checkpoint of a model lies."""
    return output.parent / f"{output.name}.checkpoint"


def _older(path: Path) -> Path:
    return path.parent / f"{path.name}.older"


def has_checkpoint(path: Path) -> bool:
    """Say whether a checkpoint or the one before it lies there."""
    return path.exists() or _older(path).exists()


def remove_checkpoints(path: Path) -> None:
    """Remove a checkpoint, the one before it, and what a killed training left half written."""
    for one in (part_of(path), _older(path), path):
        one.unlink(missing_ok=True)


def write_checkpoint(path: Path, state: Checkpoint) -> None:
    """Write a checkpoint; the older one is kept, and the new one outlives a loss of power.

    Raises:
        OutputError: the file cannot be written; the one before it is as it was.
    """
    tensors = {f"weights/{name}": tensor for name, tensor in state.weights.items()}
    tensors |= {f"optimiser/{name}": tensor for name, tensor in state.optimiser.items()}
    tensors |= {f"kept/{name}": tensor for name, tensor in state.kept.items()}
    tensors["random"] = state.random
    tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
    place = {name: getattr(state, name) for name in _PLACE}
    data = sealed(save(tensors), {_KEY: json.dumps(place)})
    try:
        write_bytes(path, data, lasting=True, keep=_older(path))
    except OutputError as error:
        raise OutputError(
            f"{error}, then repeat the command with --resume: it goes on from the checkpoint before"
        ) from error


def read_checkpoint(path: Path, identity: str) -> Checkpoint | None:
    """Read the newest whole checkpoint, or return None where there is none to go on from.

    A damaged one is reported and passed over.

    Raises:
        WeightsError: the checkpoint belongs to other settings, labels or another split.
    """
    there = [one for one in (path, _older(path)) if one.exists()]
    for one in there:
        try:
            found = _read(one)
        except (WeightsError, AttributeError, KeyError, TypeError, ValueError) as error:
            reason = str(error).removeprefix(f"{one}: ")
            then = "training starts anew" if one == there[-1] else "the one before it is tried"
            log.warning("%s: damaged checkpoint (%s); %s", one, reason, then)
            continue
        if found.identity != identity:
            raise WeightsError(
                f"{one}: belongs to other settings, labels or another seed; "
                "repeat the first command's, or start anew with --overwrite"
            )
        return found
    return None


def _read(path: Path) -> Checkpoint:
    metadata = check_seal(path)
    place: dict[str, Any] = json.loads(metadata[_KEY])
    if {name: type(value) for name, value in place.items()} != _PLACE:
        raise ValueError("it does not say how far the training was")
    tensors = load(path.read_bytes())
    return Checkpoint(
        **place,
        weights=_part(tensors, "weights/"),
        optimiser=_part(tensors, "optimiser/"),
        random=tensors["random"],
        kept=_part(tensors, "kept/"),
    )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors."""
    return {
        f"{parameter}.{name}": value
        for parameter, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put named tensors back into a fresh optimiser over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        parameter, name = key.split(".", 1)
        state.setdefault(int(parameter), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
