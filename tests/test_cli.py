"""The commands as a person types them: results on stdout, all else on stderr, exit codes kept."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cleanplate
from cleanplate import cli
from cleanplate.images import read_grey, read_picture, write_picture


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
    for name in ("index.html", "results.csv", "results.json"):
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
        (["evaluate", "{scene}", "--method", "vibe"], 1, "method 'vibe' is unknown"),
        (["evaluate", "{scene}", "--results", "{empty}"], 1, "no numbered pictures"),
        (["compare", "{scene}", "-o", "{out}", "--methods", "mog9"], 1, "'mog9' is unknown"),
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
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert out == ""
    if code == 1:
        ours = [line for line in err.splitlines() if line.startswith("cleanplate: ")]
        assert len(ours) == 1


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
