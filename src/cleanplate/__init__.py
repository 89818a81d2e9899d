"""Cleanplate teaches a fixed camera what its background is.

The public names are bound on first use, so that ``import cleanplate`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cleanplate.errors import (
        CleanplateError,
        ConfigError,
        DatasetError,
        VideoError,
        WeightsError,
    )
    from cleanplate.scenes.opening import open_scene, open_source
    from cleanplate.scenes.scene import Scene
    from cleanplate.subtractors.protocol import Segmentation, Subtractor
    from cleanplate.subtractors.two_stage import TwoStageSubtractor, load
    from cleanplate.training.progress import Progress
    from cleanplate.training.train import train

__version__ = "0.1.0"

_HOME = {
    "CleanplateError": "cleanplate.errors",
    "ConfigError": "cleanplate.errors",
    "DatasetError": "cleanplate.errors",
    "VideoError": "cleanplate.errors",
    "WeightsError": "cleanplate.errors",
    "open_scene": "cleanplate.scenes.opening",
    "open_source": "cleanplate.scenes.opening",
    "Scene": "cleanplate.scenes.scene",
    "Segmentation": "cleanplate.subtractors.protocol",
    "Subtractor": "cleanplate.subtractors.protocol",
    "TwoStageSubtractor": "cleanplate.subtractors.two_stage",
    "load": "cleanplate.subtractors.two_stage",
    "Progress": "cleanplate.training.phases",
    "train": "cleanplate.training.train",
}

__all__ = [
    "CleanplateError",
    "ConfigError",
    "DatasetError",
    "Progress",
    "Scene",
    "Segmentation",
    "Subtractor",
    "TwoStageSubtractor",
    "VideoError",
    "WeightsError",
    "__version__",
    "load",
    "open_scene",
    "open_source",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cleanplate' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
