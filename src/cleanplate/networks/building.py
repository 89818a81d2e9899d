"""A configuration's network, with the weights that it starts from."""

from __future__ import annotations

from torch import nn

from cleanplate.config import Configuration
from cleanplate.images import Size
from cleanplate.networks.background import BackgroundNet
from cleanplate.networks.card import background_size, sees_background, working_size
from cleanplate.networks.segmentation import CompactNet, LargeFovNet
from cleanplate.networks.two_stage import LONG_TERM_CHANNELS, TwoStageNet

PAPER_DEVIATION = 0.01


def build(configuration: Configuration, frame_size: Size) -> TwoStageNet:
    """Make the network of a configuration for frames of one size, with its initial weights.

    Draws from torch's global generator: seed it before.
    """
    first, second = configuration.background, configuration.segmentation
    background_net = BackgroundNet(
        size=background_size(configuration, frame_size),
        channels=first.channels,
        bottleneck=first.bottleneck,
        plate=first.plate,
    )
    uses_background = sees_background(configuration)
    more = 3 + LONG_TERM_CHANNELS
    channels = {"pair": 6, "triple": 3 + more, "long-term": more}.get(second.input, 3)
    has_long_term = second.input in ("triple", "long-term")
    long_term_size = working_size(configuration, frame_size) if has_long_term else None
    branches = 2 if second.input == "siamese" else 1
    if second.network == "largefov":
        scaled = not second.weights
        large = LargeFovNet(channels, branches, second.dilation, unit_variance=scaled)
        _start_like_the_paper(background_net, large, bool(second.weights))
        side = (second.side, second.side)
        return TwoStageNet(background_net, large, side, uses_background, long_term_size)
    _start_from_the_plate(background_net)
    compact = CompactNet(channels, branches, second.width)
    return TwoStageNet(background_net, compact, None, uses_background, long_term_size)


def _start_like_the_paper(
    background_net: BackgroundNet, large: LargeFovNet, has_weights: bool
) -> None:
    """Section 3.3's N(0, 0.01) for stage 1 and what published weights leave; else He-normal.

    Drawing thirteen plain layers from N(0, 0.01) gives logits of 1e-7 that never learn; published
    weights, where given, replace them afterwards.
    """
    for layer in background_net.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0, PAPER_DEVIATION)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in large.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    new = [layer for layer in large.classifier if isinstance(layer, nn.Conv2d)]
    for layer in new if has_weights else new[-1:]:
        nn.init.normal_(layer.weight, 0, PAPER_DEVIATION)


def _start_from_the_plate(background_net: BackgroundNet) -> None:
    """Start the decoder's last layer near zero, so that the first output is the plate itself."""
    last = background_net.decoder[-1]
    assert isinstance(last, nn.ConvTranspose2d)
    nn.init.normal_(last.weight, 0, PAPER_DEVIATION)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
