"""The commands as a person types them: results on stdout, all else on stderr, exit codes kept."""

import json
import re
import shutil
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate import cli
from cleanplate.images import read_grey, read_picture, write_picture
from cleanplate.scenes.synthetic import CHALLENGES
from tests.scenes.serving import serving


def _run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *arguments: object,
) -> tuple[int, str, str]:
    """Run the command line in this process; returns exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["cleanplate", *map(str, arguments)])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    return lambda *arguments: _run(capsys, monkeypatch, *arguments)


def test_help_answers_quickly_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, cleanplate.cli; print([m for m in ('torch', 'cv2', 'av') if m in sys.modules])"
    )
    start = time.monotonic()
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    assert time.monotonic() - start < 3  # 0.3 s on an idle machine


def test_synth_all_draws_one_scene_of_each_challenge_in_cdnets_layout(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("synth", "all", "-o", tmp_path, "--frames", 2, "--size", "64x64")
    assert code == 0
    assert out.count("2 frames") == len(CHALLENGES) == 11
    for challenge in CHALLENGES:
        scene = cleanplate.open_scene(tmp_path / challenge / f"{challenge}0")
        assert (scene.category, len(scene.frames.numbers)) == (challenge, 2)


def test_without_labels_a_model_is_trained_and_says_that_nobody_labelled_anything(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    preset = tmp_path / "quick.toml"
    text = resources.files("cleanplate.presets").joinpath("compact.toml").read_text()
    preset.write_text(re.sub(r"iterations = \d+", "iterations = 2", text))
    model = tmp_path / "m.safetensors"
    arguments = ("--labels", "none", "--preset", preset, "-o", model)
    code, out, err = run("train", drawn_scene / "input", *arguments)
    assert code == 0, err
    assert "NOBODY LABELLED ANYTHING" in out
    assert "NOBODY LABELLED ANYTHING" in caplog.text
    code, out, _ = run("info", model, "--json")
    assert json.loads(out)["labelled_by"].startswith("nobody")
    code, out, err = run("evaluate", drawn_scene, "--model", model, "--split", "half", "--json")
    assert code == 0, err
    assert json.loads(out)["f_measure"] is not None


def test_no_labels_and_a_list_of_labels_exclude_each_other(run, drawn_scene: Path) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("train", drawn_scene, "--labels", "none", "--split", "all", "-o", "m")
    assert code == 2
    assert "exclude each other" in err


def test_the_operating_point_that_is_asked_for_stands_in_the_model_file(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path
) -> None:
    points = {}
    for prefer in ("recall", "precision"):
        model = tmp_path / f"{prefer}.safetensors"
        code, _, err = run(
            "train", drawn_scene, "--preset", "smoke", "--prefer", prefer, "-o", model
        )
        assert code == 0, err
        points[prefer] = json.loads(run("info", model, "--json")[1])["operating_point"]
        assert points[prefer]["prefer"] == prefer
    assert points["recall"]["threshold"] < points["precision"]["threshold"]


def test_synth_draws_a_scene_that_info_describes(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "night"
    code, out, _ = run("synth", "nightVideos", "-o", folder, "--frames", 6, "--size", "80x64")
    assert code == 0
    assert "6 frames" in out
    code, out, _ = run("info", folder, "--json")
    described = json.loads(out)
    assert (described["frames"], described["labels"]) == (6, 6)
    assert (described["width"], described["height"]) == (80, 64)
    assert run("synth", "nightVideos", "-o", folder, "--frames", 6)[0] == 1
    assert run("synth", "nightVideos", "-o", folder, "--frames", 4, "--overwrite")[0] == 0
    assert len(list((folder / "input").iterdir())) == 4


def test_train_segment_evaluate_and_background_work_one_after_another(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path
) -> None:
    model = tmp_path / "street.safetensors"
    code, out, err = run("train", drawn_scene, "-o", model, "--preset", "smoke", "--json")
    assert code == 0, err
    trained = json.loads(out)
    assert trained["model"] == "street.safetensors"
    assert trained["seconds"] > 0
    assert "joint" in err

    code, out, err = run(
        "segment", model, drawn_scene / "input", "--masks", tmp_path / "masks",
        "--backgrounds", tmp_path / "plates", "--video", tmp_path / "out.mp4", "--json",
        "--engine", "torch", "--background-every", 1,
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["frames"] == 40
    assert read_grey(tmp_path / "masks" / "bin000007.png").shape == (64, 96)
    assert read_picture(tmp_path / "plates" / "bg000007.png").shape == (64, 96, 3)
    assert sum(1 for _ in cleanplate.open_source(tmp_path / "out.mp4")) == 40

    of_model = json.loads(run("evaluate", drawn_scene, "--model", model, "--json")[1])
    of_masks = json.loads(
        run("evaluate", drawn_scene, "--results", tmp_path / "masks", "--json")[1]
    )
    assert of_model["frames_scored"] == 20
    assert of_model["f_measure"] == of_masks["f_measure"] > 0.5

    code, _, err = run("background", model, drawn_scene / "input", "-o", tmp_path / "plate.png")
    assert code == 0, err
    plate = read_picture(tmp_path / "plate.png").astype(int)
    exact = read_picture(drawn_scene / "background" / "bg000020.png")
    assert np.abs(plate - exact).mean() < 12

    described = json.loads(run("info", model, "--json")[1])
    assert described["weights"].keys() == {"stage_1", "stage_2"}
    assert (described["split"], described["labels"]) == ("half", 20)
    assert described["preset"] == "smoke"


def test_a_video_with_a_folder_of_masks_trains_too(run, drawn_scene: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from cleanplate.scenes.video_writer import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", 25) as video:
        for _, frame in cleanplate.open_source(drawn_scene / "input"):
            video.write(frame)
    (tmp_path / "labels").mkdir()
    for number in range(3, 40, 4):
        source = drawn_scene / "groundtruth" / f"gt{number:06d}.png"
        shutil.copy(source, tmp_path / "labels" / f"frame_{number}.png")
    arguments = [tmp_path / "clip.mp4", "--labels", tmp_path / "labels"]
    model = tmp_path / "clip.safetensors"
    code, _, err = run("train", *arguments, "-o", model, "--preset", "smoke", "--split", "all")
    assert code == 0, err
    code, _, err = run("evaluate", *arguments, "--model", model)
    assert code == 1
    assert "all 10 labelled frames trained this model; label more frames" in err
    code, out, _ = run("evaluate", *arguments, "--model", model, "--on-training-frames", "--json")
    assert code == 0
    assert json.loads(out)["frames_scored"] == 10


def test_evaluate_scores_a_classical_method(run, drawn_scene: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("evaluate", drawn_scene, "--method", "knn", "--json")
    assert code == 0
    assert json.loads(out)["method"] == "knn"
    assert json.loads(out)["frames_scored"] == 20


def test_compare_leaves_a_report_and_keeps_what_is_finished(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path
) -> None:
    arguments = ["compare", drawn_scene, "-o", tmp_path / "report", "--preset", "smoke", "--json"]
    code, out, err = run(*arguments, "--methods", "two-stage,mog2")
    assert code == 0, err
    assert [row["method"] for row in json.loads(out)["results"]] == ["two-stage", "mog2"]
    assert json.loads(out)["failed"] == []
    for name in ("report.html", "results.csv", "results.json", "table1.tex"):
        assert (tmp_path / "report" / name).stat().st_size > 100
    code, out, err = run(*arguments, "--methods", "two-stage,mog2,knn")
    assert "two-stage: finished before" in err
    assert [row["method"] for row in json.loads(out)["results"]] == ["two-stage", "mog2", "knn"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "{gone}", "-o", "{out}"], 1, "no such scene; check the path"),
        (["train", "{empty}", "-o", "{out}"], 1, "not a scene in CDNet layout"),
        (["train", "{scene}", "-o", "{out}", "--preset", "fast"], 1, "preset 'fast' is unknown"),
        (["train", "{scene}", "-o", "{out}", "--split", "third"], 1, "split 'third' is unknown"),
        (["train", "{scene}", "-o", "{out}", "--device", "tpu"], 1, "device 'tpu' is unknown"),
        (["train", "{scene}", "-o", "{model}"], 1, "exists already; give --overwrite"),
        (["train", "{scene}"], 2, "--output"),
        (["segment", "{gone}", "{scene}/input", "--masks", "{out}"], 1, "no such model file"),
        (["segment", "{model}", "{gone}", "--masks", "{out}"], 1, "no such file; check the path"),
        (["segment", "{model}", "{empty}", "--masks", "{out}"], 1, "no numbered pictures"),
        (["segment", "{model}", "{scene}/input"], 2, "nothing to write"),
        (["segment", "{scene}/temporalROI.txt", "{scene}/input", "--masks", "{out}"], 1,
         "no whole safetensors file"),
        (["evaluate", "{scene}"], 2, "give one of --model, --results and --method"),
        (["evaluate", "{scene}", "--method", "vibes"], 1, "method 'vibes' is unknown"),
        (["evaluate", "{scene}", "--results", "{empty}"], 1, "no numbered pictures"),
        (["compare", "{scene}", "-o", "{out}", "--methods", "mog9"], 1, "'mog9' is unknown"),
        (["compare", "{scene}", "-o", "{out}", "--length", "2"], 1, "length 2 is not in (0, 1]"),
        (["compare", "{scene}", "-o", "{out}", "--published", "theirs"], 2, "NAME=PATH"),
        (["compare", "{scene}", "-o", "{out}", "--published", "knn={empty}"], 1,
         "published results cannot be called knn, which is a method"),
        (["compare", "{scene}", "-o", "{out}", "--published", "={empty}"], 2, "NAME=PATH"),
        (["compare", "{scene}", "-o", "{out}", "--published", "theirs="], 2, "NAME=PATH"),
        (["compare", "{scene}", "-o", "{out}", "--published", "theirs={gone}"], 2,
         "no such folder or zip"),
        (["paper", "{empty}", "-o", "{out}"], 1, "no scene in CDNet's layout below it"),
        (["paper", "{scene}", "-o", "{out}", "--experiments", "{gone}.toml"], 1,
         "cannot be read"),
        (["download", "cdnet2012", "-o", "{out}"], 2, "only cdnet2014 can be fetched"),
        (["train", "{scene}", "-o", "{out}", "--weights", "vgg16"], 1,
         "published weights fit the network largefov only; leave weights empty"),
        (["background", "{model}", "{gone}", "-o", "{out}.png"], 1, "no such file"),
        (["synth", "tsunami", "-o", "{out}"], 1, "choose one of baseline"),
        (["synth", "baseline", "-o", "{out}", "--size", "big"], 1, "write WIDTHxHEIGHT"),
        (["info", "{gone}"], 1, "no such model file"),
        (["dance"], 2, "No such command"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line_and_its_exit_code(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, smoke_model: Path, tmp_path: Path,
    arguments: list[str], code: int, message: str,
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    places = {
        "gone": tmp_path / "gone", "empty": tmp_path / "empty", "out": tmp_path / "out",
        "scene": drawn_scene, "model": smoke_model,
    }  # fmt: skip
    found, out, err = run(*(argument.format(**places) for argument in arguments))
    assert found == code
    assert message in " ".join(err.replace("│", " ").split())  # the frame around a usage error
    assert "Traceback" not in err
    assert out == ""
    if code == 1:
        ours = [line for line in err.splitlines() if line.startswith("cleanplate: ")]
        assert len(ours) == 1


def test_a_broken_scene_fails_and_the_others_results_are_there(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene, tmp_path / "broken")
    frame = tmp_path / "broken" / "input" / "in000030.png"
    frame.write_bytes(frame.read_bytes()[:500])
    arguments = ["compare", tmp_path / "broken", drawn_scene, "-o", tmp_path / "report"]
    code, out, err = run(*arguments, "--methods", "mog2", "--json")
    assert code == 1
    found = json.loads(out)
    assert found.keys() == {"results", "failed"}
    assert [(row["scene"], row["method"]) for row in found["results"]] == [("street", "mog2")]
    (failed,) = found["failed"]
    assert (failed["scene"], failed["method"]) == ("broken", "mog2")
    assert "in000030.png: not a complete picture" in failed["reason"]
    assert "in000030.png" in (tmp_path / "report" / "report.html").read_text()
    assert "Traceback" not in err
    code, out, _ = run(*arguments, "--methods", "mog2")
    assert code == 1
    assert "street" in out
    assert out.endswith(f"open {tmp_path / 'report' / 'report.html'}\n")


def test_published_results_are_a_row_of_the_comparison(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    code, out, err = run(
        "compare", drawn_scene, "-o", first, "--methods", "mog2", "--masks", "--json"
    )
    assert code == 0, err
    (own,) = json.loads(out)["results"]
    theirs = f"theirs={first / 'masks' / 'mog2.zip'}"
    code, out, err = run(
        "compare", drawn_scene, "-o", second, "--methods", "mog2", "--published", theirs, "--json"
    )
    assert code == 0, err
    rows = {row["method"]: row for row in json.loads(out)["results"]}
    assert rows.keys() == {"mog2", "theirs"}
    assert {**rows["theirs"], "method": "mog2", "seconds": own["seconds"]} == own


SMALL = """
[table]
scenes = []
methods = ["baseline-1", "mog2"]
preset = "smoke"
split = "half"
seed = 0
length = 0.05

[steps]
scenes = ["baseline/street"]
methods = ["baseline-2"]
preset = "smoke"
split = "half"
seeds = [0, 1]
length = 0.05

[ablations]
scenes = ["street"]
methods = ["two-stage", "siamese"]
preset = "smoke"
split = "half"
seed = 0
length = 0.05
"""


def test_the_paper_runs_end_to_end_and_a_second_time_at_once(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene, tmp_path / "cdnet" / "baseline" / "street")
    (tmp_path / "small.toml").write_text(SMALL)
    output = tmp_path / "run"
    arguments = [
        "paper", tmp_path / "cdnet", "-o", output, "--experiments", tmp_path / "small.toml",
        "--steps", "--ablations", "--device", "cpu", "--json",
    ]  # fmt: skip
    code, out, err = run(*arguments)
    assert code == 0, err
    found = json.loads(out)
    assert [row["method"] for row in found["results"]] == ["baseline-1", "mog2"]
    assert found["failed"] == []
    page = (output / "report.html").read_text()
    for shown in ("baseline-1", "mog2", "baseline-2", "siamese"):
        assert shown in page
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")}
    code, out, err = run(*arguments)
    assert code == 0, err
    assert json.loads(out) == found
    lines = [line for line in err.splitlines() if line.startswith("street ")]
    assert lines
    assert all("finished before" in line for line in lines)
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.safetensors")} == before


def test_info_tells_who_claims_a_method(run) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("info", "vibe", "--json")
    assert code == 0
    described = json.loads(out)
    assert described["method"] == "vibe"
    assert "US 8,009,918" in described["patent_note"]
    assert "not legal advice" in described["patent_note"]
    assert described["learns_online"] is True


def test_info_describes_a_method_that_nobody_claims(run) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("info", "mog2")
    assert code == 0
    rows = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert rows["method"] == "mog2"
    assert rows["learns_online"] == "True"
    assert rows["patent_note"] == "None"
    assert json.loads(run("info", "mog2", "--json")[1])["patent_note"] is None


def test_info_takes_a_file_that_is_called_like_a_method(  # type: ignore[no-untyped-def]
    run, smoke_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(smoke_model, tmp_path / "median")
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("info", "median", "--json")[1])["preset"] == "smoke"


def test_download_says_which_videos_are_complete(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with serving() as server:
        arguments = ["download", "cdnet2014", "-o", tmp_path / "cdnet", "--url", server.url()]
        code, out, err = run(*arguments, "--json")
        assert code == 1, err  # for the videos are not there
        found = json.loads(out)
        assert found["url"] == server.url()
        assert len(found["sha256"]) == 64
        code, out, _ = run(*arguments)
        assert code == 1
        first, second = out.splitlines()[:2]
        assert first.endswith("0 of 53 videos complete")
        assert second == f"SHA-256 {found['sha256']}"
        assert len(server.asked) == 1


def test_a_truncated_frame_is_named_and_earlier_masks_stay(  # type: ignore[no-untyped-def]
    run, drawn_scene: Path, smoke_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn_scene / "input", tmp_path / "input")
    broken = tmp_path / "input" / "in000005.png"
    broken.write_bytes(broken.read_bytes()[:500])
    code, _, err = run("segment", smoke_model, tmp_path / "input", "--masks", tmp_path / "masks")
    assert code == 1
    assert "in000005.png: not a complete picture (500 bytes); copy the file again" in err
    assert len(list((tmp_path / "masks").iterdir())) == 4


def test_a_mask_with_unknown_codes_is_named(run, drawn_scene: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(drawn_scene, tmp_path / "scene")
    strange = np.zeros((64, 96), np.uint8)
    strange[:4] = 128
    write_picture(tmp_path / "scene" / "groundtruth" / "gt000003.png", strange)
    code, _, err = run("train", tmp_path / "scene", "-o", tmp_path / "m.safetensors")
    assert code == 1
    assert "gt000003.png: mask holds values 128; use 0 and 255" in err


def test_debug_shows_the_traceback(drawn_scene: Path, tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "cleanplate.cli", "--debug", "info", str(tmp_path / "gone")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 1
    assert "Traceback" in shown.stderr


def test_an_interrupted_training_ends_with_130_and_resumes(
    drawn_scene: Path, tmp_path: Path
) -> None:
    import signal

    slow = tmp_path / "slow.toml"
    preset = Path(cleanplate.__file__).parent / "presets" / "smoke.toml"
    slow.write_text(preset.read_text().replace("iterations = ", "iterations = 9"))
    command = [sys.executable, "-m", "cleanplate.cli", "train", str(drawn_scene), "-o",
               str(tmp_path / "m.safetensors"), "--preset", str(slow)]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("background"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert not (tmp_path / "m.safetensors").exists()


def test_the_demo_leaves_a_folder_to_look_at(run, drawn_scene: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("av")
    from cleanplate.evaluation import showcase

    steps = list(showcase.run_demo(tmp_path / "demo", drawn_scene, "cpu", preset="smoke"))
    assert steps[-1] == ("writing the page", 1.0)
    names = {path.name for path in (tmp_path / "demo").iterdir()}
    assert names >= {"index.html", "side-by-side.mp4", "clean-plate.png", "masks", "moment.png"}
    assert len(list((tmp_path / "demo" / "masks").iterdir())) == 20
    assert sum(1 for _ in cleanplate.open_source(tmp_path / "demo" / "side-by-side.mp4")) == 20
    page = (tmp_path / "demo" / "index.html").read_text()
    assert "two-stage" in page
    assert "knn" in page


def test_the_demo_does_not_empty_a_strangers_folder(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "precious.txt").write_text("keep")
    code, _, err = run("demo", "-o", tmp_path)
    assert code == 1
    assert "exists and no demo made it" in err
    assert (tmp_path / "precious.txt").read_text() == "keep"
