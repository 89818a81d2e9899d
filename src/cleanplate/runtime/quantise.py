"""A model's 8-bit version, made from frames of its scene and compared with the model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError, OutputError, VideoError
from cleanplate.images import Frame
from cleanplate.networks.conversion_cache import cache_folder
from cleanplate.networks.engine import Engine, Frames
from cleanplate.networks.engine_choice import make_engine, require
from cleanplate.networks.openvino_engine import has_int8, int8_engine
from cleanplate.networks.quantisation import Inputs, quantise
from cleanplate.subtractors.two_stage import TwoStageSubtractor

LEAST_FRAMES = 4


class Quantised(NamedTuple):
    """How near an 8-bit version is to its model, on frames that it was not made from.

    Attributes:
        made_from, compared: numbers of frames.
        different: mean share of a frame's pixels in which the masks differ.
        most_different: largest such share.
        milliseconds, milliseconds_before: median time of a frame in 8 bits, and by the engine
            that ``auto`` takes.
    """

    made_from: int
    compared: int
    different: float
    most_different: float
    milliseconds: float
    milliseconds_before: float


def quantise_model(model: Path, frames: Sequence[Frame]) -> Quantised:
    """Make a model's 8-bit version, for ``engine="int8"``, and keep it in the user's cache.

    Args:
        model: the model file.
        frames: of its scene; every second makes it, the others compare it.

    Raises:
        ConfigError: a package is missing, or stage 2 sees the frame alone.
        OutputError: the cache cannot be written.
        VideoError: there are too few frames.
        WeightsError: the model file is damaged.
    """
    require("int8")
    if len(frames) < LEAST_FRAMES:
        raise VideoError(f"{len(frames)} frames are too few; give a video of the scene")
    reference, card = make_engine(model, "cpu", "torch")
    if card.configuration.segmentation.input == "frame":
        raise ConfigError(f"{model}: its stage 2 sees the frame alone; it runs on torch only")
    recorded = _Recorder(reference)
    ours = TwoStageSubtractor(recorded, card, plates=False)
    for frame in frames[::2]:
        ours.segment(frame)
    engine = int8_engine(model, partial(_write, seen=recorded.seen))
    if not has_int8(model):
        raise OutputError(
            f"{cache_folder()}: the 8-bit version cannot be kept; make room, or name another "
            "folder in CLEANPLATE_CACHE"
        )
    small = TwoStageSubtractor(engine, card, plates=False)
    usual = TwoStageSubtractor(make_engine(model, "cpu", "auto")[0], card, plates=False)
    exact = TwoStageSubtractor(reference, card, plates=False)
    shares, times, before = [], [], []
    for frame in frames[1::2]:
        mask, seconds = _timed(small, frame)
        times.append(seconds)
        before.append(_timed(usual, frame)[1])
        shares.append(float((mask != exact.segment(frame).mask).mean()))
    return Quantised(
        made_from=len(frames[::2]),
        compared=len(shares),
        different=float(np.mean(shares)),
        most_different=max(shares),
        milliseconds=1000 * float(np.median(times)),
        milliseconds_before=1000 * float(np.median(before)),
    )


def _write(model: Path, folder: Path, seen: list[Inputs]) -> None:
    quantise(model, folder, seen)


def _timed(subtractor: TwoStageSubtractor, frame: Frame) -> tuple[NDArray[np.bool_], float]:
    subtractor.segment(frame)  # threads of another engine may still be spinning
    start = time.perf_counter()
    mask = subtractor.segment(frame).mask
    return mask, time.perf_counter() - start


class _Recorder:
    """An engine that remembers what stage 2 was shown."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.long_term, self.reach = engine.name, engine.long_term, engine.reach
        self._engine = engine
        self.seen: list[Inputs] = []

    def surround(self, frames: Frames, long_term: NDArray[np.uint8] | None) -> Any:
        """See `Engine.surround`."""
        return self._engine.surround(frames, long_term)

    def decide(self, frames: Frames, context: Any) -> NDArray[np.float32]:
        """See `Engine.decide`."""
        self.seen.append({"frames": frames, "context": np.asarray(context)})
        return self._engine.decide(frames, context)
