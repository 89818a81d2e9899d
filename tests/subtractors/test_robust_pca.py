"""Incremental PCP and its operations on a singular value decomposition."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.images import Frame
from cleanplate.subtractors.robust_pca import (
    IncrementalPcp,
    Svd,
    append_column,
    forget_first,
    last_column,
    no_columns,
    replace_last,
    tidied,
)

Matrix = NDArray[np.float64]
every_rank = pytest.mark.parametrize("rank", [1, 2, 5])


def _columns(rank: int, count: int = 9) -> Matrix:
    random = np.random.default_rng(rank)
    return random.normal(size=(40, rank)) @ random.normal(size=(rank, count))


def _decomposed(columns: Matrix, rank: int) -> Svd:
    svd = no_columns(columns[:, 0])
    for column in columns.T:
        svd = append_column(svd, column, rank)
    return svd


def _product(svd: Svd) -> Matrix:
    return np.asarray((svd.left * svd.values) @ svd.right.T, np.float64)


def _is_a_decomposition(svd: Svd) -> bool:
    unit = np.eye(len(svd.values))
    return bool(
        np.allclose(svd.left.T @ svd.left, unit, atol=1e-10)
        and np.allclose(svd.right.T @ svd.right, unit, atol=1e-10)
        and (np.diff(svd.values) <= 0).all()
    )


@every_rank
def test_without_truncation_the_product_is_the_frames_seen(rank: int) -> None:
    columns = _columns(rank)
    svd = _decomposed(columns, rank)
    assert np.allclose(_product(svd), columns, rtol=0, atol=1e-12)
    assert len(svd.values) == rank
    assert _is_a_decomposition(svd)
    assert np.allclose(last_column(svd), columns[:, -1], rtol=0, atol=1e-12)


@every_rank
def test_replacing_the_last_column_changes_that_column_only(rank: int) -> None:
    columns = _columns(rank)
    other = np.random.default_rng(9).normal(size=40)
    svd = replace_last(_decomposed(columns, rank), other, rank + 1)
    columns[:, -1] = other
    assert np.allclose(_product(svd), columns, rtol=0, atol=1e-12)
    assert _is_a_decomposition(svd)


@every_rank
def test_replacing_the_last_column_by_itself_changes_nothing(rank: int) -> None:
    noisy = _columns(rank) + np.random.default_rng(9).normal(size=(40, 9))
    svd = _decomposed(noisy, rank)  # truncated
    again = replace_last(svd, last_column(svd), rank)
    assert np.allclose(_product(again), _product(svd), rtol=0, atol=1e-12)
    assert np.allclose(again.values, svd.values, rtol=0, atol=1e-12)


@every_rank
def test_forgetting_the_first_column_leaves_the_others(rank: int) -> None:
    columns = _columns(rank)
    svd = forget_first(_decomposed(columns, rank))
    assert np.allclose(_product(svd), columns[:, 1:], rtol=0, atol=1e-12)
    assert _is_a_decomposition(svd)


def test_a_value_that_falls_to_nothing_is_dropped() -> None:
    columns = _columns(1, 4)
    columns[:, 0] = np.random.default_rng(9).normal(size=40)
    svd = _decomposed(columns, 2)
    assert len(svd.values) == 2
    svd = forget_first(svd)
    assert len(svd.values) == 1
    assert np.allclose(_product(svd), columns[:, 1:], rtol=0, atol=1e-12)


def test_a_truncated_step_is_the_best_of_its_rank() -> None:
    columns = _columns(5, 2)
    best = np.linalg.svd(columns, full_matrices=False)
    expected = best[1][0] * np.outer(best[0][:, 0], best[2][0])
    assert np.allclose(_product(_decomposed(columns, 1)), expected, rtol=0, atol=1e-12)


def test_black_frames_have_no_rank() -> None:
    svd = _decomposed(np.zeros((40, 3)), 2)
    assert len(svd.values) == 0
    assert not last_column(svd).any()
    column = np.arange(40.0)
    assert np.allclose(last_column(append_column(svd, column, 2)), column)


def test_tidying_straightens_the_factors_and_keeps_the_product() -> None:
    svd = _decomposed(_columns(3), 3)
    random = np.random.default_rng(4)
    left, right = svd.left, svd.right
    bent = svd._replace(
        left=left + 1e-3 * random.normal(size=left.shape),
        right=right + 1e-3 * random.normal(size=right.shape),
    )
    assert not _is_a_decomposition(bent)
    assert _is_a_decomposition(tidied(bent))
    assert np.allclose(_product(tidied(bent)), _product(bent), rtol=0, atol=1e-12)


def _scene(seed: int, count: int) -> list[Frame]:
    random = np.random.default_rng(seed)
    base = random.integers(60, 180, (20, 25, 3))
    return [(base + random.integers(-2, 3, base.shape)).astype(np.uint8) for _ in range(count)]


def _frames_remembered(model: IncrementalPcp) -> int:
    return len(model.state()["right"])


def test_it_remembers_a_window_of_frames() -> None:
    model = IncrementalPcp(window=6)
    counts = []
    for frame in _scene(0, 10):
        model.reconstruct(frame)
        counts.append(_frames_remembered(model))
    assert counts == [1, 2, 3, 4, 5, 5, 5, 5, 5, 5]


def test_an_object_stays_out_of_the_background() -> None:
    model, scene = IncrementalPcp(), _scene(0, 40)
    for frame in scene[:-1]:
        model.reconstruct(frame)
    covered = scene[-1].copy()
    covered[5:10, 5:12] = (250, 20, 20)
    assert np.abs(model.reconstruct(covered).astype(int) - scene[-1]).max() < 20


def test_brighter_light_is_background() -> None:
    model, scene = IncrementalPcp(), _scene(0, 40)
    for frame in scene[:-1]:
        model.reconstruct(frame)
    brighter = np.rint(scene[-1] * 1.1).astype(np.uint8)
    assert np.abs(model.reconstruct(brighter).astype(int) - brighter).max() < 10


def test_another_scene_is_begun_anew() -> None:
    model = IncrementalPcp()
    for frame in _scene(0, 20):
        model.reconstruct(frame)
    cut = [frame // 3 for frame in _scene(1, 2)]
    assert np.array_equal(model.reconstruct(cut[0]), cut[0])
    assert _frames_remembered(model) == 1
    assert np.abs(model.reconstruct(cut[1]).astype(int) - cut[1]).max() <= 5


def test_a_long_run_stays_orthonormal() -> None:
    model = IncrementalPcp(rank=3)
    for frame in _scene(0, 450):
        model.reconstruct(frame)
    left = np.asarray(model.state()["left"], np.float64).reshape(3, -1)
    assert np.abs(left @ left.T - np.eye(3)).max() < 1e-4
