"""A disk that answers with errors (EIO): one line, exit code 1, and nothing half written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cleanplate
from cleanplate.images import read_unchanged
from cleanplate.networks.weights import load_model
from tests.faults.commands import half_written, report

pytestmark = pytest.mark.faults

AFTER = (0, 1, 3, 8, 20)
"""From which write on the disk fails; a run that has fewer is not disturbed."""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what is preloaded."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc, which makes the failing disk")
    library = tmp_path_factory.mktemp("shim") / "failing_disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    command = ["gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run([*command, "-ldl"], check=True)
    return library


def _run(arguments: list[object], more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cleanplate.cli", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **more},
        capture_output=True,
        text=True,
        check=False,
    )


def _check_whole(folder: Path) -> None:
    """Whatever has its final name can be read."""
    for path in folder.rglob("*"):
        if path.suffix == ".safetensors":
            load_model(path)
        elif path.suffix == ".png":
            read_unchanged(path)
        elif path.suffix == ".mp4":
            assert sum(1 for _ in cleanplate.open_source(path)) > 0


@pytest.mark.parametrize("command", ["train", "segment", "export", "synth"])
def test_a_disk_that_fails_is_one_line_and_leaves_nothing_half_written(
    command: str, shim: Path, street: Path, preset: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    arguments: dict[str, list[object]] = {
        "train": [street, "-o", folder / "m.safetensors", "--preset", preset, "--device", "cpu"],
        "segment": [
            whole, street / "input", "--masks", folder / "masks", "--video", folder / "v.mp4",
            "--lines", folder / "l.jsonl", "--coco", folder / "c.json", "--engine", "torch",
        ],
        "export": [whole, "--to", "onnx", "-o", folder / "m.onnx"],
        "synth": ["shadow", "-o", folder / "scene", "--frames", 20, "--size", "96x64"],
    }  # fmt: skip
    failed = 0
    for after in AFTER:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        disk = {"LD_PRELOAD": str(shim), "FAILS_BELOW": str(folder), "FAILS_AFTER": str(after)}
        done = _run([command, *arguments[command]], disk)
        if done.returncode == 0:
            break
        failed += 1
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        errors = [line for line in done.stderr.splitlines() if line.startswith("cleanplate: ")]
        assert len(errors) == 1, done.stderr
        assert str(folder) in errors[0]
        assert "Input/output error" in errors[0]
        assert not half_written(folder), half_written(folder)
        _check_whole(folder)
    assert failed
    report(f"{command}: {failed} disks that fail, one line each")
    again = {"train": ["--resume"], "segment": ["--overwrite"], "export": ["--overwrite"]}
    done = _run([command, *arguments[command], *again.get(command, ["--overwrite"])], {})
    assert done.returncode == 0, done.stderr
    _check_whole(folder)
