"""Labels for frames that nobody labelled."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import cleanplate
from cleanplate.config import SelfTrainingSettings, load_preset
from cleanplate.errors import ConfigError, DatasetError
from cleanplate.images import Frame, resize_frame
from cleanplate.networks.building import build
from cleanplate.networks.card import read_card
from cleanplate.networks.two_stage import TwoStageNet
from cleanplate.scenes.video import FrameSource
from cleanplate.subtractors.votes import Voters
from cleanplate.training import self_training
from cleanplate.training.reading import Reader, TrainingSet
from cleanplate.training.self_training import (
    count_votes,
    relabel,
    relabel_moments,
    sure_labels,
    suspicion,
)

SIZE = (64, 96)
SETTINGS = SelfTrainingSettings(rounds=3, sure=0.9)


def _read(folder: Path, split: str) -> TrainingSet:
    scene = cleanplate.open_scene(folder)
    divided = scene.split(split)
    others = [n for n in scene.frames.numbers if divided.may_look_at(n)]
    others = [n for n in others if n not in divided.training]
    small = build(load_preset("smoke"), SIZE).background_net.size
    reader = Reader(scene, divided.training, others, load_preset("smoke").training, SIZE, small)
    list(reader.read())
    return reader.training_set()


@pytest.fixture
def data(drawn_scene: Path) -> TrainingSet:
    return _read(drawn_scene, "half:4")


@pytest.fixture
def net() -> TwoStageNet:
    torch.manual_seed(0)
    return build(load_preset("smoke"), SIZE)


def test_frames_that_nobody_labelled_show_no_foreground_at_first(data: TrainingSet) -> None:
    assert len(data.labelled) == 4
    assert len(data.unlabelled) > 4
    assert (data.labels[data.unlabelled] <= 0).all()
    assert (data.labels[data.labelled] == 1).any()


def test_stage_1_learns_backgrounds_of_unlabelled_frames_without_their_objects(
    drawn_scene: Path, data: TrainingSet
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    whole = _read(drawn_scene, "half")
    plates = cleanplate.open_source(drawn_scene / "background")
    numbers = [n for n in scene.frames.numbers if n < scene.split("half").scored[0]]
    taken = np.linspace(0, len(numbers) - 1, len(data.frames)).round().astype(int)
    assert len(set(taken)) == len(data.frames)
    small = (data.backgrounds.shape[1], data.backgrounds.shape[2])
    reference = np.stack([resize_frame(plates.read(numbers[index]), small) for index in taken])
    shown = np.stack([resize_frame(frame, small) for frame in data.frames])
    errors = np.abs(data.backgrounds.astype(int) - reference).mean(3)
    left = np.abs(shown.astype(int) - reference).mean(3)
    hidden = left > 60  # what plainly is an object
    assert hidden[data.unlabelled].any()
    unlabelled = errors[data.unlabelled][hidden[data.unlabelled]].mean()
    assert unlabelled < 0.75 * left[data.unlabelled][hidden[data.unlabelled]].mean()
    assert len(whole.unlabelled) == 0


def test_only_unlabelled_frames_get_labels_and_only_sure_ones(
    data: TrainingSet, net: TwoStageNet
) -> None:
    before = data.labels[data.labelled].copy()
    net.train()
    relabel(net, data, 0.5, "cpu")
    assert np.array_equal(data.labels[data.labelled], before)
    assert not (data.labels[data.unlabelled] == -1).any()  # at 0.5 every pixel is sure
    assert all(module.training for module in net.modules())
    relabel(net, data, 0.999, "cpu")
    assert (data.labels[data.unlabelled] == -1).all()  # an untrained network is sure of nothing


def test_the_network_decides_with_one_method_beside_it_and_is_outvoted_by_all_three(
    drawn_scene: Path, net: TwoStageNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _read(drawn_scene, "half:0")
    votes = np.zeros(data.frames.shape[:3], np.uint8)
    votes[:, :, :8] = np.repeat(range(4), 2)
    seen = torch.zeros(1, *SIZE)
    seen[..., ::2] = 1  # every other column: for each count of votes one that it sees and one not
    monkeypatch.setattr(self_training, "foreground_probability", lambda _: seen)
    relabel(net, data._replace(votes=votes), 0.55, "cpu")
    assert data.labels[:, :, :8].min((0, 1)).tolist() == [0, 0, 1, 0, 1, 0, 1, 1]
    assert data.labels[:, :, :8].max((0, 1)).tolist() == [0, 0, 1, 0, 1, 0, 1, 1]


def test_classical_methods_see_the_video_in_order_and_no_frame_of_the_scored_half(
    drawn_scene: Path,
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    divided = scene.split("half:0")
    data = _read(drawn_scene, "half:0")
    few = data._replace(numbers=data.numbers[::4], frames=data.frames[::4], labels=data.labels[::4])
    numbers = [n for n in scene.frames.numbers if divided.may_look_at(n)]
    guarded = _Guarded(scene.frames, divided.scored[0])
    steps = count_votes(dataclasses.replace(scene, frames=guarded), numbers, few)
    votes = np.empty(0)
    progress = []
    while not len(votes):
        try:
            progress.append(next(steps))
        except StopIteration as end:
            votes = end.value
    assert guarded.reads == set(numbers) - set(few.numbers)
    assert [step.iteration for step in progress] == list(range(1, len(numbers) + 1))
    voters = Voters(data.long_term[..., :3], data.reach)
    expected = {n: voters.vote(resize_frame(scene.frame(n), SIZE)) for n in numbers}
    assert np.array_equal(votes, [expected[n] for n in few.numbers])
    assert votes.any()


def test_doubtful_pixels_are_ignored() -> None:
    probability = np.array([[0.95, 0.5, 0.05, 0.89]], np.float32)
    assert sure_labels(probability, 0.9).tolist() == [[1, -1, 0, -1]]


def test_rounds_divide_phase_2_and_there_are_none_where_somebody_labelled(
    drawn_scene: Path, data: TrainingSet
) -> None:
    phase = load_preset("smoke").phases.segmentation.model_copy(update={"iterations": 90})
    assert relabel_moments(SETTINGS, phase, data) == []
    assert relabel_moments(SETTINGS, phase, _read(drawn_scene, "half:0")) == [0, 30, 60]


def test_training_without_labels_reads_none_and_says_so_in_the_model_file(
    drawn_scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = cleanplate.open_scene(drawn_scene)

    def refuse(path: Path) -> None:
        pytest.fail(f"{path} was read")

    blind = dataclasses.replace(scene, decode=refuse, label_files={})  # type: ignore[arg-type]
    configuration = load_preset("compact")
    short = {
        name: getattr(configuration.phases, name).model_copy(update={"iterations": 2})
        for name in ("background", "segmentation", "joint")
    }
    phases = configuration.phases.model_copy(update=short)
    configuration = configuration.model_copy(update={"phases": phases})
    output = tmp_path / "m.safetensors"
    list(cleanplate.train(blind, configuration, output, split="none", device="cpu"))
    assert read_card(output).training_frames == ()
    assert any("NOBODY LABELLED ANYTHING" in record.message for record in caplog.records)


class _Guarded:
    """A source whose frames from one number on must not be read."""

    def __init__(self, source: FrameSource, first: int) -> None:
        self.name, self.size, self.rate_fps = source.name, source.size, source.rate_fps
        self.count, self.numbers = source.count, source.numbers
        self._source, self._first = source, first
        self.reads: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        pytest.fail("the whole source was read")

    def __contains__(self, number: object) -> bool:
        return number in self._source

    def read(self, number: int) -> Frame:
        assert number < self._first, f"frame {number} of the scored half was read"
        self.reads.add(number)
        return self._source.read(number)


@pytest.mark.parametrize("split", ["half:3", "half"])
def test_training_reads_unlabelled_frames_and_never_one_of_the_scored_half(
    drawn_scene: Path, tmp_path: Path, split: str
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    divided = scene.split(split)
    guarded = _Guarded(scene.frames, divided.scored[0])
    output = tmp_path / "m.safetensors"
    guarded_scene = dataclasses.replace(scene, frames=guarded)
    list(cleanplate.train(guarded_scene, "smoke", output, split=split, device="cpu"))
    assert set(divided.training) <= guarded.reads
    if split == "half:3":
        assert len(guarded.reads) > len(divided.training)


def test_without_labels_and_without_frames_training_says_what_it_needs(
    drawn_scene: Path, tmp_path: Path
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    configuration = load_preset("compact")
    blind = configuration.training.model_copy(update={"unlabelled": 0})
    configuration = configuration.model_copy(update={"training": blind})
    with pytest.raises(DatasetError, match="no frame to train on"):
        list(cleanplate.train(scene, configuration, tmp_path / "m.safetensors", split="none"))


def test_a_preset_without_a_start_cannot_train_without_labels(
    drawn_scene: Path, tmp_path: Path
) -> None:
    scene = cleanplate.open_scene(drawn_scene)
    with pytest.raises(ConfigError, match=r"set segmentation\.start to 'drawn'"):
        list(cleanplate.train(scene, "smoke", tmp_path / "m.safetensors", split="none"))


@pytest.mark.parametrize(("value", "suspicious"), [(0, True), (1, True), (None, False)])
def test_labels_that_nobody_checked_are_suspicious_where_nearly_all_or_none_is_foreground(
    drawn_scene: Path, value: int | None, suspicious: bool, caplog: pytest.LogCaptureFixture
) -> None:
    data = _read(drawn_scene, "half:0")
    data.labels[:] = 0
    data.labels[:, :8] = 1
    if value is not None:
        data.labels[:] = value
    assert bool(suspicion("street", data)) is suspicious
    assert ("street" in caplog.text) is suspicious


@pytest.mark.parametrize(("shifted", "suspicious"), [(2, False), (20, True)])
def test_labels_that_simpler_methods_hardly_share_are_suspicious(
    drawn_scene: Path, shifted: int, suspicious: bool
) -> None:
    data = _read(drawn_scene, "half:0")
    data.labels[:] = 0
    data.labels[:, :16] = 1
    votes = np.zeros(data.labels.shape, np.uint8)
    votes[:, shifted : shifted + 16] = 2
    said = suspicion("street", data._replace(votes=votes))
    assert said.startswith("what was taken for foreground has little in common") is suspicious
    assert bool(said) is suspicious


def test_a_broken_frame_without_a_label_is_passed_over_with_its_name(
    drawn_scene: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "street"
    shutil.copytree(drawn_scene, folder)
    number = next(n for n in range(2, 12) if n not in _scene_training(folder))
    frame = folder / "input" / f"in{number:06d}.png"
    frame.write_bytes(frame.read_bytes()[:200])
    data, whole = _read(folder, "half:4"), _read(drawn_scene, "half:4")
    assert frame.name in caplog.text
    assert data.numbers == [one for one in whole.numbers if one != number]
    kept = [index for index, one in enumerate(whole.numbers) if one != number]
    assert np.array_equal(data.frames, whole.frames[kept])
    labelled = data.labelled
    assert np.array_equal(data.labels[labelled], whole.labels[kept][labelled])


def _scene_training(folder: Path) -> tuple[int, ...]:
    return cleanplate.open_scene(folder).split("half:4").training
