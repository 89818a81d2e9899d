from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import DatasetError
from cleanplate.images import write_picture
from cleanplate.scenes import cdnet

CODES = np.array([[0, 50, 85], [170, 255, 0]], np.uint8)


def write_palette_png(path: Path, indices: NDArray[np.uint8], greys: list[int]) -> None:
    """Write an 8-bit palette PNG by hand: OpenCV writes none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(value for grey in greys for value in (grey, grey, grey))
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", palette)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_codes_become_labels() -> None:
    labels = cdnet.decode_labels(CODES, "here").labels
    assert labels.tolist() == [[0, 0, -1], [-1, 1, 0]]


def test_hard_shadow_is_marked() -> None:
    shadow = cdnet.decode_labels(CODES, "here").shadow
    assert shadow.tolist() == [[False, True, False], [False, False, False]]


def test_object_border_and_shadow_are_unclean_but_what_is_outside_is_not() -> None:
    unclean = cdnet.decode_labels(CODES, "here").unclean
    assert unclean.tolist() == [[False, True, False], [True, True, False]]


def test_masks_of_0_and_255_are_labels_too() -> None:
    labels = cdnet.decode_labels(np.array([[0, 255]], np.uint8), "here").labels
    assert labels.tolist() == [[0, 1]]


def test_unknown_codes_are_named_with_their_file() -> None:
    codes = np.array([[0, 255, 7], [128, 85, 7]], np.uint8)
    message = "gt1.png: mask holds values 7, 128; use 0 and 255, or CDNet's codes 0 50 85 170 255"
    with pytest.raises(DatasetError, match=message):
        cdnet.decode_labels(codes, "gt1.png")


def test_of_many_unknown_codes_the_first_eight_are_named() -> None:
    codes = np.arange(100, 150, dtype=np.uint8)[None]
    with pytest.raises(DatasetError, match="values 100, 101, 102, 103, 104, 105, 106, 107; use"):
        cdnet.decode_labels(codes, "here")


def test_a_palette_of_all_greys_reads_as_its_codes(tmp_path: Path) -> None:
    write_palette_png(tmp_path / "gt1.png", CODES, list(range(256)))
    labels = cdnet.read_labels(tmp_path / "gt1.png").labels
    assert labels.tolist() == [[0, 0, -1], [-1, 1, 0]]


def test_a_palette_of_black_and_white_reads_as_grey_not_as_indices(tmp_path: Path) -> None:
    indices = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    write_palette_png(tmp_path / "gt1.png", indices, [0, 255])
    labels = cdnet.read_labels(tmp_path / "gt1.png").labels
    assert labels.tolist() == indices.tolist()


def test_a_colour_png_of_grey_values_reads_as_its_codes(tmp_path: Path) -> None:
    write_picture(tmp_path / "gt1.png", np.stack([CODES] * 3, -1))
    labels = cdnet.read_labels(tmp_path / "gt1.png").labels
    assert labels.tolist() == [[0, 0, -1], [-1, 1, 0]]


@pytest.mark.parametrize("text", ["470 1700", "470 1700\n", " 470\t1700\r\n", "470\n1700"])
def test_the_temporal_region_is_two_numbers(tmp_path: Path, text: str) -> None:
    (tmp_path / "temporalROI.txt").write_text(text)
    assert cdnet.read_temporal_region(tmp_path / "temporalROI.txt") == (470, 1700)


@pytest.mark.parametrize("text", ["", "470", "470 1700 3", "a b", "470.5 1700", "1700 470", "\0\1"])
def test_a_malformed_temporal_region_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "temporalROI.txt").write_text(text)
    message = r"temporalROI.txt: holds .*; write the first and the last frame number"
    with pytest.raises(DatasetError, match=message):
        cdnet.read_temporal_region(tmp_path / "temporalROI.txt")


def test_a_pixel_of_the_roi_counts_unless_it_is_0(tmp_path: Path) -> None:
    write_picture(tmp_path / "ROI.bmp", np.array([[0, 1], [128, 255]], np.uint8))
    assert cdnet.read_roi(tmp_path / "ROI.bmp").tolist() == [[False, True], [True, True]]


def test_a_result_pixel_is_foreground_from_128(tmp_path: Path) -> None:
    write_picture(tmp_path / "bin1.png", np.array([[0, 127, 128, 255]], np.uint8))
    mask = cdnet.read_result_mask(tmp_path / "bin1.png")
    assert mask.tolist() == [[False, False, True, True]]


def test_result_masks_are_found_by_number(tmp_path: Path) -> None:
    write_picture(tmp_path / "bin000471.png", CODES)
    assert cdnet.result_masks(tmp_path) == {471: tmp_path / "bin000471.png"}


def test_a_folder_without_result_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"put result masks such as bin000001\.png there"):
        cdnet.result_masks(tmp_path)


def test_a_written_scene_reads_back(tmp_path: Path) -> None:
    frame = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    count = cdnet.write_scene(tmp_path / "drawn", iter([(frame, CODES, frame)] * 3), first=370)
    assert count == 3
    assert cdnet.is_cdnet_folder(tmp_path / "drawn")
    assert cdnet.read_temporal_region(tmp_path / "drawn" / "temporalROI.txt") == (370, 372)
    labels = cdnet.read_labels(tmp_path / "drawn" / "groundtruth" / "gt000372.png").labels
    assert labels.tolist() == [[0, 0, -1], [-1, 1, 0]]


@pytest.mark.parametrize("missing", ["input", "groundtruth"])
def test_both_folders_make_a_cdnet_scene(tmp_path: Path, missing: str) -> None:
    for name in {"input", "groundtruth"} - {missing}:
        (tmp_path / name).mkdir()
    assert not cdnet.is_cdnet_folder(tmp_path)
