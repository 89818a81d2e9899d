"""When a camera no longer shows what the model was trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import cleanplate
from cleanplate.images import Frame, Mask, read_picture
from cleanplate.runtime.drift import HOLD_SECONDS, REASONS, DriftWatch


@pytest.fixture
def frames(drawn_scene: Path) -> list[tuple[Frame, Mask]]:
    scene = cleanplate.open_scene(drawn_scene)
    return [(scene.frame(n), scene.truth(n).labels == 1) for n in scene.labelled]


@pytest.fixture
def watcher(smoke_model: Path, tmp_path: Path) -> DriftWatch:
    engine = cleanplate.load(smoke_model, "cpu", engine="torch").engine
    return DriftWatch(engine, tmp_path / "drift")


def _told(
    watcher: DriftWatch, frames: list[tuple[Frame, Mask]], change: Callable[[Frame], Frame]
) -> list[str]:
    found = []
    for index in range(4 * int(HOLD_SECONDS)):
        frame, mask = frames[index % len(frames)]
        found += [reason for reason, _ in watcher.look(change(frame), mask, float(index))]
    return found


def test_the_scene_itself_is_no_drift(
    watcher: DriftWatch, frames: list[tuple[Frame, Mask]], tmp_path: Path
) -> None:
    assert _told(watcher, frames, lambda frame: frame) == []
    assert _told(watcher, frames, lambda frame: (frame * 0.8).astype(np.uint8)) == []
    assert not (tmp_path / "drift").exists()


def _moved(frame: Frame) -> Frame:
    return np.roll(frame, (3, 0), (0, 1))


def _infrared(frame: Frame) -> Frame:
    return np.repeat(frame.mean(2, keepdims=True).astype(np.uint8), 3, 2)


def _dirty(frame: Frame) -> Frame:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 6), np.uint8)


def _dark(frame: Frame) -> Frame:
    return (frame * 0.3).astype(np.uint8)


@pytest.mark.parametrize(
    ("change", "reason"),
    [(_moved, "moved"), (_infrared, "grey"), (_dirty, "blurred"), (_dark, "dark")],
)
def test_each_change_is_told_once_with_its_reason_and_a_frame_is_kept(
    change: Callable[[Frame], Frame], reason: str, watcher: DriftWatch,
    frames: list[tuple[Frame, Mask]], tmp_path: Path,
) -> None:  # fmt: skip
    told = _told(watcher, frames, change)
    assert told.count(reason) == 1
    assert set(told) <= {reason, "strange"}
    kept = sorted((tmp_path / "drift").iterdir())
    assert len(kept) == len(told)
    assert read_picture(kept[0]).shape == frames[0][0].shape


def test_a_mask_that_is_all_foreground_is_told(
    watcher: DriftWatch, frames: list[tuple[Frame, Mask]]
) -> None:
    full = [(frame, np.ones_like(mask)) for frame, mask in frames]
    assert _told(watcher, full, lambda frame: frame) == ["full"]


def test_a_change_that_passes_is_not_told(
    watcher: DriftWatch, frames: list[tuple[Frame, Mask]]
) -> None:
    for index in range(30):
        frame, mask = frames[0]
        shown = _dark(frame) if index % 4 == 0 else frame
        assert list(watcher.look(shown, mask, float(index))) == []
    assert set(REASONS) >= {"moved", "grey", "dark", "bright", "blurred", "full", "strange"}
