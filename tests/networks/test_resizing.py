"""The fixed layer between the stages."""

import pytest
import torch
from torch.nn import functional

from cleanplate.networks.resizing import resize, shrink


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


def test_what_is_shrunk_and_enlarged_comes_back_to_its_place() -> None:
    columns = torch.linspace(0, 1, 320).repeat(3, 240, 1)[None]
    back = resize(shrink(columns, (96, 160)), (240, 320))
    inside = slice(4, -4)  # the average at the border reaches inwards only
    assert torch.allclose(back[..., inside], columns[..., inside], atol=1e-4)


def test_shrinking_averages_the_area_that_a_pixel_covers() -> None:
    stripes = torch.tensor([0.0, 1.0] * 40).repeat(3, 80, 1)[None]
    small = shrink(stripes, (20, 20))
    assert (small[..., 2:-2] - 0.5).abs().max() < 0.15


@pytest.mark.parametrize(("size", "new"), [((48, 64), (16, 32)), ((75, 101), (32, 32))])
def test_shrinking_is_the_average_over_odd_windows_taken_at_the_new_grid(
    size: tuple[int, int], new: tuple[int, int]
) -> None:
    image = torch.rand(2, 3, *size)
    windows = [side // small // 2 * 2 + 1 for side, small in zip(size, new, strict=True)]
    padding = [window // 2 for window in windows]
    averaged = functional.avg_pool2d(image, windows, 1, padding, count_include_pad=False)
    assert torch.allclose(shrink(image, new), resize(averaged, new), atol=1e-5)
