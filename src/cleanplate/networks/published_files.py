"""Files of published VGG-16 and DeepLab-LargeFOV weights: reading them, telling them apart.

Four kinds, recognised by the names in them:

- torchvision's VGG-16: ``features.N``, ``classifier.0/.3/.6``. Input RGB in units of the deviation.
  (Files of Caffe's weights under torchvision's names exist, too; nothing in them tells.)
- Caffe's: ``conv1_1`` to ``fc7``, in a ``.caffemodel`` or a state dict, VGG-16 or DeepLab. Input
  BGR, 0 to 255 minus the mean: as ours.
- The FC-reduced VGG-16 of SSD implementations (``vgg16_reducedfc.pth``): ``0`` to ``33``. Caffe's,
  converted (weiliu89/caffe issue 258, HiKapok/SSD.TensorFlow issue 40), so BGR is what it expects
  though many of them feed RGB: the SSD converted in the same way reaches mAP 0.77 with BGR and
  0.72 with RGB (amdegroot/ssd.pytorch issue 31).
- ``vgg_normalised_conv3_1.pth``: VGG-19 up to conv3_1, whose layers are VGG-16's by place and
  shape. Its first, a 1 x 1 convolution, states the input it expects.

The means of DeepLab, VGG and SSD differ by at most one grey level and count as one, except where a
file states its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from cleanplate.errors import WeightsError
from cleanplate.networks.caffemodel import MOST_BYTES, read_caffemodel

VGG16 = "vgg16"
"""Given in place of a file, it is downloaded."""
VGG16_ADDRESS = "https://download.pytorch.org/models/vgg16-397923af.pth"
"""As torchvision's source states it (VGG16_Weights.IMAGENET1K_V1, 528 MB); UNVERIFIED: never
fetched by us. The name ends in the first digits of the file's SHA-256, which torch compares."""
ADVICE = "give VGG-16 (torchvision or Caffe), vgg16_reducedfc.pth or DeepLab-LargeFOV"

CONVOLUTIONS = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"),
)
LAYERS = (*CONVOLUTIONS, "fc6", "fc7")
"""All that published weights can give, in Caffe's names; fc8 is of other classes."""

_VGG_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_MEAN = torch.tensor((0.485, 0.456, 0.406), dtype=torch.float64)
_DEVIATION = torch.tensor((0.229, 0.224, 0.225), dtype=torch.float64)
_NOTHING = re.compile(r"(?!)")


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        title: its name.
        keys: their name of each of our layers that such a file can hold.
        unused: names of its other parts, which are not needed here.
        expects: its first layer's input as ``matrix @ rgb + offset`` of RGB in [0, 1], float64;
            or None for Caffe's, which is ours.
    """

    title: str
    keys: dict[str, str]
    unused: re.Pattern[str] = _NOTHING
    expects: tuple[Tensor, Tensor] | None = None


def read_state(source: str | Path) -> dict[str, Tensor]:
    """Read a ``.caffemodel``, a ``.safetensors`` or torch's state dict; or download ``vgg16``.

    Pickles are read by torch's restricted reader, which runs nothing.

    Raises:
        WeightsError: it cannot be read or is no plain state dict.
    """
    try:
        state = _download() if str(source) == VGG16 else _load(Path(source))
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        what, remedy = "no readable weights", ADVICE
        if str(source) == VGG16:
            what = f"{VGG16_ADDRESS} cannot be downloaded"
            remedy = "download it by hand and give the file"
        raise WeightsError(f"{source}: {what} ({reason}); {remedy}") from error
    if not isinstance(state, dict) or not all(map(_is_entry, state.items())):
        raise WeightsError(f"{source}: no plain state dict of float tensors; {ADVICE}")
    return state


def _download() -> Any:
    return torch.hub.load_state_dict_from_url(
        VGG16_ADDRESS, map_location="cpu", progress=False, check_hash=True, weights_only=True
    )


def _load(path: Path) -> Any:
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        raise WeightsError(f"{path}: has {size} bytes; {ADVICE}")
    if path.suffix == ".caffemodel":
        return read_caffemodel(path)
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _is_entry(entry: tuple[Any, Any]) -> bool:
    name, tensor = entry
    is_plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided
    return isinstance(name, str) and is_plain and tensor.is_floating_point()


def recognise(source: str | Path, state: dict[str, Tensor]) -> Kind:
    """Tell the kind of a state dict by its first layer.

    Raises:
        WeightsError: it is none of the four.
    """
    places = [str(place) for place in _VGG_PLACES]
    first = state.get("0.weight", torch.empty(0))
    if "features.0.weight" in state:
        names = [*(f"features.{place}" for place in places), "classifier.0", "classifier.3"]
        keys = dict(zip(LAYERS, names, strict=True))
        expects = torch.diag(1 / _DEVIATION), -_MEAN / _DEVIATION
        return Kind("VGG-16 of torchvision", keys, re.compile(r"classifier\.6"), expects)
    if "conv1_1.weight" in state:
        keys = {name: name for name in LAYERS}
        return Kind("VGG-16 or DeepLab-LargeFOV of Caffe", keys, re.compile(r"fc8.*"))
    if first.shape == (64, 3, 3, 3):
        keys = dict(zip(LAYERS, [*places, "31", "33"], strict=True))
        return Kind("FC-reduced VGG-16 of SSD", keys)
    if first.shape == (3, 3, 1, 1) and state.get("0.bias", first).shape == (3,):
        keys = dict(zip(CONVOLUTIONS, ("2", "5", "9", "12", "16"), strict=False))
        expects = first[:, :, 0, 0].double(), state["0.bias"].double()
        return Kind("normalised VGG-19 up to conv3_1", keys, re.compile("0"), expects)
    found = ascii(next(iter(state), ""))[:80]
    raise WeightsError(f"{source}: is no network known here (it begins with {found}); {ADVICE}")


def held_layers(
    source: str | Path, kind: Kind, state: dict[str, Tensor], partial: bool
) -> tuple[str, ...]:
    """Return which of our layers a file holds: all, or with ``partial`` only the first ones.

    Raises:
        WeightsError: layers are missing, or it holds others than its kind has.
    """
    parts = {_layer_of(name) for name in state}
    for part in sorted(parts - set(kind.keys.values())):
        if not kind.unused.fullmatch(part):
            found = ascii(part)[:80]
            raise WeightsError(f"{source}: holds {found}, no part of {kind.title}; {ADVICE}")
    held = tuple(name for name, key in kind.keys.items() if key in parts)
    missing = [name for name in LAYERS if name not in held]
    if missing and not partial:
        remedy = f"{ADVICE}, or set partial_weights = true"
        raise WeightsError(f"{source}: {kind.title} lacks {', '.join(missing)}; {remedy}")
    if not held or held != LAYERS[: len(held)]:
        raise WeightsError(
            f"{source}: {kind.title} lacks {missing[0]}, and what follows is of no use without it; "
            "give the whole file"
        )
    return held


def _layer_of(name: str) -> str:
    layer, _, part = name.rpartition(".")
    return layer if part in ("weight", "bias") else name
