"""How people begin: the guided start, a real clip, files that are no video, a page that is fast."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from cleanplate import studio as studio_package
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.video_writer import VideoWriter
from tests.studio.browser.conftest import FRAMES, Clip
from tests.studio.browser.server import Studio
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]
IMPORT = re.compile(r'^import [^"]*"(\.[^"]+)";', re.MULTILINE)
PRELOAD = re.compile(r'rel="modulepreload" href="/static/([^"]+)"')
MOST_ACTIONS, PROPOSED_FRAMES = 6, 20
FIRST_PAGE_MS = 1000
LONG_FRAMES = 5000  # in a timeline of at most 16 thumbnails


def test_the_guided_start_leads_through_three_steps(visit: Visit, studio: Studio) -> None:
    visitor = visit().open()
    visitor.page.get_by_role("button", name="Try it with a drawn street").click()
    visitor.wait_for_frame()
    guide = visitor.page.get_by_role("complementary", name="Guided start")
    expect(guide).to_contain_text("Label 3 frames (0 of 3)")
    expect(visitor.page.locator(".label-view .suggestion").first).to_be_visible(timeout=60_000)
    visitor.show("guide-label")
    for done in range(1, 4):
        visitor.press("n")
        visitor.page.wait_for_timeout(300)
        visitor.press("p")
        expect(visitor.page.get_by_role("button", name="Accept")).to_be_visible(timeout=60_000)
        visitor.press("Enter")
        expect(guide).to_contain_text(f"Label 3 frames ({done} of 3)")
    guide.get_by_role("link", name="Train").click()
    expect(visitor.page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    visitor.show("guide-train")
    guide.get_by_role("button", name="End the guide").click()
    expect(guide).to_be_hidden()


def test_a_file_that_is_no_video_gets_a_sentence_that_helps(
    visit: Visit, studio: Studio, tmp_path: Path
) -> None:
    visitor = visit().open()
    for name, data in (("notes.txt", b"hello"), ("broken.mp4", b"no video at all" * 100)):
        path = tmp_path / name
        path.write_bytes(data)
        visitor.page.get_by_label("Choose a file to upload").set_input_files(path)
        notice = visitor.page.locator(".notice.error", has_text=name)
        expect(notice).to_be_visible()
        visitor.show(f"bring-error-{path.suffix[1:]}")
        notice.get_by_role("button", name="Close").click()
    assert studio.ask("/project")["frames"] == 0


def test_an_upload_says_when_its_file_was_changed(visit: Visit, studio: Studio, clip: Clip) -> None:
    visitor = visit().open()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    visitor.upload(clip.video)
    changed = int(clip.video.stat().st_mtime * 1000)
    for method in ("GET", "PUT"):
        urls = [one for one in asked if one.startswith(f"{method} ") and "/api/uploads/" in one]
        assert urls
        assert all(f"&modified={changed}" in url for url in urls), urls


def test_the_timeline_of_a_long_video_decodes_no_more_than_key_frames(
    visit: Visit, studio: Studio, clip: Clip, tmp_path: Path
) -> None:
    visitor = visit().open()
    visitor.upload(clip.video)
    pictures = visitor.page.locator(".label-view .thumbnails img")
    expect(pictures.first).to_have_attribute("src", re.compile(r"^(?!.*near=1)"))  # each its own
    long = tmp_path / "long.mp4"
    with VideoWriter(long, 25.0) as writer:
        for number in range(LONG_FRAMES):
            writer.write(np.full((120, 160, 3), number % 200, np.uint8))
    visitor.go("Bring in")
    visitor.page.get_by_label("Choose a file to upload").set_input_files(long)
    last = f"of {LONG_FRAMES + FRAMES}"
    expect(visitor.page.locator(".label-view .time-place")).to_contain_text(last, timeout=30_000)
    visitor.go("Label")
    expect(pictures.first).to_have_attribute("src", re.compile("near=1"))
    visitor.page.wait_for_function(
        """() => [...document.querySelectorAll(".label-view .thumbnails img")]
            .every((one) => one.complete && one.naturalWidth > 0)"""
    )


def test_a_video_on_this_computer_is_chosen_from_a_list(
    visit: Visit, studio: Studio, clip: Clip
) -> None:
    visitor = visit().open()
    visitor.page.route(
        "**/api/browse?folder=", lambda route: route.continue_(url=browse(studio, clip))
    )
    visitor.page.get_by_role("button", name="Choose …").click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text(clip.video.name)
    visitor.show("bring-browse")
    dialog.get_by_role("button", name=clip.video.name).click()
    visitor.wait_for_frame()
    assert studio.ask("/project")["frames"] == len(clip.codes)


def browse(studio: Studio, clip: Clip) -> str:
    """Return the address that lists the clip's folder, as if that were the user's home."""
    return f"{studio.address}api/browse?folder={clip.video.parent}"


def test_the_first_page_is_there_within_a_second(visit: Visit, studio: Studio) -> None:
    times = []
    for _ in range(3):  # the best of three: other programs take their turns
        visitor = visit().open()
        times.append(float(visitor.evaluate("document.documentElement.dataset.ready")))
        visitor.page.close()
    assert min(times) < FIRST_PAGE_MS


def test_what_the_page_needs_first_is_fetched_at_once() -> None:
    """Each module that is needed at the start is named in the page: none waits for another."""
    static = Path(studio_package.__file__).with_name("static")
    needed: set[str] = set()
    waiting = ["main.js"]
    while waiting:
        name = waiting.pop()
        for found in IMPORT.findall((static / name).read_text()):
            path = os.path.normpath(Path(name).parent / found)
            if path not in needed:
                needed.add(path)
                waiting.append(path)
    named = set(PRELOAD.findall((static / "index.html").read_text()))
    assert named == needed


@pytest.fixture
def real_clip(real_data: Path, tmp_path: Path) -> Path:
    """Twelve seconds of a real motorway as a video file."""
    scene = open_scene(real_data / "cdnet" / "baseline" / "highway")
    video = tmp_path / "motorway.mp4"
    with VideoWriter(video, 25) as writer:
        for number in list(scene.frames.numbers)[100:400]:
            writer.write(scene.frame(number))
    return video


def test_twenty_frames_of_a_real_clip_take_three_keys_each(
    visit: Visit, studio: Studio, real_clip: Path
) -> None:
    visitor = visit().open()
    visitor.upload(real_clip)
    accept = visitor.page.get_by_role("button", name="Accept")
    actions = 0

    def press(key: str) -> None:
        nonlocal actions
        actions += 1
        visitor.press(key)

    for done in range(PROPOSED_FRAMES):
        visitor.page.wait_for_timeout(100)
        if visitor.page.locator(".label-view .suggestion").count() == 0:
            visitor.page.get_by_role("button", name="Suggest frames").click()
            actions += 1
        first = visitor.page.locator(".label-view .suggestion-number").first
        suggested = first.inner_text(timeout=60_000)
        if f"{suggested} " not in visitor.frame_state.inner_text():
            press("n")
        expect(visitor.frame_state).to_contain_text(f"{suggested} ")
        press("p")
        expect(accept).to_be_visible(timeout=60_000)
        press("Enter")
        expect(accept).to_be_hidden()
        visitor.wait_until_saved()
        expect(visitor.page.locator(".label-view .mark.labelled")).to_have_count(done + 1)
    assert len(studio.ask("/project")["labels"]) == PROPOSED_FRAMES
    assert actions <= MOST_ACTIONS * PROPOSED_FRAMES
