"""What a step does beside its work: it keeps what was typed, ends what was begun, says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.studio.browser.conftest import FRAMES, Clip
from tests.studio.browser.server import Studio
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]
PLAYED_MS = 30_000
WATCH_FRAMES = """() => import("/static/core/state.js").then(({ watch }) => {
    window.gone = [];
    watch("frame", (number) => window.gone.push(number)); })"""


@pytest.fixture(scope="module")
def studio(trained: Path) -> Iterator[Studio]:
    """One studio on a trained project for all tests here."""
    running = Studio(trained).start()
    yield running
    running.kill(everything=True)


@pytest.fixture
def looking(visit: Visit, studio: Studio) -> Visitor:
    """The first frame shown with what the model sees."""
    visitor = visit().open("look")
    expect(visitor.page.locator(".stage")).to_have_attribute("data-frame", "1", timeout=PLAYED_MS)
    return visitor


def go_to(visitor: Visitor, number: int) -> None:
    visitor.page.locator(".look-view .time-slider").fill(str(number))


def test_a_video_is_played_to_its_end_and_then_from_its_start(looking: Visitor) -> None:
    go_to(looking, FRAMES - 3)
    stage = looking.page.locator(".stage")
    expect(stage).to_have_attribute("data-frame", str(FRAMES - 3))
    looking.page.get_by_role("button", name="Play").click()
    expect(stage).to_have_attribute("data-frame", str(FRAMES), timeout=PLAYED_MS)
    expect(looking.page.get_by_role("button", name="Play")).to_be_visible()
    looking.page.wait_for_timeout(600)
    expect(stage).to_have_attribute("data-frame", str(FRAMES))
    looking.page.get_by_role("button", name="Play").click()
    expect(stage).to_have_attribute("data-frame", re.compile("^[2-9]$"), timeout=PLAYED_MS)


def test_another_place_is_gone_to_while_the_video_plays(looking: Visitor) -> None:
    held: list[Route] = []
    is_slow = True

    def slowly(route: Route) -> None:
        if is_slow:
            held.append(route)
        else:
            route.continue_()

    looking.page.route("**/api/looks/**", slowly)
    go_to(looking, 10)
    looking.page.get_by_role("button", name="Play").click()
    looking.page.wait_for_timeout(300)
    go_to(looking, 40)  # while the next frame is on its way
    looking.evaluate(WATCH_FRAMES)
    is_slow = False
    for route in held:
        route.continue_()
    number = looking.page.locator(".look-view .frame-number")
    expect(number).to_have_value(re.compile("^4[1-9]$"), timeout=PLAYED_MS)
    assert min(looking.evaluate("window.gone")) >= 40


def test_playing_that_cannot_go_on_says_why(looking: Visitor) -> None:
    looking.page.route(
        "**/api/looks/**",
        lambda route: route.fulfill(status=400, json={"error": "the model is gone; train again"}),
    )
    go_to(looking, 20)
    looking.page.locator(".notice").get_by_role("button", name="Close").click()
    looking.page.get_by_role("button", name="Play").click()
    notice = looking.page.locator(".notice.error", has_text="Frame 21 cannot be shown")
    expect(notice).to_contain_text("the model is gone; train again")
    expect(looking.page.get_by_role("button", name="Play")).to_be_visible()


def test_nothing_is_asked_of_a_step_that_was_left(looking: Visitor) -> None:
    asked: list[Route] = []

    def slow(route: Route) -> None:
        asked.append(route)
        looking.page.wait_for_timeout(300)
        route.fulfill(json={"frames": [], "share": 0.1})

    looking.page.route("**/api/doubtful**", slow)
    looking.go("Train")
    looking.go("Look")
    expect(looking.page.get_by_text("Looking through the video: 10 %")).to_be_visible()
    with looking.page.expect_request("**/api/doubtful**"):
        pass
    looking.go("Take away")  # with a question on its way
    looking.page.wait_for_timeout(1000)
    before = len(asked)
    looking.page.wait_for_timeout(2500)
    assert len(asked) == before


def test_without_a_model_nothing_is_computed_for_look(
    context: BrowserContext, clip: Clip, tmp_path: Path
) -> None:
    studio = Studio(tmp_path / "untrained").start()
    try:
        visitor = Visitor(context.new_page(), studio.address).open()
        visitor.upload(clip.video)
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        visitor.go("Look")
        expect(visitor.page.get_by_text("There is no model yet")).to_be_visible()
        visitor.press(" ")
        visitor.page.wait_for_timeout(500)
        assert [url for url in asked if "/looks/" in url] == []
    finally:
        studio.kill()


def test_frames_to_watch_stay_as_they_were_typed(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("train")
    frames = visitor.page.get_by_label("Frames to watch")
    expect(frames).to_have_value(re.compile(r"\d+, \d+"))
    frames.fill("7, 9")
    visitor.go("Label")
    visitor.go("Train")
    expect(frames).to_have_value("7, 9")


def test_each_quality_says_how_long_it_takes_here(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("train")
    words = visitor.page.locator(".quality-time")
    expect(words.first).to_contain_text("on this computer")
    for index in range(3):
        about = re.compile(r"^About (\d+ (seconds|minutes?)|an hour|[\d.]+ hours) on this computer")
        expect(words.nth(index)).to_have_text(about, timeout=90_000)
    visitor.show("train-times")


def test_controls_of_a_training_keep_the_focus_while_it_learns(
    visit: Visit, studio: Studio
) -> None:
    visitor = visit()
    losses = [
        {"update": i + 1, "phase": phase, "losses": terms}
        for i, (phase, terms) in enumerate(
            [("background", {"reconstruction": 0.5 / (i + 1), "total": 1}) for i in range(40)]
            + [("segmentation", {"segmentation": 2 / (i + 1), "total": 1}) for i in range(40)]
            + [
                ("joint", {"reconstruction": 0.1, "segmentation": 1 / (i + 1), "total": 0.2})
                for i in range(40)
            ]
        )
    ]
    state = {"status": "running", "phase": "joint", "seconds": 60, "seconds_left": 30}
    state |= {"losses": losses, "previews": [], "preview_version": 0}
    visitor.page.route("**/api/training", lambda route: route.fulfill(json=state))
    visitor.open("train")
    pause = visitor.page.get_by_role("button", name="Pause")
    expect(pause).to_be_visible()
    pause.focus()
    visitor.page.wait_for_timeout(3500)  # it is asked for twice meanwhile
    expect(pause).to_be_focused()
    visitor.show("train-terms")
    # each term of each phase has its line, and the total where it is more than one of them
    drawn = visitor.evaluate(
        """() => [...document.querySelectorAll("polyline.loss")].map(
            (one) => [one.dataset.phase, one.classList[1]].join(" "))"""
    )
    assert drawn == [
        "background reconstruction",
        "segmentation segmentation",
        "joint reconstruction",
        "joint segmentation",
        "joint total",
    ]
    expect(visitor.page.locator(".curve-legend")).to_contain_text("Mask: error")


def test_a_step_that_could_not_be_fetched_is_fetched_when_it_is_asked_for_again(
    context: BrowserContext, studio: Studio
) -> None:
    visitor = Visitor(context.new_page(), studio.address)
    visitor.page.route("**/take/view.js", lambda route: route.abort())
    visitor.page.goto(f"{visitor.address}#label")
    visitor.page.wait_for_selector("html[data-ready]")
    visitor.wait_for_frame()
    visitor.go("Take away")
    notice = visitor.page.locator(".notice.error", has_text="Take away could not be fetched")
    expect(notice).to_be_visible()
    visitor.page.unroute("**/take/view.js")
    visitor.page.get_by_role("navigation").get_by_role("link", name="Take away").click()
    expect(visitor.page.get_by_role("heading", name="Import labels")).to_be_visible()


def test_the_page_starts_in_a_browser_that_never_says_it_is_idle(
    context: BrowserContext, studio: Studio
) -> None:
    context.add_init_script("delete window.requestIdleCallback")  # as Safari is
    Visitor(context.new_page(), studio.address).open("look")


def test_an_error_of_a_studio_that_was_away_goes_when_it_is_back(
    context: BrowserContext, studio: Studio
) -> None:
    visitor = Visitor(context.new_page(), studio.address).open("take")
    visitor.page.route("**/api/exports", lambda route: route.abort())
    visitor.page.locator("button[data-kind=plate]").click()
    notice = visitor.page.locator(".notice.error", has_text="The studio does not answer")
    expect(notice).to_be_visible()
    visitor.evaluate("import('/static/core/state.js').then(({ set }) => { set('online', true); })")
    expect(notice).to_be_hidden()


def test_every_step_says_which_keys_it_has(visit: Visit, studio: Studio) -> None:
    visitor = visit().open("take")
    visitor.press("?")
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog).to_contain_text("This step has no keys of its own")
    expect(dialog.locator("tbody tr")).to_have_count(1)
    visitor.press("Escape")
    visitor.go("Label")
    visitor.page.locator(".surface").focus()
    visitor.press("?")
    expect(dialog).to_contain_text("Paint foreground")


def test_one_video_is_brought_in_at_a_time(
    context: BrowserContext, clip: Clip, tmp_path: Path
) -> None:
    studio = Studio(tmp_path / "empty").start()
    try:
        visitor = Visitor(context.new_page(), studio.address).open()
        held: list[Route] = []
        visitor.page.route("**/api/uploads/**", lambda route: held.append(route))
        choose = visitor.page.get_by_label("Choose a file to upload")
        choose.set_input_files(clip.video)
        work = visitor.page.locator(".work")
        expect(work).to_contain_text(f"Uploading {clip.video.name}")
        visitor.show("bring-busy")
        visitor.page.get_by_role("button", name="Try it with a drawn street").click(force=True)
        expect(visitor.page.get_by_text("A video is being brought in already")).to_be_visible()
        expect(work).to_contain_text(f"Uploading {clip.video.name}")
        work.get_by_role("button", name="Cancel").click()
        expect(work).to_be_empty()
        assert studio.ask("/project")["frames"] == 0
    finally:
        studio.kill()
