"""How large a picture says it is, in every kind that is read; what says too much is not decoded."""

import struct
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.errors import VideoError
from cleanplate.images import PICTURE_SUFFIXES, read_grey, read_picture, write_picture
from cleanplate.picture_headers import declared_size


@pytest.mark.parametrize("suffix", sorted(PICTURE_SUFFIXES))
@pytest.mark.parametrize("size", [(5, 9), (300, 1), (33, 700)])
def test_the_declared_size_is_the_decoded_one(suffix: str, size: tuple[int, int]) -> None:
    for shape in (size, (*size, 3)):
        picture = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
        done, data = cv2.imencode(suffix, picture)
        assert done
        assert declared_size(data.data) == size


@pytest.mark.parametrize("quality", [50, 101])  # with losses and without
@pytest.mark.parametrize("channels", [3, 4])
def test_every_form_of_webp_states_its_size(quality: int, channels: int) -> None:
    picture = np.full((21, 34, channels), 90, np.uint8)
    data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    assert declared_size(data.data) == (21, 34)


@given(st.binary(max_size=80), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"]))
def test_any_bytes_have_a_size_or_none(rest: bytes, start: bytes) -> None:
    found = declared_size(memoryview(start + rest))
    assert found is None or min(found) >= 0


def _png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("sides", [(60_000, 60_000), (12_000, 12_000), (2**31 - 1, 1)])
def test_a_picture_that_claims_too_much_is_refused_before_memory_is_taken(
    tmp_path: Path, sides: tuple[int, int]
) -> None:
    path = tmp_path / "in000001.png"
    path.write_bytes(_png(*sides))
    start = time.monotonic()
    for read in (read_picture, read_grey):
        with pytest.raises(VideoError, match=f"says that it has {sides[0]}x{sides[1]} pixels"):
            read(path)
    assert time.monotonic() - start < 1


def test_a_jpeg_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in000001.jpg"
    write_picture(path, np.zeros((16, 16, 3), np.uint8))
    data = bytearray(path.read_bytes())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 65_500, 65_500)
    path.write_bytes(data)
    with pytest.raises(VideoError, match="65500x65500 pixels, over the limit"):
        read_picture(path)


def test_what_is_none_of_the_kinds_that_are_read_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "in000001.png"
    path.write_bytes(b"P5\n2 2\n255\n\0\0\0\0")  # a portable grey map, which OpenCV knows
    with pytest.raises(VideoError, match="not a complete picture"):
        read_picture(path)
    with pytest.raises(VideoError, match="it is a device"):
        read_picture(Path("/dev/zero"))
