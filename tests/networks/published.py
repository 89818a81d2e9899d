"""Published weights' files with the true names and shapes, their values cheap."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from cleanplate.networks.published_files import CONVOLUTIONS

State = dict[str, Tensor]
Save = Callable[[Mapping[str, Tensor]], Path]
WIDTHS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def small(*shape: int, value: float = 0.01) -> Tensor:
    """Return a tensor of a true shape that holds one number, so that files stay small."""
    return torch.tensor(value).expand(shape)


def add_layer(state: State, key: str, shape: tuple[int, ...], value: float = 0.01) -> None:
    state[f"{key}.weight"] = small(*shape, value=value)
    state[f"{key}.bias"] = small(shape[0], value=value)


def _convolutions(names: tuple[str, ...]) -> State:
    """Return the thirteen convolutions: the first two random, of the others one number each."""
    generator = torch.Generator().manual_seed(4)
    state: State = {}
    for index, name in enumerate(names):
        shape = (WIDTHS[index + 1], WIDTHS[index], 3, 3)
        add_layer(state, name, shape, value=(index + 1) / 64)
    state[f"{names[0]}.weight"] = torch.randn((64, 3, 3, 3), generator=generator) / 4
    state[f"{names[0]}.bias"] = torch.randn(64, generator=generator)
    return state


def torchvision_state() -> State:
    state = _convolutions(tuple(f"features.{place}" for place in PLACES))
    add_layer(state, "classifier.0", (4096, 25088))
    add_layer(state, "classifier.3", (4096, 4096))
    add_layer(state, "classifier.6", (1000, 4096))
    return state


def reduced_state() -> State:
    state = _convolutions(tuple(str(place) for place in PLACES))
    add_layer(state, "31", (1024, 512, 3, 3), value=0.5)
    add_layer(state, "33", (1024, 1024, 1, 1), value=0.25)
    return state


def deeplab_state() -> State:
    state = _convolutions(CONVOLUTIONS)
    add_layer(state, "fc6", (1024, 512, 3, 3), value=0.5)
    add_layer(state, "fc7", (1024, 1024, 1, 1), value=0.25)
    add_layer(state, "fc8_voc12", (21, 1024, 1, 1))
    return state


def normalised_state() -> State:
    state = {"0.weight": 255 * torch.eye(3).flip(0).reshape(3, 3, 1, 1)}
    state["0.bias"] = -torch.tensor((103.939, 116.779, 123.68))
    names = ("2", "5", "9", "12", "16")
    whole = _convolutions((*names, *"abcdefgh"))
    return state | {key: value for key, value in whole.items() if key.split(".")[0] in names}
