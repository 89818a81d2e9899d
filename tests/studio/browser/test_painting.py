"""Frames painted with a real mouse: they lie on disk as painted, and painting never waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from cleanplate.scenes.cdnet import MOVING, SHADOW, STATIC, UNKNOWN
from tests.studio.browser.conftest import Clip
from tests.studio.browser.server import Studio
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]


def read_label(folder: Path, number: int) -> NDArray[np.uint8]:
    """Return a label as it lies in the project's folder."""
    codes = cv2.imread(str(folder / "groundtruth" / f"gt{number:06d}.png"), cv2.IMREAD_UNCHANGED)
    assert codes is not None, f"no label of frame {number}"
    assert codes.ndim == 2
    return np.asarray(codes, np.uint8)


@pytest.fixture
def labelling(visit: Visit, clip: Clip) -> Visitor:
    """The clip brought in and its first frame open."""
    visitor = visit().open()
    visitor.upload(clip.video)
    return visitor


def test_a_stroke_lies_on_disk_as_it_was_painted(labelling: Visitor, studio: Studio) -> None:
    labelling.set_brush(10)
    labelling.stroke((40, 60), (100, 60))
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[60, 40:100].tolist() == [MOVING] * 60
    assert codes[56:64, 70].tolist() == [MOVING] * 8
    assert codes[52, 70] == codes[68, 70] == STATIC
    assert set(np.unique(codes)) == {STATIC, UNKNOWN, MOVING}
    band = np.flatnonzero(codes[60:80, 70] == UNKNOWN)
    assert len(band) == 2  # pixels between painted and background, the default


def test_every_tool_and_kind_writes_its_code(labelling: Visitor, studio: Studio) -> None:
    labelling.page.get_by_text("Options", exact=True).click()
    labelling.page.get_by_label("Unknown border around foreground").uncheck()
    labelling.page.locator(".surface").focus()
    labelling.press("g")
    for corner in ((20, 20), (60, 20), (60, 50), (20, 50)):
        labelling.stroke(corner)
    labelling.press("Enter")
    labelling.press("b")
    labelling.set_brush(8)
    labelling.page.locator("label", has_text="Shadow").click()
    labelling.stroke((20, 60), (60, 60))
    labelling.press("4")
    labelling.stroke((20, 80), (60, 80))
    labelling.press("e")
    labelling.stroke((40, 30), (45, 30))
    labelling.press("f")
    labelling.press("1")
    labelling.press("f")
    labelling.stroke((40, 60))
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[25, 25] == MOVING
    assert codes[30, 42] == STATIC  # erased
    assert codes[60, 30] == MOVING  # the shadow, filled as foreground
    assert codes[80, 40] == UNKNOWN
    assert (codes == SHADOW).sum() == 0


def test_undo_and_redo_reach_the_disk(labelling: Visitor, studio: Studio) -> None:
    labelling.stroke((40, 60), (80, 60))
    labelling.stroke((40, 90), (80, 90))
    labelling.press("Control+z")
    labelling.wait_until_saved()
    undone = read_label(studio.folder, 1)
    labelling.press("Control+y")
    labelling.wait_until_saved()
    redone = read_label(studio.folder, 1)
    assert undone[60, 60] == redone[60, 60] == redone[90, 60] == MOVING
    assert undone[90, 60] == STATIC


def test_painting_goes_on_while_the_studio_hangs(labelling: Visitor, studio: Studio) -> None:
    labelling.set_brush(10)
    labelling.stroke((20, 20), (30, 20))
    labelling.wait_until_saved()
    studio.freeze()
    labelling.evaluate(
        """() => {
        window.slowest = 0;
        let last = performance.now();
        const tick = (now) => { window.slowest = Math.max(window.slowest, now - last); last = now;
                                requestAnimationFrame(tick); };
        requestAnimationFrame(tick); }"""
    )
    for y in range(40, 110, 10):
        labelling.stroke((20, y), (140, y))
    slowest = labelling.evaluate("window.slowest")
    expect(labelling.page.locator(".saved")).not_to_have_text("All labels saved")
    studio.thaw()
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert [int(codes[y, 80]) for y in range(40, 110, 10)] == [MOVING] * 7
    assert slowest < 500  # milliseconds without a picture, on a busy machine


def test_a_label_of_before_is_copied(labelling: Visitor, studio: Studio) -> None:
    labelling.stroke((40, 60), (80, 60))
    labelling.step_to(5)
    labelling.press("c")
    expect(labelling.frame_state).to_contain_text("labelled,")
    labelling.wait_until_saved()
    assert (read_label(studio.folder, 5) == read_label(studio.folder, 1)).all()


def test_zoom_and_pan_leave_strokes_where_they_are_painted(
    labelling: Visitor, studio: Studio
) -> None:
    labelling.set_brush(4)
    x, y = labelling.at(100, 50)
    labelling.page.mouse.move(x, y)
    before = labelling.picture()
    labelling.page.mouse.wheel(0, -600)  # keeps the pixel under the mouse where it is
    labelling.page.wait_for_timeout(300)
    assert labelling.picture() != before
    labelling.page.mouse.down()
    labelling.page.mouse.up()
    labelling.press("0")
    labelling.stroke((20, 100))
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[50, 100] == codes[100, 20] == MOVING
    assert (codes == MOVING).sum() < 60
