"""What one update is made of: which part learns, its optimiser and rate, and the losses."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from cleanplate.config import Configuration, LossSettings, PhaseSettings
from cleanplate.errors import ConfigError
from cleanplate.images import Size
from cleanplate.networks.losses import reconstruction_loss, segmentation_loss
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.training.batches import Batch, cut_windows, part_size
from cleanplate.training.progress import PHASES


def planned(configuration: Configuration, frames: int, labelled: int, size: Size) -> Configuration:
    """Return the settings with each phase as long as it will be for so many frames of a size.

    Phase 2 of small frames is stretched (see `TrainingSettings.stretch`); then no phase is longer
    than its passes over the frames allow.

    Stage 1 learns few frames by heart: their backgrounds then fit better than those of any later
    frame, and stage 2, which learns from them, trusts a difference that it will not find again. The
    two phases after it learn from the labelled frames, or from all where nobody labelled any.
    """
    changed = {"segmentation": _stretched(configuration, size)}
    for name in PHASES:
        phase: PhaseSettings = changed.get(name) or getattr(configuration.phases, name)
        if phase.most_passes:
            passed = frames if name == "background" else labelled or frames
            most = -(-phase.most_passes * passed // phase.batch_size)
            changed[name] = phase.model_copy(update={"iterations": min(phase.iterations, most)})
    phases = configuration.phases.model_copy(update=changed)
    # labels that nobody gave may be wrong where they are improbable
    focus = configuration.loss.focus if labelled else 0.0
    loss = configuration.loss.model_copy(update={"focus": focus})
    return configuration.model_copy(update={"phases": phases, "loss": loss})


def _stretched(configuration: Configuration, size: Size) -> PhaseSettings:
    """Return phase 2's settings, longer where its parts of frames are small."""
    phase, wanted = configuration.phases.segmentation, configuration.augmentation.crop_pixels
    pixels = math.prod(part_size(size, configuration.augmentation))
    times = min(max(1.0, wanted / pixels), configuration.training.stretch)
    lengths = {key: round(times * getattr(phase, key)) for key in ("iterations", "most_passes")}
    return phase.model_copy(update=lengths)


def trained_part(net: TwoStageNet, phase: str) -> nn.Module:
    """Return what learns in a phase: stage 1, stage 2, or both."""
    parts: dict[str, nn.Module] = {
        "background": net.background_net,
        "segmentation": net.segmentation_net,
        "joint": net,
    }
    return parts[phase]


def is_reduced(precision: str, device: str) -> bool:
    """Return whether stage 2 learns in bfloat16; ``auto``: where a CPU computes it by itself.

    Elsewhere it would be imitated, which takes longer than float32.
    """
    if precision == "auto":
        return device == "cpu" and bool(
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    return precision == "bfloat16"


def set_modes(net: TwoStageNet, phase: str, keeps_statistics: bool = True) -> None:
    """Set training or evaluation mode of every layer for a phase.

    Batch normalisation runs on its kept statistics in the joint phase: those of one image alone
    would make the output depend on the frame and break the agreement with the test. A joint phase
    that no other precedes has none to keep.
    """
    net.eval()
    trained_part(net, phase).train()
    if phase == "joint" and keeps_statistics:
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def make_optimiser(part: nn.Module, settings: PhaseSettings) -> torch.optim.Optimizer:
    """Make a phase's optimiser; biases, normalisations and the plate do not decay."""
    weights = [p for name, p in part.named_parameters() if p.ndim > 1 and "plate" not in name]
    others = [p for name, p in part.named_parameters() if p.ndim <= 1 or "plate" in name]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def learning_rate(settings: PhaseSettings, iteration: int) -> float:
    """Return an update's rate: risen over the warm-up, fallen polynomially to zero at the end."""
    risen = min(1.0, (iteration + 1) / max(1, settings.warm_up))
    fallen = (1 - iteration / settings.iterations) ** settings.power
    return float(settings.learning_rate * risen * fallen)


def to_device(batch: Batch, device: str) -> Batch:
    """Move a batch to a device; frames keep their channels-last memory."""
    if device == "cpu":
        return batch
    return Batch(
        batch.image.to(device),
        batch.labels.to(device),
        batch.clean.to(device),
        batch.known.to(device),
        batch.windows,
        batch.flips,
    )


def compute_losses(
    net: TwoStageNet, batch: Batch, phase: str, settings: LossSettings, reduced: bool = False
) -> dict[str, Tensor]:
    """Return the named terms of a phase's loss and their weighted ``total``: what is optimised.

    Phase 1 is L_rec, phase 2 L_seg with stage 1 frozen, phase 3 Eq. 3. Where ``reduced``, stage 2
    computes in bfloat16; its weights, the losses and stage 1 stay float32.
    """
    terms: dict[str, Tensor] = {}
    background = batch.image
    if phase != "segmentation" or net.uses_background:
        with torch.set_grad_enabled(phase != "segmentation"):
            background = net.reconstruct(batch.image)
    if phase != "segmentation":
        terms["reconstruction"] = reconstruction_loss(
            background, batch.clean, batch.known, settings.reconstruction
        )
    if phase == "background":
        return {**terms, "total": terms["reconstruction"]}
    pair, labels = net.join(batch.image, background), batch.labels
    if phase == "segmentation" and batch.windows is not None:
        pair, labels = (cut_windows(one, batch.windows, batch.flips) for one in (pair, labels))
    with torch.autocast(pair.device.type, torch.bfloat16, enabled=reduced):
        logits: Tensor = net.segmentation_net(pair)
    logits = logits.float()
    labels = _enlarged(labels, logits)
    terms["segmentation"] = segmentation_loss(logits, labels, settings.focus)
    total = terms["segmentation"]
    if phase == "joint":
        total = terms["reconstruction"] + settings.segmentation_weight * total
    return {**terms, "total": total}


def _enlarged(labels: Tensor, logits: Tensor) -> Tensor:
    """Bring labels to the grid of the logits, corners aligned, each taking the nearest."""
    if labels.shape[1:] == logits.shape[2:]:
        return labels
    rows, columns = (
        torch.linspace(0, old - 1, new, device=labels.device).round().long()
        for old, new in zip(labels.shape[1:], logits.shape[2:], strict=True)
    )
    return labels[:, rows[:, None], columns]


def check_finite(losses: dict[str, float], phase: str, iteration: int) -> None:
    """Stop where the loss is no number any more.

    Raises:
        ConfigError: says where, and which setting to change.
    """
    for term, value in losses.items():
        if not np.isfinite(value):
            raise ConfigError(
                f"phase {phase}, iteration {iteration + 1}: the {term} loss became {value}; "
                f"lower phases.{phase}.learning_rate"
            )
