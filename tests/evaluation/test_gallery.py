"""Which pictures are shown."""

from pathlib import Path

import numpy as np

from cleanplate.evaluation.figures import GRID_COLUMNS, GRID_ROWS
from cleanplate.evaluation.gallery import Gallery, background_galleries, fig2, truth_picture
from cleanplate.evaluation.pairs import Pair
from cleanplate.images import write_picture
from cleanplate.scenes.opening import open_scene
from tests.evaluation.made_pairs import F_1, make_pair


def _pair(
    folder: Path, scene: str, method: str, category: str = "baseline", shown: int = 40
) -> Pair:
    mask = np.zeros((64, 96), bool)
    mask[:, : 8 * len(method)] = True
    write_picture(folder / f"{method}.png", mask)
    return make_pair(scene, method, F_1, category, shown=shown, mask=folder / f"{method}.png")


def test_a_row_is_the_frame_its_truth_and_each_methods_mask(
    drawn_scene: Path, tmp_path: Path
) -> None:
    scene = open_scene(drawn_scene)
    pairs = [_pair(tmp_path, "street", method) for method in ("a", "bb")]
    (gallery,) = fig2(pairs, {"street": scene})
    assert gallery.columns == ("frame", "truth", "a", "bb")
    frame, truth, *masks = gallery.rows[0].panels
    assert frame is not None
    assert truth is not None
    assert (frame == scene.frame(40)).all()
    assert (truth[..., 0] == 255).tolist() == (scene.truth(40).labels == 1).tolist()
    assert [int((mask[0, :, 0] > 0).sum()) for mask in masks if mask is not None] == [8, 16]
    assert gallery.rows[0].subtitle == "baseline, frame 40"


def test_the_papers_sequences_have_a_picture_of_their_own_in_its_order(tmp_path: Path) -> None:
    places = [
        ("highway", "baseline"),
        ("badWeather/skating", "badWeather"),
        ("fluidHighway", "nightVideos"),
        ("skating", "mine"),
    ]
    pairs = [_pair(tmp_path, scene, "a", category) for scene, category in places]
    papers, others = fig2(pairs, {})
    assert [row.title for row in papers.rows] == ["fluidHighway", "badWeather/skating"]
    assert [row.title for row in others.rows] == ["highway", "skating"]
    assert "the paper's sequences" in papers.title


def test_many_scenes_and_methods_are_spread_over_several_pictures(tmp_path: Path) -> None:
    methods = [f"m{index:02d}" for index in range(20)]
    scenes = [f"s{index:02d}" for index in range(25)]
    pairs = [_pair(tmp_path, scene, method) for scene in scenes for method in methods]
    galleries = fig2(pairs, {})
    assert len(galleries) == 3 * 3
    assert max(len(one.rows) for one in galleries) <= GRID_ROWS
    assert max(len(one.columns) for one in galleries) <= GRID_COLUMNS
    shown = [(row.title, column) for one in galleries for row in one.rows for column in one.columns]
    assert set(shown) >= {(scene, method) for scene in scenes for method in methods}


def _panels(gallery: Gallery) -> list[bool]:
    return [panel is not None for panel in gallery.rows[0].panels]


def test_a_failed_pair_and_a_mask_of_another_frame_leave_their_panels_empty(tmp_path: Path) -> None:
    pairs = [
        _pair(tmp_path, "s", "a"),
        _pair(tmp_path, "s", "other", shown=41),
        _pair(tmp_path, "t", "failed"),
    ]
    (gallery,) = fig2(pairs, {})
    assert _panels(gallery) == [False, False, True, False, False]


def test_backgrounds_stand_beside_the_true_one_where_it_is_known(
    drawn_scene: Path, tmp_path: Path
) -> None:
    scene = open_scene(drawn_scene)
    plate = scene.plate(40)
    assert plate is not None
    write_picture(tmp_path / "back.png", plate)
    pairs = [
        make_pair("street", "a", F_1, shown=40, background=tmp_path / "back.png"),
        make_pair("street", "mog2", F_1, shown=40),
    ]
    (gallery,) = background_galleries(pairs, {"street": scene})
    assert gallery.columns == ("frame", "true background", "a")
    for panel in gallery.rows[0].panels[1:]:
        assert np.array_equal(panel if panel is not None else 0, plate)
    (unknown,) = background_galleries(pairs, {})
    assert unknown.columns == ("frame", "a")
    assert background_galleries(pairs[1:], {}) == []


def test_the_truth_is_white_black_and_grey() -> None:
    labels = np.array([[1, 0, -1]], np.int8)
    assert truth_picture(labels)[0].tolist() == [[255] * 3, [0] * 3, [128] * 3]
