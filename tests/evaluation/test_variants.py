"""The rows of a comparison that are ours."""

import pytest

from cleanplate.config import PRESETS, Configuration, configuration_from, load_preset
from cleanplate.errors import ConfigError
from cleanplate.evaluation.variants import ABLATIONS, STEPS, VARIANTS, shortened, with_iterations


def _lengths(configuration: Configuration) -> tuple[int, int, int]:
    phases = configuration.phases
    return (
        phases.background.iterations,
        phases.segmentation.iterations,
        phases.joint.iterations,
    )


def test_the_papers_four_steps_come_in_its_order() -> None:
    assert list(STEPS) == ["two-stage", "two-stage-separate", "baseline-1", "baseline-2"]
    assert {**STEPS, **ABLATIONS} == VARIANTS


@pytest.mark.parametrize("method", VARIANTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_variants_settings_are_valid(method: str, preset: str) -> None:
    derived = VARIANTS[method].derive(load_preset(preset))
    assert configuration_from(derived.model_dump(), method) == derived


@pytest.mark.parametrize(("method", "is_separate"), [("two-stage", 0), ("two-stage-separate", 1)])
def test_separate_and_joint_are_one_training(method: str, is_separate: int) -> None:
    variant, compact = VARIANTS[method], load_preset("compact")
    assert variant.derive(compact) == compact
    assert variant.trained_as == "two-stage"
    assert variant.after_phase_2 is bool(is_separate)
    assert not variant.only_stage_1


def test_baseline_1_is_phase_1_alone() -> None:
    variant, compact = VARIANTS["baseline-1"], load_preset("compact")
    derived = variant.derive(compact)
    assert _lengths(derived) == (compact.phases.background.iterations, 0, 0)
    assert derived.phases.background == compact.phases.background
    assert derived.model_copy(update={"phases": compact.phases}) == compact
    assert variant.only_stage_1
    assert not variant.after_phase_2


def test_the_median_filter_needs_no_training_of_its_own() -> None:
    variant, compact = VARIANTS["median-filtered"], load_preset("compact")
    assert variant.derive(compact) == compact
    assert (variant.trained_as, variant.median_px) == ("two-stage", 5)


def test_every_other_row_is_a_training_of_its_own() -> None:
    others = set(VARIANTS) - {"two-stage", "two-stage-separate", "median-filtered"}
    derived = [VARIANTS[method].derive(load_preset("paper")) for method in sorted(others)]
    assert all(VARIANTS[method].trained_as == method for method in others)
    assert len({one.model_dump_json() for one in derived}) == len(others)
    assert load_preset("paper") not in derived


def test_baseline_2_is_phase_2_alone_on_the_frame_alone() -> None:
    compact = load_preset("compact")
    derived = VARIANTS["baseline-2"].derive(compact)
    assert _lengths(derived) == (0, compact.phases.segmentation.iterations, 0)
    assert derived.phases.segmentation == compact.phases.segmentation
    assert derived.segmentation.input == "frame"
    changes = {"input": compact.segmentation.input, "start": compact.segmentation.start}
    restored = derived.segmentation.model_copy(update=changes)
    assert restored == compact.segmentation
    assert derived.augmentation == compact.augmentation


@pytest.mark.parametrize("preset", ["smoke", "paper"])
def test_one_joint_run_has_the_updates_of_all_three_phases(preset: str) -> None:
    whole = load_preset(preset)
    derived = VARIANTS["one-joint-run"].derive(whole)
    assert _lengths(derived) == (0, 0, sum(_lengths(whole)))
    same_rate = whole.phases.segmentation.model_copy(update={"iterations": sum(_lengths(whole))})
    assert derived.phases.joint == same_rate
    assert derived.segmentation == whole.segmentation


@pytest.mark.parametrize(("method", "factor"), [("lambda-x0.1", 0.1), ("lambda-x10", 10)])
def test_lambda_varies_and_nothing_else(method: str, factor: float) -> None:
    whole = load_preset("paper")
    derived = VARIANTS[method].derive(whole)
    assert derived.loss.segmentation_weight == factor * whole.loss.segmentation_weight
    assert derived.model_copy(update={"loss": whole.loss}) == whole


@pytest.mark.parametrize(
    ("method", "name", "value"), [("siamese", "input", "siamese"), ("fc6-rate-12", "dilation", 12)]
)
def test_one_setting_of_stage_2_varies_and_nothing_else(
    method: str, name: str, value: object
) -> None:
    whole = load_preset("paper")
    derived = VARIANTS[method].derive(whole)
    assert getattr(derived.segmentation, name) == value
    assert derived.segmentation == whole.segmentation.model_copy(update={name: value})
    assert derived.model_copy(update={"segmentation": whole.segmentation}) == whole


@pytest.mark.parametrize(
    ("length", "lengths"), [(1, (20, 120, 20)), (0.1, (2, 12, 2)), (1e-9, (1, 1, 1))]
)
def test_every_phase_is_shortened_alike_to_no_less_than_one_update(
    length: float, lengths: tuple[int, int, int]
) -> None:
    smoke = load_preset("smoke")
    found = shortened(smoke, length)
    assert _lengths(found) == lengths
    names = dict(zip(("background", "segmentation", "joint"), _lengths(smoke), strict=True))
    assert with_iterations(found, **names) == smoke


def test_a_phase_that_is_left_out_stays_left_out() -> None:
    alone = VARIANTS["baseline-2"].derive(load_preset("smoke"))
    assert _lengths(shortened(alone, 0.5)) == (0, 60, 0)


def test_shortening_and_deriving_may_come_in_any_order() -> None:
    smoke = load_preset("smoke")
    derive = VARIANTS["one-joint-run"].derive
    assert derive(shortened(smoke, 0.5)) == shortened(derive(smoke), 0.5)


@pytest.mark.parametrize("length", [0, -0.5, 2, 1.001, float("nan")])
def test_a_length_that_is_no_share_is_refused(length: float) -> None:
    with pytest.raises(ConfigError, match=rf"length {length:g} is not in \(0, 1\]; 1 trains"):
        shortened(load_preset("smoke"), length)
