"""The rooms are read from left to right; a module imports only modules that come before it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "cleanplate"


def _order() -> list[str]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    block = re.search(r"```order\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].split()


ORDER = _order()


def _tree(name: str) -> ast.Module:
    return ast.parse((SRC / f"{name.replace('.', '/')}.py").read_text())


def test_every_module_has_a_place_in_the_order() -> None:
    modules = {
        ".".join(path.relative_to(SRC).with_suffix("").parts)
        for path in SRC.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert modules == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_modules_before_it(name: str) -> None:
    used = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            assert node.module is not None
            used.add(node.module)
            if node.module.startswith("cleanplate"):
                used |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
    ours = {module.removeprefix("cleanplate.") for module in used} & set(ORDER)
    assert ours <= set(ORDER[: ORDER.index(name)])


@pytest.mark.parametrize("name", ORDER)
def test_opencv_and_pyav_stay_in_their_rooms(name: str) -> None:
    imported = {
        alias.name
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    if "cv2" in imported:
        assert name == "images" or name.startswith(
            ("scenes.", "subtractors.", "runtime.", "studio.")
        )
    if "av" in imported:
        assert name in (
            "scenes.frame_times",
            "scenes.video_file",
            "scenes.video_writer",
            "scenes.stream",
            "scenes.sending",
        )


@pytest.mark.parametrize("name", ORDER)
def test_a_module_can_be_read_in_a_sitting(name: str) -> None:
    path = SRC / f"{name.replace('.', '/')}.py"
    assert len(path.read_text().splitlines()) <= 300
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.FunctionDef):
            documented = len((ast.get_docstring(node) or "").splitlines())
            assert (node.end_lineno or 0) - node.lineno - documented <= 60, node.name


def test_the_package_names_what_it_promises() -> None:
    import cleanplate

    for name in cleanplate.__all__:
        assert getattr(cleanplate, name) is not None
