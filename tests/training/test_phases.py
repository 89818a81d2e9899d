"""The three phases."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import cleanplate
from cleanplate.config import Configuration, PhaseSettings, load_preset
from cleanplate.errors import ConfigError
from cleanplate.images import to_image
from cleanplate.networks.losses import foreground_probability
from cleanplate.networks.two_stage import TwoStageNet, build
from cleanplate.training.batches import Batch, Reader, TrainingSet, draw
from cleanplate.training.phases import (
    compute_losses,
    learning_rate,
    make_optimiser,
    run,
    set_modes,
    trained_part,
)

SIZE = (64, 96)


@pytest.fixture(scope="module")
def data(drawn_scene: Path) -> TrainingSet:
    scene = cleanplate.open_scene(drawn_scene)
    net = build(load_preset("smoke"), SIZE)
    reader = Reader(
        scene, scene.split("half").training, load_preset("smoke").training, SIZE,
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


def test_batch_normalisation_rests_in_the_joint_phase(net: TwoStageNet) -> None:
    set_modes(net, "joint")
    layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert layers
    assert not any(layer.training for layer in layers)
    assert net.segmentation_net.training


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
        iterations=100, batch_size=1, learning_rate=2.0, optimiser="sgd", momentum=0.9,
        weight_decay=0.0, power=0.9, warm_up=4,
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
