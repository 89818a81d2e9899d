"""A camera segmented while it runs: always the newest frame, for as long as it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from cleanplate.images import Size, resize_frame
from cleanplate.runtime.moments import Moment
from cleanplate.runtime.newest import NewestFrames
from cleanplate.runtime.region import Region
from cleanplate.subtractors.protocol import Subtractor


class LiveMoment(NamedTuple):
    """A frame segmented as it came.

    Attributes:
        moment: the frame, its mask, and the method's background as its plate.
        lag_ms: from its arrival to its mask.
        dropped: frames that came since the last one and were passed over.
    """

    moment: Moment
    lag_ms: float
    dropped: int


@dataclass
class Pace:
    """How a camera is doing, over a window of time.

    Attributes:
        frames: segmented.
        dropped: passed over.
        lag_ms: sum of the lags.
        most_ms: largest lag.
        start: when the window began, on the monotonic clock.
    """

    frames: int = 0
    dropped: int = 0
    lag_ms: float = 0.0
    most_ms: float = 0.0
    start: float = 0.0

    def add(self, live: LiveMoment) -> None:
        """Count a frame."""
        self.start = self.start or time.monotonic()
        self.frames += 1
        self.dropped += live.dropped
        self.lag_ms += live.lag_ms
        self.most_ms = max(self.most_ms, live.lag_ms)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures."""
        seconds = max(time.monotonic() - self.start, 1e-3)
        return {
            "frames": self.frames,
            "frames_per_second": round(self.frames / seconds, 1),
            "lag_ms": round(self.lag_ms / max(1, self.frames), 1),
            "most_lag_ms": round(self.most_ms, 1),
            "dropped": self.dropped,
        }

    def __str__(self) -> str:
        shown = self.as_dict()
        return (
            f"{shown['frames_per_second']} frames/s, lag {shown['lag_ms']:.0f} ms "
            f"(most {shown['most_lag_ms']:.0f}), {self.dropped} dropped"
        )


def watch(
    subtractor: Subtractor, frames: NewestFrames, region: Region | None = None
) -> Iterator[LiveMoment]:
    """Segment the newest frame again and again, until a file ends or the frames are stopped.

    Where the stream changes its frames' size, they are resized to the first one's.

    Raises:
        VideoError: see `NewestFrames`.
    """
    size: Size | None = None
    last = 0
    for newest in frames:
        size = size or (newest.frame.shape[0], newest.frame.shape[1])
        frame = resize_frame(newest.frame, size)
        arrived = newest.arrived
        if not last:  # an engine's first run is slow, and no frame's fault
            subtractor.segment(frame, update=False)
            arrived = time.monotonic()
        result = subtractor.segment(frame)
        mask = region.apply(result.mask) if region is not None else result.mask
        moment = Moment(newest.number, newest.seconds, frame, mask, result.background)
        lag_ms = 1000 * (time.monotonic() - arrived)
        yield LiveMoment(moment, lag_ms, newest.number - last - 1 if last else 0)
        last = newest.number
