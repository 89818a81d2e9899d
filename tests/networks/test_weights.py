"""The model file."""

import json
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from cleanplate.config import load_preset
from cleanplate.errors import WeightsError
from cleanplate.evaluation.describing import describe_model
from cleanplate.networks.building import build
from cleanplate.networks.card import FORMAT, ModelCard, OperatingPoint, read_card
from cleanplate.networks.sealing import sealed
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
    model.write_bytes(sealed(save(load_file(model)), {"cleanplate": json.dumps(values)}))


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


def test_every_flipped_bit_of_the_description_and_any_of_the_weights_is_detected(
    model: Path,
) -> None:
    data = model.read_bytes()
    length = int.from_bytes(data[:8], "little")
    random = np.random.default_rng(0)
    header = random.choice(8 * (8 + length), 400, replace=False).tolist()
    for place in [*header, *random.integers(8 * length, 8 * len(data), 100).tolist()]:
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        model.write_bytes(flipped)
        with pytest.raises(WeightsError):
            load_model(model)


def test_a_model_of_the_format_before_is_read_and_has_no_checksum(
    model: Path, net: TwoStageNet
) -> None:
    values = json.loads(read_card(model).model_dump_json()) | {"format": FORMAT - 1}
    save_file(load_file(model), model, {"cleanplate": json.dumps(values)})
    loaded, _ = load_model(model)
    assert torch.equal(loaded.background_net.plate, net.background_net.plate)  # type: ignore[arg-type]
    assert describe_model(model)["checksum"] == "none, of format 5"


def test_a_model_that_lost_its_checksum_is_refused(model: Path) -> None:
    text = read_card(model).model_dump_json()
    save_file(load_file(model), model, {"cleanplate": text})
    with pytest.raises(WeightsError, match="it has no checksum"):
        load_model(model)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_named(
    model: Path, net: TwoStageNet, card: ModelCard, value: float
) -> None:
    with torch.no_grad():
        next(net.background_net.decoder.parameters())[0, 0, 0, 0] = value
    save_model(model, net, card)
    with pytest.raises(WeightsError, match=r"decoder\.0\.weight has values that are not finite"):
        load_model(model)


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("background", {"bottleneck": 10**12}),
        ("background", {"channels": [8] * 60}),
        ("background", {"channels": [2**16] * 12}),
        ("background", {"most_pixels": 10**15}),
        ("segmentation", {"width": 2**16}),
        ("segmentation", {"side": 10**9, "network": "largefov", "input": "pair", "start": ""}),
        ("frame", {"frame_size": [10**9, 10**9]}),
        ("frame", {"frame_size": [0, 1]}),
    ],
)
def test_a_description_that_asks_for_all_the_memory_is_refused_at_once(
    model: Path, part: str, changes: dict[str, object]
) -> None:
    if part == "frame":
        _rewrite(model, **changes)
    else:
        values = read_card(model).configuration.model_dump()
        values[part] |= changes
        _rewrite(model, configuration=values)
    start = time.monotonic()
    with pytest.raises(WeightsError):
        load_model(model)
    assert time.monotonic() - start < 2  # some milliseconds on an idle machine


def test_info_says_that_a_model_holds_a_picture_of_its_scene(model: Path) -> None:
    described = describe_model(model)
    assert described["holds"].startswith("a picture of its scene")
    assert described["checksum"] == "fits"
