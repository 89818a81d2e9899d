"""What is kept of one method on one scene."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cleanplate.errors import DatasetError
from cleanplate.evaluation.background_measures import (
    mean_measures,
    measure_background,
    measure_masked,
)
from cleanplate.evaluation.pairs import MEASURED_FRAMES, Observer, Sweep, read_pair
from cleanplate.evaluation.scoring import score
from cleanplate.images import Frame, read_grey, read_picture, write_picture
from cleanplate.measures import ConfusionMatrix, count_frame
from cleanplate.scenes.scene import Scene, Truth
from cleanplate.scenes.video import ArraySource
from cleanplate.subtractors.protocol import BackgroundModel, Segmentation
from cleanplate.subtractors.threshold import ThresholdSubtractor, distance

SIDES = (40, 48)


def copied(truth: Truth) -> Truth:
    """The same; a scene writes into what its labels' reader returns."""
    return Truth(truth.labels.copy(), truth.shadow.copy(), truth.unclean.copy())


def drawn(count: int, seed: int) -> Scene:
    """A scene of noise; a quarter of its pixels is foreground, shadowed or ignored each."""
    random = np.random.default_rng(seed)
    truths = []
    for number in range(count):
        kinds = random.integers(0, 4, SIDES)
        kinds[: number + 1] = 1  # a row more of foreground in each frame
        labels = np.array([0, 1, -1, 0], np.int8)[kinds]
        truths.append(Truth(labels, kinds == 3, kinds != 0))
    return Scene(
        name="noise",
        category="baseline",
        frames=ArraySource(list(random.integers(0, 256, (count, *SIDES, 3)).astype(np.uint8))),
        label_files={number: Path(str(number)) for number in range(1, count + 1)},
        decode=lambda path: copied(truths[int(path.name) - 1]),
    )


def numbers(scene: Scene) -> tuple[int, ...]:
    return tuple(scene.frames.numbers)


class Nearby:
    """A background model: the frame itself, moved by up to 60 grey levels; the same each time."""

    name, learns_online = "nearby", False

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        random = np.random.default_rng(int(frame.sum()))
        moved = frame.astype(int) + random.integers(-60, 61, frame.shape)
        return np.asarray(moved.clip(0, 255), np.uint8)


class Blurry(Nearby):
    """The same of a model that sees only every fourth column."""

    def as_seen(self, frame: Frame) -> Frame:
        return np.repeat(frame[:, ::4], 4, 1)

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        return super().reconstruct(self.as_seen(frame), update)


def swept(
    scene: Scene, folder: Path, threshold: float = 0.1, model: BackgroundModel | None = None
) -> tuple[Sweep, ConfusionMatrix]:
    """Score a threshold over a model; returns the sweep as it was kept, and the own counts."""
    method = ThresholdSubtractor(model or Nearby(), threshold)
    observer = Observer(scene, numbers(scene), method.distance)
    result = score(scene, numbers(scene), method, "all", observer.see)
    observer.write(folder / "noise", result.as_dict(), "baseline", None)
    sweep = read_pair(folder / "noise.json").sweep
    assert sweep is not None
    return sweep, result.counts


def test_a_sweep_counts_like_thresholding_each_frame(tmp_path: Path) -> None:
    scene = drawn(3, seed=1)
    sweep, _ = swept(scene, tmp_path)

    @given(threshold=st.one_of(st.floats(0, 1), st.integers(0, 255).map(lambda level: level / 255)))
    @settings(max_examples=150, deadline=None)
    def holds(threshold: float) -> None:
        expected = ConfusionMatrix()
        for number in numbers(scene):
            frame, truth = scene.frame(number), scene.truth(number)
            away = np.abs(frame.astype(int) - Nearby().reconstruct(frame)).max(2)
            mask = away > round(255 * threshold, 6)
            expected += count_frame(mask, truth.labels, truth.shadow)
        assert sweep.counts(threshold) == replace(expected, shadow_errors=0)

    holds()


@pytest.mark.parametrize("model", [Nearby(), Blurry()], ids=["fine", "coarse"])
@pytest.mark.parametrize("threshold", [0.0, 15 / 255, 25 / 255, 0.1, 0.2, 29 / 255, 1.0])
def test_at_the_methods_own_threshold_a_sweep_has_its_counts(
    tmp_path: Path, threshold: float, model: Nearby
) -> None:
    sweep, counts = swept(drawn(2, seed=2), tmp_path, threshold, model)
    assert counts.shadow_errors > 0 or threshold > 0.24
    assert sweep.counts(threshold) == replace(counts, shadow_errors=0)


def test_every_labelled_pixel_is_in_the_sweep_once(tmp_path: Path) -> None:
    scene = drawn(2, seed=3)
    sweep, _ = swept(scene, tmp_path)
    labels = np.stack([scene.truth(number).labels for number in numbers(scene)])
    assert sweep.positive.sum() == (labels == 1).sum()
    assert sweep.negative.sum() == (labels == 0).sum()
    assert sweep.positive.shape == sweep.negative.shape == (256,)


def test_what_a_coarse_model_cannot_see_is_not_foreground(tmp_path: Path) -> None:
    scene = drawn(2, seed=2)
    far = [swept(scene, tmp_path, 0.1, model)[1].fp for model in (Blurry(), Nearby())]
    assert far[0] == pytest.approx(far[1], rel=0.1)  # with the detail it were nearly all
    frame = scene.frame(1)
    found = ThresholdSubtractor(Blurry(), 60 / 255).segment(frame).mask
    assert not found.any()


def observed(
    scene: Scene, folder: Path, results: dict[int, Segmentation], sweeps: bool = False
) -> Path:
    """Show an observer some results; returns the record."""
    observer = Observer(scene, tuple(results), distance if sweeps else None)
    for number, result in results.items():
        observer.see(number, scene.frame(number), result)
    values = {"seconds": 3.0, "frames_scored": len(results), "f_measure": 0.5}
    observer.write(folder / "a.b", values, "baseline", 12.5)
    return folder / "a.b.json"


def plain(value: int, with_background: bool = True) -> Segmentation:
    mask = np.zeros(SIDES, bool)
    mask[:value] = True
    background = np.full((*SIDES, 3), value, np.uint8)
    return Segmentation(mask, None, background if with_background else None)


def test_a_pair_reads_back_as_it_was_written(tmp_path: Path) -> None:
    scene = drawn(3, seed=4)
    pair = read_pair(observed(scene, tmp_path, {n: plain(n) for n in numbers(scene)}, sweeps=True))
    assert pair.result == {"seconds": 3.0, "frames_scored": 3, "f_measure": 0.5}
    assert (pair.category, pair.training_seconds, pair.seconds_per_frame) == ("baseline", 12.5, 1.0)
    assert pair.sweep is not None
    assert pair.backgrounds is not None
    assert pair.mask == tmp_path / "a.b.mask.png"
    assert pair.background == tmp_path / "a.b.background.png"
    assert {path.name for path in tmp_path.iterdir()} == {
        "a.b.json", "a.b.mask.png", "a.b.background.png",
    }  # fmt: skip


def test_a_method_without_background_has_neither_sweep_nor_picture_of_it(tmp_path: Path) -> None:
    scene = drawn(2, seed=5)
    results = {n: plain(n, with_background=False) for n in numbers(scene)}
    pair = read_pair(observed(scene, tmp_path, results))
    assert (pair.sweep, pair.backgrounds, pair.background) == (None, None, None)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_the_frame_with_most_foreground_is_shown(tmp_path: Path, order: tuple[int, ...]) -> None:
    scene = drawn(3, seed=6)
    sizes = {n: int((scene.truth(n).labels == 1).sum()) for n in order}
    pair = read_pair(observed(scene, tmp_path, {n: plain(10 * n) for n in order}))
    assert pair.shown == max(sizes, key=lambda number: sizes[number])
    shown = plain(10 * pair.shown)
    assert pair.background is not None
    assert np.array_equal(read_grey(pair.mask) > 0, shown.mask)
    assert shown.background is not None
    assert np.array_equal(read_picture(pair.background), shown.background)


def test_of_frames_without_foreground_the_first_is_shown(tmp_path: Path) -> None:
    scene = drawn(3, seed=7)
    empty = Truth(np.zeros(SIDES, np.int8), np.zeros(SIDES, bool), np.zeros(SIDES, bool))
    scene = replace(scene, decode=lambda _: copied(empty))
    assert read_pair(observed(scene, tmp_path, {n: plain(n) for n in (2, 3)})).shown == 2


def spoilt(frame: Frame, where: NDArray[np.bool_]) -> Frame:
    """The frame itself but for some pixels, which are inverted."""
    background = frame.copy()
    background[where] = 255 - background[where]
    return background


@pytest.mark.parametrize("spoils_background", [False, True])
def test_backgrounds_are_measured_where_the_label_is_background_without_shadow(
    tmp_path: Path, spoils_background: bool
) -> None:
    scene, results = drawn(3, seed=8), {}
    for number in numbers(scene):
        truth, frame = scene.truth(number), scene.frame(number)
        clean = (truth.labels == 0) & ~truth.shadow
        where = clean if spoils_background else ~clean
        results[number] = Segmentation(truth.labels == 1, None, spoilt(frame, where))
    backgrounds = read_pair(observed(scene, tmp_path, results)).backgrounds
    assert backgrounds is not None
    assert backgrounds.keys() == {"masked_age", "masked_peps", "masked_psnr"}
    assert (backgrounds["masked_age"] == 0) is not spoils_background
    assert (backgrounds["masked_psnr"] == 99) is not spoils_background


def test_the_measures_of_a_pair_are_means_over_its_frames(tmp_path: Path) -> None:
    scene = drawn(3, seed=9)
    random, plates = np.random.default_rng(0), {}
    for number in numbers(scene):
        plates[number] = tmp_path / f"bg{number}.png"
        write_picture(plates[number], random.integers(0, 256, (*SIDES, 3)).astype(np.uint8))
    scene = replace(scene, plates=plates)
    results = {n: plain(40 * n) for n in numbers(scene)}
    found = read_pair(observed(scene, tmp_path, results)).backgrounds
    whole, masked = [], []
    for number, result in results.items():
        assert result.background is not None
        truth = scene.truth(number)
        clean = (truth.labels == 0) & ~truth.shadow
        whole.append(measure_background(result.background, read_picture(plates[number])))
        masked.append(measure_masked(result.background, scene.frame(number), clean))
    expected = {f"masked_{name}": value for name, value in mean_measures(masked).items()}
    assert found == {**mean_measures(whole), **expected}


def test_backgrounds_are_measured_on_a_bounded_number_of_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanplate.evaluation import pairs

    count, scene = MEASURED_FRAMES + 9, drawn(MEASURED_FRAMES + 9, seed=10)
    seen: list[int] = []
    known = {scene.frame(n).tobytes(): n for n in numbers(scene)}

    def measured(background: Frame, frame: Frame, clean: NDArray[np.bool_]) -> object:
        seen.append(known[frame.tobytes()])
        return measure_masked(background, frame, clean)

    monkeypatch.setattr(pairs, "measure_masked", measured)
    observed(scene, tmp_path, {n: plain(1) for n in numbers(scene)})
    assert len(seen) == MEASURED_FRAMES
    assert (seen[0], seen[-1]) == (1, count)


def test_the_record_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cleanplate.evaluation import pairs

    written: list[str] = []
    monkeypatch.setattr(pairs, "write_picture", lambda path, _: written.append(path.name))
    monkeypatch.setattr(pairs, "write_bytes", lambda path, _: written.append(path.name))
    observed(drawn(1, seed=11), tmp_path, {1: plain(1)})
    assert written == ["a.b.mask.png", "a.b.background.png", "a.b.json"]


def test_a_record_is_plain_json(tmp_path: Path) -> None:
    record = observed(drawn(1, seed=12), tmp_path, {1: plain(1)}, sweeps=True)
    values = json.loads(record.read_text())
    assert np.shape(values["sweep"]) == (2, 256)


@pytest.mark.parametrize("content", ["{", "[]", '{"scene": "street", "tp": 1}', "null"])
def test_a_record_that_is_none_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DatasetError, match=r"a.json: no finished pair \(.+\); remove it to run"):
        read_pair(tmp_path / "a.json")
