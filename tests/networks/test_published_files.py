"""Files of published weights: what is read, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cleanplate.errors import WeightsError
from cleanplate.networks.published_files import VGG16_ADDRESS
from cleanplate.networks.published_weights import load_published
from cleanplate.networks.segmentation import LargeFovNet
from tests.networks.published import (
    Save,
    State,
    deeplab_state,
    normalised_state,
    reduced_state,
    small,
    torchvision_state,
)
from tests.networks.test_caffemodel import V1, V2, field, layer, varint
from tests.networks.test_caffemodel import net as caffe_net


def test_half_precision_and_safetensors_are_read(tmp_path: Path, net: LargeFovNet) -> None:
    state = {name: tensor.half().contiguous() for name, tensor in deeplab_state().items()}
    save_file(state, tmp_path / "deeplab.safetensors")
    load_published(net, tmp_path / "deeplab.safetensors")
    weight = next(net.parameters())
    assert weight.dtype == torch.float32
    assert torch.equal(weight[:, 3:], state["conv1_1.weight"].float())


def test_the_pickle_of_older_torch_is_read(tmp_path: Path, net: LargeFovNet) -> None:
    path = tmp_path / "vgg16_reducedfc.pth"
    torch.save(reduced_state(), path, _use_new_zipfile_serialization=False)
    assert load_published(net, path).title == "FC-reduced VGG-16 of SSD"


def _caffe_file(path: Path, state: State, form: int) -> Path:
    """Write a state dict as a Caffe model, its values packed."""
    layers = []
    for key in dict.fromkeys(name.rpartition(".")[0] for name in state):
        blobs = []
        for tensor in (state[f"{key}.weight"], state[f"{key}.bias"]):
            dims = b"".join(varint(side) for side in tensor.shape)
            data = tensor.contiguous().numpy().tobytes()
            blobs.append(field(7, field(1, dims)) + field(5, data))
        layers.append(layer(form, key, *blobs))
    path.write_bytes(caffe_net(*layers))
    return path


@pytest.mark.parametrize("form", [V1, V2])
def test_a_caffemodel_gives_what_the_same_state_dict_gives(
    tmp_path: Path, save: Save, form: int
) -> None:
    nets = LargeFovNet(), LargeFovNet()
    nets[1].load_state_dict(nets[0].state_dict())
    report = load_published(nets[0], _caffe_file(tmp_path / "a.caffemodel", deeplab_state(), form))
    assert report == load_published(nets[1], save(deeplab_state()))
    for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(one, other)


def _changed(make: Callable[[], State], **changes: Tensor | None) -> State:
    state = make()
    for name, tensor in changes.items():
        state.pop(name, None)
        if tensor is not None:
            state[name] = tensor
    return state


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no features": (
        lambda: {k: v for k, v in torchvision_state().items() if "classifier" not in k},
        "VGG-16 of torchvision lacks fc6, fc7; .* or set partial_weights = true",
    ),
    "VGG-16 with norms": (
        lambda: torchvision_state() | {"features.1.running_mean": small(64)},
        r"holds 'features\.1\.running_mean', no part of VGG-16 of torchvision",
    ),
    "VGG-19": (
        lambda: _changed(deeplab_state, **{"conv3_4.weight": small(256, 256, 3, 3)}),
        "holds 'conv3_4', no part of VGG-16 or DeepLab-LargeFOV of Caffe",
    ),
    "ResNet": (lambda: {"conv1.weight": small(64, 3, 7, 7)}, "begins with 'conv1.weight'"),
    "MobileNet": (lambda: {"features.0.0.weight": small(32, 3, 3, 3)}, "no network known here"),
    "AlexNet": (
        lambda: {"features.0.weight": small(64, 3, 11, 11), "features.3.bias": small(192)},
        r"holds 'features\.3', no part",
    ),
    "4 x 4": (
        lambda: _changed(deeplab_state, **{"fc6.weight": small(4096, 512, 4, 4)}),
        "fc6 is 4096x512x4x4 and 1024, wanted 1024x512x3x3 and 1024; give",
    ),
    "no bias": (
        lambda: _changed(deeplab_state, **{"conv4_2.bias": None}),
        "conv4_2 lacks its weight or its bias; copy the file again",
    ),
    "wrong bias": (
        lambda: _changed(deeplab_state, **{"conv4_2.bias": small(3)}),
        "conv4_2 is 512x512x3x3 and 3, wanted 512x512x3x3 and 512",
    ),
    "mixed": (
        lambda: _changed(
            deeplab_state, **{"fc7.weight": small(4096, 4096), "fc7.bias": small(4096)}
        ),
        "fc6 and fc7 are of different networks",
    ),
    "not finite": (  # torchvision's vgg16_features-amdegroot has such classifiers
        lambda: _changed(
            torchvision_state, **{"classifier.0.weight": small(4096, 25088, value=float("nan"))}
        ),
        r"classifier\.0 holds no finite numbers",
    ),
    "integers": (
        lambda: _changed(deeplab_state, **{"fc7.bias": torch.ones(1024, dtype=torch.long)}),
        "no plain state dict of float tensors",
    ),
    "wrapped": (lambda: {"state_dict": deeplab_state()}, "no plain state dict of float tensors"),
    "numbers": (lambda: {0: small(1)}, "no plain state dict of float tensors"),
    "a list": (lambda: [1, 2], "no plain state dict of float tensors"),
    "nothing": (lambda: {}, "is no network known here"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_by_name_and_changes_nothing(
    save: Save, untouched: LargeFovNet, case: str
) -> None:
    make, reason = REFUSED[case]
    before = [parameter._version for parameter in untouched.parameters()]
    with pytest.raises(WeightsError, match=rf"start\.pth: .*{reason}") as caught:
        load_published(untouched, save(make()))
    assert "\n" not in str(caught.value)
    assert before == [parameter._version for parameter in untouched.parameters()]


@pytest.mark.parametrize(
    ("make", "gone"), [(deeplab_state, "conv3_1"), (normalised_state, "2"), (reduced_state, "31")]
)
def test_a_start_with_a_gap_is_refused_though_partial(
    save: Save, untouched: LargeFovNet, make: Callable[[], State], gone: str
) -> None:
    state = _changed(make, **{f"{gone}.weight": None, f"{gone}.bias": None})
    with pytest.raises(WeightsError, match="what follows is of no use without it"):
        load_published(untouched, save(state), partial=True)


@pytest.mark.parametrize("name", ["gone.pth", "gone.caffemodel", "gone.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, untouched: LargeFovNet, name: str) -> None:
    with pytest.raises(WeightsError, match=rf"{name}: no readable weights \(.*No such file"):
        load_published(untouched, tmp_path / name)


@pytest.mark.parametrize("name", ["a.pth", "a.caffemodel", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x80\x02}q", b"PK\x03\x04 and more", b"text" * 99])
def test_a_file_of_other_bytes_is_refused_in_one_line(
    tmp_path: Path, untouched: LargeFovNet, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{name}: ") as caught:
        load_published(untouched, tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(
    tmp_path: Path, untouched: LargeFovNet
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save(Trap(), tmp_path / "trap.pth")
    with pytest.raises(WeightsError, match=r"trap\.pth: no readable weights"):
        load_published(untouched, tmp_path / "trap.pth")
    assert not (tmp_path / "ran").exists()


def test_vgg16_is_downloaded_with_its_hash_compared(
    net: LargeFovNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def download(url: str, **options: Any) -> State:
        asked.update(options, url=url)
        return torchvision_state()

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    assert load_published(net, "vgg16").title == "VGG-16 of torchvision"
    assert asked["url"] == VGG16_ADDRESS
    assert asked["check_hash"]
    assert asked["weights_only"]


def test_a_failing_download_says_what_to_do(
    net: LargeFovNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(url: str, **_: Any) -> State:
        raise OSError("no route\nto host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    with pytest.raises(WeightsError, match=r"vgg16: https://.*\(no route\); download it by hand"):
        load_published(net, "vgg16")


@pytest.mark.real
def test_the_real_mobilenet_is_refused(net: LargeFovNet, real_data: Path) -> None:
    path = real_data.parent / "weights" / "deeplabv3_mnv2_pascal_dequant.pth"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    with pytest.raises(WeightsError, match=r"begins with 'features\.0\.0\.weight'"):
        load_published(net, path, partial=True)
