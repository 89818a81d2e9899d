"""Safetensors files that tell when one bit of them has changed, read without trust.

Such a file begins with the length of its header (8 bytes), then comes the header, JSON, then the
tensors. Among the header's metadata stands the SHA-256 of the whole file, taken with 64 zeros in
its own place. It tells damage, not who wrote the file: a stranger can seal what he likes, so that
all that the header says is checked besides, before memory is taken for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from cleanplate.errors import WeightsError

SEAL_KEY = "sha256"
MOST_HEADER_BYTES = 2**24
"""Of ours the largest has some 100 KB; thousands of labels add 15 bytes each."""
MOST_SIDES = 8
BLOCK_BYTES = 2**20

_METADATA = "__metadata__"
_EMPTY = "0" * 64
_SEAL = re.compile(rf'"{SEAL_KEY}":"([0-9a-f]{{64}})"'.encode())
"""Inside of strings quotation marks are escaped, so that only a key looks like this."""
_NAME = re.compile(r"\w+(?:[./-]\w+)*", re.ASCII)
_BYTES_OF = {
    **{"BOOL": 1, "U8": 1, "I8": 1, "F16": 2, "BF16": 2, "U16": 2, "I16": 2},
    **{"F32": 4, "U32": 4, "I32": 4, "F64": 8, "U64": 8, "I64": 8},
}
_PICKLES = (*(bytes([0x80, number]) for number in range(2, 6)), b"PK\3\4")
"""How pickles begin, and the archives in which torch keeps them."""


def sealed(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """Put metadata and the seal into a safetensors file without any; equal input, equal bytes."""
    length = int.from_bytes(data[:8], "little")
    tensors = json.loads(data[8 : 8 + length])
    header = {_METADATA: {**metadata, SEAL_KEY: _EMPTY}, **tensors}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors stay aligned
    begin, rest = len(text).to_bytes(8, "little"), memoryview(data)[8 + length :]
    digest = hashlib.sha256(begin + text)
    digest.update(rest)
    place = _SEAL.search(text)
    assert place is not None
    start, end = place.span(1)
    return b"".join((begin, text[:start], digest.hexdigest().encode(), text[end:], rest))


def read_metadata(path: Path) -> dict[str, str]:
    """Read a safetensors file's metadata; the tensors are described soundly, but not read.

    Raises:
        WeightsError: the file is cut short, damaged, or something else; its header is too long, or
            names tensors that are there twice, lie in one another or have names like paths.
    """
    with _opened(path) as file:
        return _read_header(path, file)[0]


def check_seal(path: Path) -> dict[str, str]:
    """Read a file's metadata and every byte of it, and compare the seal.

    Raises:
        WeightsError: see `read_metadata`; or the file has no seal, or another one than its bytes.
    """
    with _opened(path) as file:
        metadata, text = _read_header(path, file)
        found = _SEAL.findall(text)
        if len(found) != 1 or found[0].decode() != metadata.get(SEAL_KEY):
            _refuse(path, "it has no checksum")
        empty = _SEAL.sub(f'"{SEAL_KEY}":"{_EMPTY}"'.encode(), text)
        digest = hashlib.sha256(len(text).to_bytes(8, "little") + empty)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    if digest.hexdigest() != metadata[SEAL_KEY]:
        _refuse(path, "its checksum does not fit: bytes have changed")
    return metadata


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _refuse(path: Path, reason: str) -> NoReturn:
    raise WeightsError(
        f"{path}: no whole safetensors file ({reason}); copy it again or train again"
    )


def _read_header(path: Path, file: BinaryIO) -> tuple[dict[str, str], bytes]:
    """Return the metadata and the header's text; leaves the file at its tensors."""
    size = file.seek(0, 2)
    file.seek(0)
    beginning = file.read(8)
    length = int.from_bytes(beginning, "little")
    if beginning.startswith(_PICKLES):
        _refuse(path, "it is a pickle, as torch.save writes; nothing in it was run")
    if len(beginning) < 8:
        _refuse(path, f"it has {size} bytes")
    if length > MOST_HEADER_BYTES:
        _refuse(path, f"its header is said to have {length} bytes, over {MOST_HEADER_BYTES}")
    if length > size - 8:
        _refuse(path, f"its header has {length} bytes, the file {size}")
    text = file.read(length)
    try:
        header = json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        _refuse(path, f"its header is no JSON: {reason}")
    if not isinstance(header, dict):
        _refuse(path, "its header is no table")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        _refuse(path, "its metadata are no texts")
    complaint = _misplaced(header, size - 8 - length)
    if complaint:
        _refuse(path, complaint)
    return metadata, text


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{twice[:80]!a} is there twice")
    return found


def _misplaced(tensors: dict[str, Any], size: int) -> str:
    """Say which tensor is described wrongly, or return the empty string."""
    places = []
    for name, entry in tensors.items():
        shown = ascii(name[:80])
        if not _NAME.fullmatch(name):
            return f"{shown} is no plain name of a tensor"
        match entry:
            case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
                pass
            case _:
                return f"{shown} is not described as a tensor is"
        if start < 0 or end < start:
            return f"{shown} lies nowhere"
        is_sound = len(shape) <= MOST_SIDES and all(type(n) is int and n >= 0 for n in shape)
        if kind not in _BYTES_OF or not is_sound:
            return f"{shown} has an unknown kind or shape"
        if end - start != math.prod(shape) * _BYTES_OF[kind]:
            return f"{shown} has {end - start} bytes, which its shape does not fill"
        places.append((start, end, shown))
    at, before = 0, "the beginning"
    for start, end, shown in sorted(places):
        if start != at:
            how = "overlap" if start < at else "leave bytes between them"
            return f"{before} and {shown} {how}"
        at, before = end, shown
    return "" if at == size else f"its tensors end at byte {at} of {size}"
