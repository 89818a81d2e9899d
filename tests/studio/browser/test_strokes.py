"""A stroke and what happens meanwhile: keys, proposals, undoing, other programs."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from playwright.sync_api import Route, expect

from cleanplate.scenes.cdnet import MOVING, STATIC
from tests.studio.browser.conftest import SIZE
from tests.studio.browser.server import Studio
from tests.studio.browser.test_losing_nothing import hold_label, wait_until_one
from tests.studio.browser.test_painting import read_label
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]
REFRESH = "import('/static/core/state.js').then(({ refreshProject }) => { refreshProject(); })"

GO_TO_40 = "import('/static/core/state.js').then(({ set }) => { set('frame', 40); })"


def write_label(studio: Studio, number: int, row: int) -> None:
    """Write a label as another program does: foreground in ten rows."""
    codes = np.zeros(SIZE, np.uint8)
    codes[row : row + 10, 100:140] = MOVING
    folder = studio.folder / "groundtruth"
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"gt{number:06d}.png"), codes)


def hold(visitor: Visitor, pattern: str) -> list[Route]:
    """Keep a tab's next request on its way; returns where it will be."""
    held: list[Route] = []
    visitor.page.route(pattern, lambda route: route.continue_() if held else held.append(route))
    return held


def labelled(studio: Studio) -> list[int]:
    return [label["number"] for label in studio.ask("/project")["labels"]]


def test_a_proposal_that_comes_late_covers_no_stroke(labelling: Visitor, studio: Studio) -> None:
    asking = hold(labelling, "**/api/proposals/**")
    labelling.press("p")
    proposal = wait_until_one(asking, labelling)
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    with labelling.page.expect_response("**/api/proposals/**"):
        proposal.continue_()
    said = labelling.page.get_by_text("Frame 1 was painted on meanwhile")
    expect(said).to_be_visible()
    expect(labelling.page.get_by_role("button", name="Accept")).to_be_hidden()
    labelling.press("Enter")
    labelling.stroke((20, 60), (60, 60))
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[30, 40] == codes[60, 40] == MOVING


def test_a_proposal_asked_for_while_a_frame_opens_is_made_then(labelling: Visitor) -> None:
    opening = hold(labelling, "**/api/frames/40.jpg*")
    labelling.evaluate(GO_TO_40)
    picture = wait_until_one(opening, labelling)
    labelling.press("p")
    picture.continue_()
    expect(labelling.page.get_by_role("button", name="Accept")).to_be_visible()


@pytest.mark.parametrize("key", ["h", "g", "f", "e"])
def test_a_tool_key_in_the_middle_of_a_stroke_keeps_it(
    labelling: Visitor, studio: Studio, key: str
) -> None:
    mouse = labelling.page.mouse
    mouse.move(*labelling.at(20, 30))
    mouse.down()
    mouse.move(*labelling.at(60, 30), steps=4)
    labelling.press(key)
    mouse.move(*labelling.at(60, 90), steps=4)
    mouse.up()
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[30, 40] == MOVING
    assert (codes == MOVING).sum() < 60 * 12  # the other tool waits for the next press
    assert codes[80, 60] == STATIC


def test_a_label_that_is_new_elsewhere_is_not_called_deleted(
    labelling: Visitor, studio: Studio
) -> None:
    labelling.page.route("**/api/events", lambda route: route.abort())
    mouse = labelling.page.mouse
    mouse.move(*labelling.at(20, 60))
    mouse.down()
    mouse.move(*labelling.at(60, 60))
    write_label(studio, 1, 30)
    mouse.up()
    dialog = labelling.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Frame 1 has two labels")
    expect(dialog).to_contain_text("Saved elsewhere")
    expect(dialog).not_to_contain_text("Deleted")
    dialog.get_by_role("button", name="Take the other").click()
    labelling.wait_until_saved()
    expect(labelling.frame_state).to_contain_text("labelled,")
    assert read_label(studio.folder, 1)[35, 120] == MOVING


def test_what_was_painted_can_be_undone_after_the_studio_has_saved_it(
    labelling: Visitor, studio: Studio
) -> None:
    """A project asked for before a label was saved does not make that label another's."""
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    asking = hold(labelling, "**/api/project")
    saving = hold_label(labelling, 1)
    labelling.evaluate(REFRESH)
    old = wait_until_one(asking, labelling)
    answer = old.fetch()  # as it is before the stroke that follows
    labelling.stroke((20, 60), (60, 60))
    wait_until_one(saving, labelling).continue_()
    labelling.wait_until_saved()
    old.fulfill(response=answer)
    labelling.page.wait_for_timeout(500)
    labelling.step_to(2)
    labelling.step_to(1)
    expect(labelling.page.get_by_role("button", name="Undo")).to_be_enabled()
    labelling.press("Control+z")
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert (codes[30, 40], codes[60, 40]) == (MOVING, STATIC)


def test_a_frame_whose_only_stroke_is_undone_is_not_labelled(
    labelling: Visitor, studio: Studio
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    assert labelled(studio) == [1]
    labelling.press("Control+z")
    expect(labelling.frame_state).to_contain_text("not labelled yet")
    labelling.wait_until_saved()
    assert labelled(studio) == []
    labelling.press("Control+y")
    labelling.wait_until_saved()
    assert read_label(studio.folder, 1)[30, 40] == MOVING
    labelling.press("x")  # a label of background alone is one, and so it stays
    labelling.press("Control+z")
    labelling.press("Control+y")
    labelling.wait_until_saved()
    assert labelled(studio) == [1]
    assert not read_label(studio.folder, 1).any()


def test_a_label_deleted_while_the_studio_is_away_is_gone_when_it_is_back(
    labelling: Visitor, studio: Studio
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    studio.kill()
    labelling.page.get_by_role("button", name="Delete", exact=True).click()
    labelling.page.get_by_role("button", name="Delete it").click()
    expect(labelling.frame_state).to_contain_text("not labelled yet")
    expect(labelling.page.locator(".saved")).to_contain_text("1 label kept in this browser")
    studio.start()
    labelling.wait_until_saved()
    assert labelled(studio) == []


def test_a_label_changed_elsewhere_is_not_deleted_unasked(
    labelling: Visitor, studio: Studio
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    labelling.page.get_by_role("button", name="Delete", exact=True).click()
    write_label(studio, 1, 60)
    labelling.page.get_by_role("button", name="Delete it").click()
    dialog = labelling.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Deleted here")
    assert read_label(studio.folder, 1)[65, 120] == MOVING
    dialog.get_by_role("button", name="Leave it deleted").click()
    labelling.wait_until_saved()
    assert labelled(studio) == []


def test_labels_of_another_program_are_seen_within_seconds(
    labelling: Visitor, studio: Studio
) -> None:
    expect(labelling.frame_state).to_contain_text("Frame 1 · not labelled yet")
    write_label(studio, 1, 30)
    write_label(studio, 7, 30)
    expect(labelling.frame_state).to_contain_text("Frame 1 · labelled,", timeout=6_000)
    expect(labelling.page.locator(".label-view .mark.labelled")).to_have_count(2)


def test_what_is_no_width_or_size_is_not_taken(labelling: Visitor, studio: Studio) -> None:
    labelling.page.get_by_text("Options", exact=True).click()
    width = labelling.page.get_by_label("Width of the unknown border")
    for typed, taken in (("500", "20"), ("-3", "20"), ("", "20"), ("3.4", "3")):
        width.fill(typed)
        width.blur()
        expect(width).to_have_value(taken)
    number = labelling.page.locator(".label-view .frame-number")
    labelling.step_to(9)
    number.fill("")
    number.press("Enter")
    number.blur()
    expect(number).to_have_value("9")
    labelling.page.locator(".surface").focus()
    for key in "]]][[]]":
        labelling.press(key)
        size = labelling.page.locator(".label-view .told").first.inner_text()
        assert size.removesuffix(" px").isdecimal(), size


def test_space_scrolls_what_is_no_picture(labelling: Visitor) -> None:
    """Only over the picture does Space move it."""
    swallowed = """() => {
        const event = new KeyboardEvent("keydown", { key: " ", bubbles: true, cancelable: true });
        document.activeElement.dispatchEvent(event);
        return event.defaultPrevented; }"""
    labelling.page.locator(".surface").focus()
    assert labelling.evaluate(swallowed)
    labelling.evaluate("document.querySelector('.label-view .panel').focus()")
    assert not labelling.evaluate(swallowed)
    labelling.go("Train")
    labelling.evaluate("document.activeElement.blur()")
    assert not labelling.evaluate(swallowed)
