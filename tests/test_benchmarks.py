"""Benchmarks that no test could run here as they are meant: they run at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
MISSING = ("av", "matplotlib", "onnx", "openvino", "pydantic", "rich", "safetensors", "typer")
WITHOUT = (
    "import runpy, sys; "
    f"sys.modules.update(dict.fromkeys({MISSING})); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.mark.slow
def test_the_gpu_benchmark_needs_torch_numpy_and_opencv_alone(tmp_path: Path) -> None:
    output = tmp_path / "gpu.json"
    arguments = ["--device", "cpu", "--side", "65", "--batches", "1", "--repeats", "1"]
    arguments += ["--matrix", "128", "--bottleneck", "8"]
    subprocess.run(
        [sys.executable, "-c", WITHOUT, str(SCRIPT), *arguments, "--output", str(output)],
        check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    found = json.loads(output.read_text())
    ways = {row["way"]: row for row in found["inference"]}
    assert set(ways) == {"float32", "bfloat16"}
    assert ways["float32"]["different"] == 0
    assert all("error" not in row for row in ways.values())
    assert [row["phase"] for row in found["training"]] == ["background", "segmentation", "joint"]
