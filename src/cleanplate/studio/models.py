"""Models of a project by name, loaded once; MOG2 beside them, as what one takes without any."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import WeightsError
from cleanplate.images import Frame, fitting_size, resize_frame, resize_map
from cleanplate.networks.card import ModelCard, read_card
from cleanplate.networks.engine import SharedEngine
from cleanplate.networks.engine_choice import make_engine
from cleanplate.networks.openvino_engine import is_ready_for_openvino
from cleanplate.scenes.project_file import leads_out
from cleanplate.scenes.video import FrameSource
from cleanplate.studio.project import Project
from cleanplate.subtractors.opencv import OpenCvSubtractor, make_opencv
from cleanplate.subtractors.two_stage import TwoStageSubtractor

MOG2 = "mog2"
MOST_LOADED = 2
MOST_KEPT = 4
WARM_UP_FRAMES = 100
"""So many frames before the one asked for are shown to MOG2."""
MOG2_PIXELS = 110_000
"""MOG2 works on frames of about this area, as our own default does."""
_NAME = re.compile(r"[\w.()+ -]{1,120}")

Floats = NDArray[np.float32]


class Look(NamedTuple):
    """What a method sees in a frame.

    Attributes:
        probability: of foreground ``(H, W)`` float32 in [0, 1]; of MOG2 0 or 1.
        plate: the clean plate ``(H, W, 3)`` uint8.
    """

    probability: Floats
    plate: Frame


class Models:
    """Runs a project's models and MOG2 on its frames, one frame at a time.

    Args:
        project: whose models they are.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = RLock()
        self._loaded: OrderedDict[tuple[str, int], TwoStageSubtractor] = OrderedDict()
        self._kept: OrderedDict[tuple[str, str, int, int], Look] = OrderedDict()
        self._mog2: tuple[str, int, OpenCvSubtractor] | None = None
        self._source: tuple[str, FrameSource] | None = None

    def path(self, name: str) -> Path:
        """Return a model's file.

        Raises:
            WeightsError: there is no such model.
        """
        path = self._project.models_folder / f"{name}.safetensors"
        is_name = _NAME.fullmatch(name) is not None and not name.startswith(".")
        if not is_name or not path.is_file() or leads_out(self._project.folder, path):
            raise WeightsError(f"model {name[:80]!r}: there is none of this name; train one first")
        return path

    def card(self, name: str) -> ModelCard:
        """Return what a model's file says of itself."""
        return read_card(self.path(name))

    def newest(self) -> str | None:
        """Return the name of the newest model, or None where there is none."""
        paths = self._project.models()
        return max(paths, key=lambda path: path.stat().st_mtime).stem if paths else None

    def load(self, name: str) -> TwoStageSubtractor:
        """Return a model, loaded; the least recently used one makes room.

        Raises:
            WeightsError: there is none, or its file is damaged.
        """
        path = self.path(name)
        key = (name, path.stat().st_mtime_ns)
        with self._lock:
            if key not in self._loaded:
                _convert_aside(path)
                engine, card = make_engine(path, "cpu", "auto")
                self._loaded[key] = TwoStageSubtractor(SharedEngine(engine), card)
                while len(self._loaded) > MOST_LOADED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(key)
            return self._loaded[key]

    def look(self, name: str, number: int) -> Look:
        """Run a model, or MOG2, on a frame.

        Raises:
            WeightsError: there is no such model.
            VideoError: the frame cannot be read.
        """
        stamp = 0 if name == MOG2 else self.path(name).stat().st_mtime_ns
        key = (self._project.identity, name, stamp, number)
        with self._lock:
            if key not in self._kept:
                made = self._by_mog2(number) if name == MOG2 else self._by_model(name, number)
                self._kept[key] = made
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]

    def _by_model(self, name: str, number: int) -> Look:
        return self.segment(name, self._read(number))

    def segment(self, name: str, frame: Frame) -> Look:
        """Run a model on any frame of this camera."""
        model = self.load(name)
        result = model.segment(frame)
        assert result.probability is not None
        return Look(result.probability, frame if result.background is None else result.background)

    def _by_mog2(self, number: int) -> Look:
        """Show MOG2 the frames before; it goes on from the last one where that is near."""
        frame = self._read(number)  # where there is no such frame, that is said
        identity, size = self._project.identity, self._project.frames.size
        small = fitting_size(size, MOG2_PIXELS)
        first = number - WARM_UP_FRAMES
        mog2 = make_opencv(MOG2, can_freeze=False)
        if self._mog2 is not None:
            its, seen, kept = self._mog2
            if its == identity and first <= seen < number:
                first, mog2 = seen + 1, kept
        before = [n for n in range(first, number + 1) if n in self._project.frames]
        for one in before:
            result = mog2.segment(resize_frame(self._read(one), small))
        self._mog2 = identity, number, mog2
        probability = (resize_map(result.mask, size) >= 0.5).astype(np.float32)
        plate = frame if result.background is None else result.background
        return Look(probability, resize_frame(plate, size))

    def _read(self, number: int) -> Frame:
        identity = self._project.identity
        if self._source is None or self._source[0] != identity:
            self._source = identity, self._project.source()
        return self._source[1].read(number)


def _convert_aside(model: Path) -> None:
    """Convert a model for OpenVINO in a process of its own: torch would stay in ours for good."""
    if find_spec("openvino") is None or is_ready_for_openvino(model):
        return
    command = [sys.executable, "-P", "-m", "cleanplate.studio.converting", str(model)]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
