"""Eqs. 1 to 3 and what we add to them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cleanplate.images import IGNORED


def reconstruction_loss(
    background: Tensor, clean: Tensor, known: Tensor, normalisation: str
) -> Tensor:
    """Eq. 1, over the pixels whose background is known.

    Args:
        background: reconstructed images, ``(N, 3, H, W)``, in [0, 1].
        clean: the true backgrounds, same shape.
        known: ``(N, 1, H, W)`` bool, False where nobody ever saw the background.
        normalisation: ``caffe``: the squares' sum over 2 N, as Caffe's Euclidean loss; ``mean``:
            their mean over known pixels and channels.
    """
    squares = (background - clean).square() * known
    if normalisation == "caffe":
        return squares.sum() / (2 * len(clean))
    return squares.sum() / (known.sum() * clean.shape[1]).clamp(min=1)


def segmentation_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Eq. 2 with the sign that its print lacks: mean negative log-likelihood over labelled pixels.

    Args:
        logits: ``(N, 2, H, W)``.
        labels: ``(N, H, W)`` int64, 1 foreground, 0 background, -1 ignored. With all ignored the
            loss is 0.
    """
    total = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    return total / (labels != IGNORED).sum().clamp(min=1)


def overlap_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the soft F-measure of the batch (Dice); ours, 0 where nothing is labelled.

    Args:
        logits: ``(N, 2, H, W)``.
        labels: ``(N, H, W)`` int64 as above.
    """
    counts = labels != IGNORED
    truth = (labels == 1).to(logits.dtype)
    probability = foreground_probability(logits) * counts
    one = torch.ones((), dtype=logits.dtype, device=logits.device)
    shared = (probability * truth).sum()
    return 1 - (2 * shared + one) / (probability.sum() + truth.sum() + one)


def foreground_probability(logits: Tensor) -> Tensor:
    """Softmax of logits ``(N, 2, H, W)``: the foreground's probability ``(N, H, W)``."""
    return torch.sigmoid(logits[:, 1] - logits[:, 0])
