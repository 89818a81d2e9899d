"""How large a picture says it is, read from its first bytes: before memory is taken for it."""

from __future__ import annotations

import struct

Size = tuple[int, int]

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG after which the sides stand; those left out are tables."""
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length after them."""
_TIFF_SIDES = {256: "width", 257: "height"}
_MOST_TAGS = 1000


def declared_size(data: memoryview) -> Size | None:
    """Return height and width as a PNG, JPEG, BMP, TIFF or WebP picture states them.

    None where it is of another kind or cut short within what states them.
    """
    head = bytes(data[:16])
    try:
        if head[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack_from(">II", data, 16)
        elif head[:2] == b"\xff\xd8":
            return _of_jpeg(data)
        elif head[:2] == b"BM":
            return _of_bmp(data)
        elif head[:4] in (b"II*\0", b"MM\0*"):
            return _of_tiff(data, "<" if head[:1] == b"I" else ">")
        elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _of_webp(data)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return height, width


def _of_jpeg(data: memoryview) -> Size | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def _of_bmp(data: memoryview) -> Size:
    if struct.unpack_from("<I", data, 14)[0] == 12:  # of OS/2
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return abs(height), abs(width)  # a negative height counts from the top


def _of_tiff(data: memoryview, order: str) -> Size | None:
    sides = dict.fromkeys(_TIFF_SIDES.values(), 0)
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for at in range(start + 2, start + 2 + 12 * min(count, _MOST_TAGS), 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, at)
        if tag in _TIFF_SIDES:
            value = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, at + 8)
            sides[_TIFF_SIDES[tag]] = value[0]
    return (sides["height"], sides["width"]) if all(sides.values()) else None


def _of_webp(data: memoryview) -> Size | None:
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        if len(data) < 30:
            return None
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (packed_sides,) = struct.unpack_from("<I", data, 21)
        width, height = (packed_sides & 0x3FFF) + 1, (packed_sides >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return height, width
