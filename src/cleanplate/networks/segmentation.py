"""Stage 2, which decides from background and frame together (section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cleanplate.images import Size
from cleanplate.networks.resizing import resize

CAFFE_MEAN_BGR = (104.008, 116.669, 122.675)
"""What DeepLab subtracts from pixels of 0 to 255."""
UNIT_VARIANCE = 58.0
"""The spread of natural images around that mean, in grey levels."""


class LargeFovNet(nn.Module):
    """The paper's MCFCN: VGG-16 DeepLab-LargeFOV with more input channels and fc6 dilated by 6.

    Pooling is 3 x 3 with stride 2 and padding 1 three times, then with stride 1, so that a side of
    961 gives 121 logits; 20 487 682 weights with six channels.

    Args:
        channels: input channels of a branch, three for each picture.
        branches: 2 runs the convolutions over two pictures apart and joins them at fc6 (siamese).
        dilation: of fc6; DeepLab has 12, the paper 6 "for small objects".
        unit_variance: divide the input by its spread. For a start without published weights,
            which expect the full range (a departure, see docs/paper-to-code.md).
    """

    mean: Tensor

    def __init__(
        self,
        channels: int = 6,
        branches: int = 1,
        dilation: int = 6,
        unit_variance: bool = False,
    ) -> None:
        super().__init__()
        self.branches = branches
        mean = torch.tensor(CAFFE_MEAN_BGR).repeat(channels // 3).view(1, -1, 1, 1)
        self.register_buffer("mean", mean, persistent=False)
        self.scale = UNIT_VARIANCE if unit_variance else 1.0
        self.features = nn.Sequential(
            *_block(channels, 64, 2),
            nn.MaxPool2d(3, 2, 1),
            *_block(64, 128, 2),
            nn.MaxPool2d(3, 2, 1),
            *_block(128, 256, 3),
            nn.MaxPool2d(3, 2, 1),
            *_block(256, 512, 3),
            nn.MaxPool2d(3, 1, 1),
            *_block(512, 512, 3, dilation=2),
            nn.MaxPool2d(3, 1, 1),
            nn.AvgPool2d(3, 1, 1),
        )
        self.classifier = nn.Sequential(
            nn.Conv2d(512 * branches, 1024, 3, padding=dilation, dilation=dilation),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(1024, 1024, 1),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(1024, 2, 1),
        )

    def forward(self, pair: Tensor) -> Tensor:
        """Return logits ``(N, 2, H, W)`` for RGB pictures ``(N, C, H, W)`` in [0, 1]."""
        bgr = torch.cat([picture.flip(1) for picture in torch.split(pair, 3, 1)], 1)
        apart = _apart(bgr, self.branches)
        features = self.features((255 * apart - self.mean) / self.scale)
        coarse = self.classifier(_joined(features, self.branches))
        return resize(coarse, (pair.shape[2], pair.shape[3]))


def _apart(pair: Tensor, branches: int) -> Tensor:
    """Stack the pictures of a pair along the batch, for one encoder to see each by itself."""
    return torch.cat(pair.chunk(branches, 1), 0) if branches > 1 else pair


def _joined(features: Tensor, branches: int) -> Tensor:
    """Stack what was found in each picture along the channels again."""
    return torch.cat(features.chunk(branches, 0), 1) if branches > 1 else features


def _block(before: int, after: int, layers: int, dilation: int = 1) -> list[nn.Module]:
    block: list[nn.Module] = []
    for _ in range(layers):
        block += [nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation)]
        block += [nn.ReLU(inplace=True)]
        before = after
    return block


class CompactNet(nn.Module):
    """Ours: an encoder with skips to every scale, at the frame's own size and a tenth of the cost.

    Full resolution is folded into channels (each 2 x 2 block becomes four times as many), so the
    finest layers run at half resolution and still see, and decide on, every pixel.

    Args:
        channels: input channels of a branch, three for each picture.
        branches: 2 runs the encoder over two pictures apart and joins them at every scale
            (siamese).
        width: filters at half resolution, doubled at each of the next two scales.
        scales: how many scales below half resolution.
    """

    STRIDE = 2

    def __init__(
        self, channels: int = 6, branches: int = 1, width: int = 24, scales: int = 4
    ) -> None:
        super().__init__()
        self.branches = branches
        widths = [width * min(2**scale, 4) for scale in range(scales)]
        inputs = [channels * self.STRIDE**2, *widths]
        self.encoders = nn.ModuleList(
            nn.Sequential(
                _convolution(before, after, stride=1 if scale == 0 else 2),
                _convolution(after, after),
            )
            for scale, (before, after) in enumerate(zip(inputs, widths, strict=False))
        )
        self.decoders = nn.ModuleList(
            _convolution(below + branches * fine, fine)
            for below, fine in zip(
                [branches * widths[-1], *widths[-2:0:-1]], widths[-2::-1], strict=True
            )
        )
        self.head = nn.Conv2d(width, 2 * self.STRIDE**2, 3, padding=1)

    def forward(self, pair: Tensor) -> Tensor:
        """Return logits ``(N, 2, H, W)`` for pictures ``(N, C, H, W)`` in [0, 1]."""
        size = (pair.shape[2], pair.shape[3])
        return self._from_first(self._first[0](_apart(self._folded(pair), self.branches)), size)

    def look_around(self, pictures: Tensor) -> Tensor:
        """Return what the first convolution finds in the pictures beside the frame.

        It stays the same while they do; `decide` adds what is found in the frame. Not for two
        branches.
        """
        folded = self._folded(pictures)
        weight = self._first_weight[:, : folded.shape[1]]
        return functional.conv2d(folded, weight, padding=1)

    def decide(self, image: Tensor, around: Tensor) -> Tensor:
        """Return what `forward` does of pictures and image together; ``around`` is theirs."""
        folded = self._folded(image)
        weight = self._first_weight[:, -folded.shape[1] :]
        size = (image.shape[2], image.shape[3])
        return self._from_first(functional.conv2d(folded, weight, padding=1) + around, size)

    @property
    def _first(self) -> nn.Sequential:
        """The first convolution, its normalisation and its ReLU."""
        first: nn.Sequential = self.encoders[0].get_submodule("0")  # type: ignore[assignment]
        return first

    @property
    def _first_weight(self) -> Tensor:
        convolution = self._first[0]
        assert isinstance(convolution, nn.Conv2d)
        return convolution.weight

    def _folded(self, pictures: Tensor) -> Tensor:
        """Turn each 2 x 2 block into channels, of values around 0; odd sides are padded."""
        height, width = pictures.shape[2], pictures.shape[3]
        pictures = 4 * pictures - 2
        if height % self.STRIDE or width % self.STRIDE:
            padding = (0, width % self.STRIDE, 0, height % self.STRIDE)
            pictures = functional.pad(pictures, padding, mode="replicate")
        return functional.pixel_unshuffle(pictures, self.STRIDE)

    def _from_first(self, features: Tensor, size: Size) -> Tensor:
        """Go on from the first convolution's output."""
        for layer in list(self._first)[1:]:
            features = layer(features)
        features = self.encoders[0].get_submodule("1")(features)
        skips = [features]
        for encoder in list(self.encoders)[1:]:
            features = encoder(features)
            skips.append(features)
        skips = [_joined(skip, self.branches) for skip in skips]
        features = skips[-1]
        for decoder, skip in zip(self.decoders, skips[-2::-1], strict=True):
            larger = resize(features, (skip.shape[2], skip.shape[3]))
            features = decoder(torch.cat([larger, skip], 1))
        return functional.pixel_shuffle(self.head(features), self.STRIDE)[..., : size[0], : size[1]]


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )
