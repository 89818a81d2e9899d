"""Reads the weights out of a Caffe model file, within bounds.

A ``.caffemodel`` is protobuf's binary form of Caffe's ``NetParameter``. Field numbers are those of
BVLC/caffe, ``src/caffe/proto/caffe.proto``:

- ``NetParameter``: layers 2 (V1LayerParameter), layer 100 (LayerParameter).
- ``V1LayerParameter``: layer 1 (the form before it), name 4, blobs 6. ``LayerParameter``: name 1,
  blobs 7.
- ``BlobProto``: num 1, channels 2, height 3, width 4 (of old), data 5 (float), shape 7, double_data
  8. ``BlobShape``: dim 1.

Four such messages lie in one another and nothing here calls itself, so a file cannot nest deeper.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cleanplate.errors import WeightsError

MOST_BYTES = 2**31
"""Protobuf itself writes no longer message; VGG-16's file has 553 MB."""
MOST_FIELDS = 50_000_000
"""DeepLab-LargeFOV has 20.5 million weights, each a field of its own if they are not packed."""
MOST_LAYERS = 10_000
MOST_BLOBS = 16
MOST_VALUES = 2**28
"""In one blob; VGG-16's fc6 has 103 million."""
MOST_DIMENSIONS = 32
MOST_LETTERS = 200
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_V1_LAYERS, _V2_LAYERS = 2, 100
_V0_LAYER_IN_V1 = 1
_NAME = {_V1_LAYERS: 4, _V2_LAYERS: 1}
_BLOBS = {_V1_LAYERS: 6, _V2_LAYERS: 7}
_LEGACY_SHAPE = (1, 2, 3, 4)
_DATA, _SHAPE, _DOUBLE_DATA = 5, 7, 8
_DIMENSION = 1
_PARTS = ("weight", "bias")


class _Field(NamedTuple):
    """One field: its number, how it is written, where its bytes lie, or its value if a varint."""

    number: int
    kind: int
    start: int
    end: int
    value: int


class _Wire:
    """Protobuf's wire format, read without trust."""

    def __init__(self, path: Path, data: memoryview) -> None:
        self.path = path
        self.data = data
        self.count = 0

    def damaged(self, at: int, what: str) -> WeightsError:
        return WeightsError(f"{self.path}: byte {at}: {what}; copy or download the file again")

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Return a number of 1 to 10 bytes and the place after it."""
        value = 0
        for index in range(10):
            if at + index >= end:
                raise self.damaged(at, "the file is cut short within a number")
            byte = self.data[at + index]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value, at + index + 1
        raise self.damaged(at, "a number does not end after 10 bytes")

    def fields(self, start: int, end: int) -> Iterator[_Field]:
        """Yield the fields of the message between two places."""
        at = start
        while at < end:
            self.count += 1
            if self.count > MOST_FIELDS:
                raise self.damaged(at, f"more than {MOST_FIELDS} fields")
            tag, after = self.varint(at, end)
            number, kind, value = tag >> 3, tag & 7, 0
            if number == 0:
                raise self.damaged(at, "a field has number 0")
            if kind == _VARINT:
                value, stop = self.varint(after, end)
            elif kind == _BYTES:
                length, after = self.varint(after, end)
                stop = after + length
            elif kind in (_FIXED32, _FIXED64):
                stop = after + (4 if kind == _FIXED32 else 8)
            else:
                raise self.damaged(at, f"field {number} has the unknown kind {kind}")
            if stop > end:
                raise self.damaged(at, f"field {number} goes {stop - end} bytes beyond the end")
            yield _Field(number, kind, after, stop, value)
            at = stop

    def expect(self, field: _Field, *kinds: int) -> None:
        if field.kind not in kinds:
            raise self.damaged(field.start, f"field {field.number} is written as {field.kind}")


def read_caffemodel(path: Path) -> dict[str, Tensor]:
    """Read all weights, float32, on the CPU.

    Returns:
        ``"conv1_1.weight"``, ``"conv1_1.bias"`` and so on for a layer's first and second blob
        (``.2``, ``.3``... for more), in the file's order, their shapes as the file states them.

    Raises:
        WeightsError: the file is missing, too large, damaged, or of a form that Caffe gave up.
    """
    wire = _Wire(path, _mapped(path))
    tensors: dict[str, Tensor] = {}
    layers = 0
    for field in wire.fields(0, len(wire.data)):
        if field.number not in _NAME:
            continue
        wire.expect(field, _BYTES)
        layers += 1
        if layers > MOST_LAYERS:
            raise wire.damaged(field.start, f"more than {MOST_LAYERS} layers")
        read = _layer(wire, field)
        if not tensors.keys().isdisjoint(read):
            raise wire.damaged(field.start, f"{next(iter(read))} comes twice")
        tensors |= read
    if not tensors:
        raise WeightsError(f"{path}: no Caffe layer with weights; give a trained .caffemodel")
    return tensors


def _mapped(path: Path) -> memoryview:
    """Map a file, so that of several hundred MB only the blobs are copied."""
    try:
        size = path.stat().st_size
        if not 0 < size <= MOST_BYTES:
            raise WeightsError(f"{path}: has {size} bytes; give a whole .caffemodel")
        return np.memmap(path, np.uint8, mode="r").data
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _layer(wire: _Wire, layer: _Field) -> dict[str, Tensor]:
    """Read a layer's blobs; most layers, having none, give nothing."""
    name, blobs = "", []
    for field in wire.fields(layer.start, layer.end):
        if layer.number == _V1_LAYERS and field.number == _V0_LAYER_IN_V1:
            raise WeightsError(
                f"{wire.path}: byte {field.start}: layers in the form of Caffe before 2014; "
                "convert the file with Caffe's upgrade_net_proto_binary"
            )
        if field.number == _NAME[layer.number]:
            wire.expect(field, _BYTES)
            name = _text(wire, field)
        elif field.number == _BLOBS[layer.number]:
            wire.expect(field, _BYTES)
            blobs.append(field)
    if len(blobs) > MOST_BLOBS:
        raise wire.damaged(layer.start, f"layer {name} has more than {MOST_BLOBS} blobs")
    if blobs and not name:
        raise wire.damaged(layer.start, "a layer with weights has no name")
    parts = (*_PARTS, *map(str, range(len(_PARTS), MOST_BLOBS)))
    read = {}
    for part, blob in zip(parts, blobs, strict=False):
        read[f"{name}.{part}"] = _blob(wire, blob, f"{name}.{part}")
    return read


def _text(wire: _Wire, field: _Field) -> str:
    try:
        text = str(wire.data[field.start : min(field.end, field.start + MOST_LETTERS + 1)], "utf-8")
    except UnicodeDecodeError as error:
        raise wire.damaged(field.start, "a layer's name is no text") from error
    if len(text) > MOST_LETTERS or not text.isprintable():
        raise wire.damaged(field.start, "a layer's name is no line of text")
    return text


def _blob(wire: _Wire, blob: _Field, name: str) -> Tensor:
    shape: list[int] = []
    legacy: dict[int, int] = {}
    chunks: dict[int, list[memoryview]] = {_DATA: [], _DOUBLE_DATA: []}
    for field in wire.fields(blob.start, blob.end):
        if field.number == _SHAPE:
            wire.expect(field, _BYTES)
            shape += _dimensions(wire, field)
        elif field.number in _LEGACY_SHAPE:
            wire.expect(field, _VARINT)
            legacy[field.number] = field.value
        elif field.number in chunks:
            wire.expect(field, _BYTES, _FIXED32 if field.number == _DATA else _FIXED64)
            chunks[field.number].append(wire.data[field.start : field.end])
    if not shape and legacy:
        shape = [legacy.get(number, 0) for number in _LEGACY_SHAPE]
    if chunks[_DATA] and chunks[_DOUBLE_DATA]:
        raise wire.damaged(blob.start, f"{name} has values of both kinds")
    values = _values(wire, blob, name, chunks)
    wanted = math.prod(shape) if shape else 0
    if len(shape) > MOST_DIMENSIONS or not 0 < wanted <= MOST_VALUES or wanted != len(values):
        stated = "x".join(map(str, shape[:MOST_DIMENSIONS])) or "nothing"
        raise wire.damaged(blob.start, f"{name} has {len(values)} values for a shape of {stated}")
    return values.reshape(shape)


def _dimensions(wire: _Wire, shape: _Field) -> list[int]:
    """Read the sides of a blob, packed into one field or one in each."""
    sides: list[int] = []
    for field in wire.fields(shape.start, shape.end):
        if field.number != _DIMENSION:
            continue
        wire.expect(field, _VARINT, _BYTES)
        if field.kind == _VARINT:
            sides.append(field.value)
        at = field.start if field.kind == _BYTES else field.end
        while at < field.end and len(sides) <= MOST_DIMENSIONS:
            side, at = wire.varint(at, field.end)
            sides.append(side)
    return sides


def _values(wire: _Wire, blob: _Field, name: str, chunks: dict[int, list[memoryview]]) -> Tensor:
    is_double = bool(chunks[_DOUBLE_DATA])
    joined = bytearray().join(chunks[_DOUBLE_DATA if is_double else _DATA])
    if len(joined) % (8 if is_double else 4):
        raise wire.damaged(blob.start, f"{name} ends within a value")
    numbers = np.frombuffer(joined, "<f8" if is_double else "<f4")
    return torch.from_numpy(numbers).to(torch.float32)
