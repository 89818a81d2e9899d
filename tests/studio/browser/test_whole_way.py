"""From an empty folder to a model that was corrected, taken away, and scored from the shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.studio.browser.conftest import Clip
from tests.studio.browser.server import COMMAND, Studio
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]
TRAINING_MS = 120_000
WATCH_PREVIEWS = """() => {
    window.seen = new Set();
    setInterval(() => {
        const shown = [...document.querySelectorAll(".preview-row img")].at(-1);
        if (shown?.dataset.version) window.seen.add(shown.dataset.version);
    }, 50); }"""


def train_for_seconds_only(page: Page) -> None:
    """Let the button train with the settings of tests; all else is as the page asks for it."""

    def shorter(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        asked = {**(route.request.post_data_json or {}), "quality": "smoke"}
        route.continue_(post_data=json.dumps(asked))

    page.route("**/api/training", shorter)


def train(visitor: Visitor, button: str = "Train") -> list[str]:
    """Press the button, wait until the model is there, return each preview that was seen."""
    visitor.go("Train")
    visitor.evaluate(WATCH_PREVIEWS)
    visitor.page.get_by_role("button", name=button, exact=True).click()
    expect(visitor.page.locator(".training-status")).not_to_have_text("Training is done")
    expect(visitor.page.locator(".training-status")).to_have_text(
        "Training is done", timeout=TRAINING_MS
    )
    visitor.page.wait_for_function("window.seen.size >= 2", timeout=10_000)
    seen: list[str] = visitor.evaluate("[...window.seen]")
    return seen


def wait_for_updates(studio: Studio, count: int) -> None:
    """Wait until a training has learned so many times, earlier sittings included."""
    end = time.monotonic() + TRAINING_MS / 1000
    while len(studio.ask("/training")["losses"]) < count:
        assert time.monotonic() < end, studio.ask("/training")
        time.sleep(0.3)


def take_away(visitor: Visitor, kind: str) -> Path:
    """Make an export, download it, return the file."""
    row = visitor.page.locator(f".export[data-kind={kind}]").first
    visitor.page.locator(f"button[data-kind={kind}]").click()
    expect(row).to_have_attribute("data-status", "done", timeout=60_000)
    with visitor.page.expect_download() as download:
        row.get_by_role("link").click()
    return Path(download.value.path())


def test_a_clip_becomes_a_model_that_is_scored_from_the_shell(
    visit: Visit, studio: Studio, clip: Clip
) -> None:
    visitor = visit().open()
    train_for_seconds_only(visitor.page)
    visitor.show("bring-empty")
    visitor.upload(clip.video)
    visitor.step_to(5)
    assert visitor.paint(clip.codes[4]) > 3
    visitor.step_to(30)
    visitor.paint(clip.codes[29])
    visitor.wait_until_saved()
    visitor.step_to(50)
    visitor.press("p")
    expect(visitor.page.get_by_role("button", name="Accept")).to_be_visible(timeout=60_000)
    visitor.show("label-proposal")
    visitor.press("Enter")
    visitor.wait_until_saved()
    expect(visitor.frame_state).to_contain_text("labelled,")
    visitor.show("label")

    first = train(visitor)
    visitor.show("train-done")
    assert len(first) >= 2  # it changed while it learned
    visitor.go("Look")
    expect(visitor.page.locator(".stage canvas").first).to_be_visible(timeout=60_000)
    visitor.page.get_by_role("button", name="Correct this frame").click()
    visitor.step_to(15)
    visitor.paint(clip.codes[14])
    visitor.wait_until_saved()
    second = train(visitor, "Train again")
    assert len(set(second) - set(first)) >= 2
    assert len(studio.ask("/project")["models"]) == 2

    visitor.go("Take away")
    model = take_away(visitor, "model")
    assert model.stat().st_size > 10_000
    plate = take_away(visitor, "plate")
    assert plate.read_bytes()[:4] == b"\x89PNG"
    visitor.show("take")
    assert visitor.is_within_the_screen
    studio.stop()  # the folder is the command line's too
    name = max((studio.folder / "models").glob("*.safetensors")).name
    command = ["evaluate", ".", "--model", f"models/{name}", "--on-training-frames", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *command],
        cwd=studio.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames_scored"] >= 1


def test_a_training_killed_with_its_server_goes_on_where_it_was(
    visit: Visit, studio: Studio, clip: Clip
) -> None:
    visitor = visit().open()
    visitor.upload(clip.video)
    visitor.step_to(5)
    visitor.paint(clip.codes[4])
    visitor.wait_until_saved()
    visitor.go("Train")
    visitor.page.get_by_role("button", name="Train", exact=True).click()
    status = visitor.page.locator(".training-status")
    expect(status).to_have_text("Learning the empty scene", timeout=TRAINING_MS)
    expect(visitor.page.locator(".preview-row img[data-version]").last).to_be_visible(
        timeout=TRAINING_MS
    )
    visitor.show("train-running")
    wait_for_updates(studio, 3)
    before = len(studio.ask("/training")["losses"])
    studio.kill(everything=True)
    expect(visitor.page.locator(".saved")).to_contain_text("Studio stopped")
    studio.start()
    expect(status).to_contain_text("interrupted")
    assert studio.ask("/project")["labels"][0]["number"] == 5
    visitor.page.get_by_role("button", name="Go on where it was").click()
    expect(status).not_to_contain_text("interrupted")
    wait_for_updates(studio, before + 3)
    visitor.page.get_by_role("button", name="Stop and keep").click()
    expect(status).to_have_text("Stopped", timeout=TRAINING_MS)
    assert len(studio.ask("/project")["models"]) == 1


def test_a_training_goes_on_while_the_server_is_killed_and_started_again(
    visit: Visit, studio: Studio, clip: Clip
) -> None:
    visitor = visit().open()
    train_for_seconds_only(visitor.page)
    visitor.upload(clip.video)
    visitor.step_to(5)
    visitor.paint(clip.codes[4])
    visitor.wait_until_saved()
    visitor.go("Train")
    visitor.page.get_by_role("button", name="Train", exact=True).click()
    status = visitor.page.locator(".training-status")
    expect(status).not_to_have_text("Not trained yet")
    studio.kill()
    studio.start()
    expect(status).to_have_text("Training is done", timeout=TRAINING_MS)
    assert len(studio.ask("/project")["models"]) == 1
