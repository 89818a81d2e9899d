"""Every view of a project that the command line made: reachable, readable, right."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from cleanplate.images import write_picture
from tests.studio.browser.conftest import Clip
from tests.studio.browser.server import Studio
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]
STEPS = ("Bring in", "Label", "Train", "Look", "Take away")
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def studio(trained: Path) -> Iterator[Studio]:
    """One studio on this project for all tests here, of which the last ones change it."""
    running = Studio(trained).start()
    yield running
    running.kill(everything=True)


def serious_issues(page: Page) -> list[str]:
    """Return what axe-core finds on the page and calls serious or worse, one line each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:160]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_issue_in_any_view(visit: Visit, studio: Studio, theme: str) -> None:
    visitor = visit()
    visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visitor.open("label")
    visitor.wait_for_frame()
    for step in STEPS:
        visitor.go(step)
        visitor.page.wait_for_timeout(700)
        assert serious_issues(visitor.page) == [], step
    visitor.go("Label")
    visitor.press("?")
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    assert serious_issues(visitor.page) == []


def test_axe_finds_no_serious_issue_on_an_empty_page(
    context: BrowserContext, tmp_path: Path
) -> None:
    studio = Studio(tmp_path / "empty").start()
    try:
        visitor = Visitor(context.new_page(), studio.address).open()
        expect(visitor.page.get_by_role("heading", level=1).first).to_be_visible()
        assert serious_issues(visitor.page) == []
    finally:
        studio.kill()


def test_views_are_whole_on_a_small_screen_and_a_tablet(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("label")
    visitor.wait_for_frame()
    visitor.step_to(20)
    for name, width, height in (("", 1366, 768), ("tablet-", 1024, 768), ("upright-", 768, 1024)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        for step in STEPS:
            visitor.go(step)
            visitor.page.wait_for_timeout(600)
            visitor.show(f"{name}{step.lower().replace(' ', '-')}")
            assert visitor.is_within_the_screen, f"{step} on {width}"


def test_the_tools_of_the_label_view_are_reached_with_the_tabulator(
    visit: Visit, studio: Studio
) -> None:
    visitor = visit().open("label")
    visitor.wait_for_frame()
    wanted = {"Brush", "Eraser", "Polygon", "Propose a mask", "Nothing here", "Next frame"}
    seen: set[str] = set()
    for _ in range(70):
        visitor.press("Tab")
        seen.add(visitor.evaluate("document.activeElement.innerText.trim()"))
    assert wanted <= seen, wanted - seen


def test_frames_are_stepped_exactly_with_keys(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("label")
    visitor.wait_for_frame()
    for key, number in (
        ("ArrowRight", 2),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        ("Shift+ArrowRight", 12),
        ("End", 60),
        ("PageUp", 50),
        ("Home", 1),
        ("PageDown", 5),
    ):
        visitor.press(key)
        expect(visitor.frame_state).to_contain_text(f"Frame {number} ")


def shown_pixels(visitor: Visitor) -> np.ndarray:
    """Return the pixels of the first picture in the Look view, ``(H, W, 4)``."""
    values = visitor.evaluate(
        """() => {
        const canvas = document.querySelector(".stage canvas");
        const context = canvas.getContext("2d");
        return [canvas.width, canvas.height,
                ...context.getImageData(0, 0, canvas.width, canvas.height).data]; }"""
    )
    width, height = values[:2]
    return np.asarray(values[2:], np.uint8).reshape(height, width, 4)


def overlaid(visitor: Visitor) -> int:
    """Return how many pixels carry the mask's colour: much more red than green."""
    pixels = shown_pixels(visitor).astype(int)
    return int((pixels[..., 0] - pixels[..., 1] > 60).sum())


def test_the_threshold_moves_the_mask_and_its_measures(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("look")
    stage = visitor.page.locator(".stage")
    expect(stage).to_have_attribute("data-frame", "1", timeout=30_000)
    figures = visitor.page.locator(".figures")
    expect(figures).to_contain_text("Recall", timeout=30_000)
    slider = visitor.page.locator("#threshold")
    slider.fill("0.02")
    many, loose = overlaid(visitor), figures.inner_text()
    visitor.show("look-threshold")
    slider.fill("0.98")
    few, strict = overlaid(visitor), figures.inner_text()
    assert many > few
    assert loose != strict


def test_every_way_of_looking_shows_its_pictures(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("look")
    stage = visitor.page.locator(".stage")
    expect(stage).to_have_attribute("data-frame", "1", timeout=30_000)
    plain = shown_pixels(visitor)
    for key, text, panes in (("2", "Clean plate", 1), ("3", "Mask", 3), ("4", "Probability", 1)):
        visitor.press(key)
        expect(stage).to_have_attribute("data-panes", str(panes), timeout=30_000)
        expect(stage).to_contain_text(text)
        visitor.show(f"look-{text.lower().replace(' ', '-')}")
    assert (shown_pixels(visitor) != plain).any()
    visitor.page.get_by_label("Compare with").select_option("mog2")
    expect(stage).to_have_attribute("data-panes", "2", timeout=30_000)
    expect(stage).to_contain_text("MOG2")
    visitor.press("3")
    expect(stage).to_have_attribute("data-panes", "6", timeout=30_000)
    visitor.show("look-compared")


def test_playing_goes_through_the_video(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("look")
    stage = visitor.page.locator(".stage")
    expect(stage).to_have_attribute("data-frame", "1", timeout=30_000)
    visitor.page.get_by_role("button", name="Play").click()
    expect(stage).to_have_attribute("data-frame", re.compile(r"^(\d\d|[6-9])$"), timeout=30_000)
    visitor.page.get_by_role("button", name="Pause").click()
    visitor.page.wait_for_timeout(700)  # the frame that was on its way
    stopped = stage.get_attribute("data-frame")
    visitor.page.wait_for_timeout(500)
    assert stage.get_attribute("data-frame") == stopped
    expect(visitor.page.locator(".look-view .frame-number")).to_have_value(stopped or "")


def test_doubtful_frames_lead_to_their_correction(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("look")
    first = visitor.page.locator(".look-view .suggestion").first
    expect(first).to_be_visible(timeout=60_000)
    number = first.locator(".suggestion-number").inner_text()
    first.click()
    visitor.page.get_by_role("button", name="Correct this frame").click()
    expect(visitor.frame_state).to_contain_text(f"{number} ")


def test_one_key_goes_to_a_suggested_frame_and_another_accepts(
    visit: Visit, studio: Studio
) -> None:
    visitor = visit().open("label")
    visitor.step_to(60)
    first = visitor.page.locator(".label-view .suggestion-number").first
    expect(first).to_be_visible(timeout=60_000)
    before = len(studio.ask("/project")["labels"])
    for done in range(1, 4):
        suggested = first.inner_text()
        visitor.press("n")  # the model proposes by itself
        expect(visitor.frame_state).to_contain_text(f"{suggested} ")
        expect(visitor.page.get_by_role("button", name="Accept")).to_be_visible(timeout=30_000)
        visitor.press("Enter")
        expect(visitor.page.get_by_role("button", name="Accept")).to_be_hidden()
        visitor.wait_until_saved()
        assert len(studio.ask("/project")["labels"]) == before + done
    visitor.show("label-suggested")


def test_a_region_is_drawn_and_taken_away(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("label")
    visitor.wait_for_frame()
    visitor.page.get_by_text("Region of interest").click()
    visitor.page.get_by_role("button", name="Draw an area").click()
    for corner in ((20, 40), (140, 40), (140, 110), (20, 110)):
        visitor.stroke(corner)
    visitor.press("Enter")
    expect(visitor.page.get_by_text("Look inside: 4 corners")).to_be_visible()
    visitor.show("label-region")
    (area,) = studio.ask("/project")["region"]["include"]
    corners = [(20, 40), (140, 40), (140, 110), (20, 110)]
    assert np.abs(np.subtract(area, corners)).max() <= 1
    visitor.page.get_by_role("button", name="Remove look inside area 1").click()
    expect(visitor.page.get_by_text("The whole picture counts")).to_be_visible()
    assert studio.ask("/project")["region"]["include"] == []


def test_labels_of_another_program_are_imported(
    visit: Visit, studio: Studio, clip: Clip, tmp_path: Path
) -> None:
    name = "gt000040.png"
    write_picture(tmp_path / name, clip.codes[39])
    packed = tmp_path / "masks.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.write(tmp_path / name, name)
        file.writestr("notes.txt", "no label")
    visitor = visit().open("take")
    visitor.page.get_by_label("Choose files").set_input_files(packed)
    result = visitor.page.locator(".import-result")
    expect(result).to_contain_text("1 label imported", timeout=30_000)
    visitor.show("take-import")
    masks = tmp_path / "masks"
    masks.mkdir()
    for number in (41, 42):
        write_picture(masks / f"gt{number:06d}.png", clip.codes[number - 1])
    (masks / "notes.txt").write_text("no label")
    visitor.page.get_by_label("Choose a folder").set_input_files(masks)
    expect(result).to_contain_text("2 labels imported", timeout=30_000)
    assert 40 in [label["number"] for label in studio.ask("/project")["labels"]]
    visitor.go("Label")
    visitor.step_to(40)
    expect(visitor.frame_state).to_contain_text("labelled,")


def test_two_fingers_zoom_and_one_paints(context: BrowserContext, studio: Studio) -> None:
    visitor = Visitor(context.new_page(), studio.address).open("label")
    visitor.wait_for_frame()
    visitor.step_to(45)
    before = len(studio.ask("/project")["labels"])
    touch = context.new_cdp_session(visitor.page)
    middle = visitor.at(80, 60)

    def send(kind: str, *points: tuple[float, float]) -> None:
        found = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": found})

    unzoomed = visitor.picture()
    near, far = [(x, middle[1]) for x in (middle[0] - 20, middle[0] + 20)], middle[1]
    send("touchStart", near[0])
    send("touchStart", *near)
    for reach in (40, 60, 80):
        send("touchMove", (middle[0] - reach, far), (middle[0] + reach, far))
    send("touchEnd")
    visitor.page.wait_for_timeout(1000)
    assert len(studio.ask("/project")["labels"]) == before  # a pinch paints nothing
    assert visitor.picture() != unzoomed  # but zooms
    visitor.show("label-pinched")
    send("touchStart", middle)
    send("touchMove", (middle[0] + 30, far))
    send("touchEnd")
    visitor.wait_until_saved()
    assert len(studio.ask("/project")["labels"]) == before + 1
