"""Finished pairs made from counts, for tests of tables and pages."""

from pathlib import Path
from typing import Any

import numpy as np

from cleanplate.evaluation.pairs import Pair, Sweep
from cleanplate.evaluation.scoring import Result
from cleanplate.measures import ConfusionMatrix

F_1 = ConfusionMatrix(tp=1, tn=9)
F_2_5THS = ConfusionMatrix(tp=1, fp=3, tn=6)
F_0 = ConfusionMatrix(fn=1, tn=9)
F_UNDEFINED = ConfusionMatrix(tn=10)


def make_pair(
    scene: str, method: str, counts: ConfusionMatrix, category: str = "baseline", **values: Any
) -> Pair:
    """Make a pair of ten scored frames in two seconds; ``values`` are the pair's attributes."""
    others: dict[str, Any] = {
        "seconds_per_frame": 0.2,
        "training_seconds": None,
        "sweep": None,
        "backgrounds": None,
        "shown": 1,
        "mask": Path("nowhere.png"),
        "background": None,
    }
    result = Result(scene, method, "half", 10, counts, 2.0).as_dict()
    return Pair(result, category, **{**others, **values})


def make_sweep(positive: dict[int, int], negative: dict[int, int]) -> Sweep:
    """Make a sweep of so many foreground and background pixels at each distance."""
    levels = np.zeros((2, 256), np.int64)
    for row, counts in enumerate((positive, negative)):
        for level, count in counts.items():
            levels[row, level] = count
    return Sweep(levels[0], levels[1])
