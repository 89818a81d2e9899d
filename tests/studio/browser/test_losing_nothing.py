"""A server killed, a tab closed, a label made elsewhere: nothing painted is lost."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import pytest
from playwright.sync_api import Route, expect

from cleanplate.scenes.cdnet import MOVING, STATIC
from tests.studio.browser.conftest import Clip
from tests.studio.browser.server import Studio
from tests.studio.browser.test_painting import read_label
from tests.studio.browser.visitor import Visitor

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]


def test_strokes_made_while_the_server_is_dead_are_saved_when_it_is_back(
    labelling: Visitor, studio: Studio
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    labelling.stroke((20, 60), (60, 60))
    studio.kill()
    labelling.stroke((20, 90), (60, 90))
    expect(labelling.page.locator(".saved")).to_contain_text("kept in this browser")
    labelling.show("label-offline")
    studio.start()
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[30, 40] == codes[60, 40] == codes[90, 40] == MOVING


def test_strokes_survive_a_killed_server_and_a_closed_tab(
    labelling: Visitor, studio: Studio, visit: Visit
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    studio.kill()
    labelling.stroke((20, 60), (60, 60))
    expect(labelling.page.locator(".saved")).to_contain_text("1 label kept in this browser")
    labelling.page.close()
    studio.start()
    again = visit().open("label")
    again.wait_for_frame()
    again.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert codes[30, 40] == codes[60, 40] == MOVING
    expect(again.frame_state).to_contain_text("labelled,")


@pytest.mark.parametrize("kept", ["mine", "theirs"])
def test_a_label_changed_elsewhere_is_never_silently_overwritten(
    labelling: Visitor, studio: Studio, kept: str
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    codes[100:110, 100:120] = MOVING
    path = studio.folder / "groundtruth" / "gt000001.png"
    mouse = labelling.page.mouse
    mouse.move(*labelling.at(20, 60))
    mouse.down()
    mouse.move(*labelling.at(40, 60))
    cv2.imwrite(str(path), codes)  # as another program would, in the middle of a stroke
    labelling.page.wait_for_timeout(500)
    mouse.move(*labelling.at(60, 60))
    mouse.up()
    dialog = labelling.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Frame 1 has two labels")
    labelling.show("conflict")
    assert (read_label(studio.folder, 1) == codes).all()
    if kept == "mine":
        dialog.get_by_role("button", name="Keep what I painted").click()
    else:
        dialog.get_by_role("button", name="Take the other").click()
    labelling.wait_until_saved()
    found = read_label(studio.folder, 1)
    if kept == "mine":
        assert (found[60, 40], found[105, 110]) == (MOVING, STATIC)
    else:
        assert (found == codes).all()
        labelling.stroke((20, 90), (60, 90))  # goes on from the other label
        labelling.wait_until_saved()
        found = read_label(studio.folder, 1)
        assert (found[60, 40], found[90, 40], found[105, 110]) == (STATIC, MOVING, MOVING)


def hold_label(visitor: Visitor, number: int, method: str = "PUT") -> list[Route]:
    """Keep a tab's next asking for, or saving of, a label on its way; returns where it will be."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == method and not held:
            held.append(route)
        else:
            route.continue_()

    visitor.page.route(f"**/api/labels/{number}", hold)
    return held


def wait_until_one(held: list[Route], visitor: Visitor) -> Route:
    for _ in range(100):
        if held:
            break
        visitor.page.wait_for_timeout(50)
    assert len(held) == 1, "nothing was sent"
    return held[0]


def test_the_other_label_of_a_frame_left_meanwhile_is_gone_on_from(
    labelling: Visitor, studio: Studio, visit: Visit
) -> None:
    labelling.stroke((20, 30), (60, 30))
    labelling.wait_until_saved()
    other = visit().open("label")
    other.wait_for_frame()
    labelling.page.bring_to_front()
    saving = hold_label(labelling, 1)
    labelling.stroke((20, 60), (60, 60))
    mine = wait_until_one(saving, labelling)
    other.page.bring_to_front()
    other.set_brush(8)
    with labelling.page.expect_response("**/api/project"):  # it knows of the other label then
        other.stroke((20, 100), (60, 100))
        other.wait_until_saved()
    labelling.page.bring_to_front()
    labelling.step_to(2)
    mine.continue_()
    dialog = labelling.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Frame 1 has two labels")
    dialog.get_by_role("button", name="Take the other").click()
    labelling.wait_until_saved()
    labelling.step_to(1)
    labelling.stroke((100, 30), (140, 30))
    labelling.wait_until_saved()
    found = read_label(studio.folder, 1)
    assert (found[30, 40], found[100, 40], found[30, 120]) == (MOVING, MOVING, MOVING)
    assert found[60, 40] == STATIC  # what was painted here was given up


def test_a_label_deleted_while_it_is_being_saved_stays_away(
    labelling: Visitor, studio: Studio
) -> None:
    saving = hold_label(labelling, 1)
    labelling.stroke((20, 60), (60, 60))
    stroke = wait_until_one(saving, labelling)
    labelling.page.get_by_role("button", name="Delete", exact=True).click()
    labelling.page.get_by_role("button", name="Delete it").click()
    labelling.page.wait_for_timeout(300)
    with labelling.page.expect_response("**/api/labels/1"):
        stroke.continue_()
    expect(labelling.frame_state).to_contain_text("not labelled yet")
    labelling.wait_until_saved()
    labelling.page.wait_for_timeout(500)
    assert studio.ask("/project")["labels"] == []
    labelling.stroke((20, 90), (60, 90))  # a new label, not the one that is gone
    labelling.wait_until_saved()
    codes = read_label(studio.folder, 1)
    assert (codes[60, 40], codes[90, 40]) == (STATIC, MOVING)


def test_a_label_of_before_is_copied_to_no_other_frame(
    labelling: Visitor, studio: Studio, visit: Visit
) -> None:
    labelling.stroke((20, 60), (60, 60))
    labelling.wait_until_saved()
    again = visit()
    first = hold_label(again, 1, "GET")  # its label is not there yet when another frame is opened
    again.open("label")
    wait_until_one(first, again)
    again.step_to(5)
    asking = hold_label(again, 1, "GET")
    again.page.locator(".surface").focus()
    again.press("c")
    copied = wait_until_one(asking, again)
    again.step_to(6)
    with again.page.expect_response("**/api/labels/1"):
        copied.continue_()
    again.page.wait_for_timeout(700)
    again.wait_until_saved()
    expect(again.frame_state).to_contain_text("Frame 6 · not labelled yet")
    assert [label["number"] for label in studio.ask("/project")["labels"]] == [1]


def test_a_tab_closed_between_two_savings_of_a_label_contradicts_nobody(
    labelling: Visitor, studio: Studio, visit: Visit
) -> None:
    saving = hold_label(labelling, 1)
    labelling.stroke((20, 60), (60, 60))
    first = wait_until_one(saving, labelling)
    labelling.stroke((20, 90), (60, 90))
    saving = hold_label(labelling, 1)
    first.continue_()
    wait_until_one(saving, labelling)
    labelling.page.wait_for_timeout(300)  # the browser's copy learns what was saved
    studio.kill()  # so that the second is in the browser alone
    labelling.page.close()
    studio.start()
    again = visit().open("label")
    again.wait_for_frame()
    again.wait_until_saved()  # asks nothing: nobody else changed the label
    codes = read_label(studio.folder, 1)
    assert codes[60, 40] == codes[90, 40] == MOVING


def test_eight_tabs_show_one_project(visit: Visit, clip: Clip) -> None:
    first = visit().open()
    first.upload(clip.video)
    others = [visit().open("label") for _ in range(7)]
    for number, tab in enumerate(others, start=2):
        tab.page.bring_to_front()
        tab.wait_for_frame()
        tab.set_brush(10)
        tab.step_to(number)
        tab.stroke((40, 60), (100, 60))
        tab.wait_until_saved()
    for tab in [first, *others]:
        tab.page.bring_to_front()
        for number in (2, 5, 8):
            tab.step_to(number)
            expect(tab.frame_state).to_contain_text("labelled,")
            expect(tab.frame_state).not_to_contain_text(" 0.0 %")
        expect(tab.page.locator(".label-view .mark.labelled")).to_have_count(7)
    # what one tab paints, another that shows the same frame shows too
    first.step_to(8)
    before = others[-1].frame_state.inner_text()
    first.stroke((40, 90), (100, 90))
    others[-1].page.bring_to_front()
    expect(others[-1].frame_state).not_to_have_text(before)
