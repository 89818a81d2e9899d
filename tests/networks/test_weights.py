"""The model file and published weights."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cleanplate.config import load_preset
from cleanplate.errors import WeightsError
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.networks.two_stage import TwoStageNet, build
from cleanplate.networks.weights import (
    FORMAT,
    ModelCard,
    load_model,
    load_published,
    read_card,
    save_model,
)


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
        validation=None, warning="", configuration=load_preset("smoke"),
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


def _vgg_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    ours = [layer for layer in LargeFovNet(3).features if isinstance(layer, torch.nn.Conv2d)]
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    state = {}
    for place, layer in zip(places, ours, strict=True):
        state[f"features.{place}.weight"] = torch.randn(layer.weight.shape)
        state[f"features.{place}.bias"] = torch.randn(layer.out_channels)
    return state


def test_published_vgg_weights_go_to_the_layers_of_the_same_name(tmp_path: Path) -> None:
    state = _vgg_state()
    torch.save(state, tmp_path / "vgg16.pth")
    net = LargeFovNet()
    report = load_published(net, tmp_path / "vgg16.pth")
    assert report.adapted == ["conv1_1"]
    assert report.new == ["fc8", "fc6", "fc7"]
    assert len(report.taken) == 12
    last = [layer for layer in net.features if isinstance(layer, torch.nn.Conv2d)][-1]
    assert torch.equal(last.weight, state["features.28.weight"])


def test_the_first_layer_starts_as_the_difference_of_frame_and_background(tmp_path: Path) -> None:
    state = _vgg_state()
    torch.save(state, tmp_path / "vgg16.pth")
    net = LargeFovNet()
    load_published(net, tmp_path / "vgg16.pth")
    first = net.features[0]
    assert isinstance(first, torch.nn.Conv2d)
    assert torch.equal(first.weight[:, :3], -first.weight[:, 3:])
    red = state["features.0.weight"][:, 0] / (255 * 0.229)
    assert torch.allclose(first.weight[:, 5], red)  # BGR: red is the last


def test_published_weights_without_a_layer_are_refused(tmp_path: Path) -> None:
    state = _vgg_state()
    del state["features.28.bias"]
    torch.save(state, tmp_path / "vgg16.pth")
    with pytest.raises(WeightsError, match=r"vgg16\.pth: lacks features\.28"):
        load_published(LargeFovNet(), tmp_path / "vgg16.pth")


def test_a_pickle_that_would_run_code_is_refused_as_published_weights(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    torch.save(Trap(), tmp_path / "trap.pth")
    with pytest.raises(WeightsError, match=r"trap\.pth: no readable weights"):
        load_published(LargeFovNet(), tmp_path / "trap.pth")
    assert not (tmp_path / "ran").exists()
