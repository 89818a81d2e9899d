"""Where and from what size foreground counts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cleanplate.errors import ConfigError
from cleanplate.images import Mask, write_picture
from cleanplate.runtime.region import Region, parse_region, without_small

EVERYWHERE = np.ones((20, 30), bool)


def test_a_polygon_keeps_what_is_inside_and_another_takes_away() -> None:
    whole, hole = parse_region("5,5 24,5 24,14 5,14"), parse_region("10,8 12,8 12,10 10,10")
    found = Region([whole], [hole]).apply(EVERYWHERE)
    wanted = np.zeros((20, 30), bool)
    wanted[5:15, 5:25] = True
    wanted[8:11, 10:13] = False
    assert np.array_equal(found, wanted)


def test_without_a_region_the_whole_frame_counts() -> None:
    assert Region().apply(EVERYWHERE).all()
    found = Region(exclude=[parse_region("0,0 29,0 29,9 0,9")]).apply(EVERYWHERE)
    assert not found[:10].any()
    assert found[10:].all()


def test_a_picture_is_a_region(tmp_path: Path) -> None:
    picture = np.zeros((20, 30), np.uint8)
    picture[:, :7] = 255
    write_picture(tmp_path / "ROI.bmp", picture)
    region = parse_region(str(tmp_path / "ROI.bmp"))
    assert np.array_equal(Region([region]).apply(EVERYWHERE), picture > 0)
    with pytest.raises(ConfigError, match="is 30x20 but the frames are 31x20"):
        Region([region]).apply(np.ones((20, 31), bool))


@pytest.mark.parametrize("text", ["", "1,2 3,4", "1,2 3 4,5", "a,b c,d e,f"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="at least three corners"):
        parse_region(text)


def _slowly_without_small(mask: Mask, least: int) -> Mask:
    """Flood each part by hand."""
    left, kept = {(int(r), int(c)) for r, c in np.argwhere(mask)}, np.zeros_like(mask)
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            row, column = edge.pop()
            part.add((row, column))
            around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= around
            edge += around
        if len(part) >= least:
            kept[tuple(np.array(list(part)).T)] = True
    return kept


@given(arrays(bool, (7, 9)), st.integers(0, 12))
def test_small_parts_are_dropped_as_a_slow_search_drops_them(mask: Mask, least: int) -> None:
    assert np.array_equal(without_small(mask, least), _slowly_without_small(mask, least))
