from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from pydantic import ValidationError

from cleanplate.config import (
    PRESETS,
    Configuration,
    configuration_from,
    load_preset,
)
from cleanplate.errors import ConfigError
from cleanplate.evaluation.paper import BUILT_IN
from cleanplate.settings import parse_settings


def smoke_with(old: str, new: str) -> str:
    """Return the smoke preset's text with its first ``old`` replaced."""
    text = resources.files("cleanplate.presets").joinpath("smoke.toml").read_text()
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_loads(name: str) -> None:
    assert isinstance(load_preset(name), Configuration)


def test_every_preset_file_is_named() -> None:
    files = resources.files("cleanplate.presets").iterdir()
    assert {file.name for file in files if file.name.endswith(".toml")} == {
        *(f"{name}.toml" for name in PRESETS),
        *(f"{name}.toml" for name in BUILT_IN),  # what `cleanplate paper` runs
    }


def test_the_paper_preset_holds_the_paper_s_three_phases() -> None:
    phases = load_preset("paper").phases
    numbers = [
        (phase.iterations, phase.batch_size, phase.learning_rate, phase.optimiser)
        for phase in (phases.background, phases.segmentation, phases.joint)
    ]
    assert numbers == [
        (20_000, 4, 1e-4, "sgd"),
        (6_000, 2, 1e-3, "sgd"),
        (3_000, 1, 1e-5, "sgd"),
    ]


def test_the_paper_preset_holds_the_paper_s_networks() -> None:
    paper = load_preset("paper")
    assert (paper.background.square, paper.background.bottleneck) == (True, 4000)
    assert (paper.segmentation.network, paper.segmentation.side) == ("largefov", 961)


def test_a_file_is_a_preset_too(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(smoke_with("width = 8", "width = 24"))
    assert load_preset(str(tmp_path / "mine.toml")).segmentation.width == 24


@pytest.mark.parametrize("name", ["compacr", "", "Paper", "smoke.json"])
def test_an_unknown_preset_is_refused_with_the_known_ones(name: str) -> None:
    message = f"preset '{name}' is unknown; use compact, paper, smoke or a .toml file"
    with pytest.raises(ConfigError, match=message):
        load_preset(name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read \(.+\); check the path"):
        load_preset(str(tmp_path / "none.toml"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"odd.toml: cannot be read \(.+\); check the path"):
        load_preset(str(tmp_path / "odd.toml"))


def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text("[background]\nsquare : true\n")
    with pytest.raises(ConfigError, match=r"odd.toml: not valid TOML \(.*line 2"):
        load_preset(str(tmp_path / "odd.toml"))


def test_an_unknown_key_is_named_with_the_nearest_one_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(smoke_with("width = 8", "width = 8\nwidht = 9"))
    message = r"mine.toml: unknown key segmentation.widht; did you mean segmentation.width\?"
    with pytest.raises(ConfigError, match=message):
        load_preset(str(tmp_path / "mine.toml"))


def test_a_misspelt_key_is_called_unknown_not_missing() -> None:
    text = smoke_with("bottleneck", "botleneck")
    message = r"unknown key background.botleneck; did you mean background.bottleneck\?"
    with pytest.raises(ConfigError, match=message):
        parse_settings(Configuration, text, "mine.toml")


def test_a_misspelt_key_of_a_phase_is_named_whole() -> None:
    text = smoke_with("batch_size", "batchsize")
    message = r"unknown key phases.background.batchsize; did you mean phases.background.batch_size"
    with pytest.raises(ConfigError, match=message):
        parse_settings(Configuration, text, "mine.toml")


def test_a_misspelt_table_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown key losses; did you mean loss\?"):
        parse_settings(Configuration, smoke_with("[loss]", "[losses]"), "mine.toml")


def test_a_missing_key_is_named() -> None:
    text = smoke_with("width = 8\n", "")
    with pytest.raises(ConfigError, match=r"mine.toml: key segmentation.width is missing; add it"):
        parse_settings(Configuration, text, "mine.toml")


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        ("width = '8'", "segmentation.width is '8': input should be a valid integer"),
        ("width = 8.5", "segmentation.width is 8.5: input should be a valid integer"),
        ("width = true", "segmentation.width is True: input should be a valid integer"),
        ("width = 0", "segmentation.width is 0: input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_type_or_range_is_named_with_the_value(new: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"mine.toml: {complaint}"):
        parse_settings(Configuration, smoke_with("width = 8", new), "mine.toml")


def test_an_unknown_choice_is_named_with_the_known_ones() -> None:
    text = smoke_with('network = "compact"', 'network = "unet"')
    message = "segmentation.network is 'unet': input should be 'largefov' or 'compact'"
    with pytest.raises(ConfigError, match=message):
        parse_settings(Configuration, text, "mine.toml")


def test_a_wrong_entry_of_a_list_is_named_with_its_place() -> None:
    text = smoke_with("channels = [8, 16, 16]", "channels = [8, 'x', 16]")
    with pytest.raises(ConfigError, match=r"background.channels.1 is 'x': input should be a valid"):
        parse_settings(Configuration, text, "mine.toml")


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name: str) -> None:
    configuration = load_preset(name)
    values = json.loads(configuration.model_dump_json())
    assert configuration_from(values, "model file") == configuration


def test_a_configuration_cannot_be_changed() -> None:
    configuration = load_preset("smoke")
    with pytest.raises(ValidationError, match="frozen"):
        configuration.loss.segmentation_weight = 1.0
