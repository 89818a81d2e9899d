"""Stage 2 in 8 bits, made from frames of the scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate.errors import ConfigError, OutputError, VideoError
from cleanplate.networks.conversion_cache import cache_folder
from cleanplate.runtime.quantise import quantise_model

MOST_DIFFERENT = 0.01


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANPLATE_CACHE", str(tmp_path / "cache"))


def test_an_8_bit_version_is_asked_for_made_and_near_its_model(
    smoke_model: Path, drawn_scene: Path
) -> None:
    with pytest.raises(ConfigError, match=r"no 8-bit version .*: cleanplate quantise .* VIDEO"):
        cleanplate.load(smoke_model, "cpu", engine="int8")
    frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]
    found = quantise_model(smoke_model, frames)
    assert found.made_from + found.compared == len(frames)
    assert 0 < found.different <= found.most_different < MOST_DIFFERENT  # not float's own masks

    small = cleanplate.load(smoke_model, "cpu", engine="int8")
    reference = cleanplate.load(smoke_model, "cpu", engine="torch")
    assert small.engine.name == "int8"
    ours, theirs = small.segment(frames[-1]), reference.segment(frames[-1])
    assert (ours.mask != theirs.mask).mean() < MOST_DIFFERENT
    assert theirs.mask.any()
    assert ours.background is not None
    assert theirs.background is not None
    assert np.abs(ours.background.astype(int) - theirs.background).max() <= 1

    for path in cache_folder().glob("int8-*/decision.onnx"):
        path.write_bytes(b"no network")
    with pytest.raises(ConfigError, match="8-bit version is damaged; repeat cleanplate quantise"):
        cleanplate.load(smoke_model, "cpu", engine="int8")


def test_a_picture_alone_is_too_little(smoke_model: Path) -> None:
    with pytest.raises(VideoError, match="1 frames are too few; give a video of the scene"):
        quantise_model(smoke_model, [np.zeros((64, 96, 3), np.uint8)])


def test_a_version_that_cannot_be_kept_is_no_success(
    smoke_model: Path, drawn_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLEANPLATE_CACHE", str(tmp_path / "file"))
    frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")][:6]
    with pytest.raises(OutputError, match="the 8-bit version cannot be kept; make room"):
        quantise_model(smoke_model, frames)
