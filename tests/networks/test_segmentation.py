"""Stage 2."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from cleanplate.networks.segmentation import CAFFE_MEAN_BGR, CompactNet, LargeFovNet


def _layers(net: LargeFovNet) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for layer in [*net.features, *net.classifier]:
        if isinstance(layer, nn.Conv2d):
            rows.append(("conv", layer.in_channels, layer.out_channels, layer.kernel_size[0],
                         layer.stride[0], layer.padding[0], layer.dilation[0]))  # fmt: skip
        elif isinstance(layer, nn.MaxPool2d):
            rows.append(("max", layer.kernel_size, layer.stride, layer.padding))
        elif isinstance(layer, nn.AvgPool2d):
            rows.append(("average", layer.kernel_size, layer.stride, layer.padding))
        elif isinstance(layer, nn.Dropout):
            rows.append(("dropout", layer.p))
    return rows


def test_the_papers_network_is_largefov_layer_by_layer() -> None:
    def convs(*channels: int, dilation: int = 1) -> list[tuple[object, ...]]:
        return [("conv", a, b, 3, 1, dilation, dilation) for a, b in pairwise(channels)]

    assert _layers(LargeFovNet()) == [
        *convs(6, 64, 64), ("max", 3, 2, 1),
        *convs(64, 128, 128), ("max", 3, 2, 1),
        *convs(128, 256, 256, 256), ("max", 3, 2, 1),
        *convs(256, 512, 512, 512), ("max", 3, 1, 1),
        *convs(512, 512, 512, 512, dilation=2), ("max", 3, 1, 1), ("average", 3, 1, 1),
        ("conv", 512, 1024, 3, 1, 6, 6), ("dropout", 0.5),
        ("conv", 1024, 1024, 1, 1, 0, 1), ("dropout", 0.5),
        ("conv", 1024, 2, 1, 1, 0, 1),
    ]  # fmt: skip


def test_the_papers_network_has_20_487_682_weights() -> None:
    assert sum(parameter.numel() for parameter in LargeFovNet().parameters()) == 20_487_682


@pytest.mark.parametrize(("side", "logits"), [(961, 121), (321, 41), (513, 65), (65, 9)])
def test_a_side_of_the_input_gives_an_eighth_of_logits(side: int, logits: int) -> None:
    with torch.device("meta"):  # shapes only: 961 costs 450 thousand million multiplications
        net = LargeFovNet()
        features = net.classifier(net.features(torch.empty(1, 6, side, side)))
        assert features.shape == (1, 2, logits, logits)
        assert net(torch.empty(1, 6, side, side)).shape == (1, 2, side, side)


def test_both_pictures_enter_as_bgr_without_the_mean() -> None:
    net = LargeFovNet().eval()
    seen = []
    net.features.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pair = torch.rand(1, 6, 17, 17)
    with torch.no_grad():
        net(pair)
    for picture in (0, 3):
        for channel in range(3):
            expected = 255 * pair[0, picture + 2 - channel] - CAFFE_MEAN_BGR[channel]
            assert torch.allclose(seen[0][0, picture + channel], expected, atol=1e-3)


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (240, 320), (33, 50)])
def test_the_compact_network_decides_on_every_pixel_of_any_size(size: tuple[int, int]) -> None:
    net = CompactNet(width=4).eval()
    with torch.no_grad():
        assert net(torch.rand(1, 6, *size)).shape == (1, 2, *size)


def test_a_single_pixel_changes_the_compact_networks_logit_there() -> None:
    torch.manual_seed(0)
    net = CompactNet(width=4).eval()
    pair = torch.rand(1, 6, 33, 33)
    for row, column in ((0, 0), (16, 17), (32, 32)):
        changed = pair.clone()
        changed[0, :, row, column] += 1
        with torch.no_grad():
            difference = (net(changed) - net(pair)).abs().sum(1)[0]
        assert difference[row, column] > 0
