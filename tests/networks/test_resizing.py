"""The fixed layer between the stages."""

import torch

from cleanplate.networks.resizing import resize


def test_corners_stay_corners_from_128_to_961() -> None:
    image = torch.rand(1, 3, 128, 128)
    large = resize(image, (961, 961))
    assert torch.allclose(large[..., 0, 0], image[..., 0, 0], atol=1e-3)
    assert torch.allclose(large[..., -1, -1], image[..., -1, -1], atol=1e-3)


def test_resizing_is_bilinear_with_corners_aligned() -> None:
    line = torch.tensor([[[[0.0, 1.0, 4.0]]]])
    assert torch.allclose(resize(line, (1, 5)), torch.tensor([[[[0.0, 0.5, 1.0, 2.5, 4.0]]]]))


def test_gradients_flow_through() -> None:
    image = torch.rand(1, 3, 4, 4, requires_grad=True)
    resize(image, (9, 9)).sum().backward()  # type: ignore[no-untyped-call]
    assert image.grad is not None
    assert (image.grad > 0).all()
