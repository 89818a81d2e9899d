"""What a checkpoint keeps, it keeps to the bit, and the disk knows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cleanplate import files
from cleanplate.training.checkpoints import Checkpoint, read_checkpoint, write_checkpoint


def _state(iteration: int) -> Checkpoint:
    torch.manual_seed(iteration)
    weights = {"a.weight": torch.rand(2, 3), "b": torch.tensor(iteration)}
    moments = {"0.exp_avg": torch.rand(2, 3), "0.step": torch.tensor(float(iteration))}
    kept = {"labels": torch.zeros(2, 4, 4, dtype=torch.int8)}
    return Checkpoint("me", 1, iteration, 2.5, weights, moments, torch.get_rng_state(), kept)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    state = _state(7)
    write_checkpoint(tmp_path / "c", state)
    found = read_checkpoint(tmp_path / "c", "me")
    assert found is not None
    assert (found.identity, found.phase, found.iteration, found.seconds) == ("me", 1, 7, 2.5)
    for kind in ("weights", "optimiser", "kept"):
        here, there = getattr(found, kind), getattr(state, kind)
        assert set(here) == set(there)
        assert all(torch.equal(here[name], there[name]) for name in there)
    assert torch.equal(found.random, state.random)


def test_the_disk_knows_a_checkpoints_name_before_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    write_checkpoint(tmp_path / "c", _state(1))
    assert synced == [tmp_path]
