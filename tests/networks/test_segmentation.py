"""Stage 2."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

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


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("channels", "branches", "weights"),
    [
        (3, 1, 20_487_682 - 64 * 3 * 9),  # the first layer sees three channels less
        (3, 2, 20_487_682 - 64 * 3 * 9 + 1024 * 512 * 9),  # and fc6 twice as many features
    ],
)
def test_the_papers_network_on_other_inputs_has_the_weights_counted_by_hand(
    channels: int, branches: int, weights: int
) -> None:
    with torch.device("meta"):
        net = LargeFovNet(channels, branches)
        assert net(torch.empty(1, 3 * branches, 65, 65)).shape == (1, 2, 65, 65)
    assert _count(net) == weights


@pytest.mark.parametrize("width", [4, 24])
def test_the_compact_network_on_other_inputs_has_the_weights_counted_by_hand(width: int) -> None:
    with torch.device("meta"):
        pair, frame, siamese = (
            CompactNet(channels, branches, width) for channels, branches in ((6, 1), (3, 1), (3, 2))
        )
    assert _count(pair) - _count(frame) == 3 * 4 * width * 9  # folded into four times as many
    assert _count(siamese.encoders) == _count(frame.encoders)
    # three decoders, from the coarsest: two inputs of 4 w more, then skips of 2 w and w
    more = (8 * width) * (4 * width) + (2 * width) * (2 * width) + width * width
    assert _count(siamese) - _count(frame) == 9 * more


@pytest.mark.parametrize("dilation", [6, 12])
def test_the_dilation_is_fc6s_and_keeps_its_size(dilation: int) -> None:
    assert _layers(LargeFovNet(dilation=dilation))[-5] == (
        "conv", 512, 1024, 3, 1, dilation, dilation,
    )  # fmt: skip


def _siamese(name: str) -> tuple[nn.Module, list[Tensor]]:
    """Return a siamese net and the list that its encoder's coarsest features will go to."""
    torch.manual_seed(0)
    net: CompactNet | LargeFovNet = (
        CompactNet(3, 2, width=4) if name == "compact" else LargeFovNet(3, 2)
    )
    found: list[Tensor] = []
    encoder = net.encoders[-1] if isinstance(net, CompactNet) else net.features
    encoder.register_forward_hook(lambda _, __, features: found.append(features))
    return net.eval(), found


@pytest.mark.parametrize("name", ["compact", "largefov"])
def test_the_siamese_encoder_sees_each_picture_by_itself(name: str) -> None:
    net, found = _siamese(name)
    frame, background, other = torch.rand(3, 1, 3, 33, 33)
    with torch.no_grad():
        for first in (background, other):
            net(torch.cat([first, frame], 1))
    of_background, of_frame = found[0].chunk(2)
    of_other, of_same_frame = found[1].chunk(2)
    assert torch.equal(of_frame, of_same_frame)
    assert not torch.allclose(of_background, of_other)


@pytest.mark.parametrize("name", ["compact", "largefov"])
def test_the_siamese_encoder_is_the_same_for_both_pictures(name: str) -> None:
    net, found = _siamese(name)
    one, other = torch.rand(2, 1, 3, 33, 33)
    with torch.no_grad():
        logits = [net(torch.cat(pictures, 1)) for pictures in ((one, other), (other, one))]
    assert found[0].shape[0] == found[1].shape[0] == 2
    assert torch.allclose(found[0], found[1].flip(0), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits[0], logits[1])  # what joins them tells them apart


def test_siamese_pictures_of_a_batch_stay_together() -> None:
    net, _ = _siamese("compact")
    pairs = torch.rand(3, 6, 32, 32)
    with torch.no_grad():
        together = net(pairs)
        alone = torch.cat([net(pair[None]) for pair in pairs])
    assert torch.allclose(together, alone, atol=1e-5)


def test_an_uneven_scale_of_a_siamese_pair_is_joined_at_its_size() -> None:
    net, _ = _siamese("compact")
    with torch.no_grad():
        assert net(torch.rand(2, 6, 33, 50)).shape == (2, 2, 33, 50)
