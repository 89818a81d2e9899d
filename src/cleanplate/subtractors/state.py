"""What a method remembers: checked against its frames, checked on its return, kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cleanplate.errors import ConfigError, VideoError, WeightsError
from cleanplate.files import write_bytes
from cleanplate.images import Frame, Size
from cleanplate.subtractors.protocol import HasState, State, Subtractor

FORMAT = "1"
"""Of the file's layout: a file of another format is refused."""
_FORMAT_KEY, _METHOD_KEY = "cleanplate.state", "cleanplate.method"

Layout = Mapping[str, tuple[type[np.generic], tuple[int | str, ...]]]
"""Each array's type and shape; a letter stands for one length, the same wherever it occurs."""


def check_size(name: str, frame: Frame, size: Size) -> None:
    """Refuse a frame of another size than those before it.

    Raises:
        VideoError: names both sizes.
    """
    if frame.shape[:2] != size:
        raise VideoError(
            f"{name}: frame is {frame.shape[1]}x{frame.shape[0]} but those before were "
            f"{size[1]}x{size[0]}; resize it or begin with a new {name}"
        )


def check_state(name: str, state: State, layout: Layout) -> None:
    """Refuse a state that does not have exactly these arrays.

    Raises:
        ConfigError: names the first array that is missing, foreign, misshapen or not finite.
    """
    lengths: dict[str, int] = {}
    for key in sorted(state.keys() | layout.keys()):
        complaint = ""
        if key not in state:
            complaint = "is missing"
        elif key not in layout:
            complaint = "does not belong there"
        else:
            array, (kind, shape) = state[key], layout[key]
            wanted = tuple(
                lengths.setdefault(length, found) if isinstance(length, str) else length
                for length, found in zip(shape, array.shape, strict=False)
            )
            if array.dtype != kind or array.ndim != len(shape) or array.shape != wanted:
                complaint = f"is {array.dtype} {array.shape}, wanted {kind.__name__} {shape}"
            elif np.issubdtype(kind, np.floating) and not np.isfinite(array).all():
                complaint = "has values that are not finite"
        if complaint:
            raise ConfigError(
                f"{name}: its state's {key} {complaint}; restore what a {name} of the same "
                "parameters saved"
            )


def save_state(path: Path, subtractor: Subtractor) -> None:
    """Write all that a method has learned; an older file stays until the new one is whole.

    Raises:
        ConfigError: the method's state cannot be saved.
        OutputError: the file cannot be written.
    """
    arrays = {key: np.ascontiguousarray(a) for key, a in _keeper(subtractor).state().items()}
    write_bytes(path, save(arrays, {_FORMAT_KEY: FORMAT, _METHOD_KEY: subtractor.name}))


def load_state(path: Path, subtractor: Subtractor) -> None:
    """Take up a saved state: masks go on to the bit.

    Raises:
        ConfigError: the file is another method's, or the method's state cannot be restored.
        WeightsError: the file is missing, damaged, foreign or of other parameters.
    """
    keeper = _keeper(subtractor)
    description, arrays = _read(path)
    if _METHOD_KEY not in description:
        raise WeightsError(f"{path}: holds no method's state; give a file that save_state wrote")
    if description.get(_FORMAT_KEY) != FORMAT:
        raise WeightsError(
            f"{path}: has format {description.get(_FORMAT_KEY)}, this Cleanplate reads {FORMAT}; "
            "use the version that wrote it"
        )
    if description[_METHOD_KEY] != subtractor.name:
        raise ConfigError(
            f"{path}: is a state of {description[_METHOD_KEY]}, not of {subtractor.name}; "
            "give that method's own file"
        )
    try:
        keeper.restore(arrays)
    except ConfigError as error:
        raise WeightsError(f"{path}: cannot be restored ({error})") from error


def _keeper(subtractor: Subtractor) -> HasState:
    if not isinstance(subtractor, HasState):
        raise ConfigError(
            f"{subtractor.name}: its state can be neither saved nor restored; "
            "run it over the frames again, or use a method of our own such as gmm"
        )
    return subtractor


def _read(path: Path) -> tuple[dict[str, str], State]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such state file; check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no dict)
            return dict(file.metadata() or {}), arrays
    except (SafetensorError, OSError, TypeError) as error:
        raise WeightsError(
            f"{path}: no whole safetensors file ({error}); copy it again or save it again"
        ) from error
