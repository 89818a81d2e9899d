"""Eqs. 1 to 3."""

import itertools
import math

import pytest
import torch

from cleanplate.networks.losses import (
    foreground_probability,
    reconstruction_loss,
    segmentation_loss,
)

KNOWN = torch.ones(1, 1, 2, 2, dtype=torch.bool)


def test_caffes_reconstruction_loss_is_half_the_squared_error_of_an_image() -> None:
    background, clean = torch.zeros(2, 3, 2, 2), torch.full((2, 3, 2, 2), 0.5)
    loss = reconstruction_loss(background, clean, KNOWN, "caffe")
    assert loss.item() == pytest.approx(2 * 12 * 0.25 / (2 * 2))


def test_the_mean_reconstruction_loss_is_the_mean_squared_error() -> None:
    background, clean = torch.zeros(2, 3, 2, 2), torch.full((2, 3, 2, 2), 0.5)
    known = KNOWN.expand(2, 1, 2, 2)
    assert reconstruction_loss(background, clean, known, "mean").item() == pytest.approx(0.25)


@pytest.mark.parametrize("normalisation", ["caffe", "mean"])
def test_unknown_pixels_do_not_change_the_reconstruction_loss(normalisation: str) -> None:
    known = KNOWN.clone()
    known[..., 0, 0] = False
    background, clean = torch.rand(1, 3, 2, 2), torch.rand(1, 3, 2, 2)
    before = reconstruction_loss(background, clean, known, normalisation)
    background[..., 0, 0] += 10
    assert reconstruction_loss(background, clean, known, normalisation) == before


def test_the_mean_over_a_batch_counts_each_images_known_pixels() -> None:
    background, clean = torch.zeros(4, 3, 2, 2), torch.full((4, 3, 2, 2), 0.5)
    assert reconstruction_loss(background, clean, KNOWN, "mean").item() == pytest.approx(0.25)


@pytest.mark.parametrize("normalisation", ["caffe", "mean"])
def test_the_reconstruction_loss_is_that_of_a_slow_sum_over_known_pixels(
    normalisation: str,
) -> None:
    torch.manual_seed(0)
    background, clean = torch.rand(2, 3, 2, 3), torch.rand(2, 3, 2, 3)
    known = torch.tensor([[True, False, True], [False, True, True]])[None, None]
    squares = [
        (background[place].item() - clean[place].item()) ** 2
        for place in itertools.product(range(2), range(3), range(2), range(3))
        if known[0, 0, place[2], place[3]]
    ]
    expected = sum(squares) / (4 if normalisation == "caffe" else len(squares))
    loss = reconstruction_loss(background, clean, known, normalisation)
    assert loss.item() == pytest.approx(expected)


def test_where_no_background_is_known_there_is_nothing_to_lose() -> None:
    background, clean = torch.rand(1, 3, 2, 2), torch.rand(1, 3, 2, 2)
    assert reconstruction_loss(background, clean, ~KNOWN, "mean").item() == 0


def test_a_focus_below_one_has_a_slope_at_pixels_that_are_surely_right() -> None:
    logits = torch.tensor([[[[0.0, 0.0]], [[200.0, 1.0]]]], requires_grad=True)
    loss = segmentation_loss(logits, torch.tensor([[[1, 1]]]), 0.5)
    (slope,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(slope).all()
    assert slope[0, 1, 0, 1] < 0


def test_the_segmentation_loss_is_the_mean_negative_log_likelihood() -> None:
    logits = torch.tensor([[[[0.0, 2.0]], [[1.0, 0.0]]]])  # (1, 2, 1, 2)
    labels = torch.tensor([[[1, 0]]])
    expected = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    assert segmentation_loss(logits, labels).item() == pytest.approx(expected)


def test_with_focus_a_pixel_weighs_as_its_label_is_improbable() -> None:
    logits = torch.tensor([[[[0.0, 2.0, 0.0]], [[1.0, 0.0, -9.0]]]])
    labels = torch.tensor([[[1, 0, 1]]])
    right = [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(9))]
    weights = [(1 - share) ** 2 for share in right]
    total = sum(w * -math.log(p) for w, p in zip(weights, right, strict=True))
    expected = total / max(1, sum(weights))
    assert segmentation_loss(logits, labels, 2.0).item() == pytest.approx(expected, rel=1e-4)


def test_ignored_pixels_do_not_change_the_loss() -> None:
    logits, labels = torch.randn(1, 2, 3, 3), torch.randint(0, 2, (1, 3, 3))
    labels[0, 1, 1] = -1
    before = segmentation_loss(logits, labels)
    logits[:, :, 1, 1] = torch.tensor([50.0, -50.0])
    assert segmentation_loss(logits, labels) == before


def test_a_wholly_ignored_frame_has_loss_zero_and_no_gradient() -> None:
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    labels = torch.full((1, 3, 3), -1)
    loss = segmentation_loss(logits, labels)
    assert loss.item() == 0
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_probability_is_the_softmax_of_the_foreground() -> None:
    logits = torch.randn(2, 2, 4, 4)
    assert torch.allclose(foreground_probability(logits), logits.softmax(1)[:, 1])
