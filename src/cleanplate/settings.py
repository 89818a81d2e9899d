"""The base of all settings, and how they are read: a mistake is named with its place."""

from __future__ import annotations

import difflib
import errno
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cleanplate.errors import ConfigError

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]


MOST_TEXT_BYTES = 2**24
"""Of a text file that a person writes; the whole of CDNet's frame numbers has a hundredth."""


def read_text(path: Path, errors: str = "strict") -> str:
    """Read a text file in UTF-8; ``errors`` says what is done where it is none (see `open`).

    Raises:
        OSError: it cannot be read, is no text, or endless.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_TEXT_BYTES + 1)
    except ValueError as error:  # a name with a zero in it is no name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if len(data) > MOST_TEXT_BYTES:
        raise OSError(errno.EFBIG, f"more than {MOST_TEXT_BYTES} bytes", str(path))
    try:
        return data.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, str(error), str(path)) from error


class Settings(BaseModel):
    """Base of all settings: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


AnySettings = TypeVar("AnySettings", bound=Settings)


def parse_settings(model: type[AnySettings], text: str, where: str) -> AnySettings:
    """Read settings from TOML.

    Raises:
        ConfigError: it is no TOML, or a key is unknown, missing or of the wrong type.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers without end, tables without end
        raise ConfigError(f"{where}: not valid TOML ({error})") from error
    return check_settings(model, values, where)


def check_settings(model: type[AnySettings], values: dict[str, Any], where: str) -> AnySettings:
    """Check settings given as nested dictionaries (see `parse_settings`)."""
    try:
        return model.model_validate(_with_tuples(values))
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_complaint(model, error)}") from error


def _with_tuples(values: Any) -> Any:
    """Turn lists into tuples: TOML and JSON know no tuples, strict models take no lists."""
    if isinstance(values, dict):
        return {key: _with_tuples(value) for key, value in values.items()}
    return tuple(map(_with_tuples, values)) if isinstance(values, list) else values


def _first_complaint(model: type[Settings], error: ValidationError) -> str:
    complaints = error.errors()  # a misspelt key is missing too: say that it is misspelt
    unknown = (one for one in complaints if one["type"] == "extra_forbidden")
    complaint = next(unknown, complaints[0])
    place = [str(part) for part in complaint["loc"]]
    key = ".".join(place)
    if complaint["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place[-1], _known_keys(model, place[:-1]), n=1, cutoff=0.0)
        return f"unknown key {key}; did you mean {'.'.join([*place[:-1], *near])}?"
    if complaint["type"] == "missing":
        return f"key {key} is missing; add it"
    if complaint["type"] == "value_error":  # of a whole table, which need not be repeated
        return f"{key}: {complaint['msg'].removeprefix('Value error, ')}".removeprefix(": ")
    shown = repr(complaint["input"])
    if "@" in shown or "://" in shown:  # a camera's address may hold its password
        shown = "not what it must be"
    return f"{key} is {shown}: {complaint['msg'].lower()}"


def _known_keys(model: type[Settings], place: list[str]) -> list[str]:
    found: Any = model
    for part in place:
        # a number is a place in a tuple of tables
        found = get_args(found)[0] if part.isdecimal() else found.model_fields[part].annotation
    return list(found.model_fields)
