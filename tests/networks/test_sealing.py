"""Files that tell when one bit of them has changed, and what a stranger may put into them."""

import json
import pickle
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from cleanplate.errors import WeightsError
from cleanplate.networks.sealing import check_seal, read_metadata, sealed

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(3, dtype=torch.int64)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    path.write_bytes(sealed(save(TENSORS), {"card": '{"says": "\\"sha256\\":\\"00\\""}'}))
    return path


def _with_header(path: Path, header: bytes, data: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return path


def test_a_sealed_file_is_a_safetensors_file_like_any_other(file: Path) -> None:
    assert check_seal(file)["card"] == read_metadata(file)["card"]
    for name, tensor in load_file(file).items():
        assert torch.equal(tensor, TENSORS[name])
    with safe_open(file, framework="pt") as opened:
        assert opened.metadata() == check_seal(file)


def test_equal_tensors_give_equal_bytes(file: Path) -> None:
    metadata = {key: value for key, value in check_seal(file).items() if key != "sha256"}
    assert sealed(save(dict(reversed(TENSORS.items()))), metadata) == file.read_bytes()


def test_every_flipped_bit_is_detected(file: Path) -> None:
    data = file.read_bytes()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        file.write_bytes(flipped)
        with pytest.raises(WeightsError):
            check_seal(file)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1])
def test_what_is_cut_short_is_refused(file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(WeightsError, match="no whole safetensors file"):
        read_metadata(file)


Entry = dict[str, Any]


def _tensor(start: int, end: int, **changes: Any) -> Entry:
    return {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]} | changes


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ({"a": _tensor(0, 8), "b": _tensor(4, 12)}, "'a' and 'b' overlap"),
        ({"a": _tensor(0, 8), "b": _tensor(0, 8)}, "'a' and 'b' overlap"),
        ({"a": _tensor(0, 4), "b": _tensor(8, 12)}, "'a' and 'b' leave bytes between them"),
        ({"a": _tensor(0, 8)}, "its tensors end at byte 8 of 12"),
        ({"a": _tensor(0, 12, shape=[13])}, "'a' has 12 bytes, which its shape does not fill"),
        ({"a": _tensor(0, 12, shape=[-12])}, "'a' has an unknown kind or shape"),
        ({"a": _tensor(0, 12, shape=[1] * 9 + [12])}, "'a' has an unknown kind or shape"),
        ({"a": _tensor(0, 12, dtype="X9")}, "'a' has an unknown kind or shape"),
        ({"a": _tensor(0, 12) | {"shape": "12"}}, "'a' is not described as a tensor is"),
        ({"a": 12}, "'a' is not described as a tensor is"),
        ({"../../etc/passwd": _tensor(0, 12)}, "'../../etc/passwd' is no plain name"),
        ({"/etc/passwd": _tensor(0, 12)}, "'/etc/passwd' is no plain name"),
        ({"C:\\x": _tensor(0, 12)}, r"'C:\\\\x' is no plain name"),
        ({"a\n\x1b[31m": _tensor(0, 12)}, r"'a\\n\\x1b\[31m' is no plain name"),
        ({"": _tensor(0, 12)}, "'' is no plain name"),
        ({"__metadata__": {"x": 1}}, "its metadata are no texts"),
        ([1, 2], "its header is no table"),
    ],
)
def test_a_header_that_describes_its_tensors_wrongly_is_named(
    tmp_path: Path, header: object, complaint: str
) -> None:
    path = _with_header(tmp_path / "x.safetensors", json.dumps(header).encode(), bytes(12))
    with pytest.raises(WeightsError, match=complaint):
        read_metadata(path)


def test_a_tensor_that_is_there_twice_is_named(tmp_path: Path) -> None:
    one = json.dumps(_tensor(0, 12))
    path = _with_header(tmp_path / "x", f'{{"a": {one}, "a": {one}}}'.encode(), bytes(12))
    with pytest.raises(WeightsError, match="'a' is there twice"):
        read_metadata(path)


class Trap:
    """Leaves a file behind where a pickle of it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("by", ["pickle", "torch"])
def test_a_pickle_in_disguise_is_named_and_nothing_in_it_runs(tmp_path: Path, by: str) -> None:
    path, sprung = tmp_path / "x.safetensors", tmp_path / "sprung"
    if by == "pickle":
        path.write_bytes(pickle.dumps(Trap(sprung)))
    else:
        torch.save({"weights": Trap(sprung)}, path)
    with pytest.raises(WeightsError, match=r"it is a pickle, as torch\.save writes"):
        check_seal(path)
    assert not sprung.exists()


@pytest.mark.parametrize(
    "header", [b"[" * 200_000, b'{"a": ' * 50_000, b"1" * 10_000, b"\xff" * 100, b"NaN", b""]
)
def test_a_header_that_is_no_json_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(WeightsError, match="its header is no"):
        read_metadata(_with_header(tmp_path / "x", header))


@pytest.mark.parametrize("length", [8 * 2**30, 2**63, 2**64 - 1])
def test_a_header_without_measure_is_refused_before_memory_is_taken(
    tmp_path: Path, length: int
) -> None:
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length) + b"{}")
        file.truncate(9 * 2**30)  # of holes: the file is as long as it says
    start = time.monotonic()
    with pytest.raises(WeightsError, match=f"its header is said to have {length} bytes"):
        read_metadata(path)
    assert time.monotonic() - start < 1
