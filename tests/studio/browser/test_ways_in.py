"""Ways into the page that need more than a file chooser: a drop, a camera, a token, a pause."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Request, Route, expect

import cleanplate
from tests.runtime.streaming import HttpCamera
from tests.studio.browser.conftest import FRAMES, SIZE, Clip
from tests.studio.browser.server import Studio
from tests.studio.browser.visitor import Visitor
from tests.studio.serving import Process

pytestmark = pytest.mark.studio

Visit = Callable[[], Visitor]
DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "video/mp4" }));
    for (const kind of ["dragenter", "dragover", "drop"]) {
        const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
        document.querySelector("main").dispatchEvent(new DragEvent(kind, how));
    }
}"""


def test_a_video_dropped_on_the_page_comes_in_whole(
    visit: Visit, studio: Studio, clip: Clip
) -> None:
    visitor = visit().open()
    data = base64.b64encode(clip.video.read_bytes()).decode()
    visitor.page.evaluate(DROP, ["dropped.mp4", data])
    visitor.wait_for_frame()
    assert (studio.folder / "videos" / "dropped.mp4").read_bytes() == clip.video.read_bytes()
    assert studio.ask("/project")["frames"] == FRAMES


def test_an_upload_goes_on_where_it_was_when_the_server_was_killed(
    visit: Visit, studio: Studio, clip: Clip, tmp_path: Path
) -> None:
    video = tmp_path / "long.mp4"
    room = 9 * 2**20  # a box of an MP4 that every reader passes over
    video.write_bytes(
        clip.video.read_bytes() + struct.pack(">I4s", room, b"free") + bytes(room - 8)
    )
    visitor = visit().open()
    offsets: list[int] = []

    def hear(request: Request) -> None:
        if request.method == "PUT":
            offsets.append(int(request.url.rpartition("offset=")[2]))

    def kill_before_the_second(route: Route) -> None:
        if len(offsets) == 2:
            studio.kill()
        route.continue_()

    visitor.page.on("request", hear)
    visitor.page.route("**/api/uploads/**", kill_before_the_second)
    visitor.page.get_by_label("Choose a file to upload").set_input_files(video)
    expect(visitor.page.get_by_role("progressbar")).to_be_visible()
    while len(offsets) < 2:
        visitor.page.wait_for_timeout(50)
    visitor.page.wait_for_timeout(700)  # it tries again, and nobody is there
    studio.start()
    visitor.wait_for_frame()
    assert (studio.folder / "videos" / "long.mp4").read_bytes() == video.read_bytes()
    assert sorted(set(offsets)) == [0, 2**22, 2**23]
    assert offsets.count(0) == 1
    assert offsets.count(2**22) > 1


def test_seconds_of_a_camera_are_recorded_from_the_page(visit: Visit, studio: Studio) -> None:
    camera = HttpCamera([np.full((*SIZE, 3), 40 + 2 * value, np.uint8) for value in range(50)])
    try:
        visitor = visit().open()
        visitor.page.get_by_label("Address, or number of a camera").fill(camera.address)
        visitor.page.get_by_label("Seconds").fill("2")
        visitor.page.get_by_role("button", name="Record", exact=True).click()
        visitor.wait_for_frame()
    finally:
        camera.close()
    (recorded,) = (studio.folder / "videos").iterdir()
    frames = [frame for _, frame in cleanplate.open_source(recorded)]
    assert 25 < len(frames) < 75  # two seconds at 25 frames/s, on a busy machine
    levels = [float(frame.mean()) for frame in frames]
    assert len({round(level) for level in levels}) > 10  # it is the camera's picture that changes
    for path in (studio.folder / "project.toml", *studio.folder.rglob("*.json")):
        text = path.read_text()
        assert "geheim" not in text
        assert "s3cret" not in text


def test_a_training_pauses_and_goes_on_to_its_end(visit: Visit, studio: Studio, clip: Clip) -> None:
    visitor = visit().open()
    visitor.upload(clip.video)
    visitor.set_brush(8)
    visitor.stroke((20, 30), (60, 30))
    visitor.wait_until_saved()
    visitor.go("Train")
    page = visitor.page
    page.get_by_role("button", name="Train", exact=True).click()
    pause = page.get_by_role("button", name="Pause")
    expect(page.get_by_text("Learning the empty scene").first).to_be_visible(timeout=90_000)
    pause.click()
    expect(page.get_by_role("status").filter(has_text="Paused")).to_be_visible()
    state = studio.ask("/training")
    assert state["status"] == "paused"
    page.wait_for_timeout(2000)
    assert studio.ask("/training")["iteration"] == state["iteration"]
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.get_by_text("Training is done").first).to_be_visible(timeout=240_000)
    assert [path.suffix for path in (studio.folder / "models").iterdir()] == [".safetensors"]


def test_behind_a_host_the_page_opens_with_its_token_alone(
    browser: Browser, clip: Clip, tmp_path: Path
) -> None:
    process = Process(tmp_path / "shared", "--host", "0.0.0.0")
    try:
        address = re.sub(r"//[^:/]+:", "//127.0.0.1:", process.address)
        assert "token=" in address
        stranger = browser.new_page()
        answer = stranger.goto(address.partition("?")[0])
        assert answer is not None
        assert answer.status in (401, 403)
        assert stranger.locator("main > .view").count() == 0
        guest = browser.new_page()
        guest.goto(address)
        guest.wait_for_selector("html[data-ready]")
        assert "token" not in guest.url
        guest.get_by_label("Choose a file to upload").set_input_files(clip.video)
        expect(guest.get_by_text(re.compile(r"Frame \d")).first).to_be_visible(timeout=30_000)
        again = browser.new_page()
        used = again.goto(address)
        assert used is not None
        assert used.status in (401, 403)  # the token is good for once
        for page in (stranger, guest, again):
            page.close()
    finally:
        process.kill()
