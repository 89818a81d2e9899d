"""Nothing that a person can write on a command line ends in a traceback or without a reason."""

import json
import logging
import random
import subprocess
import sys
from pathlib import Path

import pytest

import cleanplate
from cleanplate import cli
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.terminal import bar, say, start_logging
from tests.hostile import BASES, filled, lines_of, make_places, run

QUICK = ("info", "download", "export", "paper")
QUICK_LINES = 12
"""Of each of these commands; all lines of all commands are run by ``make fuzz``."""


@pytest.fixture(scope="module")
def places(
    drawn_scene: Path, smoke_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    frames = [frame for _, frame in cleanplate.open_source(drawn_scene / "input")]
    with VideoWriter(folder / "clip.mp4", 25) as video:
        for frame in frames[:8]:
            video.write(frame)
    return make_places(folder, drawn_scene, smoke_model)


def _check(command: str, lines: list[list[str]], places: dict[str, Path], folder: Path) -> None:
    for index, line in enumerate(lines):
        own = {**places, "out": folder / str(index) / "out"}
        own["out"].parent.mkdir()
        complaint = run([command, *filled(line, own)]).complaint()
        assert not complaint, (command, line)


@pytest.mark.parametrize("command", QUICK)
def test_some_hostile_lines_end_in_a_line(
    command: str, places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some lines name files by accident
    chosen = random.Random(0).sample(list(lines_of(command)), QUICK_LINES)
    _check(command, chosen, places, tmp_path)


@pytest.mark.fuzz
@pytest.mark.parametrize("command", BASES)
def test_all_hostile_lines_end_in_a_line(
    command: str, places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _check(command, list(lines_of(command)), places, tmp_path)


def test_every_command_has_a_line_to_be_made_hostile() -> None:
    import typer.main

    assert set(BASES) == set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "{scene}", "-o", "", "--preset", "smoke"], "is a folder; give a file's name"),
        (["train", "{scene}", "-o", "/", "--preset", "smoke"], "/: is a folder"),
        (["train", "{scene}", "-o", "{out}", "--split", "list:/dev/zero"], "more than 16777216"),
        (["train", "{scene}", "-o", "{out}", "--split", f"half:{'9' * 5000}"], "write half:N"),
        (["segment", "{model}", "{scene}/input", "--lines", "{out}", "--roi", "nan,1 2,2 3,3"],
         "give at least three corners"),
        (["info", "\udcff\udcfe"], r"\xff\xfe: no such model file"),
        (["synth", "baseline", "-o", "{out}", "--size", "9999x9999"], "at most 8192 pixels a side"),
    ],
)  # fmt: skip
def test_what_was_found_by_hostile_lines_is_named(
    arguments: list[str], message: str, places: dict[str, Path], tmp_path: Path
) -> None:
    done = run(filled(arguments, {**places, "out": tmp_path / "out"}))
    assert done.code == 1, done.errors
    assert message in done.errors.replace("\\udcff\\udcfe", r"\xff\xfe")


def test_a_mistake_of_ours_is_a_line_too_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(cleanplate, "open_scene", fail)
    done = run(["info", "."])
    assert done.code == 1
    assert done.errors == f"cleanplate: ZeroDivisionError: oh; {cli.OUR_MISTAKE}\n"
    assert done.complaint() == "a mistake of ours"
    assert "raised ZeroDivisionError" in str(run(["--debug", "info", "."]).code)


def test_events_are_json_lines_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    start_logging(debug=False, as_json=True)
    with bar() as shown:
        shown.update("drawing", 3, 10, "a note")
    say("stopped", code=130)
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("cleanplate.x").warning("of %s\n", "two lines", exc_info=True)
    drawing, stopped, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert (drawing["message"], drawing["done"], drawing["total"]) == ("drawing", 3, 10)
    assert (stopped["message"], stopped["code"], stopped["level"]) == ("stopped", 130, "info")
    assert (failed["message"], failed["source"]) == ("of two lines\n", "cleanplate.x")
    assert "KeyError" in failed["traceback"]
    monkeypatch.undo()
    logging.captureWarnings(False)


def test_an_error_is_one_json_line_of_the_command() -> None:
    command = [sys.executable, "-m", "cleanplate.cli", "--log-json", "compare", "gone", "-o", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (event,) = (json.loads(line) for line in done.stderr.splitlines())
    assert (event["level"], event["code"], done.returncode) == ("error", 1, 1)
    assert event["message"].endswith("no such scene; check the path")
    assert event["time"].endswith("+00:00")
