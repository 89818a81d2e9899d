"""States in files. That masks go on to the bit is in the contract."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from cleanplate.errors import ConfigError, OutputError, WeightsError
from cleanplate.subtractors.gmm import StaufferGrimsonGmm
from cleanplate.subtractors.methods import make_method
from cleanplate.subtractors.protocol import HasState, LearnsBeforehand, State, Subtractor
from cleanplate.subtractors.state import load_state, save_state

WITH_STATE = ("median", "pca", "robust-pca", "fast-pcp", "gmm", "kde", "vibe")
FRAME = np.random.default_rng(0).integers(0, 256, (9, 11, 3)).astype(np.uint8)


def _trained(name: str) -> Subtractor:
    subtractor = make_method(name)
    if isinstance(subtractor, LearnsBeforehand):
        subtractor.learn([FRAME, 255 - FRAME])
    subtractor.segment(FRAME)
    return subtractor


def _state(name: str) -> State:
    subtractor = _trained(name)
    assert isinstance(subtractor, HasState)
    return subtractor.state()


@pytest.mark.parametrize("name", ["mog2", "knn", "mog", "gmg", "cnt", "gsoc", "lsbp"])
def test_opencvs_methods_are_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    with pytest.raises(ConfigError, match=f"{name}: its state can be neither saved nor restored"):
        save_state(path, make_method(name))
    with pytest.raises(ConfigError, match=f"{name}: its state can be neither saved nor restored"):
        load_state(path, make_method(name))
    assert not path.exists()


def test_another_methods_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, _trained("gmm"))
    with pytest.raises(ConfigError, match=r"state.safetensors: is a state of gmm, not of kde"):
        load_state(path, make_method("kde"))


def test_a_state_of_other_parameters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, _trained("gmm"))
    with pytest.raises(WeightsError, match=r"cannot be restored \(gmm: its state's means is float"):
        load_state(path, StaufferGrimsonGmm(components=5))


def test_a_damaged_foreign_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    method = make_method("gmm")
    with pytest.raises(WeightsError, match="no such state file"):
        load_state(path, method)
    save_state(path, _trained("gmm"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="no whole safetensors file"):
        load_state(path, method)
    save_file({"a": np.zeros(3)}, path)
    with pytest.raises(WeightsError, match="holds no method's state"):
        load_state(path, method)
    save_file({"a": np.zeros(3)}, path, {"cleanplate.state": "9", "cleanplate.method": "gmm"})
    with pytest.raises(WeightsError, match="has format 9, this Cleanplate reads 1"):
        load_state(path, method)
    save_file({"a": np.zeros(3)}, path, {"cleanplate.state": "1", "cleanplate.method": "gmm"})
    with pytest.raises(WeightsError, match="state's a does not belong there"):
        load_state(path, method)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_state(tmp_path / "none" / "state.safetensors", _trained("gmm"))


def test_a_file_says_its_method_and_nothing_of_who_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, _trained("vibe"))
    assert b'"cleanplate.method":"vibe"' in path.read_bytes()
    assert str(tmp_path).encode() not in path.read_bytes()


@pytest.mark.parametrize("name", WITH_STATE)
def test_a_state_with_a_part_missing_or_bent_is_refused_and_changes_nothing(name: str) -> None:
    good = _state(name)
    subtractor, untouched = _trained(name), _trained(name)
    assert isinstance(subtractor, HasState)
    for key, array in good.items():
        bent: list[State] = [
            {k: a for k, a in good.items() if k != key},
            {**good, key: array[None]},
            {**good, key: array.astype(np.float16)},
        ]
        if array.dtype == np.float32 and array.size:
            bent.append({**good, key: np.full_like(array, np.nan)})
        for state in filter(None, bent):
            with pytest.raises(ConfigError, match=f"{name}: its state's "):
                subtractor.restore(state)
    dark = FRAME // 2
    assert np.array_equal(subtractor.segment(dark).mask, untouched.segment(dark).mask)


@pytest.mark.parametrize("name", WITH_STATE)
def test_an_empty_state_is_a_fresh_start(name: str) -> None:
    used, fresh = _trained(name), make_method(name)
    assert isinstance(used, HasState)
    assert isinstance(fresh, HasState)
    assert fresh.state() == {}
    used.restore({})
    assert used.state() == {}
    if not isinstance(used, LearnsBeforehand):
        frames = [FRAME, 255 - FRAME, FRAME]
        pairs = [(used.segment(frame).mask, fresh.segment(frame).mask) for frame in frames]
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_damaged_counters_and_generators_are_refused() -> None:
    kde, vibe = make_method("kde"), make_method("vibe")
    assert isinstance(kde, HasState)
    assert isinstance(vibe, HasState)
    with pytest.raises(ConfigError, match="kde: its state's counters are out of range"):
        kde.restore({**_state("kde"), "counters": np.array([51, 0, 1, 0])})
    for words in (b"{", b'{"bit_generator": "MT19937"}', b"7"):
        with pytest.raises(ConfigError, match="vibe: its state's generator is damaged"):
            vibe.restore({**_state("vibe"), "generator": np.frombuffer(words, np.uint8)})
