"""CDNet's counts and its seven measures, exact to the pixel (NumPy only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Measures = dict[str, int | float | None]


@dataclass(frozen=True)
class ConfusionMatrix:
    """Pixel counts of one video; add the frames' up, then ask for the measures.

    A measure whose denominator is zero is None: undefined, to be left out of averages.

    Attributes:
        tp: foreground found.
        fp: background called foreground, hard shadows included.
        fn: foreground missed.
        tn: background left alone.
        shadow_errors: hard-shadow pixels called foreground; they are in ``fp`` too.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0
    shadow_errors: int = 0

    def __add__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        return ConfusionMatrix(
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            self.tn + other.tn,
            self.shadow_errors + other.shadow_errors,
        )

    @property
    def recall(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float | None:
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def fpr(self) -> float | None:
        """False positive rate."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def fnr(self) -> float | None:
        """False negative rate."""
        return _ratio(self.fn, self.tp + self.fn)

    @property
    def pwc(self) -> float | None:
        """Percentage of wrong classifications, 0 to 100."""
        return _ratio(100 * (self.fn + self.fp), self.tp + self.fn + self.fp + self.tn)

    @property
    def f_measure(self) -> float | None:
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fp)

    def as_dict(self) -> Measures:
        """Return counts and measures under the names that ``--json`` prints."""
        names = "tp fp fn tn shadow_errors recall specificity fpr fnr pwc f_measure precision"
        return {name: getattr(self, name) for name in names.split()}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def count_frame(
    mask: NDArray[np.bool_], labels: NDArray[np.int8], shadow: NDArray[np.bool_]
) -> ConfusionMatrix:
    """Count one frame.

    Args:
        mask: ``(H, W)``, True where a method found foreground.
        labels: ``(H, W)``, 1 foreground, 0 background, any other value is not scored.
        shadow: ``(H, W)``, True where background lies in a hard shadow.
    """
    if not mask.shape == labels.shape == shadow.shape:
        raise ValueError(f"shapes differ: {mask.shape}, {labels.shape}, {shadow.shape}")
    positive, negative = labels == 1, labels == 0
    tp = int(np.count_nonzero(mask & positive))
    fp = int(np.count_nonzero(mask & negative))
    return ConfusionMatrix(
        tp=tp,
        fp=fp,
        fn=int(np.count_nonzero(positive)) - tp,
        tn=int(np.count_nonzero(negative)) - fp,
        shadow_errors=int(np.count_nonzero(mask & negative & shadow)),
    )


def mean_of_defined(values: list[float | None]) -> tuple[float | None, int]:
    """Return the unweighted mean of the defined values and how many were undefined."""
    defined = [value for value in values if value is not None]
    mean = sum(defined) / len(defined) if defined else None
    return mean, len(values) - len(defined)
