"""What the documents say is true: their code runs, their links lead somewhere, their names exist.

``python tests/test_docs.py`` writes docs/cli.md anew from the commands' own help.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import runpy
import shlex
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main
from typer.testing import CliRunner

from cleanplate.cli import app
from cleanplate.scenes.synthetic import write_drawn_scene

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "cleanplate"
CLI_PAGE = ROOT / "docs" / "cli.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
EXAMPLES = ("train_and_segment", "drop_in_for_opencv", "compare_methods", "run_exported")
EXAMPLES_SECONDS = 30.0

PLAIN_TERMINAL = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "100"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
REFERENCE = re.compile(r"`([\w/]+\.(?:py|toml))(?:::([\w.]+)(?:=([^`]+))?)?`")
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])(?:/(?:work|root|home|Users)/\w|[A-Z]:\\\\?Users)")
TEXTS = frozenset({".py", ".md", ".toml", ".txt", ".cff", ".cfg", ".sh", ".yml", ""})


def write_cli_page() -> str:
    """Return docs/cli.md: the help of the program and of every command."""
    names = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined] # it is a group
    parts = [
        "# Commands\n",
        "Written by `python tests/test_docs.py` from the commands' own help; do not edit.\n",
    ]
    for name in ("", *names):
        command = f"cleanplate {name}".strip()
        parts.append(f"## {command}\n\n```text\n{_help(name)}\n```\n")
    return "\n".join(parts)


def _help(command: str) -> str:
    arguments = [command, "--help"] if command else ["--help"]
    result = CliRunner().invoke(app, arguments, prog_name="cleanplate", env=PLAIN_TERMINAL)
    assert result.exit_code == 0, result.output
    lines = ANSI.sub("", result.output).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                words = line.split("#")[0].strip()
                if words.startswith("cleanplate "):
                    yield page.name, words


def defined_names(tree: ast.Module | ast.ClassDef) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            names = [name for target in node.targets for name in ast.walk(target)]
            found |= {name.id: node for name in names if isinstance(name, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def complaint_about(file: str, name: str, value: str) -> str:
    """Say what is wrong with a reference such as ``config.py::Phases``, or nothing."""
    path = SRC / file
    if not path.is_file():
        return "no such file"
    if not name:
        return ""
    if path.suffix == ".toml":
        found: Any = tomllib.loads(path.read_text())
        for key in name.split("."):
            if key not in found:
                return f"no key {key}"
            found = found[key]
        wanted = tomllib.loads(f"value = {value}")["value"] if value else found
        return "" if found == wanted else f"is {found}"
    node: ast.AST = ast.parse(path.read_text())
    for part in name.split("."):
        names = defined_names(node) if isinstance(node, ast.Module | ast.ClassDef) else {}
        if part not in names:
            return f"no {part}"
        node = names[part]
    return ""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine, two threads waiting for each other take 20 times
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def drawn_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    write_drawn_scene(folder / "street", "baseline", frames=40, size=(64, 96))
    return folder


def test_the_readmes_python_runs_in_its_order(
    drawn_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(drawn_folder)
    namespace: dict[str, Any] = {}
    found = blocks(ROOT / "README.md", "python")
    assert len(found) >= 2
    for block in found:
        exec(block.replace('"compact"', '"smoke"'), namespace)  # only the preset is a quicker one
    assert namespace["result"].mask.shape == (64, 96)
    assert namespace["mask"].shape == (64, 96)
    assert namespace["plate"].shape == (64, 96, 3)


def test_the_examples_run_with_the_smoke_preset_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, model = tmp_path / "street", tmp_path / "model.safetensors"
    arguments = {
        "train_and_segment": [str(tmp_path), "--preset", "smoke"],
        "drop_in_for_opencv": [
            str(model),
            str(scene / "input" / "in%06d.png"),
            str(tmp_path / "shown.png"),
        ],
        "compare_methods": [str(scene), "--model", str(model), "--preset", "smoke"],
    }
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)
    start = time.process_time()
    for name in arguments:
        monkeypatch.setattr(sys, "argv", [name, *arguments[name]])
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    assert time.process_time() - start < EXAMPLES_SECONDS  # of one core, however busy the machine
    assert all((tmp_path / name).exists() for name in ("mask.png", "plate.png", "shown.png"))
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("joint done", "60 frames", "mog2", "knn", "two-stage"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_fewer_than_forty_lines(name: str) -> None:
    assert len((ROOT / "examples" / f"{name}.py").read_text().splitlines()) < 40


def test_the_commands_page_is_what_the_commands_say() -> None:
    assert CLI_PAGE.read_text() == write_cli_page(), "run: python tests/test_docs.py"


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_in_the_documents_has_only_options_that_exist(page: str, line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    group = typer.main.get_command(app)
    found = group.commands[name]  # type: ignore[attr-defined] # it is a group
    found.make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page: Path) -> None:
    links = [link.split("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    broken = [link for link in links if link and not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_names_that_a_page_refers_to_exist(page: Path) -> None:
    found = {
        f"{file}::{name}": complaint_about(file, name, value)
        for file, name, value in REFERENCE.findall(page.read_text())
        if not file.startswith(("examples/", "tests/", "benchmarks/", "project.toml"))
        and "__init__" not in file
    }
    assert not {reference: complaint for reference, complaint in found.items() if complaint}


def test_the_paper_page_refers_to_many_places() -> None:
    page = (ROOT / "docs" / "paper-to-code.md").read_text()
    assert len(REFERENCE.findall(page)) > 50  # the check above would pass on an empty page


def test_a_wrong_reference_is_noticed() -> None:
    assert complaint_about("nothing.py", "", "") == "no such file"
    assert complaint_about("measures.py", "ConfusionMatrix.accuracy", "") == "no accuracy"
    assert complaint_about("presets/paper.toml", "segmentation.side", "960") == "is 961"
    assert not complaint_about("presets/paper.toml", "segmentation.side", "961")


def test_every_module_stands_in_the_architectures_order_and_in_its_tables() -> None:
    page = ROOT / "docs" / "architecture.md"
    (order,) = blocks(page, "order")
    modules = {
        ".".join(path.relative_to(SRC).with_suffix("").parts)
        for path in SRC.rglob("*.py")
        if path.name != "__init__.py"
    }
    listed = order.split()
    assert len(listed) == len(set(listed))
    assert modules == set(listed)
    rows = set(re.findall(r"^\| `([\w/]+)\.py` \|", page.read_text(), re.MULTILINE))
    assert rows == {name.replace(".", "/") for name in modules}


def test_the_examples_in_docstrings_run() -> None:
    for path in sorted(SRC.rglob("*.py")):
        if ">>>" in path.read_text():
            parts = path.relative_to(SRC.parent).with_suffix("").parts
            assert doctest.testmod(importlib.import_module(".".join(parts))).failed == 0


def test_no_file_names_a_folder_of_some_machine() -> None:
    folders = (ROOT / name for name in ("src", "tests", "docs", "examples", "benchmarks", ".ci"))
    files = [path for folder in folders for path in folder.rglob("*")] + list(ROOT.glob("*"))
    for path in files:
        if path.is_file() and path.suffix in TEXTS and ".ruff_cache" not in path.parts:
            found = MACHINE_PATH.search(path.read_text(errors="replace"))
            assert found is None, f"{path.relative_to(ROOT)}: {found}"


def test_machine_paths_are_noticed() -> None:
    for folder in ("work", "home", "root", "Users"):
        assert MACHINE_PATH.search(f"in /{folder}/somebody/data")
    assert not MACHINE_PATH.search("$CLEANPLATE_DATA/cdnet/baseline and src/home/page.py")


if __name__ == "__main__":
    CLI_PAGE.write_text(write_cli_page())
