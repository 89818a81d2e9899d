"""Command lines with one value in them that a person may well give, but should not."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer.main

from cleanplate import cli

SECONDS = 30
"""A command that takes longer than this hangs; each works on a few small frames."""
ALLOWED = frozenset({0, 1, 2})

TEXTS = (
    *("", " ", "-", "--", "x", "é\n\x1b[31m", "\udcff\udcfe", "a\0b", "x" * 5000, "%s%n{}", "~"),
    *("-1", "0", "1", "2", "1e400", "nan", "inf", "-inf", "9" * 30, "9" * 5000, "0x10", "1,2", "²"),
    *(".", "..", "{root}", "/dev/null", "/dev/full", "/dev/zero", "{gone}", "{gone}/deeper/x"),
    *("{scene}", "{model}", "{text}", "{empty}", "{picture}", "{clip}", "{bytes}"),
    *(
        "list:{gone}",
        "list:{text}",
        "list:{scene}",
        "list:/dev/zero",
        "half:-1",
        f"half:{'9' * 5000}",
    ),
    *("-1,-1 5,5 3", "0,0 1e9,1e9 5,5", "nan,nan 1,1 2,2", "99999999x99999999", "0x0", "-4x-4"),
    *("http://[", "rtsp://", "file:{picture}", "{text}.toml", "{strange}"),
)

BASES = {
    "train": ["{scene}", "-o", "{out}", "--preset", "{quick}", "--device", "cpu"],
    "evaluate": ["{scene}", "--method", "mog2"],
    "background": ["{model}", "{scene}/input", "-o", "{out}.png"],
    "synth": ["baseline", "-o", "{out}", "--frames", "2", "--size", "64x64"],
    "info": ["{scene}"],
    "demo": ["-o", "{out}", "--scene", "{gone}"],
    "segment": ["{model}", "{scene}/input", "--lines", "{out}", "--engine", "torch", "--stop", "2"],
    "live": ["{model}", "{clip}", "--lines", "{out}", "--engine", "torch", "--seconds", "0.2"],
    "export": ["{gone}", "--to", "onnx", "-o", "{out}.onnx"],
    "quantise": ["{gone}", "{scene}/input"],
    "studio": ["{text}", "--host", "203.0.113.1", "--no-browser"],  # neither would be served
    "compare": ["{scene}", "-o", "{out}", "--methods", "median"],
    "paper": ["{empty}", "-o", "{out}", "--experiments", "{text}.toml"],
    "download": ["cdnet2014", "-o", "{out}", "--url", "nowhere:none"],
    "curve": ["{scene}", "-o", "{out}", "--counts", "1", "--preset", "{quick}", "--seeds", "1"],
    "suggest": ["{scene}/input", "-n", "1"],
}
"""A command line of each command that works, or fails early where working would take long."""


LONG = frozenset(
    {
        ("demo", "{scene}"),
        ("download", ""),
        ("export", "{model}"),
        ("quantise", "{model}"),
    }
)
"""Values that are not hostile but long: a whole demo, the usual address."""


class Outcome(NamedTuple):
    """How a command ended."""

    code: int | str
    errors: str

    def complaint(self) -> str:
        """Say what is wrong with the way it ended, or return the empty string."""
        if self.code not in ALLOWED:
            return f"exit code {self.code}"
        if cli.OUR_MISTAKE in self.errors or "Traceback" in self.errors:
            return "a mistake of ours"
        if self.code == 1 and not self.errors.strip():
            return "no reason is given"
        return ""


def lines_of(command: str) -> Iterator[list[str]]:
    """Yield the command's base with each of its values replaced, and with each option added."""
    base = BASES[command]
    texts = [text for text in TEXTS if (command, text) not in LONG]
    places = [at for at, word in enumerate(base) if not (word.startswith("-") and len(word) > 1)]
    for at in places:
        yield from ([*base[:at], text, *base[at + 1 :]] for text in texts)
    found = typer.main.get_command(cli.app).commands[command]  # type: ignore[attr-defined] # a group
    for parameter in found.params:
        option = max(parameter.opts, key=len)
        if option.startswith("--") and not getattr(parameter, "is_flag", False):
            yield from ([*base, f"{option}={text}"] for text in texts)


def run(arguments: list[str]) -> Outcome:
    """Run the program's own entry in this process."""
    errors = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    answers = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    before, terminated = sys.argv, signal.getsignal(signal.SIGTERM)
    loggers = [logging.getLogger(), logging.getLogger("cleanplate")]
    kept = [(logger, logger.handlers, logger.level) for logger in loggers]
    for logger in loggers:
        logger.handlers = []  # the command starts its own, on its own stderr
    sys.argv = ["cleanplate", *arguments]
    code: int | str = 0
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(answers):
            cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        code = f"raised {error!r}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGTERM, terminated)
        for logger, handlers, level in kept:
            logger.handlers = handlers
            logger.setLevel(level)
        sys.argv = before
    raw = errors.buffer.getvalue()
    return Outcome(code, raw.decode())


class Hangs(BaseException):
    """The command takes too long."""


def _hangs(*_: object) -> None:
    raise Hangs


def filled(arguments: list[str], places: dict[str, Path]) -> list[str]:
    """Put the names of files into a command line."""
    found = []
    for word in arguments:
        for name, path in places.items():
            word = word.replace(f"{{{name}}}", str(path))
        found.append(word)
    return found


def make_places(folder: Path, scene: Path, model: Path) -> dict[str, Path]:
    """Make the files that command lines name."""
    from importlib import resources

    text = resources.files("cleanplate.presets").joinpath("smoke.toml").read_text()
    (folder / "quick.toml").write_text(re.sub(r"(?m)^iterations = .*", "iterations = 1", text))
    (folder / "empty").mkdir()
    (folder / "root" / "usr").mkdir(parents=True)  # in the place of /, which is written into
    (folder / "text").write_text("some words\n")
    (folder / "text.toml").write_text("a = [[[\n")
    (folder / "bytes").write_bytes(bytes(range(256)) * 40)
    strange = os.fsdecode(os.fsencode(folder) + b"/\xff\xfe strange")
    Path(strange).mkdir()
    return {
        "scene": scene, "model": model, "gone": folder / "gone", "root": folder / "root",
        "out": folder / "out",
        "quick": folder / "quick.toml", "empty": folder / "empty", "text": folder / "text",
        "bytes": folder / "bytes", "strange": Path(strange),
        "picture": scene / "input" / "in000001.png", "clip": folder / "clip.mp4",
    }  # fmt: skip
