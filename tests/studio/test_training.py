"""Training from the page: figures on labels held back, pauses, stops, crashes; looking; exports."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from cleanplate.cli import app
from cleanplate.evaluation.variants import with_iterations
from cleanplate.networks.card import read_card
from cleanplate.studio.division import divide, held_back
from cleanplate.studio.figures import add_figures, estimate
from cleanplate.studio.training_files import QUALITIES, Job, TrainingFolder
from tests.studio.serving import Client, Process, square, studio, write_clip

pytestmark = pytest.mark.studio
DONE_SECONDS = 240.0
LABELLED = (2, 5, 8, 11, 14, 17, 20, 23)


def label_all(client: Client) -> None:
    for number in LABELLED:
        assert client.put_label(number, square(2 * (number - 1) % 48)).status == 204


def wait(client: Client, *wanted: str, **least: int) -> dict[str, Any]:
    end = time.monotonic() + DONE_SECONDS
    while time.monotonic() < end:
        state: dict[str, Any] = client.get("/api/training").json
        if state["status"] in wanted and all((state[k] or 0) >= v for k, v in least.items()):
            return state
        assert state["status"] in ("running", "paused", *wanted), state
        time.sleep(0.1)
    raise AssertionError(f"no {wanted} in time: {state}")


def start(client: Client, **more: Any) -> None:
    answer = client.ask("POST", "/api/training", {"quality": "smoke", "preview": [3], **more})
    assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path]]:
    folder = tmp_path_factory.mktemp("studio") / "gate"
    (folder / "videos").mkdir(parents=True)
    write_clip(folder / "videos" / "gate.mp4")
    with studio(folder) as client:
        client.wait_for_frames()
        label_all(client)
        start(client)
        state = wait(client, "done", "failed")
        assert state["status"] == "done", state
        yield client, folder


def grey(data: bytes) -> Any:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return picture


def test_a_training_leaves_a_model_measured_on_labels_held_back(
    trained: tuple[Client, Path],
) -> None:
    client, folder = trained
    project = client.get("/api/project").json
    (model,) = project["models"]
    assert (model["name"], model["labels"]) == ("01-smoke", 6)
    assert 0 <= model["validation_f"] <= 1
    held = {one["number"] for one in project["labels"] if one["held_back"]}
    assert len(held) == 2
    card = read_card(folder / "models" / "01-smoke.safetensors")
    assert held.isdisjoint(card.training_frames)
    assert len(client.get("/api/estimate").json["points"]) == 1


def test_the_curve_and_the_previews_are_there(trained: tuple[Client, Path]) -> None:
    client, _ = trained
    state = client.get("/api/training").json
    updates = [point["update"] for point in state["losses"]]
    assert updates == sorted(set(updates))
    assert updates[-1] >= 150
    assert {point["phase"] for point in state["losses"]} == {"background", "segmentation", "joint"}
    assert (state["previews"], state["preview_version"] > 0) == ([3], True)
    for kind in ("plate", "mask", "probability"):
        picture = grey(client.get(f"/api/training/preview/3/{kind}.png").body)
        assert picture.shape[:2] == (48, 64)
    assert client.get("/api/training/preview/4/mask.png").status == 404


def test_the_command_line_scores_the_same_labels(trained: tuple[Client, Path]) -> None:
    client, folder = trained
    model = folder / "models" / "01-smoke.safetensors"
    result = CliRunner().invoke(
        app, ["evaluate", str(folder), "--model", str(model), "--json"], catch_exceptions=False
    )
    found = json.loads(result.stdout)
    measured = client.get("/api/project").json["models"][0]["validation_f"]
    assert found["frames_scored"] == 2
    assert found["f_measure"] == pytest.approx(measured, abs=1e-6)


def test_the_page_sees_what_the_model_sees(trained: tuple[Client, Path]) -> None:
    client, folder = trained
    import cleanplate

    model = cleanplate.load(folder / "models" / "01-smoke.safetensors", engine="torch")
    frame = cleanplate.open_source(folder).read(9)
    wanted = model.segment(frame).probability
    shown = grey(client.get("/api/looks/9/probability.png?model=01-smoke").body)
    assert wanted is not None
    assert np.abs(shown / 255 - wanted).max() < 0.01
    assert grey(client.get("/api/looks/9/plate.png?model=01-smoke").body).shape == (48, 64, 3)
    by_mog2 = grey(client.get("/api/looks/29/probability.png?model=mog2").body)
    assert set(np.unique(by_mog2)) <= {0, 255}


def test_measures_follow_cdnets_rules_over_thresholds(trained: tuple[Client, Path]) -> None:
    client, _ = trained
    found = client.get("/api/measures?model=01-smoke").json
    held = [one["number"] for one in client.get("/api/project").json["labels"] if one["held_back"]]
    assert found["frames"] == held
    recalls = found["recall"]
    assert len(recalls) == len(found["thresholds"]) == len(found["f"])
    assert recalls == sorted(recalls, reverse=True)  # a higher threshold finds no more
    measured = client.get("/api/project").json["models"][0]["validation_f"]
    assert found["f"][found["thresholds"].index(0.5)] == pytest.approx(measured, abs=1e-6)
    assert client.get("/api/measures?model=mog2").json["frames"] == held
    assert client.get("/api/measures?model=none").status == 400


def test_proposals_come_from_the_model_once_there_is_one(trained: tuple[Client, Path]) -> None:
    client, _ = trained
    answer = client.get("/api/proposals/29.png")
    assert answer.headers["x-source"] == "01-smoke"
    for source in ("mog2", "median"):
        answer = client.get(f"/api/proposals/29.png?source={source}&band=2")
        assert answer.headers["x-source"] == source
        codes = grey(answer.body)
        assert set(np.unique(codes)) <= {0, 170, 255}
        assert client.put_label(29, codes).status == 204
        revision = client.get("/api/labels/29").headers["etag"]
        client.ask("DELETE", "/api/labels/29", headers={"If-Match": revision})
    assert client.get("/api/proposals/29.png?source=guess").status == 400
    assert client.get("/api/proposals/29.png?band=999").status == 400


def test_suggestions_and_doubts_name_frames_without_a_label(trained: tuple[Client, Path]) -> None:
    client, _ = trained
    found = client.get("/api/suggestions?count=3").json["frames"]
    assert len(found) == 3
    assert all(one["number"] not in LABELLED and one["reason"] for one in found)
    end = time.monotonic() + 60
    while client.get("/api/doubtful?model=01-smoke").json["share"] < 1:
        assert time.monotonic() < end
        time.sleep(0.1)
    doubts = [one["doubt"] for one in client.get("/api/doubtful?model=01-smoke").json["frames"]]
    assert doubts == sorted(doubts, reverse=True)
    assert len(doubts) == 30


def test_a_model_is_looked_through_by_several_tabs_at_once(trained: tuple[Client, Path]) -> None:
    client, _ = trained
    pages = [f"/api/suggestions?count={count}" for count in (1, 2, 4)]
    pages += [f"/api/looks/{number}/plate.png?model=01-smoke" for number in range(10, 28)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda page: client.get(page).status, pages))
    assert found == [200] * len(pages)


@pytest.mark.parametrize("kind", ["model", "cdnet", "coco", "masks", "overlay", "plate", "onnx"])
def test_an_export_is_what_its_command_makes(
    trained: tuple[Client, Path], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, folder = trained
    made = client.ask("POST", "/api/exports", {"kind": kind, "model": "01-smoke"}).json
    end = time.monotonic() + DONE_SECONDS
    while True:
        found = next(one for one in client.get("/api/exports").json if one["id"] == made["id"])
        if found["status"] in ("done", "failed"):
            break
        assert time.monotonic() < end
        time.sleep(0.2)
    assert found["status"] == "done", found
    answer = client.get(f"/api/exports/{made['id']}/file")
    assert answer.status == 200
    assert found["name"] in answer.headers["content-disposition"]
    _check(kind, answer.body, found["command"], folder)
    if kind in ("coco", "plate"):
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(app, shlex.split(found["command"])[1:])
        assert done.exit_code == 0, done.output
        assert (tmp_path / found["name"]).read_bytes() == answer.body


def _check(kind: str, data: bytes, command: str, folder: Path) -> None:
    assert command.startswith("cp " if kind == "model" else "cleanplate ")
    if kind == "model":
        assert data == (folder / "models" / "01-smoke.safetensors").read_bytes()
    elif kind in ("masks", "cdnet"):
        path = folder / ".studio" / "got.zip"
        path.write_bytes(data)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            masks = grey(archive.read(names[0]))
        lead = "results/studio/gate" if kind == "cdnet" else "masks"
        assert names == [f"{lead}/bin{number:06d}.png" for number in range(1, 31)]
        assert set(np.unique(masks)) <= {0, 255}
    elif kind == "coco":
        values = json.loads(data)
        assert [one["id"] for one in values["images"]] == list(range(1, 31))
        assert {one["image_id"] for one in values["annotations"]} <= set(range(1, 31))
    elif kind == "plate":
        assert grey(data).shape == (48, 64, 3)
    elif kind == "onnx":
        onnx.load_from_string(data)
    else:
        assert b"ftyp" in data[:16]


def test_an_export_of_nothing_is_refused(trained: tuple[Client, Path]) -> None:
    client, _ = trained
    assert client.ask("POST", "/api/exports", {"kind": "x", "model": "01-smoke"}).status == 400
    assert client.ask("POST", "/api/exports", {"kind": "coco", "model": "../x"}).status == 400
    assert client.get("/api/exports/999/file").status == 404


def test_training_again_begins_with_the_last_model(trained: tuple[Client, Path]) -> None:
    client, folder = trained
    before = held_back(folder)
    client.put_label(26, square(2))
    start(client)
    try:
        job = TrainingFolder(folder).job()
        assert job is not None
        assert (job.model, job.begin_with) == ("02-smoke", "01-smoke")
        assert before <= set(job.held_back)
        assert client.ask("POST", "/api/training", {"quality": "smoke"}).status == 400
    finally:
        client.ask("POST", "/api/training/stop")
        assert wait(client, "stopped", "done")["status"] in ("stopped", "done")


@pytest.mark.parametrize(
    ("codes", "said"), [(None, "no frame is labelled"), (square(0, value=0), "no label shows")]
)
def test_what_cannot_be_trained_on_is_said_in_words(
    client: Client, codes: np.ndarray[Any, Any] | None, said: str
) -> None:
    if codes is not None:
        client.put_label(3, codes)
    answer = client.ask("POST", "/api/training", {"quality": "smoke"})
    assert answer.status == 400
    assert said in answer.error
    assert client.ask("POST", "/api/training", {"quality": "perfect"}).status == 400
    for what in ("pause", "continue", "stop", "resume"):
        assert client.ask("POST", f"/api/training/{what}").status == 400


def test_a_training_pauses_and_is_stopped_with_what_it_learned(
    client: Client, folder: Path
) -> None:
    label_all(client)
    start(client)
    wait(client, "running", preview_version=1)
    assert client.ask("POST", "/api/training/pause").json["status"] == "paused"
    still = client.get("/api/training").json["seconds"]
    time.sleep(1.5)
    assert client.get("/api/training").json["seconds"] == still
    assert client.ask("POST", "/api/training/continue").json["status"] == "running"
    client.ask("POST", "/api/training/stop")
    state = wait(client, "stopped")
    assert state["model"] == "01-smoke"
    assert (folder / "models" / "01-smoke.safetensors").is_file()
    assert [one["name"] for one in client.get("/api/project").json["models"]] == ["01-smoke"]


def test_a_training_outlives_a_killed_studio_and_is_taken_up(folder: Path) -> None:
    process = Process(folder)
    process.client.wait_for_frames()
    label_all(process.client)
    start(process.client)
    wait(process.client, "running", preview_version=1)
    process.kill()
    with studio(folder) as client:
        client.wait_for_frames()
        assert len(client.get("/api/project").json["labels"]) == len(LABELLED)
        assert wait(client, "done")["model"] == "01-smoke"
        assert (folder / "models" / "01-smoke.safetensors").is_file()


def test_a_training_that_was_killed_too_is_resumed_also_after_more_labels(folder: Path) -> None:
    process = Process(folder)
    process.client.wait_for_frames()
    label_all(process.client)
    start(process.client)
    wait(process.client, "running", preview_version=1)
    process.kill()
    pid = TrainingFolder(folder).read_state()["pid"]
    os.kill(pid, signal.SIGKILL)
    with studio(folder) as client:
        client.wait_for_frames()
        assert wait(client, "interrupted")["message"]
        client.put_label(26, square(2))
        revision = client.get(f"/api/labels/{LABELLED[0]}").headers["etag"]
        client.put_label(LABELLED[0], square(40), revision)
        assert client.ask("POST", "/api/training/resume").status == 200
        assert wait(client, "done")["model"] == "01-smoke"
        model = read_card(folder / "models" / "01-smoke.safetensors")
        assert 26 not in model.training_frames


def test_a_label_that_trained_is_never_held_back_and_the_other_way_round(tmp_path: Path) -> None:
    first = divide(tmp_path, range(1, 4))
    assert (first.training, first.held_back) == ((1, 2, 3), ())
    second = divide(tmp_path, range(1, 9))
    assert len(second.held_back) == 2
    assert set(second.training) >= {1, 2, 3}
    third = divide(tmp_path, [*range(1, 9), *range(20, 32)])
    assert len(third.held_back) == 5
    assert set(second.held_back) <= set(third.held_back)
    assert set(second.training).isdisjoint(third.held_back)


def test_the_estimate_says_what_more_labels_brought(tmp_path: Path) -> None:
    (tmp_path / ".studio").mkdir()
    assert "Train once" in estimate(tmp_path)["sentence"]
    for labels, f in ((4, 0.8), (8, 0.9)):
        add_figures(tmp_path, {"model": f"m{labels}", "labels": labels, "f": f})
    found = estimate(tmp_path)
    assert found["points"] == [{"labels": 4, "f": 0.8}, {"labels": 8, "f": 0.9}]
    assert "about 0.950" in found["sentence"]


def test_quick_good_and_best_differ_in_length_alone() -> None:
    found = [Job("", quality, (), (), (), "").configuration() for quality in QUALITIES][:3]
    lengths = [one.phases.segmentation.iterations for one in found]
    assert lengths == sorted(set(lengths))
    assert lengths[1] == 800
    short = [with_iterations(one, background=1, segmentation=1, joint=1) for one in found]
    assert short[0] == short[1] == short[2]
