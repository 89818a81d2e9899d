"""Published VGG-16 and DeepLab-LargeFOV weights as a start for stage 2 (section 3.3).

VGG-16 pools 2 x 2 where DeepLab pools 3 x 3; pooling has no weights, so all convolutions fit.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from cleanplate.errors import WeightsError
from cleanplate.networks.published_files import (
    ADVICE,
    LAYERS,
    Kind,
    held_layers,
    read_state,
    recognise,
)
from cleanplate.networks.segmentation import LargeFovNet

FirstLayer = Literal["difference", "halves", "frame"]
"""What background and frame get of the published weights w of the layer where they are joined:
(-w, w), (w/2, w/2) or (0, w). That is conv1_1 for six channels and fc6 for a siamese net."""
Status = Literal["taken", "adapted", "new"]

_SHARES = {
    "difference": (-1.0, 1.0),
    "halves": (0.5, 0.5),
    "frame": (0.0, 1.0),
}
_JOINING = {"conv1_1": 3, "fc6": 512}
"""Input channels that a published layer has for its one picture."""
_FULL_UNITS = 4096
_FULL_SIDES = {"fc6": (512, 7, 7), "fc7": (_FULL_UNITS, 1, 1)}


class Row(NamedTuple):
    """Where one of our layers' weights came from; ``source`` is the file's name of it, or empty."""

    layer: str
    status: Status
    source: str
    note: str


class WeightsReport(NamedTuple):
    """What a file of published weights gave.

    Attributes:
        title: what the file was recognised as.
        rows: one for each of our 16 layers, in their order.
    """

    title: str
    rows: tuple[Row, ...]

    @property
    def taken(self) -> tuple[str, ...]:
        return self._named("taken")

    @property
    def adapted(self) -> tuple[str, ...]:
        return self._named("adapted")

    @property
    def new(self) -> tuple[str, ...]:
        return self._named("new")

    def _named(self, status: Status) -> tuple[str, ...]:
        return tuple(row.layer for row in self.rows if row.status == status)

    def table(self) -> str:
        """Return the report as lines of plain text, without a last line end."""
        counts = [f"{len(self._named(status))} {status}" for status in get_args(Status)]
        rows = [("layer", "weights", "from", "note"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{self.title}: {', '.join(counts)}"]
        for layer, status, source, note in rows:
            cells = zip((layer, status, source), widths, strict=True)
            lines.append("  ".join([*(f"{cell:<{width}}" for cell, width in cells), note]).rstrip())
        return "\n".join(lines)


class _Start(NamedTuple):
    """A layer's first weights, and how they were adapted, or an empty note."""

    weight: Tensor
    bias: Tensor
    note: str = ""


def load_published(
    net: LargeFovNet,
    source: str | Path,
    *,
    partial: bool = False,
    first_layer: FirstLayer = "difference",
) -> WeightsReport:
    """Copy published weights into stage 2; a file that is refused leaves it as it was.

    fc8 always stays new: it decides between other classes.

    Args:
        net: stage 2, for one picture, a pair, or siamese; new layers keep the weights they have.
        source: a file (see `published_files`), or ``vgg16`` to download torchvision's.
        partial: accept a file that holds only the first layers.
        first_layer: how the layer that joins two pictures starts (see `FirstLayer`).

    Raises:
        WeightsError: the file cannot be read, is another network's or does not fit.
    """
    if first_layer not in _SHARES:
        raise ValueError(f"first_layer is {first_layer!r}, not one of {', '.join(_SHARES)}")
    state = read_state(source)
    kind = recognise(source, state)
    held = held_layers(source, kind, state, partial)
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    ours = dict(zip((*LAYERS, "fc8"), layers, strict=True))
    starts = {name: _start(source, kind.keys[name], state, name, ours[name]) for name in held}
    if len({bool(start.note) for name, start in starts.items() if name in _FULL_SIDES}) > 1:
        raise WeightsError(f"{source}: fc6 and fc7 are of different networks; {ADVICE}")
    starts["conv1_1"] = _for_our_input(net, starts["conv1_1"], kind, first_layer)
    for name in held:
        starts[name] = start = _joining(starts[name], ours[name], first_layer)
        if not (start.weight.isfinite().all() and start.bias.isfinite().all()):
            raise WeightsError(f"{source}: {kind.keys[name]} holds no finite numbers; {ADVICE}")
    with torch.no_grad():
        for name, start in starts.items():
            bias = ours[name].bias
            assert bias is not None
            ours[name].weight.copy_(start.weight)
            bias.copy_(start.bias)
    return WeightsReport(kind.title, tuple(_row(name, kind, starts.get(name)) for name in ours))


def _row(name: str, kind: Kind, start: _Start | None) -> Row:
    if start is None:
        return Row(name, "new", "", "other classes" if name == "fc8" else "not in the file")
    return Row(name, "adapted" if start.note else "taken", kind.keys[name], start.note)


def _start(
    source: str | Path, key: str, state: dict[str, Tensor], name: str, layer: nn.Conv2d
) -> _Start:
    """Return a layer's tensors in our shape, for one picture, float32."""
    weight, bias = state.get(f"{key}.weight"), state.get(f"{key}.bias")
    if weight is None or bias is None:
        raise WeightsError(f"{source}: {key} lacks its weight or its bias; copy the file again")
    found = " and ".join("x".join(map(str, tensor.shape)) for tensor in (weight, bias))
    if weight.shape[:2] == (1, 1):  # Caffe's four sides of old for a fully connected layer
        weight = weight[0, 0]
    if bias.shape[:-1].numel() == 1:  # and for a bias
        bias = bias.reshape(-1)
    note = ""
    if name in _FULL_SIDES:
        weight, bias, note = decimate(name, weight, bias)
    units, channels, *taps = layer.weight.shape
    wanted = (units, _JOINING.get(name, channels), *taps)
    if weight.shape != wanted or bias.shape != (units,):
        sides = "x".join(map(str, wanted))
        raise WeightsError(f"{source}: {key} is {found}, wanted {sides} and {units}; {ADVICE}")
    return _Start(weight.float(), bias.float(), note)


def decimate(name: str, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, str]:
    """Cut VGG-16's own fc6 or fc7 to every third tap and every fourth unit; leave others alone.

    So were the FC-reduced networks made (weiliu89/caffe issue 258 and 365, "following what DeepLab
    did", 3 x 3 of the 7 x 7 taps); which ones it kept is not published, ours are the first, fourth
    and so on. As there, the sums are not rescaled for what is left out.

    Returns:
        weight, bias, and a note of what was done, empty if nothing.
    """
    sides = _FULL_SIDES[name]
    if weight.shape not in ((_FULL_UNITS, *sides), (_FULL_UNITS, math.prod(sides))):
        return weight, bias, ""
    inputs = 1 if name == "fc6" else 4
    weight = weight.reshape(_FULL_UNITS, *sides)[::4, ::inputs, ::3, ::3]
    note = "every 3rd tap, every 4th unit" if name == "fc6" else "every 4th unit"
    return weight, bias[::4], note


def _for_our_input(net: LargeFovNet, start: _Start, kind: Kind, first_layer: str) -> _Start:
    """Turn a first layer for its own input into one for ours.

    Its input is u = A rgb + b; ours is x with rgb = flip(s x + m) / 255, s the net's scale and m
    the mean in BGR. So u = A' x + d, with A' = A flip s / 255 and d = A flip m / 255 + b, and its
    answer is w u + c = (w A') x + (c + w d). That is exact where no tap lies outside the picture.
    There, on the outermost pixels, padding is 0 in both, which is the mean colour of each: theirs
    and ours differ by at most 1.0 grey level, and no bias can tell inside from outside. Of a pair,
    each picture brings its share of w d; in a difference they cancel.
    """
    weight, bias, note = start.weight.double(), start.bias.double(), ""
    if kind.expects is None:
        weight = weight * net.scale
        note = f"for an input divided by {net.scale:g}" if net.scale != 1 else ""
    else:
        matrix, offset = kind.expects[0].flip(1) / 255, kind.expects[1]
        shift = matrix @ net.mean[0, :3, 0, 0].double() + offset
        share = sum(_SHARES[first_layer]) if net.mean.shape[1] > 3 else 1.0
        bias = bias + share * (weight.sum((2, 3)) @ shift)
        weight = torch.einsum("oukl,ux->oxkl", weight, matrix * net.scale)
        note = "to BGR, 0 to 255 minus the mean"
    return _Start(weight.float(), bias.float(), note)


def _joining(start: _Start, layer: nn.Conv2d, first_layer: str) -> _Start:
    """Give weights for one picture to the layer that joins two, the background first."""
    ours, theirs = layer.weight.shape[1], start.weight.shape[1]
    if ours == theirs:
        return start
    weight = torch.cat([share * start.weight for share in _SHARES[first_layer]], 1)
    note = f"{theirs} channels to {ours}: {first_layer}"
    return _Start(weight, start.bias, f"{start.note}; {note}" if start.note else note)
