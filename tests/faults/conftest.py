"""A drawn scene and a model of it, made by the commands themselves."""

from __future__ import annotations

import re
from importlib import resources
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
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke preset at a quarter of its length: 5, 30 and 5 updates."""
    text = resources.files("cleanplate.presets").joinpath("smoke.toml").read_text()
    lengths = re.compile(r"(?m)^iterations = (\d+)$")
    path = tmp_path_factory.mktemp("preset") / "quarter.toml"
    path.write_text(lengths.sub(lambda found: f"iterations = {int(found[1]) // 4}", text))
    return path


@pytest.fixture(scope="session")
def whole(street: Path, preset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    arguments = ["train", street, "-o", folder / "m.safetensors", "--preset", preset]
    done = run([*arguments, "--device", "cpu"], folder / "log")
    assert done.process.exitcode == 0, done.errors()
    return folder / "m.safetensors"
