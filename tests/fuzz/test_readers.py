"""Every reader is given thousands of damaged files: it reads or refuses, in time and in bounds."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save

import cleanplate
from cleanplate.config import load_preset
from cleanplate.evaluation.paper import load_experiments
from cleanplate.evaluation.published import PublishedResults
from cleanplate.images import read_picture, write_picture
from cleanplate.networks.caffemodel import read_caffemodel
from cleanplate.networks.published_files import read_state
from cleanplate.networks.sealing import read_metadata, sealed
from cleanplate.networks.weights import load_model
from cleanplate.runtime.camera_list import read_cameras
from cleanplate.scenes.cdnet import read_labels, read_roi, read_temporal_region
from cleanplate.scenes.cutouts import read_objects
from cleanplate.scenes.opening import open_source
from cleanplate.scenes.unpacking import unpack
from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.subtractors.methods import make_method
from cleanplate.subtractors.state import load_state, save_state
from cleanplate.training.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from tests.fuzz.damage import ANYTHING, CASES, STEPS, Step, damaged, many, places, put, watched
from tests.networks.test_caffemodel import V1, V2, blob, layer, net

pytestmark = pytest.mark.fuzz

Read = Callable[[Path], object]


def _frames() -> Iterator[np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    coarse = cv2.resize(random.integers(0, 255, (6, 8, 3)).astype(np.uint8), (64, 48))
    for index in range(10):
        frame = coarse.copy()
        frame[10:20, 4 * index : 4 * index + 10] = 230
        yield frame


def _picture(suffix: str, picture: np.ndarray[Any, Any] | None = None) -> bytes:
    shown = next(_frames()) if picture is None else picture
    return cv2.imencode(suffix, shown)[1].tobytes()


def _video(suffix: str, folder: Path) -> bytes:
    path = folder / f"clip{suffix}"
    with VideoWriter(path, 25) as video:
        for frame in _frames():
            video.write(frame)
    return path.read_bytes()


def _zip() -> bytes:
    file, mask = io.BytesIO(), _picture(".png", np.zeros((48, 64), np.uint8))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(1, 6):
            archive.writestr(f"results/baseline/highway/bin{number:06d}.png", mask)
    return file.getvalue()


def _caffemodel() -> bytes:
    first = layer(V1, "conv1_1", blob(range(12), (2, 6)), blob((1, 2), (2,), legacy=True))
    return net(first, layer(V2, "fc6", blob(range(6), (2, 3), packed=False)))


def _checkpoint(folder: Path) -> bytes:
    weights = {"a": torch.arange(6.0), "b": torch.ones(2, 3)}
    random = torch.get_rng_state()
    state = Checkpoint("me", 1, 5, 2.5, weights, {"0.step": torch.ones(())}, random, {})
    write_checkpoint(folder / "c", state)
    return (folder / "c").read_bytes()


def _state(folder: Path) -> bytes:
    method = make_method("gmm")
    for frame in _frames():
        method.segment(frame)
    save_state(folder / "s", method)
    return (folder / "s").read_bytes()


def _torch_state() -> bytes:
    file = io.BytesIO()
    torch.save({"features.0.weight": torch.ones(2, 3), "features.0.bias": torch.ones(2)}, file)
    return file.getvalue()


def _read_video(path: Path) -> None:
    source = open_source(path)
    for _, _ in zip(range(50), source, strict=False):
        pass
    source.read(7)


def _read_zip(path: Path) -> None:
    with PublishedResults(path) as results:
        for category, video in results.videos:
            for mask in results.open_video(category, video).values():
                mask.read()


def _unpack(path: Path) -> None:
    import shutil

    try:
        list(unpack(path, path.parent / "out", lambda folder: None))
    finally:
        shutil.rmtree(path.parent / "out", ignore_errors=True)


def _read_voc(path: Path) -> None:
    """The damaged file is the mask of the instances of a picture."""
    root = path.parent / "voc"
    for folder in ("JPEGImages", "SegmentationObject"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    write_picture(root / "JPEGImages" / "a.png", next(_frames()))
    path.replace(root / "SegmentationObject" / "a.png")
    read_objects(root, (48, 64))


def _read_transparent(path: Path) -> None:
    (path.parent / "cut").mkdir(exist_ok=True)
    path.replace(path.parent / "cut" / "a.png")
    read_objects(path.parent / "cut", (48, 64))


def _preset() -> bytes:
    return resources.files("cleanplate.presets").joinpath("compact.toml").read_bytes()


def _experiments() -> bytes:
    return resources.files("cleanplate.presets").joinpath("section4.toml").read_bytes()


CAMERAS = b'[[camera]]\nname = "gate"\nmodel = "m.safetensors"\nsource = "rtsp://10.0.0.1/1"\n' \
          b'roi = ["0,0 10,0 10,10"]\nmin_area = 5\n'  # fmt: skip


def _labels() -> np.ndarray[Any, Any]:
    codes = np.zeros((48, 64), np.uint8)
    codes[5:30, 5:30] = 255
    return codes


def _instances() -> np.ndarray[Any, Any]:
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[5:30, 5:30] = (0, 0, 128)
    return colours


def _alpha() -> np.ndarray[Any, Any]:
    return np.dstack([next(_frames()), _labels()])


KINDS: dict[str, tuple[str, int, Callable[[Path], bytes], Read]] = {
    "model": (".safetensors", 8, lambda f: b"", load_model),
    "checkpoint": (".checkpoint", 8, _checkpoint, lambda path: read_checkpoint(path, "me")),
    "state": ("", 6, _state, lambda path: load_state(path, make_method("gmm"))),
    "labels": (".png", 8, lambda f: _picture(".png", _labels()), read_labels),
    "roi": (".bmp", 5, lambda f: _picture(".bmp", _labels()), read_roi),
    "temporalROI": (".txt", 5, lambda f: b"470 1700\n", read_temporal_region),
    "jpeg": (".jpg", 8, lambda f: _picture(".jpg"), read_picture),
    "png": (".png", 8, lambda f: _picture(".png"), read_picture),
    "tiff": (".tif", 4, lambda f: _picture(".tif"), read_picture),
    "webp": (".webp", 4, lambda f: _picture(".webp"), read_picture),
    "mp4": (".mp4", 8, lambda f: _video(".mp4", f), _read_video),
    "mkv": (".mkv", 4, lambda f: _video(".mkv", f), _read_video),
    "preset": (".toml", 5, lambda f: _preset(), lambda path: load_preset(str(path))),
    "experiments": (".toml", 3, lambda f: _experiments(), lambda p: load_experiments(str(p))),
    "cameras": (".toml", 3, lambda f: CAMERAS, read_cameras),
    "results zip": (".zip", 6, lambda f: _zip(), _read_zip),
    "unpacked zip": (".zip", 4, lambda f: _zip(), _unpack),
    "voc masks": (".png", 4, lambda f: _picture(".png", _instances()), _read_voc),
    "cut-outs": (".png", 3, lambda f: _picture(".png", _alpha()), _read_transparent),
    "caffemodel": (".caffemodel", 8, lambda f: _caffemodel(), read_caffemodel),
    "torch state": (".pth", 3, lambda f: _torch_state(), read_state),
    "list of labels": (".txt", 2, lambda f: b"3\n9\n14\n20\n", lambda path: None),
}
"""Each kind of file: its ending, its share of the cases, one that is whole, and its reader."""
SHARES = sum(share for _, share, _, _ in KINDS.values()) + 6  # 6 for sealed models, below


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What libraries say of damaged files is not looked at; there would be megabytes of it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(
    kind: str, smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    suffix, share, make, read = KINDS[kind]
    whole = smoke_model.read_bytes() if kind == "model" else make(tmp_path)
    path = tmp_path / f"in000001{suffix}"
    if kind == "list of labels":
        scene = cleanplate.open_scene(drawn_scene)
        read = lambda path: scene.split(f"list:{path}")  # noqa: E731 (the scene is needed)
    path.write_bytes(whole)
    read(path)  # the whole one is read

    @many(CASES * share / SHARES)
    @given(STEPS)
    def check(steps: list[Step]) -> None:
        path.write_bytes(damaged(whole, steps))
        with watched():
            read(path)

    check()


@pytest.mark.filterwarnings("ignore")
def test_a_sealed_model_that_says_anything_is_read_or_refused(
    smoke_model: Path, tmp_path: Path
) -> None:
    """Whoever writes a model file can seal it; every place of its description gets other values."""
    card = json.loads(read_metadata(smoke_model)["cleanplate"])
    everywhere = [*places(card)]
    tensors, path = save(load_file(smoke_model)), tmp_path / "m.safetensors"

    @many(CASES * 6 / SHARES)
    @given(st.lists(st.tuples(st.sampled_from(everywhere), ANYTHING), min_size=1, max_size=3))
    def check(changes: list[tuple[tuple[str | int, ...], object]]) -> None:
        values = json.loads(json.dumps(card))
        for place, value in changes:
            put(values, place, value)
        path.write_bytes(sealed(tensors, {"cleanplate": json.dumps(values)}))
        with watched():
            load_model(path)

    check()
