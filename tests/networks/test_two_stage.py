"""Both stages together."""

import pytest
import torch
from torch import nn

from cleanplate.config import Configuration, load_preset
from cleanplate.networks.building import build
from cleanplate.networks.card import working_size
from cleanplate.networks.segmentation import LargeFovNet
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.training.batches import Batch
from cleanplate.training.updates import compute_losses, make_optimiser, set_modes, trained_part


@pytest.fixture
def net() -> TwoStageNet:
    torch.manual_seed(0)
    return build(load_preset("smoke"), (48, 64))


def test_the_second_stage_sees_background_long_term_background_and_frame(net: TwoStageNet) -> None:
    seen = []
    assert net.long_term is not None
    net.long_term.random_(0, 256)
    net.segmentation_net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    image = torch.rand(1, 3, 48, 64)
    net.eval()
    output = net(image)
    assert seen[0].shape == (1, 11, 48, 64)
    assert torch.equal(seen[0][:, 3:8], net.long_term.float() / 255)
    assert torch.equal(seen[0][:, 8:], image)
    assert torch.allclose(seen[0][:, :3, 0, 0], output.background[..., 0, 0])


def test_a_shaking_cameras_long_term_background_moves_with_each_frame(net: TwoStageNet) -> None:
    assert net.long_term is not None
    assert net.reach is not None
    net.long_term.random_(0, 256)
    kept = net.long_term[:, :3].float() / 255
    images = torch.cat([kept, kept.roll((2, -3), (2, 3))])
    background = torch.zeros(2, 3, 8, 8)
    inner = (..., slice(4, -4), slice(4, -4))
    still = net.join(images, background)
    assert torch.equal(still[1, 3:8], still[0, 3:8])
    net.reach.fill_(4)
    seen = net.join(images, background)
    assert torch.equal(seen[0, 3:6], kept[0])
    assert torch.equal(seen[1, 3:6][inner], images[1][inner])


def test_the_layer_between_the_stages_has_no_weights(net: TwoStageNet) -> None:
    names = {name.split(".")[0] for name, _ in net.named_parameters()}
    assert names == {"background_net", "segmentation_net"}


def test_the_segmentation_loss_reaches_stage_1(net: TwoStageNet) -> None:
    output = net(torch.rand(2, 3, 48, 64))
    output.logits.square().mean().backward()
    moved = [parameter.grad for parameter in net.background_net.parameters()]
    assert all(gradient is not None for gradient in moved)
    assert any(gradient is not None and gradient.any() for gradient in moved)


def test_the_papers_sizes() -> None:
    with torch.device("meta"):
        net = build(load_preset("paper"), (240, 320)).eval()
        assert net.background_net.size == (128, 128)
        output = net(torch.empty(1, 3, 240, 320))
    assert output.background.shape == (1, 3, 128, 128)
    assert output.logits.shape == (1, 2, 961, 961)


def test_compact_works_at_the_frames_size_and_large_frames_at_a_smaller_one() -> None:
    compact = load_preset("compact")
    assert working_size(compact, (240, 320)) == (240, 320)
    height, width = working_size(compact, (1080, 1920))
    assert height * width <= 1.02 * compact.segmentation.most_pixels
    assert width / height == pytest.approx(16 / 9, rel=0.02)


def test_equal_seeds_give_equal_initial_weights() -> None:
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(build(load_preset("smoke"), (48, 64)).state_dict())
    assert all(torch.equal(nets[0][name], nets[1][name]) for name in nets[0])


def _with_input(seen: str, preset: str = "smoke", **values: object) -> Configuration:
    configuration = load_preset(preset)
    changes = {"input": seen, **values}
    changed = configuration.segmentation.model_copy(update=changes)
    return configuration.model_copy(update={"segmentation": changed})


@pytest.mark.parametrize(
    ("preset", "seen", "channels", "of_encoder"),
    [
        ("smoke", "pair", 6, 6),
        ("smoke", "frame", 3, 3),
        ("smoke", "siamese", 6, 3),
        ("paper", "pair", 6, 6),
        ("paper", "frame", 3, 3),
        ("paper", "siamese", 6, 3),
    ],
)
def test_stage_2_sees_what_the_settings_say(
    preset: str, seen: str, channels: int, of_encoder: int
) -> None:
    inputs = []
    with torch.device("meta"):
        net = build(_with_input(seen, preset), (48, 64)).eval()
        net.segmentation_net.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        output = net(torch.empty(1, 3, 48, 64))
    side = load_preset(preset).segmentation.side
    size = (side, side) if side else (48, 64)
    assert inputs[0].shape == (1, channels, *size)
    assert output.logits.shape == (1, 2, *size)
    first = next(m for m in net.segmentation_net.modules() if isinstance(m, nn.Conv2d))
    folded = 1 if preset == "paper" else 4
    assert first.in_channels == folded * of_encoder


@pytest.mark.parametrize(("seen", "depends"), [("pair", True), ("frame", False), ("siamese", True)])
def test_only_a_net_that_sees_the_background_depends_on_it(seen: str, depends: bool) -> None:
    torch.manual_seed(0)
    net = build(_with_input(seen), (48, 64)).eval()
    image, dark, light = torch.rand(1, 3, 48, 64), torch.zeros(1, 3, 24, 32), torch.ones(1, 3, 9, 9)
    with torch.no_grad():
        first, second = net.segment(image, dark), net.segment(image, light)
        assert torch.equal(first, second) is not depends
        assert not torch.equal(first, net.segment(image.flip(3), dark))
    assert net.uses_background is depends


@pytest.mark.parametrize("dilation", [6, 12])
def test_the_setting_of_the_dilation_reaches_fc6(dilation: int) -> None:
    with torch.device("meta"):
        net = build(_with_input("pair", "paper", dilation=dilation), (48, 64))
    assert isinstance(net.segmentation_net, LargeFovNet)
    fc6 = net.segmentation_net.classifier[0]
    assert isinstance(fc6, nn.Conv2d)
    assert (fc6.dilation, fc6.padding) == ((dilation, dilation), (dilation, dilation))


@pytest.mark.slow
def test_one_joint_step_of_the_paper_at_961_runs_on_a_cpu() -> None:
    paper = load_preset("paper")
    torch.manual_seed(0)
    net = build(paper, (240, 320))
    set_modes(net, "joint")
    image = torch.rand(1, 3, 240, 320)
    batch = Batch(
        image,
        torch.randint(-1, 2, (1, 240, 320)),
        torch.rand(1, 3, 128, 128),
        torch.ones(1, 1, 128, 128, dtype=torch.bool),
    )
    optimiser = make_optimiser(trained_part(net, "joint"), paper.phases.joint)
    losses = compute_losses(net, batch, "joint", paper.loss)
    losses["total"].backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    assert losses.keys() == {"reconstruction", "segmentation", "total"}
    # a rate of 1e-5 moves few float32 weights in one step, but the loss must reach them all
    reached = [p.grad is not None and bool(p.grad.any()) for p in net.parameters()]
    assert all(reached)
    assert all(bool(p.isfinite().all()) for p in net.parameters())
