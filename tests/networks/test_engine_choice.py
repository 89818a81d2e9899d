"""Every engine gives torch's masks; a model is converted once."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import cleanplate
from cleanplate.config import load_preset
from cleanplate.errors import ConfigError
from cleanplate.images import Frame
from cleanplate.networks import engine_choice
from cleanplate.networks.building import build
from cleanplate.networks.card import FORMAT, ModelCard, OperatingPoint
from cleanplate.networks.conversion_cache import DEAD_SECONDS, MOST_KEPT, cache_folder
from cleanplate.networks.engine_choice import make_engine
from cleanplate.networks.graphs import DecisionGraph, SurroundingsGraph, is_divided
from cleanplate.networks.weights import load_model, save_model

MOST_DIFFERENT = 0.001
"""Share of the pixels of a real frame that may differ from torch's."""


@pytest.fixture
def frames(drawn_scene: Path) -> list[Frame]:
    return [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_an_engine_gives_torchs_masks_and_plates(
    engine: str, smoke_model: Path, frames: list[Frame]
) -> None:
    theirs = cleanplate.load(smoke_model, "cpu", engine=engine)
    reference = cleanplate.load(smoke_model, "cpu", engine="torch")
    assert theirs.engine.name == engine
    different, foreground = [], []
    for frame in frames:
        found, wanted = theirs.segment(frame), reference.segment(frame)
        assert found.background is not None
        assert wanted.background is not None
        assert np.abs(found.background.astype(int) - wanted.background).max() <= 1
        different.append((found.mask != wanted.mask).mean())
        foreground.append(wanted.mask.any())
    assert np.mean(different) <= MOST_DIFFERENT
    assert any(foreground)


def test_the_whole_network_and_its_two_graphs_agree(smoke_model: Path, frames: list[Frame]) -> None:
    net, card = load_model(smoke_model)
    assert is_divided(net)
    seen = torch.from_numpy(frames[-1])[None]
    with torch.inference_mode():
        assert net.long_term is not None
        around = SurroundingsGraph(net)(seen, net.long_term)
        found = DecisionGraph(net, card.frame_size, 2.0)(seen, around.context)
        output = net(seen.permute(0, 3, 1, 2).float() / 255)
        wanted = (output.logits / 2).softmax(1)[:, 1]
    assert torch.allclose(found, wanted, atol=1e-5)
    assert torch.equal(around.background, output.background)


@pytest.fixture
def shaking_model(smoke_model: Path, tmp_path: Path) -> Path:
    net, card = load_model(smoke_model)
    assert net.reach is not None
    net.reach.fill_(4)
    save_model(tmp_path / "shaking.safetensors", net, card)
    return tmp_path / "shaking.safetensors"


def test_engines_follow_a_shaking_camera(shaking_model: Path, frames: list[Frame]) -> None:
    net, card = load_model(shaking_model)
    point = card.operating_point
    theirs = cleanplate.load(shaking_model, "cpu", engine="openvino")
    assert theirs.engine.reach == 4
    for shift in ((0, 0), (2, -3)):
        frame = np.ascontiguousarray(np.roll(frames[-1], shift, (0, 1)))
        with torch.inference_mode():
            logits = net(torch.from_numpy(frame)[None].permute(0, 3, 1, 2).float() / 255).logits
        probability = torch.sigmoid((logits[0, 1] - logits[0, 0]) / point.temperature)
        wanted = probability.numpy() >= point.threshold
        assert (theirs.segment(frame).mask != wanted).mean() <= 2 * MOST_DIFFERENT


@pytest.mark.parametrize("stage_2", ["pair", "long-term", "siamese"])
def test_other_networks_run_on_openvino_too(stage_2: str, tmp_path: Path) -> None:
    base = load_preset("smoke")
    second = base.segmentation.model_copy(update={"input": stage_2, "start": ""})
    configuration = base.model_copy(update={"segmentation": second})
    torch.manual_seed(0)
    net = build(configuration, (49, 65)).eval()  # odd sides: they are padded
    card = ModelCard(
        format=FORMAT, version="0", preset="smoke", scene="s", category="", frame_size=(49, 65),
        split="half", training_frames=(1,), label_fingerprint="", label_digests=(), seed=0,
        validation=None, operating_point=OperatingPoint(), warning="", configuration=configuration,
    )  # fmt: skip
    save_model(tmp_path / "m.safetensors", net, card)
    frame = np.random.default_rng(0).integers(0, 255, (49, 65, 3), dtype=np.uint8)
    found, wanted = (
        cleanplate.load(tmp_path / "m.safetensors", "cpu", engine=engine).segment(frame)
        for engine in ("openvino", "torch")
    )
    assert found.probability is not None
    assert wanted.probability is not None
    assert np.abs(found.probability - wanted.probability).max() < 0.02
    assert (found.background is None) is (stage_2 == "long-term")


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLEANPLATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_model_is_converted_once_and_kept_for_its_owner_alone(
    smoke_model: Path, empty_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            make_engine(smoke_model, "cpu", "openvino")
    ours = [record for record in caplog.records if record.name.startswith("cleanplate")]
    assert [record.getMessage() for record in ours] == [
        f"converting {smoke_model.name} for openvino, once; the next start is quick"
    ]
    assert cache_folder().stat().st_mode & 0o077 == 0
    assert len(list(cache_folder().iterdir())) == 1


def test_a_converted_model_starts_without_torch(smoke_model: Path) -> None:
    make_engine(smoke_model, "cpu", "openvino")
    code = (
        "import sys, cleanplate, numpy as np\n"
        f"model = cleanplate.load({str(smoke_model)!r}, 'cpu', engine='openvino')\n"
        "model.apply(np.zeros((64, 96, 3), np.uint8))\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_damaged_conversion_is_made_again(
    smoke_model: Path, empty_cache: Path, frames: list[Frame], caplog: pytest.LogCaptureFixture
) -> None:
    before = cleanplate.load(smoke_model, "cpu", engine="openvino").segment(frames[-1]).mask
    for path in cache_folder().glob("*/decision.bin"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    again = cleanplate.load(smoke_model, "cpu", engine="openvino")
    assert "damaged" in caplog.text
    assert np.array_equal(again.segment(frames[-1]).mask, before)


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    smoke_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: list[Frame],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CLEANPLATE_CACHE", str(tmp_path / "file" / "cache"))
    assert cleanplate.load(smoke_model, "cpu", engine="openvino").segment(frames[0]) is not None
    assert "nothing is kept" in caplog.text


def test_only_so_many_converted_models_are_kept(smoke_model: Path, empty_cache: Path) -> None:
    for number in range(MOST_KEPT + 5):
        (cache_folder() / f"openvino1-{number:032x}").mkdir(parents=True)
    others = {cache_folder() / "my-project", cache_folder() / ".part-x-y", empty_cache / "a-b"}
    for folder in others:
        folder.mkdir()
    make_engine(smoke_model, "cpu", "openvino")
    assert all(folder.exists() for folder in others)
    kept = set(cache_folder().iterdir()) - others
    assert len(kept) == MOST_KEPT
    assert any((folder / "decision.xml").exists() for folder in kept)


def test_what_a_killed_conversion_left_goes_with_the_next(
    smoke_model: Path, empty_cache: Path
) -> None:
    dead, alive = cache_folder() / ".part-dead", cache_folder() / ".part-alive"
    for folder in (dead, alive):
        folder.mkdir(parents=True)
        (folder / "model.xml").touch()
    long_ago = time.time() - DEAD_SECONDS - 60
    os.utime(dead, (long_ago, long_ago))
    make_engine(smoke_model, "cpu", "openvino")
    assert alive.exists()
    assert not dead.exists()


def test_an_engine_that_is_not_there_is_named(smoke_model: Path) -> None:
    with pytest.raises(ConfigError, match="engine 'tensorrt' is unknown; use one of auto, torch"):
        make_engine(smoke_model, "cpu", "tensorrt")
    with pytest.raises(ConfigError, match=r"device cuda is not there|openvino runs on the CPU"):
        make_engine(smoke_model, "cuda", "openvino")


def test_what_openvino_cannot_convert_runs_on_torch_unless_it_was_asked_for(
    smoke_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(model: Path) -> None:
        raise RuntimeError("No conversion rule found\nfor operations: truediv")

    monkeypatch.setitem(engine_choice._OPENED, "openvino", fails)
    engine, _ = make_engine(smoke_model, "cpu", "auto")
    assert engine.name == "torch"
    assert "cannot be converted for openvino (No conversion rule found)" in caplog.text
    with pytest.raises(ConfigError, match="use --engine torch"):
        make_engine(smoke_model, "cpu", "openvino")
