"""The model file."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cleanplate.config import load_preset
from cleanplate.errors import WeightsError
from cleanplate.networks.building import build
from cleanplate.networks.card import FORMAT, ModelCard, OperatingPoint, read_card
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.networks.weights import load_model, save_model


@pytest.fixture
def net() -> TwoStageNet:
    torch.manual_seed(0)
    return build(load_preset("smoke"), (48, 64))


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        format=FORMAT, version="0", preset="smoke", scene="yard", category="", frame_size=(48, 64),
        split="half", training_frames=(1, 2, 5), label_fingerprint="0" * 64,
        label_digests=("0" * 12,) * 3, seed=0,
        validation=None, operating_point=OperatingPoint(), warning="",
        configuration=load_preset("smoke"),
    )  # fmt: skip


@pytest.fixture
def model(tmp_path: Path, net: TwoStageNet, card: ModelCard) -> Path:
    save_model(tmp_path / "yard.safetensors", net, card)
    return tmp_path / "yard.safetensors"


def _rewrite(model: Path, **changes: object) -> None:
    values = json.loads(read_card(model).model_dump_json()) | changes
    save_file(load_file(model), model, {"cleanplate": json.dumps(values)})


def test_a_saved_model_comes_back_to_the_bit(
    model: Path, net: TwoStageNet, card: ModelCard
) -> None:
    loaded, found = load_model(model)
    assert found == card
    for name, tensor in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_loading_a_model_does_not_touch_the_global_generator(model: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_model(model)
    assert torch.equal(torch.rand(3), expected)


def test_the_file_names_no_path_user_or_host(model: Path) -> None:
    header = model.read_bytes()[:20_000].decode("latin-1").lower()
    for word in (str(model.parent).lower(), "/home", "/tmp", "hostname"):
        assert word not in header


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors: no such model file"):
        load_model(tmp_path / "gone.safetensors")


def test_a_file_that_is_no_safetensors_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pickle.safetensors"
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    with pytest.raises(WeightsError, match=r"pickle\.safetensors: no whole safetensors file"):
        load_model(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_model_is_refused(model: Path, share: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"yard\.safetensors: no whole safetensors file.*again"):
        load_model(model)


def test_foreign_tensors_are_no_model(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"other\.safetensors: holds no Cleanplate model"):
        load_model(tmp_path / "other.safetensors")


def test_another_format_number_is_refused(model: Path) -> None:
    _rewrite(model, format=FORMAT + 1)
    with pytest.raises(WeightsError, match=f"has format {FORMAT + 1}, this Cleanplate reads"):
        load_model(model)


def test_a_damaged_description_is_refused(model: Path) -> None:
    _rewrite(model, seed="zero")
    with pytest.raises(WeightsError, match="its description is damaged"):
        load_model(model)


def test_tensors_that_do_not_fit_the_configuration_are_named(model: Path) -> None:
    changed = read_card(model).configuration.model_dump()
    changed["segmentation"]["width"] = 16
    _rewrite(model, configuration=changed)
    with pytest.raises(WeightsError, match=r"does not fit its configuration \(segmentation_net"):
        load_model(model)
