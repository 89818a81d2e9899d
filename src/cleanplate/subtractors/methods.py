"""Every method by its name."""

from __future__ import annotations

from collections.abc import Callable

from cleanplate.errors import ConfigError
from cleanplate.subtractors.fast_pcp import FastPcp
from cleanplate.subtractors.gmm import StaufferGrimsonGmm
from cleanplate.subtractors.kde import ElgammalKde
from cleanplate.subtractors.median import MedianBackground
from cleanplate.subtractors.opencv import OPENCV_METHODS, make_opencv
from cleanplate.subtractors.pca import PcaBackground
from cleanplate.subtractors.protocol import BackgroundModel, Subtractor
from cleanplate.subtractors.robust_pca import IncrementalPcp
from cleanplate.subtractors.threshold import ThresholdSubtractor
from cleanplate.subtractors.vibe import Vibe

PCA_THRESHOLD = 15 / 255
"""The square root of 225, which public eigenbackground programs compare squares with."""
OTHER_THRESHOLD = 25 / 255
"""Ours, for methods whose articles name none; a tenth of the range, and above a camera's noise."""

_MODELS: dict[str, tuple[Callable[[], BackgroundModel], float]] = {
    "median": (MedianBackground, OTHER_THRESHOLD),
    "pca": (PcaBackground, PCA_THRESHOLD),
    "robust-pca": (IncrementalPcp, OTHER_THRESHOLD),
    "fast-pcp": (FastPcp, OTHER_THRESHOLD),
}
_OURS: dict[str, Callable[[], Subtractor]] = {
    "gmm": StaufferGrimsonGmm,
    "kde": ElgammalKde,
}
THRESHOLDED = tuple(_MODELS)
"""Methods that are a background model and a threshold."""
CLASSICAL_METHODS: tuple[str, ...] = (*_MODELS, *_OURS, "vibe", *OPENCV_METHODS)

PATENT_NOTES: dict[str, str] = {
    "robust-pca": "Incremental PCP is claimed by the US patent 9,595,112 B2; "
    "ask before commercial use (not legal advice).",
    "vibe": "ViBe is claimed by the patents US 8,009,918, EP 2015252 and JP 4699564; "
    "ask before commercial use (not legal advice).",
}


def make_method(name: str, seed: int = 0, can_freeze: bool = True) -> Subtractor:
    """Make a classical method with its default parameters.

    One that learns beforehand (see `LearnsBeforehand`) must learn before it segments.

    Args:
        name: one of `CLASSICAL_METHODS`.
        seed: of what ViBe and KNN draw at random; GSOC's and LSBP's threads race all the same.
        can_freeze: see `OpenCvSubtractor`; without it MOG2 takes a third less time.

    Raises:
        ConfigError: there is no such method.
    """
    if name in _MODELS:
        make, threshold = _MODELS[name]
        return ThresholdSubtractor(make(), threshold)
    if name == "vibe":
        return Vibe(seed=seed)
    if name in _OURS:
        return _OURS[name]()
    if name in OPENCV_METHODS:
        return make_opencv(name, can_freeze, seed)
    raise ConfigError(f"method {name!r} is unknown; use {', '.join(CLASSICAL_METHODS)}")
