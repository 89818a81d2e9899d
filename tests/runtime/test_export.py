"""A model as one file for another program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import cleanplate
from cleanplate.config import load_preset
from cleanplate.errors import ConfigError, OutputError
from cleanplate.images import Frame, resize_frame
from cleanplate.networks.building import build
from cleanplate.networks.card import FORMAT, ModelCard, OperatingPoint
from cleanplate.networks.weights import load_model, save_model
from cleanplate.runtime.export import MOST_DIFFERENT, _fitted, _run_onnx, _run_openvino, export
from cleanplate.runtime.following import FollowingGraph
from cleanplate.scenes.alignment import find_shift, moved_frame

EXAMPLE = Path(__file__).parents[2] / "examples" / "run_exported.py"


@pytest.fixture(scope="module")
def onnx(smoke_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "street.onnx"
    found = export(smoke_model, "onnx", path)
    assert found.path == path
    assert found.different <= MOST_DIFFERENT
    return path


def _frames(folder: Path) -> list[Frame]:
    return [frame for _, frame in cleanplate.open_source(folder / "input")]


def test_an_onnx_file_gives_our_masks_with_onnxruntime_and_numpy_alone(
    onnx: Path, smoke_model: Path, drawn_scene: Path
) -> None:
    frames = _frames(drawn_scene)[-5:]
    raw = b"".join(np.ascontiguousarray(frame[..., ::-1]).tobytes() for frame in frames)
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.split('.')[0] in ('cleanplate', 'torch', 'cv2'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"sys.argv = ['', {str(onnx)!r}, '96x64']\n"
        f"exec(compile(open({str(EXAMPLE)!r}).read(), 'example', 'exec'))"
    )
    done = subprocess.run([sys.executable, "-c", code], input=raw, capture_output=True, check=True)
    masks = np.frombuffer(done.stdout, np.uint8).reshape(5, 64, 96)
    ours = cleanplate.load(smoke_model, "cpu", engine="torch")
    wanted = np.stack([ours.segment(frame).mask for frame in frames])
    assert set(np.unique(masks)) == {0, 255}
    assert ((masks == 255) != wanted).mean() <= MOST_DIFFERENT
    assert wanted.any()


def test_frames_of_another_size_go_in_as_they_are(
    onnx: Path, smoke_model: Path, drawn_scene: Path
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    large = resize_frame(_frames(drawn_scene)[-1], (128, 192))
    mask, probability, plate = session.run(
        None, {"image": np.ascontiguousarray(large[None, ..., ::-1])}
    )
    assert mask.shape == probability.shape == (1, 128, 192)
    assert plate.shape == (1, 128, 192, 3)
    result = cleanplate.load(smoke_model, "cpu", engine="torch").segment(large)
    assert ((mask[0] == 255) != result.mask).mean() <= MOST_DIFFERENT
    assert result.background is not None
    assert np.abs(plate[0, ..., ::-1].astype(int) - result.background).mean() < 1


@pytest.mark.parametrize(
    ("old", "new"), [((60, 90), (25, 37)), ((20, 31), (45, 90)), ((9, 9), (9, 9))]
)
def test_frames_are_resized_as_ours_are(old: tuple[int, int], new: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*old, 3)).astype(np.uint8)
    found = _fitted(torch.from_numpy(frame).permute(2, 0, 1)[None].float(), new)[0]
    wanted = resize_frame(frame, new).astype(int)
    assert np.abs(found.permute(1, 2, 0).numpy() - wanted).max() < 1.01


def test_a_model_of_large_frames_shrinks_them_as_ours_does(tmp_path: Path) -> None:
    import onnxruntime

    size, preset = (75, 100), load_preset("smoke")
    second = preset.segmentation.model_copy(update={"most_pixels": 2000})
    configuration = preset.model_copy(update={"segmentation": second})
    torch.manual_seed(0)
    net = build(configuration, size).eval()
    card = ModelCard(
        format=FORMAT, version="0", preset="smoke", scene="s", category="", frame_size=size,
        split="half", training_frames=(1,), label_fingerprint="", label_digests=(), seed=0,
        validation=None, operating_point=OperatingPoint(), warning="", configuration=configuration,
    )  # fmt: skip
    save_model(tmp_path / "m.safetensors", net, card)
    export(tmp_path / "m.safetensors", "onnx", tmp_path / "m.onnx")
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    _, probability, _ = session.run(None, {"image": np.ascontiguousarray(frame[None, ..., ::-1])})
    wanted = cleanplate.load(tmp_path / "m.safetensors", "cpu", engine="torch").segment(frame)
    assert wanted.probability is not None
    assert np.abs(probability[0] - wanted.probability).max() < 0.02


def test_the_file_says_what_it_is(onnx: Path, smoke_model: Path) -> None:
    import onnxruntime

    meta = onnxruntime.InferenceSession(onnx).get_modelmeta().custom_metadata_map
    card = json.loads(meta["cleanplate"])
    assert card["scene"] == "street"
    assert str(smoke_model.parent) not in meta["cleanplate"]


def test_no_exported_file_tells_a_path_of_the_machine(
    onnx: Path, smoke_model: Path, tmp_path: Path
) -> None:
    export(smoke_model, "openvino", tmp_path / "m.xml")
    for path in (onnx, tmp_path / "m.xml", tmp_path / "m.bin"):
        data = path.read_bytes()
        for place in (Path(torch.__file__).parent, Path(cleanplate.__file__).parent, tmp_path):
            assert str(place).encode() not in data, path.name


def test_an_openvino_file_gives_our_masks(
    smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    import openvino

    export(smoke_model, "openvino", tmp_path / "street.xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["street.bin", "street.xml"]
    model = openvino.Core().read_model(tmp_path / "street.xml")
    assert json.loads(model.get_rt_info(["cleanplate"]).value)["scene"] == "street"
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", exact)
    ours = cleanplate.load(smoke_model, "cpu", engine="torch")
    for frame in _frames(drawn_scene)[-3:]:
        mask = compiled([np.ascontiguousarray(frame[None, ..., ::-1])])["mask"][0]
        assert ((mask == 255) != ours.segment(frame).mask).mean() <= MOST_DIFFERENT


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_a_shaking_camera_is_followed_inside_the_file(
    kind: str, smoke_model: Path, drawn_scene: Path, tmp_path: Path
) -> None:
    net, card = load_model(smoke_model)
    assert net.reach is not None
    net.reach.fill_(3)
    model = tmp_path / "shaking.safetensors"
    save_model(model, net, card)
    path = tmp_path / ("m.onnx" if kind == "onnx" else "m.xml")
    assert export(model, kind, path).different <= MOST_DIFFERENT
    run = _run_onnx(path) if kind == "onnx" else _run_openvino(path)
    ours = cleanplate.load(model, "cpu", engine="torch")
    still = cleanplate.load(smoke_model, "cpu", engine="torch")
    frame = np.roll(_frames(drawn_scene)[-1], (2, -3), (0, 1))
    mask = run(np.ascontiguousarray(frame[..., ::-1]))[0][0] == 255
    assert (mask != ours.segment(frame).mask).mean() <= MOST_DIFFERENT
    assert (mask != still.segment(frame).mask).mean() > MOST_DIFFERENT  # it makes a difference


@pytest.mark.parametrize("by", [(0, 0), (2, -3), (-4, 4), (1, 0)])
def test_the_shift_is_the_one_that_opencv_finds(by: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    wide = cv2.GaussianBlur(random.integers(0, 255, (80, 110, 3), np.uint8), (0, 0), 1.5)
    place, seen = wide[8:-8, 8:-8], wide[8 - by[0] : 72 - by[0], 8 - by[1] : 102 - by[1]]
    frame = np.asarray((seen + random.normal(0, 4, seen.shape)).clip(0, 255), np.uint8)
    kept = torch.from_numpy(np.concatenate([place, place[..., :2]], 2)).permute(2, 0, 1)[None]
    following = FollowingGraph(kept, 4)
    found = following.shift(torch.from_numpy(frame)[None])
    assert tuple(map(int, found)) == by == find_shift(frame, np.ascontiguousarray(place), 4)
    moved = following(torch.from_numpy(frame)[None])[0].permute(1, 2, 0).numpy()
    assert np.array_equal(moved[..., :3], moved_frame(place, by))


def test_an_onnx_export_leaves_the_weights_of_another_file_alone(
    smoke_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "pair.bin").write_bytes(b"precious")
    (tmp_path / ".pair.part.bin").write_bytes(b"left by a killed export")
    export(smoke_model, "onnx", tmp_path / "pair.onnx")
    assert (tmp_path / "pair.bin").read_bytes() == b"precious"


def test_existing_files_and_unknown_kinds_are_refused(smoke_model: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("precious")
    with pytest.raises(OutputError, match="exists already"):
        export(smoke_model, "onnx", tmp_path / "m.onnx")
    with pytest.raises(ConfigError, match="cannot export to 'tflite'"):
        export(smoke_model, "tflite", tmp_path / "m.tflite")
    with pytest.raises(ConfigError, match=r"ends in \.xml"):
        export(smoke_model, "openvino", tmp_path / "m.onnx", overwrite=True)
    assert (tmp_path / "m.onnx").read_text() == "precious"
