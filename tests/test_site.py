"""The documentation site: every page is in it, what it shows runs, and it asks no network.

The tests marked ``docs`` build it, as ``make docs`` does; mkdocs is needed for these alone.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

import cleanplate
from cleanplate.cli import app
from cleanplate.scenes.synthetic import write_drawn_scene
from cleanplate.scenes.video_file import VideoSource
from cleanplate.scenes.video_writer import VideoWriter

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = ROOT / "mkdocs.yml"
PAGES = {page.name for page in DOCS.glob("*.md")}
QUICKER = {"train": ["--preset", "tiny.toml"], "segment": ["--engine", "torch"]}
"""What the quickstart's commands are given besides, so that it takes seconds."""
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ENTRY = re.compile(r"^ +- [^:\n]+: (\S+\.md)$", re.MULTILINE)
MEMBER = re.compile(r"^::: (\S+)$", re.MULTILINE)
FETCHED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*"
    r"(?:src|href|data|srcset)\s*=\s*[\"']?(?:https?:)?//[^>]*>",
    re.IGNORECASE,
)
IMPORTED = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", re.IGNORECASE)


@functools.cache
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "site_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def resolve(path: str) -> Any:
    """Return what a dotted path names, whatever part of it is a module."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[count:], found)
    raise AssertionError(f"nothing is called {path}")


def test_every_page_stands_in_the_navigation_once() -> None:
    listed = ENTRY.findall(CONFIGURATION.read_text())
    assert len(listed) == len(set(listed))
    assert set(listed) == PAGES


def test_links_to_files_outside_the_site_become_their_names() -> None:
    text = "See [the licence](../LICENSE), [labels](labels.md) and [a](https://example.org/../b)."
    assert hooks().on_page_markdown(text) == (
        "See `LICENSE`, [labels](labels.md) and [a](https://example.org/../b)."
    )


def test_the_python_page_shows_every_public_name() -> None:
    shown = MEMBER.findall((DOCS / "api.md").read_text())
    public = {f"cleanplate.{name}" for name in cleanplate.__all__ if not name.startswith("__")}
    assert public <= set(shown)
    errors = importlib.import_module("cleanplate.errors")
    kinds = {name for name in vars(errors) if name.endswith("Error")}
    assert kinds <= {name.rsplit(".", 1)[-1] for name in shown}
    assert all(resolve(name) is not None for name in shown)


def draw_clip(folder: Path) -> Path:
    """Write a drawn street as ``clip.mp4``; return the folder of its true masks."""
    street = folder / "street"
    write_drawn_scene(street, "baseline", frames=40, size=(64, 96))
    with VideoWriter(folder / "clip.mp4", 25.0) as writer:
        for _, frame in cleanplate.open_source(street / "input"):
            writer.write(frame)
    return street / "groundtruth"


def paint(folder: Path, truth: Path) -> None:
    """Do what the reader does by hand: a mask for each frame that was suggested and saved."""
    (folder / "clip-masks").mkdir(exist_ok=True)
    for number in map(int, (folder / "frames.txt").read_text().split()):
        saved = cleanplate.open_source(folder / "to-label").read(number)
        assert saved.shape == (64, 96, 3)
        shutil.copy(truth / f"gt{number:06d}.png", folder / "clip-masks" / f"{number:06d}.png")


def run_command(line: str) -> None:
    words = shlex.split(line)[1:]
    result = CliRunner().invoke(app, [*words, *QUICKER.get(words[0], [])])
    assert result.exit_code == 0, f"{line}: {result.output}"


def test_the_quickstart_and_the_pythons_of_all_new_pages_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEANPLATE_CACHE", str(tmp_path / "cache"))
    smoke = (Path(cleanplate.__file__).parent / "presets" / "smoke.toml").read_text()
    Path("tiny.toml").write_text(re.sub(r"(?m)^iterations = \d+", "iterations = 6", smoke))
    truth = draw_clip(tmp_path)
    python = ""
    for language, block in BLOCK.findall((DOCS / "quickstart.md").read_text()):
        if language == "python":
            python = block
            exec(block, {})
            continue
        for line in block.splitlines():
            if line.startswith("cleanplate train"):
                exec(python, {})  # "with the lines of step 2"
                paint(tmp_path, truth)
            if line.startswith("cleanplate "):
                run_command(line)
    assert len(list((tmp_path / "masks").glob("bin*.png"))) == 40
    assert sum(1 for _ in VideoSource(tmp_path / "look.mp4")) == 40
    assert len(list((tmp_path / "clip-masks").iterdir())) == 10
    assert (tmp_path / "plate.png").exists()
    for page in ("api", "faq"):
        found = [text for kind, text in BLOCK.findall((DOCS / f"{page}.md").read_text())]
        assert len(found) == 1
        exec(found[0].replace('"compact"', '"tiny.toml"'), {})


def cells(page: str, row: str) -> list[list[str]]:
    """Return the cells of every table row of a page that holds the text, bold or not."""
    lines = (DOCS / page).read_text().replace("**", "").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|") and row in line]


def rounded(figure: str) -> str:
    """Return ``0.3055`` as ``.306``."""
    return str(Decimal(figure).quantize(Decimal("0.001"), ROUND_HALF_UP)).removeprefix("0")


SCENES = {
    "highway": "cdnet/baseline/highway",
    "pedestrians": "cdnet/baseline/pedestrians",
    "office": "cdnet/baseline/office",
    "canoe": "cdnet/dynamicBackground/canoe",
    "traffic, shaking": "cdnet/cameraJitter/traffic",
}


@pytest.mark.parametrize("name", SCENES)
def test_the_comparison_among_the_questions_is_that_of_the_results(name: str) -> None:
    ((_, one, five, half, mog2, knn, best),) = cells("faq.md", f"| {name} |")
    rows = cells("results.md", SCENES[name])
    few = {row[0].removesuffix(" †"): row for row in rows if row[1] == SCENES[name]}
    (split,) = [row for row in rows if row[0] == SCENES[name]]
    figures = [*(few[task][3] for task in ("1", "5", "half")), split[2], split[3]]
    assert [one, five, half, mog2, knn] == [rounded(figure) for figure in figures]
    known, method = few["1"][6].split()
    assert best == f"{rounded(known)} {method}"


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = build(ROOT, folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of all that the site is made from, to be changed."""
    shutil.copy(CONFIGURATION, tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    (tmp_path / "src").symlink_to(ROOT / "src")
    return tmp_path


@pytest.mark.docs
def test_every_page_can_be_reached_from_the_first_ones_navigation(site: Path) -> None:
    navigation = re.findall(
        r'<a href="([^"#]+)" class="md-nav__link', (site / "index.html").read_text()
    )
    assert {page.removesuffix(".md") + ".html" for page in PAGES} <= {*navigation, "index.html"}


@pytest.mark.docs
def test_no_page_fetches_anything_from_the_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert not FETCHED.findall(page.read_text()), page.name
    styles = list(site.rglob("*.css"))
    assert styles
    assert not [style.name for style in styles if IMPORTED.search(style.read_text())]


def test_a_fetched_resource_is_noticed() -> None:
    assert FETCHED.search('<script src="https://unpkg.com/iframe-worker/shim"></script>')
    assert FETCHED.search("<link rel=stylesheet href=//fonts.example/css>")
    assert IMPORTED.search('@import "https://fonts.example/css"')
    assert not FETCHED.search('<a href="https://arxiv.org/abs/1707.07584">')
    assert not FETCHED.search('<script src="assets/javascripts/bundle.js">')


@pytest.mark.docs
def test_search_finds_its_words_in_a_file_of_the_site(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text()
    assert all(word in index for word in ("Patents", "BackgroundSubtractorMOG2", "open_scene"))
    assert 'src="javascripts/iframe-worker.js"' in (site / "index.html").read_text()


@pytest.mark.docs
def test_the_python_page_holds_the_docstrings(site: Path) -> None:
    page = (site / "api.html").read_text()
    for name in ("open_scene", "train", "TwoStageSubtractor"):
        assert f'id="cleanplate.{name}"' in page
    assert "a generator: nothing happens until it is read" in page


def to_nowhere(root: Path) -> None:
    with (root / "docs" / "index.md").open("a") as page:
        page.write("\n[no such part](faq.md#no-such-part)\n")


def to_no_page(root: Path) -> None:
    with (root / "docs" / "index.md").open("a") as page:
        page.write("\n[no such page](nothing.md)\n")


def outside_the_navigation(root: Path) -> None:
    (root / "docs" / "forgotten.md").write_text("# Forgotten\n")


def of_no_name(root: Path) -> None:
    with (root / "docs" / "api.md").open("a") as page:
        page.write("\n::: cleanplate.no_such_name\n")


@pytest.mark.docs
@pytest.mark.parametrize("change", [to_nowhere, to_no_page, outside_the_navigation, of_no_name])
def test_the_build_refuses_what_leads_nowhere(copy: Path, change: Callable[[Path], None]) -> None:
    change(copy)
    assert build(copy, copy / "site").returncode != 0
