"""What the tests of published weights share: a net to start, and a way to save a state."""

import copy
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cleanplate.networks.segmentation import LargeFovNet
from tests.networks.published import Save


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves a state as ``start.pth`` and returns its path."""

    def to_file(state: Mapping[str, Tensor]) -> Path:
        torch.save(state, tmp_path / "start.pth")
        return tmp_path / "start.pth"

    return to_file


@pytest.fixture(scope="session")
def untouched() -> LargeFovNet:
    """A net that no test may change."""
    torch.manual_seed(0)
    return LargeFovNet()


@pytest.fixture
def net(untouched: LargeFovNet) -> LargeFovNet:
    """A fresh net of six channels."""
    return copy.deepcopy(untouched)
