"""How long trainings will take here: by earlier ones, or by a few updates that are tried."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cleanplate.studio.speed import Speed, Stopwatch, keep_speed, read_speed
from cleanplate.studio.training_files import Job
from cleanplate.training.progress import Progress
from tests.studio.serving import Client, square

DONE_SECONDS = 120.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".studio").mkdir()
    return tmp_path


def test_a_training_takes_what_its_parts_take() -> None:
    settings = Job("", "good", (), (), (), "").configuration()
    phases = settings.phases
    steps = {"frames": 0.01, "background": 0.1, "segmentation": 0.5, "joint": 2.0}
    by_hand = 3 + 200 * 0.01 + phases.background.iterations * 0.1
    by_hand += phases.segmentation.iterations * 0.5 + phases.joint.iterations * 2
    assert Speed(3.0, steps).seconds(settings, 200) == pytest.approx(by_hand)


def test_of_a_phase_that_was_never_reached_nothing_is_foretold() -> None:
    settings = Job("", "good", (), (), (), "").configuration()
    assert Speed(3.0, {"frames": 0.01, "background": 0.1}).seconds(settings, 200) is None


def test_a_pause_does_not_count_as_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 1.5, 2.0, 602.0, 602.5])  # an update of ten minutes: a pause
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    watch = Stopwatch()
    for iteration in range(1, 6):
        watch.step(Progress("joint", iteration, 5))
    assert watch.speed.fixed_seconds == 1.0  # the first update, which takes longer
    assert watch.speed.step_seconds["joint"] == pytest.approx((0.5 + 0.5 + 5.0 + 0.5) / 4)


def test_what_was_not_reached_this_time_stays_known(project: Path) -> None:
    keep_speed(project, Speed(3.0, {"background": 0.1, "joint": 2.0}))
    keep_speed(project, Speed(4.0, {"background": 0.2}))
    assert read_speed(project) == (4.0, {"background": 0.2, "joint": 2.0})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": "other", "fixed": 1, "steps": {}}'])
def test_what_another_machine_took_says_nothing(project: Path, text: str) -> None:
    (project / ".studio" / "speed.json").write_text(text)
    assert read_speed(project) is None


def wait_for_times(client: Client) -> dict[str, Any]:
    end = time.monotonic() + DONE_SECONDS
    while (found := client.get("/api/training/times").json)["is_measuring"]:
        assert time.monotonic() < end
        time.sleep(0.2)
    return dict(found["seconds"])


@pytest.mark.studio
def test_with_the_first_label_it_is_tried_out_how_long_each_quality_takes(
    client: Client, folder: Path
) -> None:
    assert client.get("/api/training/times").json == {"seconds": {}, "is_measuring": False}
    client.put_label(5, square(8))
    assert client.get("/api/training/times").json["is_measuring"]
    seconds = wait_for_times(client)
    assert 0 < seconds["quick"] < seconds["good"] < seconds["best"]
    assert not list((folder / "models").glob("*"))  # nothing but the time is left of it
    assert not (folder / ".studio" / "trying_out").exists()
    kept = json.loads((folder / ".studio" / "speed.json").read_text())
    assert set(kept["steps"]) == {"frames", "background", "segmentation", "joint"}
    assert not client.get("/api/training/times").json["is_measuring"]  # once is enough


@pytest.mark.studio
def test_a_training_does_not_wait_for_what_is_tried_out(client: Client) -> None:
    client.put_label(5, square(8))
    assert client.get("/api/training/times").json["is_measuring"]
    begun = client.ask("POST", "/api/training", {"quality": "smoke", "preview": []})
    assert begun.status == 200
    assert not client.get("/api/training/times").json["is_measuring"]  # nor is it tried beside it


@pytest.mark.studio
def test_labels_that_cannot_be_trained_on_are_tried_once(client: Client) -> None:
    client.put_label(5, square(8, value=0))
    client.get("/api/training/times")
    assert wait_for_times(client) == {}
    assert not client.get("/api/training/times").json["is_measuring"]
