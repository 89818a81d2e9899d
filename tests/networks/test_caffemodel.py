"""Caffe's model file, written here byte by byte."""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.errors import WeightsError
from cleanplate.networks import caffemodel
from cleanplate.networks.caffemodel import read_caffemodel

V1, V2 = 2, 100


def varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def field(number: int, content: bytes | int) -> bytes:
    """Return a field that holds a number, or bytes after their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(
    values: Iterable[float], shape: tuple[int, ...], *, packed: bool = True,
    legacy: bool = False, double: bool = False,
) -> bytes:  # fmt: skip
    """Return a BlobProto."""
    kind, number, wire = ("d", 8, 1) if double else ("f", 5, 5)
    each = [struct.pack(f"<{kind}", value) for value in values]
    if packed:
        data = field(number, b"".join(each))
    else:
        data = b"".join(varint(number << 3 | wire) + value for value in each)
    if legacy:
        sides = (1,) * (4 - len(shape)) + shape
        return b"".join(field(i, side) for i, side in enumerate(sides, start=1)) + data
    dims = b"".join(varint(side) for side in shape)
    one_by_one = b"".join(field(1, side) for side in shape)
    return data + field(7, field(1, dims) if packed else one_by_one)


def layer(form: int, name: str, *blobs: bytes) -> bytes:
    """Return a layer in one of the two forms as a field of the network."""
    name_field, blobs_field = (4, 6) if form == V1 else (1, 7)
    kind = field(5, 4) if form == V1 else field(2, b"Convolution")
    body = field(3, b"top") + field(name_field, name.encode()) + kind
    return field(form, body + b"".join(field(blobs_field, blob) for blob in blobs))


def net(*layers: bytes) -> bytes:
    """Return a NetParameter with what else such files hold before its layers."""
    return field(1, b"VGG_ILSVRC_16_layers") + field(4, 10) + field(4, 3) + b"".join(layers)


def small_net(form: int = V2, **options: Any) -> bytes:
    """Return two layers with weights and one without."""
    weight = blob([n / 4 for n in range(24)], (2, 3, 2, 2), **options)
    inner = blob([0.5, -1.5, 2.5], (1, 3), **options)
    return net(
        layer(form, "conv1_1", weight, blob([1.0, -2.0], (2,), **options)),
        layer(form, "relu1_1"),
        layer(form, "fc6", inner, blob([3.0], (1,), **options)),
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(data: bytes) -> Path:
        path = tmp_path / "net.caffemodel"
        path.write_bytes(data)
        return path

    return to_file


Write = Callable[[bytes], Path]


@pytest.mark.parametrize("form", [V1, V2])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_both_forms_of_layers_and_values_are_read(
    write: Write, form: int, packed: bool, double: bool
) -> None:
    state = read_caffemodel(write(small_net(form, packed=packed, double=double)))
    assert list(state) == ["conv1_1.weight", "conv1_1.bias", "fc6.weight", "fc6.bias"]
    assert torch.equal(state["conv1_1.weight"], torch.arange(24).reshape(2, 3, 2, 2) / 4)
    assert torch.equal(state["conv1_1.bias"], torch.tensor([1.0, -2.0]))
    assert torch.equal(state["fc6.weight"], torch.tensor([[0.5, -1.5, 2.5]]))
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.parametrize("form", [V1, V2])
def test_the_four_sides_of_old_are_read_as_they_stand(write: Write, form: int) -> None:
    state = read_caffemodel(write(small_net(form, legacy=True)))
    assert state["conv1_1.weight"].shape == (2, 3, 2, 2)
    assert state["conv1_1.bias"].shape == (1, 1, 1, 2)
    assert state["fc6.weight"].shape == (1, 1, 1, 3)


def test_saved_gradients_and_unknown_fields_are_passed_over(write: Write) -> None:
    extra = field(6, struct.pack("<2f", 9, 9)) + field(9, b"") + varint(99 << 3 | 1) + bytes(8)
    known = blob([1.0, 2.0], (2,))
    path = write(net(layer(V2, "a", extra + known + extra), field(1000, b"new")))
    assert torch.equal(read_caffemodel(path)["a.weight"], torch.tensor([1.0, 2.0]))


def test_values_may_come_in_several_pieces(write: Write) -> None:
    pieces = field(5, struct.pack("<f", 1)) + field(5, struct.pack("<f", 2))
    path = write(net(layer(V2, "a", pieces + field(7, field(1, varint(2))))))
    assert torch.equal(read_caffemodel(path)["a.weight"], torch.tensor([1.0, 2.0]))


def _broken() -> dict[str, tuple[bytes, str]]:
    two, shape = field(5, struct.pack("<2f", 1, 2)), field(7, field(1, varint(2)))
    return {
        "empty": (b"", "has 0 bytes; give a whole"),
        "no layers": (net(), "no Caffe layer with weights; give a trained"),
        "endless number": (field(1, b"n") + b"\xff" * 11, "byte 3: a number does not end after 10"),
        "cut number": (field(1, b"n") + b"\xff", "byte 3: the file is cut short within a number"),
        "long field": (varint(100 << 3 | 2) + varint(2**62), "field 100 goes .* beyond the end"),
        "cut float": (net() + varint(9 << 3 | 5) + b"12", "field 9 goes 2 bytes beyond the end"),
        "group": (varint(1 << 3 | 3), "byte 0: field 1 has the unknown kind 3"),
        "number 0": (b"\x02\x00", "byte 0: a field has number 0"),
        "layer as number": (field(100, 7), "field 100 is written as 0"),
        "oldest form": (field(2, field(1, field(1, b"conv1"))), "before 2014; .*upgrade_net_proto"),
        "no name": (field(100, field(7, two + shape)), "a layer with weights has no name"),
        "name of bytes": (layer(V2, "a").replace(b"\x01a", b"\x01\xff"), "name is no text"),
        "name of lines": (layer(V2, "a\nb", two + shape), "name is no line of text"),
        "endless name": (layer(V2, "a" * 300, two + shape), "name is no line of text"),
        "twice": (layer(V2, "a", two + shape) * 2, "a.weight comes twice"),
        "many blobs": (layer(V2, "a", *[two + shape] * 17), "layer a has more than 16 blobs"),
        "no shape": (layer(V2, "a", two), "a.weight has 2 values for a shape of nothing"),
        "no values": (layer(V2, "a", shape), "a.weight has 0 values for a shape of 2;"),
        "other shape": (layer(V2, "a", blob([1, 2], (3, 1))), "2 values for a shape of 3x1"),
        "half a value": (
            layer(V2, "a", field(5, b"12345") + shape),
            "a.weight ends within a value",
        ),
        "huge shape": (layer(V2, "a", two + field(7, field(1, varint(2**63)))), "2 values for a"),
        "negative": (layer(V2, "a", two + field(3, 2**64 - 1)), "2 values for a shape of 0x0x1844"),
        "many sides": (layer(V2, "a", blob([1], (1,) * 40)), "1 values for a shape of 1x1"),
        "both kinds": (layer(V2, "a", two + field(8, bytes(16)) + shape), "values of both kinds"),
        "value as number": (layer(V2, "a", field(5, 3) + shape), "field 5 is written as 0"),
    }


@pytest.mark.parametrize("case", _broken())
def test_a_damaged_file_is_refused_by_name_place_and_reason(write: Write, case: str) -> None:
    data, reason = _broken()[case]
    with pytest.raises(WeightsError, match=rf"net\.caffemodel: .*{reason}") as caught:
        read_caffemodel(write(data))
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)  # what to do


@pytest.mark.parametrize("bound", ["MOST_BYTES", "MOST_FIELDS", "MOST_LAYERS", "MOST_VALUES"])
def test_what_is_too_large_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    path = write(small_net())
    monkeypatch.setattr(caffemodel, bound, 2)
    with pytest.raises(WeightsError, match=r"net\.caffemodel: .*(bytes|more than 2|a shape of)"):
        read_caffemodel(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.caffemodel: cannot be read .*; check the path"):
        read_caffemodel(tmp_path / "gone.caffemodel")


def _outcome(path: Path) -> dict[str, torch.Tensor] | str:
    """Return the weights or the one line that refuses them; anything else is raised."""
    try:
        return read_caffemodel(path)
    except WeightsError as error:
        return str(error)


FORMS = [small_net(V1, legacy=True), small_net(V2), small_net(V2, packed=False, double=True)]


@given(st.sampled_from(FORMS), st.data())
@settings(max_examples=200, deadline=None)
def test_a_file_cut_anywhere_is_refused_or_ends_between_two_layers(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path_factory.getbasetemp() / "cut.caffemodel"
    path.write_bytes(whole[:cut])
    outcome = _outcome(path)
    assert isinstance(outcome, str) or list(outcome) == [
        "conv1_1.weight",
        "conv1_1.bias",
    ]  # protobuf marks no end


@given(st.sampled_from(FORMS), st.data())
@settings(max_examples=400, deadline=None)
def test_a_corrupt_file_is_refused_or_gives_tensors(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    changes = st.dictionaries(st.integers(0, len(whole) - 1), st.integers(0, 255), min_size=1)
    changed = bytearray(whole)
    for place, value in data.draw(changes).items():
        changed[place] = value
    path = tmp_path_factory.getbasetemp() / "changed.caffemodel"
    path.write_bytes(changed)
    outcome = _outcome(path)
    if isinstance(outcome, str):
        assert "\n" not in outcome
    else:
        assert sum(tensor.numel() for tensor in outcome.values()) <= len(whole)


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.caffemodel"
    path.write_bytes(content)
    outcome = _outcome(path)
    assert isinstance(outcome, dict) or str(path) in outcome
