"""What a person does on the page, with mouse and keys."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from cleanplate.scenes.cdnet import MOVING

Codes = NDArray[np.uint8]

SHOTS = "CLEANPLATE_SCREENSHOTS"
"""Names the folder into which pictures of the views are written."""
BRUSH_PX = 6
SETTLED = "All labels saved"
VIEWS = 5


class Visitor:
    """Somebody with the page open.

    Args:
        page: the browser's tab.
        address: the studio's.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self._size: tuple[int, int] | None = None

    def open(self, step: str = "") -> Visitor:
        """Open the page at a step and wait until it works."""
        self.page.goto(f"{self.address}#{step}")
        self.page.wait_for_selector("html[data-ready]")
        # views are fetched when the page has time; a server killed before that is an error to it
        expect(self.page.locator("main > .view")).to_have_count(VIEWS, timeout=15_000)
        return self

    def go(self, step: str) -> None:
        """Go to a step by its link in the head: "Label", "Train", ..."""
        link = self.page.get_by_role("navigation").get_by_role("link", name=step)
        link.click()
        expect(link).to_have_attribute("aria-current", "page")

    def upload(self, video: Path) -> None:
        """Bring a video in and wait until its first frame can be labelled."""
        self.go("Bring in")
        self.page.get_by_label("Choose a file to upload").set_input_files(video)
        self.wait_for_frame()

    def wait_for_frame(self) -> None:
        expect(self.frame_state).to_contain_text(re.compile(r"Frame \d"), timeout=30_000)

    @property
    def frame_state(self) -> Locator:
        return self.page.locator(".frame-state")

    def step_to(self, number: int) -> None:
        """Show a frame by typing its number, and wait until it is open."""
        box = self.page.locator(".view:not([hidden]) .frame-number")
        box.fill(str(number))
        box.press("Enter")
        box.blur()
        expect(self.frame_state).to_contain_text(f"Frame {number} ")

    def set_brush(self, pixels: int) -> None:
        self.page.get_by_label("Brush size").fill(str(pixels))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pixel of the frame is on the page, as long as nothing is zoomed."""
        box = self.page.locator(".surface").bounding_box()
        assert box is not None
        height, width = self.size
        scale = min(box["width"] / width, box["height"] / height)
        left = box["x"] + (box["width"] - scale * width) / 2
        top = box["y"] + (box["height"] - scale * height) / 2
        return left + scale * (x + 0.5), top + scale * (y + 0.5)

    def picture(self) -> bytes:
        """Return what the frame looks like now, as PNG."""
        return self.page.locator(".surface").screenshot()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame."""
        if self._size is None:
            height, width = self.page.request.get(f"{self.address}api/project").json()["size"]
            self._size = (height, width)
        return self._size

    def stroke(self, *points: tuple[float, float]) -> None:
        """Press, move through points of the frame, let go."""
        mouse = self.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down()
        for point in points[1:] or points:
            mouse.move(*self.at(*point), steps=4)
        mouse.up()

    def paint(self, codes: Codes) -> int:
        """Paint the foreground of a true label in strokes from left to right; returns how many."""
        self.set_brush(BRUSH_PX)
        count, parts = cv2.connectedComponents((codes == MOVING).astype(np.uint8))
        strokes = 0
        for part in range(1, count):
            rows = np.flatnonzero((parts == part).any(1))
            for y in range(rows[0] + BRUSH_PX // 2, rows[-1] + 1, BRUSH_PX - 1):
                across = np.flatnonzero(parts[y] == part)
                if len(across) > BRUSH_PX:
                    reach = BRUSH_PX / 2
                    self.stroke((across[0] + reach, y), (across[-1] - reach, y))
                    strokes += 1
        return strokes

    def wait_until_saved(self) -> None:
        expect(self.page.locator(".saved")).to_have_text(SETTLED, timeout=15_000)

    @property
    def is_within_the_screen(self) -> bool:
        """Whether nothing but what is made to be scrolled reaches over an edge to the right."""
        return bool(
            self.evaluate(
                """() => [document.documentElement, ...document.querySelectorAll(
                    ".view:not([hidden]), .view:not([hidden]) .panel, .head")]
                    .every((one) => one.scrollWidth <= one.clientWidth)"""
            )
        )

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def show(self, name: str) -> None:
        """Keep a picture of what is shown, in both themes, where a folder is named for them."""
        folder = os.environ.get(SHOTS)
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for theme in ("dark", "light"):
            self.page.emulate_media(color_scheme=theme)
            self.page.wait_for_timeout(150)
            self.page.screenshot(path=Path(folder) / f"{name}-{theme}.png")
