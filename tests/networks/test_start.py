"""The start from drawn scenes that comes with the package."""

from importlib import resources
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cleanplate.config import load_preset
from cleanplate.errors import WeightsError
from cleanplate.networks.building import build
from cleanplate.networks.segmentation import CompactNet
from cleanplate.networks.start import START_FILE, load_start, save_start

SIZE = (48, 64)


def test_the_shipped_start_fits_the_default_preset_and_is_under_a_megabyte() -> None:
    torch.manual_seed(0)
    net = build(load_preset("compact"), SIZE)
    before = [tensor.clone() for tensor in net.segmentation_net.state_dict().values()]
    load_start(net.segmentation_net)
    after = net.segmentation_net.state_dict().values()
    assert not any(map(torch.equal, before[:1], after))
    file = resources.files("cleanplate.networks").joinpath(START_FILE)
    assert len(file.read_bytes()) < 1_000_000


def test_the_shipped_start_sees_an_object_before_a_plain_wall_without_any_training() -> None:
    torch.manual_seed(0)
    net = build(load_preset("compact"), (96, 128)).eval()
    load_start(net.segmentation_net)
    assert net.long_term is not None
    wall = torch.full((1, 3, 96, 128), 0.5) + 0.02 * torch.randn(1, 3, 96, 128)
    net.long_term[:, :3] = 127
    net.long_term[:, 3:] = 12
    frame = wall.clone()
    frame[..., 30:70, 40:70] = torch.tensor([0.8, 0.2, 0.15])[:, None, None]
    with torch.no_grad():
        logits = net.segment(frame, torch.full_like(wall, 0.5))[0]
    mask = logits[1] > logits[0]
    assert mask[34:66, 44:66].float().mean() > 0.9
    mask[26:74, 36:74] = False
    assert mask.float().mean() < 0.02


def test_weights_come_back_within_half_a_step_of_their_channels_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net = CompactNet(11, 1, 8)
    save_start(tmp_path / START_FILE, net)
    assert load_file(tmp_path / START_FILE)["head.weight"].dtype == torch.int8
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    other = CompactNet(11, 1, 8)
    load_start(other)
    for name, tensor in net.state_dict().items():
        found = other.state_dict()[name]
        if tensor.ndim < 2:
            assert torch.equal(found, tensor)
        else:
            step = tensor.abs().amax((1, 2, 3), keepdim=True) / 127
            assert ((found - tensor).abs() <= 0.501 * step).all()


def test_a_start_for_another_network_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"set segmentation\.width to 24"):
        load_start(CompactNet(11, 1, 8))
