"""One or many cameras run in one process; equal models are loaded once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cleanplate.errors import CleanplateError, ConfigError
from cleanplate.networks.card import ModelCard
from cleanplate.networks.engine import Engine, SharedEngine
from cleanplate.networks.engine_choice import make_engine
from cleanplate.runtime.camera_list import Camera
from cleanplate.runtime.drift import DriftWatch
from cleanplate.runtime.live import Pace, watch
from cleanplate.runtime.newest import NewestFrames
from cleanplate.runtime.page import Page
from cleanplate.runtime.push import Push
from cleanplate.subtractors.two_stage import TwoStageSubtractor

log = logging.getLogger(__name__)

LIVE_RATE_FPS = 25.0
REPORT_SECONDS = 10.0


@dataclass
class LiveRun:
    """Runs cameras until they end or are stopped.

    Args:
        cameras: what to run.
        device: see `make_engine`.
        engine: see `make_engine`.
        page: shows what they see, or None.
        report: called now and then with a camera's name and its pace since the last call.
    """

    cameras: tuple[Camera, ...]
    device: str = "auto"
    engine: str = "auto"
    page: Page | None = None
    report: Callable[[str, Pace], None] = lambda name, pace: None
    totals: dict[str, Pace] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    _stopped: Event = field(default_factory=Event)
    _running: list[NewestFrames] = field(default_factory=list)

    def run(self, seconds: float | None = None) -> None:
        """Run all cameras; what goes wrong with one is logged and leaves the others running.

        Args:
            seconds: stop after so long; None runs until every camera has ended.

        Raises:
            ConfigError, WeightsError: a camera's settings or model are wrong; nothing was begun.
        """
        threads = [
            Thread(target=self._guarded, args=ready, daemon=True) for ready in self._prepared()
        ]
        for thread in threads:
            thread.start()
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while any(thread.is_alive() for thread in threads):
                if self._stopped.is_set() or (end is not None and time.monotonic() > end):
                    break
                self._stopped.wait(0.1)
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def stop(self) -> None:
        """Stop all cameras; outputs are closed and whole."""
        self._stopped.set()
        for frames in self._running:
            frames.stop()

    def _prepared(self) -> list[tuple[Camera, TwoStageSubtractor, NewestFrames, Push | None]]:
        engines: dict[Path, tuple[Engine, ModelCard]] = {}
        ready = []
        written: set[Path] = set()
        for camera in self.cameras:
            path = Path(camera.model).resolve()
            if path not in engines:
                found, card = make_engine(Path(camera.model), self.device, self.engine)
                engines[path] = SharedEngine(found), card
            push = camera.pushed()
            plates = self.page is not None or (push is not None and camera.push_view == "plate")
            ours = TwoStageSubtractor(
                *engines[path], camera.name, camera.background_every, plates=plates
            )
            outputs = camera.checked_outputs()
            paths = [*outputs.paths(), *([Path(camera.drift).resolve()] if camera.drift else [])]
            taken = sorted(written.intersection(paths))
            if taken:
                raise ConfigError(f"camera {camera.name}: {taken[0]} is another camera's too")
            written.update(paths)
            ready.append((camera, ours, NewestFrames(camera.address(), camera.name), push))
        self._running = [frames for _, _, frames, _ in ready]
        return ready

    def _guarded(self, camera: Camera, *rest: Any) -> None:
        try:
            self._run(camera, *rest)
        except CleanplateError as error:
            self.failed[camera.name] = str(error)
            log.error("%s: %s", camera.name, error)
        except Exception as error:  # a thread's end must not pass for success
            self.failed[camera.name] = repr(error)
            log.exception("%s: stopped", camera.name)

    def _run(
        self,
        camera: Camera,
        ours: TwoStageSubtractor,
        frames: NewestFrames,
        push: Push | None,
    ) -> None:
        drift = DriftWatch(ours.engine, Path(camera.drift) if camera.drift else None)
        total, pace = self.totals.setdefault(camera.name, Pace()), Pace()
        with (
            camera.outputs().open(LIVE_RATE_FPS, timed=True) as write,
            push or nullcontext() as stream,
        ):
            for live in watch(ours, frames, camera.region()):
                moment = live.moment
                write(moment)
                if stream is not None:
                    stream(moment)
                total.add(live)
                pace.add(live)
                for _, message in drift.look(moment.frame, moment.mask, moment.seconds):
                    log.warning("%s: %s", camera.name, message)
                if self.page is not None:
                    self.page.show(camera.name, moment, pace.as_dict())
                if time.monotonic() - pace.start >= REPORT_SECONDS:
                    self.report(camera.name, pace)
                    pace = Pace()
