"""Break modules that others lean on, one place at a time, and see whether their tests notice.

``make mutants`` runs it in an environment of its own that holds cosmic-ray, in a copy of the
project. A module's mutants are each one operator, number, word or decorator changed; of the eleven
operators that could stand in the place of another, one is taken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = {
    "measures.py": "tests/test_measures.py",
    "networks/losses.py": "tests/networks/test_losses.py",
    "scenes/numbering.py": "tests/scenes/test_numbering.py",
    "scenes/scene.py": "tests/scenes/test_scene.py tests/scenes/test_cdnet.py",
    "training/checkpoints.py": "tests/training/test_checkpoints.py tests/training/test_train.py",
}
"""Each module, and the tests that must notice."""
LEFT_OUT = [
    r"core/ReplaceBinaryOperator_(?!(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Mul|Pow_Mul"
    r"|BitAnd_BitOr|BitOr_BitAnd)$)",
    r"core/ReplaceUnaryOperator_.*(Invert|UAdd).*",
    r"core/ReplaceComparisonOperator_(Eq|NotEq)_(Lt|LtE|Gt|GtE|Is|IsNot)$",
    r"core/ReplaceComparisonOperator_(Lt|LtE|Gt|GtE)_(Eq|NotEq|Is|IsNot)$",
    r"core/ReplaceComparisonOperator_(Is|IsNot)_(?!(Is|IsNot)$)",
]
SECONDS = 120.0


def examine(module: str, folder: Path) -> tuple[int, int]:
    """Test all mutants of a module and print those that nobody noticed; returns noticed, all."""
    settings, session = folder / "mutants.toml", folder / f"{Path(module).stem}.sqlite"
    test = f"{sys.executable} -m pytest -x -q -p no:cacheprovider {TESTS[module]}"
    settings.write_text(
        f'[cosmic-ray]\nmodule-path = "src/cleanplate/{module}"\ntimeout = {SECONDS}\n'
        f'excluded-modules = []\ntest-command = "{test}"\n[cosmic-ray.distributor]\n'
        f'name = "local"\n[cosmic-ray.filters.operators-filter]\n'
        f"exclude-operators = {json.dumps(LEFT_OUT)}\n"
    )
    _ray("cosmic-ray", "baseline", settings)  # else every mutant seems noticed
    _ray("cosmic-ray", "init", settings, session)
    _ray("cr-filter-operators", session, settings)
    _ray("cosmic-ray", "exec", settings, session)
    noticed = count = 0
    for line in _ray("cosmic-ray", "dump", session).splitlines():
        _, result = json.loads(line)
        if result is None:
            raise SystemExit(f"{module}: stopped before its end; run it again")
        if result["worker_outcome"] == "skipped" or _is_of_a_type(result["diff"]):
            continue
        if result["test_outcome"] == "incompetent":  # no test could judge it
            print(f"\n{module}: cannot be run\n{result['diff']}")
            continue
        count += 1
        if result["test_outcome"] == "killed":
            noticed += 1
        else:
            print(f"\n{module}: not noticed\n{result['diff']}")
    return noticed, count


def _is_of_a_type(diff: str) -> bool:
    """Return whether a type's ``| None`` was changed, which nothing computes."""
    return any(line.startswith("+") and " & None" in line for line in diff.splitlines()[3:])


def _ray(command: str, *arguments: object) -> str:
    words = [str(Path(sys.executable).with_name(command)), *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Examine the modules, by default all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=[*TESTS])
    rows, folder = [], Path(tempfile.mkdtemp())
    for module in parser.parse_args().modules:
        noticed, count = examine(module, folder)
        rows.append(f"{module}: {noticed} of {count} noticed, {noticed / count:.0%}")
        print(rows[-1], file=sys.stderr, flush=True)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
