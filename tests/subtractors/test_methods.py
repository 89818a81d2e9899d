"""Every method by its name."""

import pytest

from cleanplate.errors import ConfigError
from cleanplate.subtractors.methods import (
    CLASSICAL_METHODS,
    PATENT_NOTES,
    THRESHOLDED,
    make_method,
)
from cleanplate.subtractors.threshold import ThresholdSubtractor


def test_the_order_of_the_methods() -> None:
    assert " ".join(CLASSICAL_METHODS) == (
        "median pca robust-pca fast-pcp gmm kde vibe mog2 knn mog gmg cnt gsoc lsbp"
    )
    assert THRESHOLDED == ("median", "pca", "robust-pca", "fast-pcp")


@pytest.mark.parametrize("name", CLASSICAL_METHODS)
def test_a_method_bears_the_name_it_is_made_by(name: str) -> None:
    method = make_method(name)
    assert method.name == name
    assert isinstance(method, ThresholdSubtractor) == (name in THRESHOLDED)


def test_the_default_thresholds() -> None:
    found = {name: make_method(name) for name in THRESHOLDED}
    levels = {n: m.threshold * 255 for n, m in found.items() if isinstance(m, ThresholdSubtractor)}
    assert levels == pytest.approx({"median": 25, "pca": 15, "robust-pca": 25, "fast-pcp": 25})


def test_an_unknown_method_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'subsense' is unknown; use median, pca, .*, lsbp"):
        make_method("subsense")


def test_patents_are_named_in_one_line() -> None:
    assert set(PATENT_NOTES) == {"robust-pca", "vibe"}
    assert "9,595,112 B2" in PATENT_NOTES["robust-pca"]
    for number in ("8,009,918", "2015252", "4699564"):
        assert number in PATENT_NOTES["vibe"]
    for note in PATENT_NOTES.values():
        assert "not legal advice" in note
        assert "\n" not in note
