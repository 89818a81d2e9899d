"""Eqs. 1 and 2; Eq. 3 adds them up in `training.phases`."""

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
        known: ``(N or 1, 1, H, W)`` bool, False where nobody ever saw the background.
        normalisation: ``caffe``: the squares' sum over 2 N, as Caffe's Euclidean loss; ``mean``:
            their mean over known pixels and channels.
    """
    squares = (background - clean).square() * known
    if normalisation == "caffe":
        return squares.sum() / (2 * len(clean))
    return squares.sum() / known.expand_as(squares).sum().clamp(min=1)


def segmentation_loss(logits: Tensor, labels: Tensor, focus: float = 0.0) -> Tensor:
    """Eq. 2 with the sign that its print lacks: mean negative log-likelihood over labelled pixels.

    Args:
        logits: ``(N, 2, H, W)``.
        labels: ``(N, H, W)`` int64, 1 foreground, 0 background, -1 ignored. With all ignored the
            loss is 0.
        focus: above 0 each pixel weighs as much as its label is improbable, to this power: the
            focal loss (Lin et al., "Focal Loss for Dense Object Detection", 2017, Eq. 4), but as a
            weighted mean, so that its scale stays while more and more pixels are right.
    """
    losses = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
    weights = (labels != IGNORED).to(losses.dtype)
    if focus:
        # never quite 0: a power below one has no slope there
        weights = weights * (-torch.expm1(-losses)).clamp(min=1e-6) ** focus
    return (weights * losses).sum() / weights.sum().detach().clamp(min=1)


def foreground_probability(logits: Tensor) -> Tensor:
    """Softmax of logits ``(N, 2, H, W)``: the foreground's probability ``(N, H, W)``."""
    return torch.sigmoid(logits[:, 1] - logits[:, 0])
