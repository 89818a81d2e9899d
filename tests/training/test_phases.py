"""The three phases."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import cleanplate
from cleanplate.config import Configuration, PhaseSettings, load_preset
from cleanplate.errors import ConfigError
from cleanplate.evaluation.variants import VARIANTS
from cleanplate.images import to_image
from cleanplate.networks.building import build
from cleanplate.networks.losses import foreground_probability, segmentation_loss
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.training import phases
from cleanplate.training.batches import Batch, cut_windows, draw
from cleanplate.training.phases import run
from cleanplate.training.reading import Reader, TrainingSet
from cleanplate.training.updates import (
    compute_losses,
    is_reduced,
    learning_rate,
    make_optimiser,
    planned,
    set_modes,
    trained_part,
)

SIZE = (64, 96)

SMALL = (64, 96)


@pytest.fixture(scope="module")
def data(drawn_scene: Path) -> TrainingSet:
    scene = cleanplate.open_scene(drawn_scene)
    net = build(load_preset("smoke"), SIZE)
    reader = Reader(
        scene, scene.split("half").training, (), load_preset("smoke").training, SIZE,
        net.background_net.size,
    )  # fmt: skip
    list(reader.read())
    return reader.training_set()


@pytest.fixture
def net() -> TwoStageNet:
    torch.manual_seed(0)
    return build(load_preset("smoke"), SIZE)


@pytest.fixture
def batch(data: TrainingSet) -> Batch:
    return draw(data, 2, load_preset("smoke").augmentation, np.random.default_rng(0))


def _shortened(**iterations: int) -> Configuration:
    configuration = load_preset("smoke")
    phases = configuration.phases.model_copy(
        update={
            name: getattr(configuration.phases, name).model_copy(update={"iterations": count})
            for name, count in iterations.items()
        }
    )
    return configuration.model_copy(update={"phases": phases})


def _weights(part: torch.nn.Module) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in part.state_dict().values()]


def _same(before: list[torch.Tensor], part: torch.nn.Module) -> bool:
    return all(map(torch.equal, before, part.state_dict().values()))


@pytest.mark.parametrize(
    ("phase", "first_moves", "second_moves"),
    [("background", True, False), ("segmentation", False, True), ("joint", True, True)],
)
def test_a_phase_moves_only_what_it_trains(
    data: TrainingSet, net: TwoStageNet, phase: str, first_moves: bool, second_moves: bool
) -> None:
    lengths = {"background": 0, "segmentation": 0, "joint": 0} | {phase: 2}
    net.background_net.start_from(torch.full((3, *net.background_net.size), 0.5))
    list(
        run(
            net,
            data,
            _shortened(background=0, segmentation=0, joint=0),
            start=0.0,
            seed=0,
            device="cpu",
        )
    )
    first, second = _weights(net.background_net), _weights(net.segmentation_net)
    list(run(net, data, _shortened(**lengths), start=0.0, seed=0, device="cpu"))
    assert _same(first, net.background_net) is not first_moves
    assert _same(second, net.segmentation_net) is not second_moves


@pytest.mark.parametrize(("phase", "reaches"), [("segmentation", False), ("joint", True)])
def test_the_segmentation_loss_moves_stage_1_in_the_joint_phase_only(
    net: TwoStageNet, batch: Batch, phase: str, reaches: bool
) -> None:
    set_modes(net, phase)
    losses = compute_losses(net, batch, phase, load_preset("smoke").loss)
    losses["segmentation"].backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in net.background_net.parameters()]
    assert any(gradient is not None and gradient.any() for gradient in gradients) is reaches


def test_the_joint_loss_is_eq_3(net: TwoStageNet, batch: Batch) -> None:
    settings = load_preset("smoke").loss.model_copy(update={"segmentation_weight": 0.7})
    set_modes(net, "joint")
    losses = compute_losses(net, batch, "joint", settings)
    expected = losses["reconstruction"] + 0.7 * losses["segmentation"]
    assert torch.allclose(losses["total"], expected)


def test_bfloat16_changes_the_loss_little_and_keeps_all_weights_float32(
    net: TwoStageNet, batch: Batch
) -> None:
    set_modes(net, "segmentation")
    settings = load_preset("smoke").loss
    exact, reduced = (
        compute_losses(net, batch, "segmentation", settings, reduced)["total"]
        for reduced in (False, True)
    )
    assert 0 < (exact - reduced).abs().item() < 0.02 * exact.item()
    reduced.backward()  # type: ignore[no-untyped-call]
    for parameter in net.segmentation_net.parameters():
        assert parameter.grad is not None
        assert parameter.dtype == parameter.grad.dtype == torch.float32


def test_float32_and_bfloat16_are_what_was_asked_for_and_auto_is_for_cpus() -> None:
    assert not is_reduced("float32", "cpu")
    assert is_reduced("bfloat16", "cpu")
    assert not is_reduced("auto", "cuda")
    able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert is_reduced("auto", "cpu") is bool(able)


def test_batch_normalisation_rests_in_the_joint_phase(net: TwoStageNet) -> None:
    set_modes(net, "joint")
    layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert layers
    assert not any(layer.training for layer in layers)
    assert net.segmentation_net.training


def test_batch_normalisation_learns_in_a_joint_phase_that_nothing_precedes(
    net: TwoStageNet,
) -> None:
    set_modes(net, "joint", keeps_statistics=False)
    layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert layers
    assert all(layer.training for layer in layers)


@pytest.mark.parametrize(("before", "moves"), [(0, True), (1, False)])
def test_statistics_are_gathered_in_the_joint_phase_only_where_nothing_preceded(
    data: TrainingSet, net: TwoStageNet, before: int, moves: bool
) -> None:
    seen: list[list[torch.Tensor]] = []
    settings = _shortened(background=before, segmentation=before, joint=2)
    for step in run(net, data, settings, start=0.0, seed=0, device="cpu"):
        if step.phase == "joint":
            layers = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
            means = [layer.running_mean for layer in layers]
            seen.append([mean.clone() for mean in means if mean is not None])
    assert len(seen) == 3
    for first, last in zip(seen[0], seen[-1], strict=True):
        assert (not torch.equal(first, last)) is moves


def test_a_phase_begins_with_a_record_before_its_first_update(
    data: TrainingSet, net: TwoStageNet
) -> None:
    steps = run(
        net, data, _shortened(background=1, segmentation=0, joint=1), start=0.0, seed=0,
        device="cpu",
    )  # fmt: skip
    found = []
    before = _weights(net)
    for step in steps:
        weights = _weights(net)
        found.append((step.phase, step.iteration, step.iterations, bool(step.losses)))
        if step.iteration == 0 and len(found) > 1:
            assert all(map(torch.equal, weights, before))
        before = weights
    assert found == [
        ("background", 0, 1, False), ("background", 1, 1, True),
        ("segmentation", 0, 0, False),
        ("joint", 0, 1, False), ("joint", 1, 1, True),
    ]  # fmt: skip


def _settings_with(configuration: Configuration, part: str, **values: object) -> Configuration:
    changed = getattr(configuration, part).model_copy(update=values)
    return configuration.model_copy(update={part: changed})


def test_baseline_2_learns_from_the_batches_of_phase_2_and_no_others(
    data: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Batch] = []

    def recorded(*arguments: object) -> Batch:
        drawn.append(draw(*arguments))  # type: ignore[arg-type]
        return drawn[-1]

    monkeypatch.setattr(phases, "draw", recorded)
    whole = _shortened(background=2, segmentation=3, joint=1)
    alone = VARIANTS["baseline-2"].derive(whole)
    for configuration in (whole, alone):
        torch.manual_seed(0)
        net = build(configuration, SIZE)
        list(run(net, data, configuration, start=0.0, seed=5, device="cpu"))
    assert len(drawn) == 6 + 3
    for ours, theirs in zip(drawn[2:5], drawn[6:], strict=True):
        assert torch.equal(ours.image, theirs.image)
        assert torch.equal(ours.labels, theirs.labels)
        assert ours.windows == theirs.windows


def test_phase_2_of_a_net_without_background_never_runs_stage_1(
    data: TrainingSet, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    configuration = _settings_with(load_preset("smoke"), "segmentation", input="frame")
    net = build(configuration, SIZE)
    monkeypatch.setattr(net, "reconstruct", lambda _: pytest.fail("stage 1 was run"))
    set_modes(net, "segmentation")
    losses = compute_losses(net, batch, "segmentation", configuration.loss)
    assert batch.windows is not None
    with torch.no_grad():
        logits = net.segmentation_net(cut_windows(batch.image, batch.windows))
        expected = segmentation_loss(logits, cut_windows(batch.labels, batch.windows))
    assert torch.allclose(losses["total"], expected)


def test_phase_2_learns_from_stage_1s_own_reconstruction(net: TwoStageNet, batch: Batch) -> None:
    net.background_net.start_from(torch.full((3, *net.background_net.size), 0.5))
    set_modes(net, "segmentation")
    losses = compute_losses(net, batch, "segmentation", load_preset("smoke").loss)
    assert batch.windows is not None
    with torch.no_grad():
        pair = net.join(batch.image, net.reconstruct(batch.image))
        logits = net.segmentation_net(cut_windows(pair, batch.windows))
        expected = segmentation_loss(logits, cut_windows(batch.labels, batch.windows))
    assert torch.allclose(losses["total"], expected)


@pytest.mark.parametrize(
    ("passes", "frames", "iterations"),
    [
        (0, 1, 20),  # no limit
        (1, 8, 2),  # 8 frames in batches of 4
        (1, 9, 3),  # the last batch is not full
        (3, 9, 7),  # 27 frames
        (100, 9, 20),  # never longer than the settings
        (1, 1, 1),
    ],
)
def test_a_phase_is_no_longer_than_its_passes_over_the_frames(
    passes: int, frames: int, iterations: int
) -> None:
    whole = load_preset("smoke")
    limited = whole.phases.background.model_copy(update={"most_passes": passes})
    found = planned(_settings_with(whole, "phases", background=limited), frames, 1, SMALL)
    assert found.phases.background.iterations == iterations
    assert found.phases.segmentation == whole.phases.segmentation
    assert found.phases.joint == whole.phases.joint
    expected = limited.model_copy(update={"iterations": iterations})
    assert found == _settings_with(whole, "phases", background=expected)


def test_phase_2_counts_its_passes_over_labelled_frames_or_all_where_none_is() -> None:
    whole = load_preset("smoke")
    limited = whole.phases.segmentation.model_copy(
        update={"most_passes": 4, "iterations": 50, "batch_size": 8}
    )
    settings = _settings_with(whole, "phases", segmentation=limited)
    assert (
        planned(settings, 200, 5, SMALL).phases.segmentation.iterations == 3
    )  # 20 frames in eights
    assert planned(settings, 24, 0, SMALL).phases.segmentation.iterations == 12
    assert planned(settings, 200, 0, SMALL).phases.segmentation.iterations == 50


def test_where_nobody_labelled_anything_improbable_labels_weigh_no_more() -> None:
    whole = load_preset("compact")
    assert planned(whole, 200, 5, SMALL).loss == whole.loss
    assert whole.loss.focus > 0
    assert planned(whole, 200, 0, SMALL).loss.focus == 0


def test_the_paper_is_trained_for_its_own_length_however_few_frames_there_are() -> None:
    paper = load_preset("paper")
    assert planned(paper, 1, 1, SMALL) == paper


def test_what_is_logged_is_what_is_optimised(data: TrainingSet, net: TwoStageNet) -> None:
    steps = list(
        run(
            net,
            data,
            _shortened(background=2, segmentation=3, joint=1),
            start=0.0,
            seed=0,
            device="cpu",
        )
    )
    begun = [step.phase for step in steps if step.iteration == 0]
    assert begun == ["background", "segmentation", "joint"]
    steps = [step for step in steps if step.losses]
    assert [(step.phase, step.iteration, step.iterations) for step in steps] == [
        ("background", 1, 2), ("background", 2, 2),
        ("segmentation", 1, 3), ("segmentation", 2, 3), ("segmentation", 3, 3),
        ("joint", 1, 1),
    ]  # fmt: skip
    assert steps[0].losses.keys() == {"reconstruction", "total"}
    assert steps[2].losses.keys() == {"segmentation", "total"}
    assert steps[-1].losses.keys() == {"reconstruction", "segmentation", "total"}
    assert steps[0].losses["total"] == steps[0].losses["reconstruction"]
    assert steps[-1].seconds_left == pytest.approx(0)
    assert all(a.seconds <= b.seconds for a, b in pairwise(steps))


def test_the_rate_rises_over_the_warm_up_and_falls_polynomially() -> None:
    settings = PhaseSettings(
        iterations=100, most_passes=0, batch_size=1, learning_rate=2.0, optimiser="sgd",
        momentum=0.9, weight_decay=0.0, power=0.9, warm_up=4,
    )  # fmt: skip
    assert learning_rate(settings, 0) == pytest.approx(0.5)
    assert learning_rate(settings, 50) == pytest.approx(2 * 0.5**0.9)
    constant = settings.model_copy(update={"power": 0.0, "warm_up": 0})
    assert learning_rate(constant, 99) == 2.0


def test_weights_decay_and_biases_normalisations_and_plate_do_not(net: TwoStageNet) -> None:
    optimiser = make_optimiser(trained_part(net, "joint"), load_preset("smoke").phases.joint)
    decaying, others = optimiser.param_groups
    assert decaying["weight_decay"] > 0
    assert others["weight_decay"] == 0
    assert any(parameter is net.background_net.plate for parameter in others["params"])
    count = len(decaying["params"]) + len(others["params"])
    assert count == len(list(net.parameters()))


def test_a_loss_that_is_no_number_stops_with_the_setting_to_change(
    data: TrainingSet, net: TwoStageNet
) -> None:
    next(net.segmentation_net.parameters()).data.fill_(float("nan"))
    with pytest.raises(ConfigError, match=r"lower phases\.segmentation\.learning_rate"):
        list(run(net, data, _shortened(background=0), start=0.0, seed=0, device="cpu"))


def test_stage_1_of_the_paper_learns_in_caffes_normalisation(data: TrainingSet) -> None:
    torch.manual_seed(0)
    paper = load_preset("paper")
    narrow = paper.background.model_copy(update={"bottleneck": 64, "most_pixels": 32 * 32})
    settings = paper.model_copy(update={"background": narrow})
    net = build(settings, SIZE)
    images = torch.rand(4, 3, 32, 32) * 0.2 + 0.4
    known = torch.ones(1, 1, 32, 32, dtype=torch.bool)
    batch = Batch(images, torch.zeros(4, 32, 32).long(), images, known)
    optimiser = make_optimiser(net.background_net, paper.phases.background)
    set_modes(net, "background")
    values = []
    for _ in range(25):
        losses = compute_losses(net, batch, "background", paper.loss)
        optimiser.zero_grad()
        losses["total"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        values.append(losses["total"].item())
    assert values[-1] < 0.5 * values[0]


def test_stage_2_of_the_paper_learns_without_weights(data: TrainingSet) -> None:
    torch.manual_seed(0)
    paper = load_preset("paper")
    small = paper.segmentation.model_copy(update={"side": 33})
    shallow = paper.background.model_copy(update={"bottleneck": 16, "most_pixels": 32 * 32})
    net = build(paper.model_copy(update={"segmentation": small, "background": shallow}), SIZE)
    optimiser = make_optimiser(net.segmentation_net, paper.phases.segmentation)
    set_modes(net, "segmentation")
    plain = load_preset("paper").augmentation
    batch = draw(data, 2, plain, np.random.default_rng(0))
    values = []
    for _ in range(20):
        losses = compute_losses(net, batch, "segmentation", paper.loss)
        optimiser.zero_grad()
        losses["total"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        values.append(losses["total"].item())
    net.eval()
    with torch.no_grad():
        probability = foreground_probability(net(to_image(data.frames[:1])).logits)
    assert np.mean(values[-3:]) < 0.8 * values[0]
    assert probability.std() > 1e-3


def test_phase_2_of_small_frames_learns_from_as_many_pixels_as_that_of_large_ones() -> None:
    whole = load_preset("compact")
    large, medium, small = (
        planned(whole, 200, 50, size).phases.segmentation.iterations
        for size in ((240, 320), (180, 240), (96, 128))
    )
    assert large == whole.phases.segmentation.iterations
    assert medium / large == pytest.approx(240 * 320 / (180 * 240), rel=0.01)
    assert small == whole.training.stretch * large
    few = planned(whole, 200, 1, (96, 128)).phases.segmentation.iterations
    assert (
        few
        == whole.training.stretch
        * planned(whole, 200, 1, (240, 320)).phases.segmentation.iterations
    )
