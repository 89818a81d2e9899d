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
from tests.studio.serving import Process, png, square, write_clip

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
def test_a_disk_that_fails_is_one_line_and_the_next_run_works(
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
    again = "--resume" if command == "train" else "--overwrite"
    failed = 0
    for after in AFTER:
        folder.mkdir()
        if not _fails(shim, folder, after, [command, *arguments[command]]):
            break
        failed += 1
        _check_whole(folder)
        done = _run([command, *arguments[command], again], {})
        assert done.returncode == 0, done.stderr
        _check_whole(folder)
        if command == "train":
            assert (folder / "m.safetensors").read_bytes() == whole.read_bytes()
        shutil.rmtree(folder)
    assert failed
    report(f"{command}: {failed} disks that fail, one line each; the next run works")


@pytest.mark.parametrize("after", [0, 1])
def test_what_was_there_outlives_a_disk_that_fails(
    shim: Path, whole: Path, street: Path, tmp_path: Path, after: int
) -> None:
    output = tmp_path / "m.onnx"
    lines = tmp_path / "l.jsonl"
    for path in (output, lines):
        path.write_bytes(b"precious")
    export = ["export", whole, "--to", "onnx", "-o", output, "--overwrite"]
    segment = ["segment", whole, street / "input", "--lines", lines, "--overwrite"]
    assert _fails(shim, tmp_path, after, export)
    assert _fails(shim, tmp_path, 0, [*segment, "--engine", "torch"])
    assert output.read_bytes() == lines.read_bytes() == b"precious"


def _fails(shim: Path, folder: Path, after: int, arguments: list[object]) -> bool:
    """Run a command on a disk that fails; False where that came too late to be noticed."""
    disk = {"LD_PRELOAD": str(shim), "FAILS_BELOW": str(folder), "FAILS_AFTER": str(after)}
    done = _run(arguments, disk)
    if done.returncode == 0:
        return False
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("cleanplate: ")]
    assert len(errors) == 1, done.stderr
    assert str(folder) in errors[0]
    assert "Input/output error" in errors[0]
    assert not half_written(folder), half_written(folder)
    return True


def test_a_label_that_the_disk_refuses_is_said_and_the_older_one_stays(
    shim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gate"
    (folder / "videos").mkdir(parents=True)
    (folder / "groundtruth").mkdir()
    write_clip(folder / "videos" / "gate.mp4")
    label = folder / "groundtruth" / "gt000003.png"
    label.write_bytes(png(square(4)))
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("FAILS_BELOW", str(folder / "groundtruth"))
    monkeypatch.setenv("FAILS_AFTER", "0")
    process = Process(folder)
    monkeypatch.undo()
    try:
        client = process.client
        (known,) = client.wait_for_frames()["labels"]
        for number, revision in ((3, known["revision"]), (4, "")):
            refused = client.put_label(number, square(20), revision)
            assert refused.status == 507
            assert "Input/output error" in refused.error
        assert label.read_bytes() == png(square(4))
        assert [path.name for path in (folder / "groundtruth").iterdir()] == [label.name]
        assert client.get("/api/frames/4.jpg").status == 200
    finally:
        process.kill()
