"""Stage 1."""

import pytest
import torch

from cleanplate.networks.background import BackgroundNet


def _weights(net: BackgroundNet) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_the_papers_stage_has_the_context_encoders_weights() -> None:
    net = BackgroundNet((128, 128), (64, 64, 128, 256, 512), 4000, plate=False)
    assert sum(parameter.numel() for parameter in net.parameters()) == pytest.approx(
        71.2e6, rel=1e-3
    )
    narrow = BackgroundNet((128, 128), (64, 64, 128, 256, 512), 100, plate=False)
    assert _weights(narrow) == pytest.approx(7.28e6, rel=1e-3)


def test_the_image_shrinks_to_a_latent_vector_and_grows_back() -> None:
    net = BackgroundNet((32, 64), (4, 8, 8), 10, plate=False).eval()
    image = torch.rand(2, 3, 32, 64)
    assert net.encoder(image).shape == (2, 10, 1, 1)
    background = net(image)
    assert background.shape == image.shape
    assert background.min() >= 0
    assert background.max() <= 1


def test_the_plate_is_the_first_output_when_the_decoder_says_nothing() -> None:
    net = BackgroundNet((16, 16), (4,), 4, plate=True).eval()
    last = net.decoder[-1]
    assert isinstance(last, torch.nn.ConvTranspose2d)
    torch.nn.init.zeros_(last.weight)
    assert last.bias is not None
    torch.nn.init.zeros_(last.bias)
    plate = torch.rand(3, 16, 16) * 0.9 + 0.05
    net.start_from(plate)
    assert torch.allclose(net(torch.rand(1, 3, 16, 16))[0], plate, atol=1e-4)


def test_a_size_that_does_not_halve_is_refused() -> None:
    with pytest.raises(ValueError, match="no multiple of 8"):
        BackgroundNet((36, 64), (4, 8, 8), 10, plate=False)
