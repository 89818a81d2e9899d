"""A drawn scene and a model of it, made by the commands themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.commands import run


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn street of 40 frames of 96 x 64."""
    folder = tmp_path_factory.mktemp("faults")
    arguments = ["synth", "baseline", "-o", folder / "street", "--frames", 40, "--size", "96x64"]
    done = run(arguments, folder / "log")
    assert done.process.exitcode == 0, done.errors()
    return folder / "street"


@pytest.fixture(scope="session")
def whole(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    arguments = ["train", street, "-o", folder / "m.safetensors", "--preset", "smoke"]
    done = run([*arguments, "--device", "cpu"], folder / "log")
    assert done.process.exitcode == 0, done.errors()
    return folder / "m.safetensors"
