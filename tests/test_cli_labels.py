"""The commands that tell how many frames to label, and which."""

import json
import shutil
from pathlib import Path

import pytest

import cleanplate
from tests.test_cli import run

__all__ = ["run"]


@pytest.fixture
def few_labels(drawn_scene: Path, tmp_path: Path) -> Path:
    """The drawn scene with labels for its first five frames only."""
    folder = tmp_path / "few"
    shutil.copytree(drawn_scene, folder)
    for path in sorted((folder / "groundtruth").iterdir())[5:]:
        path.unlink()
    return folder


def test_curve_leaves_picture_numbers_and_table(run, drawn_scene: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "curve"
    arguments = ["curve", drawn_scene, "-o", output, "--counts", "1,half", "--seeds", 1]
    arguments += ["--preset", "smoke", "--length", "0.05", "--device", "cpu"]
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [(row["method"], row["labels"]) for row in found["results"]] == [
        ("mog2", 0), ("knn", 0), ("median", 0), ("two-stage", 1), ("two-stage", 20),
    ]  # fmt: skip
    assert found["failed"] == []
    assert {path.name for path in output.iterdir()} >= {"curve.png", "curve.csv", "curve.md"}
    code, out, err = run(*arguments)
    assert code == 0
    assert out.strip() == (output / "curve.md").read_text().strip()
    assert "joint" not in err


def test_curve_ends_with_1_where_a_scene_fails(run, drawn_scene: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    broken = tmp_path / "broken"
    shutil.copytree(drawn_scene, broken)
    (broken / "groundtruth" / "gt000002.png").write_bytes(b"none")
    arguments = ["curve", broken, "-o", tmp_path / "out", "--counts", "1", "--preset", "smoke"]
    code, out, _ = run(*arguments, "--json")
    assert code == 1
    assert json.loads(out)["results"] == []
    assert {failure["scene"] for failure in json.loads(out)["failed"]} == {"broken"}


def test_suggest_names_frames_without_a_label_and_train_reads_them(  # type: ignore[no-untyped-def]
    run,
    few_labels: Path,
    tmp_path: Path,
) -> None:
    listed = tmp_path / "frames.txt"
    code, out, err = run("suggest", few_labels, "-n", 3, "-o", listed, "--json")
    assert "frames looked at 1/40" in err
    assert code == 0, err
    found = json.loads(out)["suggestions"]
    assert len(found) == 3
    assert all(one["number"] > 5 for one in found)
    assert found[0].keys() == {"number", "score", "reason", "seconds"}
    assert found[0]["seconds"] == pytest.approx((found[0]["number"] - 1) / 25)
    assert [int(line) for line in listed.read_text().split()] == [one["number"] for one in found]
    assert run("suggest", few_labels, "-n", 3, "-o", listed)[0] == 1  # is there already


def test_suggest_rehearses_on_the_first_half_without_what_trained(  # type: ignore[no-untyped-def]
    run,
    drawn_scene: Path,
    tmp_path: Path,
) -> None:
    listed, model = tmp_path / "two.txt", tmp_path / "two.safetensors"
    code, _, err = run("suggest", drawn_scene, "--split", "half", "-n", 2, "-o", listed)
    assert code == 0, err
    trained = {int(word) for word in listed.read_text().split()}
    assert len(trained) == 2
    assert max(trained) <= 20
    scene = cleanplate.open_scene(drawn_scene)
    assert set(scene.split(f"list:{listed}").training) == trained
    list(cleanplate.train(scene, "smoke", model, split=f"list:{listed}", device="cpu"))
    code, out, err = run("suggest", drawn_scene, "--split", "half", "--model", model, "-n", 20)
    assert code == 0, err
    head, *rows = out.splitlines()
    assert head.split() == ["frame", "time", "reason"]
    numbers = {int(line.split()[0]) for line in rows}
    assert numbers == set(range(1, 21)) - trained
    assert "of the largest doubt" in out


def test_suggest_takes_a_video_that_nobody_labelled(run, drawn_scene: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from cleanplate.scenes.video_writer import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", 10) as video:
        for _, frame in cleanplate.open_source(drawn_scene / "input"):
            video.write(frame)
    code, out, err = run("suggest", tmp_path / "clip.mp4", "-n", 4, "--json")
    assert code == 0, err
    assert len({one["number"] for one in json.loads(out)["suggestions"]}) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["suggest", "{scene}"], 1, "every frame has a label; give --split half"),
        (["suggest", "{scene}", "--split", "half", "--model", "{model}"], 1,
         "split half leaves no labelled frame to choose from; give another"),
        (["suggest", "{gone}"], 1, "no such file; check the path"),
        (["curve", "{scene}", "-o", "{gone}", "--counts", "1,x"], 1, "count 'x' is not understood"),
        (["curve", "{scene}", "-o", "{gone}", "--seeds", "0"], 2, "--seeds"),
        (["curve", "{scene}", "-o", "{gone}", "--preset", "fast"], 1, "preset 'fast' is unknown"),
        (["curve", "{gone}", "-o", "{gone}"], 1, "no such scene; check the path"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line_and_its_exit_code(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, smoke_model: Path, tmp_path: Path,
    arguments: list[str], code: int, message: str,
) -> None:  # fmt: skip
    places = {"gone": tmp_path / "gone", "scene": drawn_scene, "model": smoke_model}
    found, out, err = run(*(argument.format(**places) for argument in arguments))
    assert (found, out) == (code, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "gone").exists()
