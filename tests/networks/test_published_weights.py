"""Published weights in stage 2: our layers against what the published ones answer."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cleanplate.errors import WeightsError
from cleanplate.networks.published_files import CONVOLUTIONS
from cleanplate.networks.published_weights import FirstLayer, decimate, load_published
from cleanplate.networks.segmentation import CAFFE_MEAN_BGR, LargeFovNet
from tests.networks.published import (
    Save,
    State,
    add_layer,
    deeplab_state,
    normalised_state,
    reduced_state,
    small,
    torchvision_state,
)


def _first(net: LargeFovNet) -> nn.Conv2d:
    first = net.features[0]
    assert isinstance(first, nn.Conv2d)
    return first


def _answers(net: LargeFovNet, *pictures: Tensor) -> Tensor:
    """Return the net's first convolution of RGB pictures in [0, 1], in the net's own convention."""
    bgr = torch.cat([picture.flip(1) for picture in pictures], 1)
    with torch.no_grad():
        answers: Tensor = _first(net)((255 * bgr - net.mean) / net.scale)
    return answers


def _published(state: State, key: str, prepared: Tensor) -> Tensor:
    """Return the published first convolution of an input as its authors prepare it."""
    weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
    return functional.conv2d(prepared, weight, bias, padding=1)


def _torchvision_input(picture: Tensor) -> Tensor:
    mean, deviation = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
    return (picture - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)


def _caffe_input(picture: Tensor) -> Tensor:
    return 255 * picture.flip(1) - torch.tensor(CAFFE_MEAN_BGR).view(3, 1, 1)


def _normalised_input(picture: Tensor) -> Tensor:
    return 255 * picture.flip(1) - torch.tensor((103.939, 116.779, 123.68)).view(3, 1, 1)


CONVENTIONS = {
    "torchvision": (torchvision_state, "features.0", _torchvision_input),
    "reduced": (reduced_state, "0", _caffe_input),
    "deeplab": (deeplab_state, "conv1_1", _caffe_input),
    "normalised": (normalised_state, "2", _normalised_input),
}


def _assert_equal_inside(found: Tensor, expected: Tensor) -> None:
    """Compare answers of some hundreds, except at the border, where taps see padding."""
    inside = ..., slice(1, -1), slice(1, -1)
    torch.testing.assert_close(found[inside], expected[inside], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("unit_variance", [False, True])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_one_picture_gives_what_the_source_gives_away_from_the_border(
    save: Save, name: str, unit_variance: bool
) -> None:
    make, key, prepare = CONVENTIONS[name]
    net, state = LargeFovNet(3, unit_variance=unit_variance), make()
    load_published(net, save(state), partial=True)
    picture = torch.rand((1, 3, 9, 12), generator=torch.Generator().manual_seed(3))
    expected = _published(state, key, prepare(picture))
    found = _answers(net, picture)
    _assert_equal_inside(found, expected)


SHARES = {"difference": (-1.0, 1.0), "halves": (0.5, 0.5), "frame": (0.0, 1.0)}


@pytest.mark.parametrize("first_layer", ["difference", "halves", "frame"])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_two_pictures_give_the_shares_of_what_the_source_gives_for_each(
    save: Save, net: LargeFovNet, name: str, first_layer: FirstLayer
) -> None:
    make, key, prepare = CONVENTIONS[name]
    state = make()
    load_published(net, save(state), partial=True, first_layer=first_layer)
    pictures = torch.rand((2, 1, 3, 9, 12), generator=torch.Generator().manual_seed(3))
    bias = state[f"{key}.bias"].view(64, 1, 1)
    each = [_published(state, key, prepare(picture)) - bias for picture in pictures]
    expected = bias + sum(s * part for s, part in zip(SHARES[first_layer], each, strict=True))
    found = _answers(net, *pictures)
    _assert_equal_inside(found, expected)


def test_unless_told_the_first_layer_starts_as_the_difference(save: Save, net: LargeFovNet) -> None:
    load_published(net, save(deeplab_state()))
    picture = torch.rand((1, 3, 8, 8))
    bias = _first(net).bias
    assert bias is not None
    assert torch.equal(_first(net).weight[:, :3], -_first(net).weight[:, 3:])
    torch.testing.assert_close(
        _answers(net, picture, picture),
        bias.view(1, 64, 1, 1).expand(1, 64, 8, 8),
        rtol=0,
        atol=1e-3,
    )


def test_a_siamese_net_joins_at_fc6_what_a_pair_joins_at_conv1_1(save: Save) -> None:
    net = LargeFovNet(3, branches=2)
    report = load_published(net, save(deeplab_state()), first_layer="halves")
    assert report.adapted == ("fc6",)
    assert report.rows[13].note == "512 channels to 1024: halves"
    fc6 = net.classifier[0]
    assert isinstance(fc6, nn.Conv2d)
    assert (fc6.weight == 0.25).all()


@pytest.mark.parametrize("name", ["reduced", "deeplab"])
def test_caffe_weights_for_one_picture_are_taken_to_the_bit(save: Save, name: str) -> None:
    make, key, _ = CONVENTIONS[name]
    net, state = LargeFovNet(3), make()
    report = load_published(net, save(state))
    assert report.taken == (*CONVOLUTIONS, "fc6", "fc7")
    assert report.new == ("fc8",)
    assert torch.equal(_first(net).weight, state[f"{key}.weight"])
    assert torch.equal(_first(net).bias, state[f"{key}.bias"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["torchvision", "reduced", "deeplab"])
def test_every_layer_gets_its_own_weights(save: Save, net: LargeFovNet, name: str) -> None:
    make = CONVENTIONS[name][0]
    last = net.classifier[6].weight.clone()  # type: ignore[operator]
    load_published(net, save(make()))
    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    for index, convolution in enumerate(layers[1:13], start=2):
        assert (convolution.weight == index / 64).all()
        assert convolution.bias is not None
        assert (convolution.bias == index / 64).all()
    assert (layers[13].weight == (0.01 if name == "torchvision" else 0.5)).all()
    assert (layers[14].weight == (0.01 if name == "torchvision" else 0.25)).all()
    assert torch.equal(layers[15].weight, last)


def test_the_report_says_where_each_layer_came_from(save: Save, net: LargeFovNet) -> None:
    report = load_published(net, save(torchvision_state()))
    assert report.adapted == ("conv1_1", "fc6", "fc7")
    assert report.taken == CONVOLUTIONS[1:]
    assert report.new == ("fc8",)
    lines = report.table().splitlines()
    assert lines[0] == "VGG-16 of torchvision: 12 taken, 3 adapted, 1 new"
    assert len(lines) == 2 + 16
    assert lines[2].split() == [
        *("conv1_1", "adapted", "features.0", "to", "BGR,", "0", "to", "255"),
        *("minus", "the", "mean;", "3", "channels", "to", "6:", "difference"),
    ]
    assert lines[3].split() == ["conv1_2", "taken", "features.2"]
    assert lines[15].split()[:3] == ["fc6", "adapted", "classifier.0"]
    assert lines[15].endswith("every 3rd tap, every 4th unit")
    assert lines[17].split() == ["fc8", "new", "other", "classes"]


def test_decimation_keeps_every_third_tap_and_every_fourth_unit() -> None:
    unit = torch.arange(4096.0)
    weight, bias, note = decimate("fc6", unit.view(-1, 1).expand(4096, 25088), unit)
    assert weight.shape == (1024, 512, 3, 3)
    assert weight[5, 7, 1, 2] == bias[5] == 20
    assert note
    tap = torch.arange(25088.0).expand(4096, 25088)
    weight, _, _ = decimate("fc6", tap, unit)  # channel, row, column lie in this order
    assert weight[9, 11, 2, 1] == 11 * 49 + 6 * 7 + 3
    weight, _, _ = decimate("fc7", unit.expand(4096, 4096), unit)
    assert weight.shape == (1024, 1024, 1, 1)
    assert weight[3, 5, 0, 0] == 20  # the inputs are the units that fc6 keeps


@pytest.mark.parametrize("shape", [(4096, 512, 7, 7), (1, 1, 4096, 25088)])
def test_vgg_as_convolutions_or_in_old_shapes_is_reduced_too(
    save: Save, net: LargeFovNet, shape: tuple[int, ...]
) -> None:
    state = deeplab_state()
    add_layer(state, "fc7", (4096, 4096, 1, 1))
    state |= {"fc6.weight": small(*shape), "fc6.bias": small(1, 1, 1, 4096)}
    assert load_published(net, save(state)).adapted == ("conv1_1", "fc6", "fc7")


def test_a_beginning_is_taken_only_if_asked_for(save: Save, net: LargeFovNet) -> None:
    path = save(normalised_state())
    with pytest.raises(
        WeightsError, match=r"normalised VGG-19 .* lacks conv3_2, .*partial_weights = true"
    ):
        load_published(net, path)
    report = load_published(net, path, partial=True)
    assert report.adapted == ("conv1_1",)
    assert report.taken == CONVOLUTIONS[1:5]
    assert report.new == (*CONVOLUTIONS[5:], "fc6", "fc7", "fc8")
    assert report.rows[5].note == "not in the file"


def test_an_unknown_first_layer_is_a_programmers_mistake(untouched: LargeFovNet) -> None:
    with pytest.raises(ValueError, match="first_layer is 'sum', not one of difference, halves"):
        load_published(untouched, "vgg16", first_layer="sum")  # type: ignore[arg-type]


@pytest.mark.real
def test_the_real_beginning_of_vgg_19_sees_edges(net: LargeFovNet, real_data: Path) -> None:
    folder = real_data.parent / "weights"
    path = folder / "vgg_normalised_conv3_1.pth"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    state = torch.load(path, weights_only=True)
    report = load_published(net, path, partial=True)
    assert report.adapted == ("conv1_1",)
    assert report.taken == CONVOLUTIONS[1:5]
    layers = [module for module in net.features if isinstance(module, nn.Conv2d)]
    for ours, theirs in zip(layers[1:5], ("5", "9", "12", "16"), strict=True):
        assert torch.equal(ours.weight, state[f"{theirs}.weight"])
    background, frame = torch.rand((2, 1, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        prepared = [
            functional.conv2d(p, state["0.weight"], state["0.bias"]) for p in (background, frame)
        ]
        difference = functional.conv2d(
            prepared[1] - prepared[0], state["2.weight"], state["2.bias"]
        )
    inside = _answers(net, background, frame)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inside, difference, rtol=1e-4, atol=1e-4)
