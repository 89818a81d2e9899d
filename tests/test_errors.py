"""Every error that the code raises on purpose stands in docs/errors.md, and says what to do.

``python tests/test_errors.py`` writes docs/errors.md anew from the code.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cleanplate import errors
from cleanplate.errors import CleanplateError

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "cleanplate"
PAGE = ROOT / "docs" / "errors.md"
KINDS = [
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, CleanplateError)
]
USAGE = "BadParameter"
HEAD = """# Errors

Written by `python tests/test_errors.py` from the code; do not edit.

What goes wrong is one line on stderr, `cleanplate: WHERE: WHAT; WHAT TO DO`, and an exit code:

| code | meaning |
|---|---|
| 0 | done |
| 1 | one of the errors below; or a part of the work failed, as was said: a scene of `compare`, a camera of `live`, an incomplete `download` |
| 2 | the command line was not understood |
| 130 | stopped by Ctrl-C or SIGTERM; what was written is whole |

`cleanplate --debug COMMAND` shows where in the code an error was raised. `cleanplate --log-json
COMMAND` writes each event as one JSON object a line on stderr, errors too, for a log that programs
read.

In a program every error is a `cleanplate.CleanplateError`. `{words}` stand for what was found.
"""  # noqa: E501 (a table's row is a line)


class Message(NamedTuple):
    """One message of the code: its kind, its module and its text with ``{words}``."""

    kind: str
    module: str
    text: str


def messages() -> Iterator[Message]:
    """Yield every message that is written out where its error is made."""
    for path in sorted(SRC.rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }
        module = path.relative_to(SRC).as_posix()
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            kind = call.func.attr if isinstance(call.func, ast.Attribute) else _name(call.func)
            text = _text(call.args[0], constants)
            if kind in (*KINDS, USAGE) and text:
                yield Message(kind, module, text)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """Return a string literal's text; what is filled in stands in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            word = _name(part.value)
            parts.append(constants.get(word) or f"{{{word or _last_word(part.value)}}}")
    return "".join(parts)


def _last_word(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else "..."


def write_page() -> str:
    """Return docs/errors.md."""
    found = list(dict.fromkeys(messages()))
    parts = [HEAD]
    for kind in (*KINDS, USAGE):
        of_kind = [message for message in found if message.kind == kind]
        about = "The command line was not understood: exit code 2."
        if kind != USAGE:
            about = (getattr(errors, kind).__doc__ or "").splitlines()[0]
        title = "Usage" if kind == USAGE else kind
        parts.append(f"## {title}\n\n{about}\n")
        for module in dict.fromkeys(message.module for message in of_kind):
            texts = [message.text for message in of_kind if message.module == module]
            parts.append("\n".join([f"`{module}`\n", *(f"- `{_shown(text)}`" for text in texts)]))
            parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _shown(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def test_the_page_of_errors_is_what_the_code_says() -> None:
    assert PAGE.read_text() == write_page(), "run: python tests/test_errors.py"


def test_the_page_names_every_kind_and_hundreds_of_messages() -> None:
    text = PAGE.read_text()
    assert all(f"## {kind}\n" in text for kind in KINDS)
    assert text.count("\n- `") > 200


def test_a_message_is_one_line() -> None:
    for message in messages():
        assert message.text == message.text.strip()
        assert "\n" not in message.text, message


if __name__ == "__main__":
    PAGE.write_text(write_page())
