"""Pictures: what stands where."""

from pathlib import Path

import numpy as np
import pytest

from cleanplate.evaluation.figures import (
    GAP_PX,
    HEAD_PX,
    LABEL_PX,
    PANEL_PX,
    GridRow,
    bars,
    fig3,
    grid,
    jpeg,
    png,
)
from cleanplate.evaluation.tables import category_table, curves
from cleanplate.files import write_bytes
from cleanplate.images import Frame, read_picture
from tests.evaluation.made_pairs import F_1, F_2_5THS, F_UNDEFINED, make_pair, make_sweep

STEP = PANEL_PX + GAP_PX


def _flat(red: int, green: int, blue: int, size: tuple[int, int] = (60, 90)) -> Frame:
    return np.full((*size, 3), (red, green, blue), np.uint8)


def _decode(folder: Path, data: bytes) -> Frame:
    write_bytes(folder / "x.png", data)
    return read_picture(folder / "x.png")


def test_every_panel_of_a_grid_stands_in_its_row_and_column(tmp_path: Path) -> None:
    half = _flat(0, 0, 0)
    half[:, 45:] = 255
    rows = [GridRow("one", "a", (_flat(200, 0, 0), half)), GridRow("two", "b", (half, None))]
    picture = _decode(tmp_path, png(grid(["frame", "mask"], rows)))
    assert picture.shape == (HEAD_PX + 2 * (100 + GAP_PX), LABEL_PX + 2 * STEP, 3)
    first, second = (slice(top, top + 100) for top in (HEAD_PX, HEAD_PX + 100 + GAP_PX))
    left, right = (slice(x, x + PANEL_PX) for x in (LABEL_PX, LABEL_PX + STEP))
    assert (picture[first, left] == (200, 0, 0)).all()
    for rows_of, columns_of in ((first, right), (second, left)):
        mask = picture[rows_of, columns_of, 0]
        assert (mask[:, : PANEL_PX // 2 - 1] == 0).all()
        assert (mask[:, PANEL_PX // 2 + 1 :] == 255).all()
    missing = picture[second, right]
    assert (missing[:20] == 228).all()
    assert (missing < 200).any()  # it says so


def test_a_tall_frame_keeps_its_shape(tmp_path: Path) -> None:
    rows = [GridRow("tall", "", (_flat(0, 0, 200, (300, 100)),))]
    picture = _decode(tmp_path, png(grid(["frame"], rows)))
    blue = (picture == (0, 0, 200)).all(-1)
    assert blue.any(1).sum() == 180
    assert blue.any(0).sum() == 60


def test_names_of_dollars_and_any_length_are_written_inside_the_picture(tmp_path: Path) -> None:
    name = "a very $long$ name_of a method that nobody would choose"
    rows = [GridRow(name, name, (_flat(0, 0, 0),))]
    picture = _decode(tmp_path, png(grid([name], rows)))
    labels = picture[HEAD_PX : HEAD_PX + 100, :LABEL_PX]
    assert (labels < 128).any()
    assert (labels[:, -4:-1] == 255).all()
    assert (picture[:HEAD_PX, LABEL_PX + PANEL_PX + 3 :] == 255).all()


def test_fig_3_draws_the_mean_curve_and_marks_its_best_and_the_fixed_one() -> None:
    sweep = make_sweep({60: 4, 90: 4}, {0: 90, 30: 2})
    pairs = [make_pair("s", method, F_1, sweep=sweep) for method in ("median", "baseline-1")]
    figure = fig3(curves(pairs))
    lines = figure.axes[0].get_lines()
    line, best, fixed = lines[:3]
    assert len(lines) == 6
    assert np.asarray(line.get_xdata())[[0, 127]].tolist() == [0, pytest.approx(127 / 255)]
    assert np.asarray(line.get_ydata())[[10, 40, 70, 100]].tolist() == pytest.approx(
        [16 / 18, 1, 8 / 12, 0]
    )
    assert np.asarray(best.get_xydata()).tolist() == [[pytest.approx(30 / 255), 1]]
    assert np.asarray(fixed.get_xydata()).tolist() == [[pytest.approx(25 / 255), 1]]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "median: best F 1.0000 at 0.118, fixed 1.0000 at 0.098 (1 scene)"


def test_a_curve_without_any_value_is_drawn_as_none(tmp_path: Path) -> None:
    pair = make_pair("s", "median", F_UNDEFINED, sweep=make_sweep({}, {0: 9}))
    figure = fig3(curves([pair]))
    assert figure.legends[0].get_texts()[0].get_text() == "median: no F is defined"
    assert _decode(tmp_path, png(figure)).min() < 100


def test_the_bars_of_every_category_are_as_long_as_its_f() -> None:
    pairs = [
        make_pair("highway", "a", F_1),
        make_pair("highway", "two-stage", F_2_5THS),
        make_pair("x", "a", F_2_5THS, "$mine$"),
        make_pair("x", "two-stage", F_UNDEFINED, "$mine$"),
    ]
    panels = [axes for axes in bars(category_table(pairs)).axes if axes.get_visible()]
    assert [axes.get_title("left") for axes in panels] == [
        "baseline",
        r"\$mine\$",
        "overall (2 categories)",
    ]
    widths = [[bar.get_width() for bar in axes.patches] for axes in panels]  # type: ignore[attr-defined]
    assert widths == [[1, pytest.approx(0.4)], [0.4, 0], [pytest.approx(0.7), 0.4]]
    assert [text.get_text() for text in panels[1].texts] == ["0.400", "none"]
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert labels == ["a", "two-stage"]


def test_pictures_leave_no_trace_in_matplotlib() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    data = jpeg(grid(["frame"], [GridRow("one", "", (_flat(0, 200, 0),))]))
    png(bars(category_table([make_pair("s", "a", F_1)])))
    assert data.startswith(b"\xff\xd8")
    assert dict(matplotlib.rcParams) == before
