"""A real browser, a real server, a drawn clip; skipped with the reason where no browser is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import cleanplate
from cleanplate.images import write_picture
from cleanplate.scenes.synthetic import draw
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.studio.division import divide

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.studio.browser.server import Studio
    from tests.studio.browser.visitor import Visitor

SIZE, FRAMES, RATE_FPS = (120, 160), 60, 25.0
LABELLED = (5, 20, 35, 50)
SCREEN = {"width": 1366, "height": 768}


class Clip(NamedTuple):
    """A drawn street as a video file, and the truth about each of its frames.

    Attributes:
        video: an H.264 file.
        codes: CDNet's codes, ``(N, H, W)`` uint8; frame 1 is at index 0.
    """

    video: Path
    codes: NDArray[np.uint8]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A street of 60 frames of 160x120."""
    video = tmp_path_factory.mktemp("clip") / "street.mp4"
    codes = []
    with VideoWriter(video, RATE_FPS) as writer:
        for moment in draw("baseline", frames=FRAMES, size=SIZE, seed=3):
            writer.write(moment.frame)
            codes.append(moment.codes)
    return Clip(video, np.stack(codes))


@pytest.fixture(scope="module")
def trained(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with four labels, of which one is held back, and a model, made without the page."""
    folder = tmp_path_factory.mktemp("trained") / "street"
    (folder / "groundtruth").mkdir(parents=True)
    (folder / "models").mkdir()
    shutil.copy(clip.video, folder / "street.mp4")
    for number in LABELLED:
        write_picture(folder / "groundtruth" / f"gt{number:06d}.png", clip.codes[number - 1])
    training = divide(folder, LABELLED).training
    listed = folder / "list.txt"
    listed.write_text("".join(f"{number}\n" for number in training))
    scene = cleanplate.open_scene(folder / "street.mp4", labels=folder / "groundtruth")
    model = folder / "models" / "01-smoke.safetensors"
    list(cleanplate.train(scene, "smoke", model, split=f"list:{listed}", device="cpu"))
    listed.unlink()
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install what system-packages.txt lists")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser with nothing stored; what the page does not catch fails the test."""
    opened = browser.new_context(viewport=SCREEN, color_scheme="light")  # type: ignore[arg-type]
    opened.set_default_timeout(15_000)
    errors: list[str] = []
    opened.on("weberror", lambda error: errors.append(f"{error.error}"))
    yield opened
    opened.close()
    assert errors == []


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio on an empty folder."""
    from tests.studio.browser.server import Studio

    running = Studio(tmp_path / "camera").start()
    yield running
    running.kill(everything=True)


@pytest.fixture
def visit(context: BrowserContext, studio: Studio) -> Callable[[], Visitor]:
    """Open one more tab of the studio."""
    from tests.studio.browser.visitor import Visitor

    return lambda: Visitor(context.new_page(), studio.address)


@pytest.fixture
def labelling(visit: Callable[[], Visitor], clip: Clip) -> Visitor:
    """The clip brought in and its first frame open, a brush of 8 pixels in the hand."""
    visitor = visit().open()
    visitor.upload(clip.video)
    visitor.set_brush(8)
    return visitor
