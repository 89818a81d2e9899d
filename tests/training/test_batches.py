"""What a network is trained on."""

from pathlib import Path

import numpy as np
import pytest
import torch

import cleanplate
from cleanplate.config import AugmentationSettings, load_preset
from cleanplate.scenes import pasting
from cleanplate.scenes.numbering import spread
from cleanplate.scenes.pasting import LARGEST_SHARE, SMALLEST_SHARE, Cutout
from cleanplate.scenes.scene import Scene
from cleanplate.training import batches
from cleanplate.training.batches import cut_windows, draw
from cleanplate.training.reading import Reader, TrainingSet

PLAIN = AugmentationSettings(
    most_pasted=2,
    paste=0.0,
    paste_shift=0.0,
    light=0.0,
    crop=1.0,
    crop_pixels=0,
    crop_on_objects=0.0,
    flip=0.0,
    strangers=0,
    unlabelled=0.0,
)


@pytest.fixture(scope="module")
def scene(drawn_scene: Path) -> Scene:
    return cleanplate.open_scene(drawn_scene)


@pytest.fixture(scope="module")
def data(scene: Scene) -> TrainingSet:
    reader = Reader(
        scene, scene.split("half").training, (), load_preset("smoke").training, (64, 96), (32, 48)
    )
    assert list(reader.read()) == list(range(1, len(reader.numbers) + 1))
    return reader.training_set()


def test_numbers_are_spread_evenly_with_both_ends() -> None:
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread([5, 7], 4) == [5, 7]


def test_frames_and_labels_are_the_scenes_own(scene: Scene, data: TrainingSet) -> None:
    for index, number in enumerate(scene.split("half").training):
        assert np.array_equal(data.frames[index], scene.frame(number))
        assert np.array_equal(data.labels[index], scene.truth(number).labels)


def test_backgrounds_show_nobody(scene: Scene, data: TrainingSet, drawn_scene: Path) -> None:
    plates = cleanplate.open_source(drawn_scene / "background")
    reference = np.stack([plates.read(number)[::2, ::2] for number in scene.split("half").training])
    errors = np.abs(data.backgrounds.astype(int) - reference)
    frames = np.abs(data.frames[:, ::2, ::2].astype(int) - reference)
    hidden = (data.labels == 1)[:, ::2, ::2]
    # measured 13 against 45 grey levels: half resolution by area against every second pixel
    assert errors[hidden].mean() < 0.5 * frames[hidden].mean()


def test_memory_is_bounded_by_the_number_of_frames(scene: Scene) -> None:
    settings = load_preset("smoke").training.model_copy(update={"memory_mib": 1})
    reader = Reader(scene, scene.labelled, (), settings, (64, 96), (32, 48))
    assert len(reader.numbers) == (1 << 20) // (5 * 64 * 96 + 12 * 32 * 48) == 21
    assert list(reader.read())[-1] == 21
    assert (reader.numbers[0], reader.numbers[-1]) == (1, 40)


def test_a_batch_without_variation_holds_frames_as_they_are(data: TrainingSet) -> None:
    batch = draw(data, 3, PLAIN, np.random.default_rng(0))
    assert batch.image.shape == (3, 3, 64, 96)
    assert batch.image.dtype == torch.float32
    assert batch.labels.dtype == torch.int64
    assert batch.clean.shape == (3, 3, 32, 48)
    assert batch.known.shape == (1, 1, 32, 48)
    stored = data.frames.astype(np.float32) / 255
    for image in batch.image:
        assert (np.abs(stored - image.permute(1, 2, 0).numpy()).max((1, 2, 3)) < 1e-6).any()


def test_equal_seeds_draw_equal_batches_and_others_differ(data: TrainingSet) -> None:
    settings = load_preset("smoke").augmentation
    first, again, other = (
        draw(data, 4, settings, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.image, other.image)


def test_drawing_leaves_the_stored_frames_alone(data: TrainingSet) -> None:
    before = data.frames.copy(), data.labels.copy(), data.backgrounds.copy()
    settings = load_preset("smoke").augmentation.model_copy(update={"paste": 1.0})
    for seed in range(10):
        draw(data, 4, settings, np.random.default_rng(seed))
    for stored, kept in zip((data.frames, data.labels, data.backgrounds), before, strict=True):
        assert np.array_equal(stored, kept)


def test_pasting_adds_foreground(data: TrainingSet) -> None:
    pasting = PLAIN.model_copy(update={"paste": 1.0, "paste_shift": 0.5})
    shares = [
        [
            (draw(data, 8, settings, np.random.default_rng(seed)).labels == 1).float().mean().item()
            for seed in range(5)
        ]
        for settings in (PLAIN, pasting)
    ]
    assert np.mean(shares[1]) > 1.2 * np.mean(shares[0])


def test_light_changes_frame_and_background_alike(data: TrainingSet) -> None:
    lit = PLAIN.model_copy(update={"light": 0.3})
    plain = draw(data, 4, PLAIN, np.random.default_rng(3))
    varied = draw(data, 4, lit, np.random.default_rng(3))

    def gains(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        unclipped = (before > 0.2) & (before < 0.6)
        ratio = torch.where(unclipped, after / before.clamp(min=0.1), torch.nan)
        return ratio.flatten(2).nanmedian(2)[0]

    of_frame, of_plate = gains(plain.image, varied.image), gains(plain.clean, varied.clean)
    assert torch.allclose(of_frame, of_plate, atol=1e-3)
    assert ((of_frame - 1).abs() > 0.005).any()


def test_windows_lie_inside_the_frame_and_on_objects_when_asked(data: TrainingSet) -> None:
    cropping = PLAIN.model_copy(update={"crop": 0.25, "crop_on_objects": 1.0})
    for seed in range(20):
        batch = draw(data, 4, cropping, np.random.default_rng(seed))
        assert batch.windows is not None
        parts = cut_windows(batch.labels, batch.windows)
        assert parts.shape == (4, 16, 24)
        for part, labels, (rows, columns) in zip(parts, batch.labels, batch.windows, strict=True):
            assert torch.equal(part, labels[rows, columns])
            assert (part == 1).any() or not (labels == 1).any()


def test_windows_have_no_more_pixels_than_asked_for(data: TrainingSet) -> None:
    cropping = PLAIN.model_copy(update={"crop": 0.5, "crop_pixels": 600})
    batch = draw(data, 4, cropping, np.random.default_rng(0))
    assert cut_windows(batch.labels, batch.windows or []).shape == (4, 20, 30)
    wide = cropping.model_copy(update={"crop_pixels": 10_000})
    batch = draw(data, 4, wide, np.random.default_rng(0))
    assert cut_windows(batch.labels, batch.windows or []).shape == (4, 32, 48)


def test_windows_are_spread_over_the_whole_frame(data: TrainingSet) -> None:
    cropping = PLAIN.model_copy(update={"crop": 0.5})
    covered = np.zeros((64, 96), bool)
    for seed in range(100):
        for window in draw(data, 8, cropping, np.random.default_rng(seed)).windows or []:
            covered[window] = True
    assert covered[1:-1, 1:-1].all()
    assert covered[0].any()
    assert covered[:, -1].any()


def stranger(height: int = 200, width: int = 100) -> Cutout:
    """An object from elsewhere, far larger than the frame, dark at the left and bright right."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, width // 2 :] = 240
    return Cutout(frame, np.ones((height, width), np.float32), None)


def empty(data: TrainingSet, objects: list[Cutout]) -> TrainingSet:
    """The same frames where no label shows foreground."""
    return data._replace(
        frames=np.full_like(data.frames, 128), labels=np.zeros_like(data.labels), objects=objects
    )


def read(scene: Scene, numbers: tuple[int, ...]) -> Reader:
    reader = Reader(scene, numbers, (), load_preset("smoke").training, (64, 96), (32, 48))
    list(reader.read())
    return reader


def test_given_objects_are_not_used_where_labels_show_foreground(
    scene: Scene, data: TrainingSet
) -> None:
    found = read(scene, scene.split("half").training).training_set([stranger()])
    assert (found.labels == 1).any()
    assert len(found.objects) == len(data.objects) > 0
    assert all(cutout.place is not None for cutout in found.objects)


def test_given_objects_are_used_where_no_label_shows_foreground(
    scene: Scene,
) -> None:
    given, reader = stranger(), read(scene, scene.split("half").training)
    reader._labels[reader._labels == 1] = 0
    found = reader.training_set([given])
    assert len(found.objects) == 1
    assert found.objects[0] is given


def test_objects_from_elsewhere_vary_in_size_place_and_direction(data: TrainingSet) -> None:
    heights, tops, dark_left = [], [], []
    pasting_all = PLAIN.model_copy(update={"paste": 1.0, "most_pasted": 1})
    for seed in range(200):
        batch = draw(empty(data, [stranger()]), 1, pasting_all, np.random.default_rng(seed))
        rows, columns = np.nonzero(batch.labels[0].numpy() == 1)
        inside = rows.min() > 0 and rows.max() < 63 and columns.min() > 0 and columns.max() < 95
        tops.append(int(rows.min()))
        if inside:
            heights.append(np.ptp(rows) + 1)
            first = batch.image[0, 0, rows[0], columns.min()]
            dark_left.append(bool(first < 0.5))
    assert min(heights) >= round(SMALLEST_SHARE * 64) - 1
    assert max(heights) <= round(LARGEST_SHARE * 64) + 1
    assert max(heights) > 3 * min(heights)
    assert 0.35 < np.mean(dark_left) < 0.65
    assert tops.count(0) > 5  # some are partly outside
    assert max(tops) > 50


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_objects_are_pasted_than_asked_for(
    data: TrainingSet, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    monkeypatch.setattr(batches, "paste", lambda *_: counts.append(1))
    settings = PLAIN.model_copy(update={"paste": 1.0, "most_pasted": most})
    per_frame = set()
    for seed in range(30):
        counts.clear()
        draw(empty(data, [stranger()]), 1, settings, np.random.default_rng(seed))
        per_frame.add(len(counts))
    assert per_frame == set(range(1, most + 1))


def test_equal_seeds_paste_strangers_alike(data: TrainingSet) -> None:
    settings = PLAIN.model_copy(update={"paste": 1.0})
    some = empty(data, [stranger(), stranger(60, 200)])
    first, again = (draw(some, 4, settings, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.labels, again.labels)


def test_a_scene_s_own_objects_are_drawn_in_the_order_they_always_were(
    data: TrainingSet,
) -> None:
    """Models stay equal to the bit: count, then for each its index, two shifts and the gain."""
    settings = PLAIN.model_copy(update={"paste": 1.0, "most_pasted": 3, "paste_shift": 0.3})
    batch = draw(data, 2, settings, np.random.default_rng(11))
    random = np.random.default_rng(11)
    chosen = random.choice(len(data.frames), 2, replace=False)
    frames, labels = data.frames[chosen], data.labels[chosen]
    for frame, label in zip(frames, labels, strict=True):
        random.random()
        for _ in range(random.integers(1, 4)):
            cutout = data.objects[int(random.integers(len(data.objects)))]
            assert cutout.place is not None
            shift = np.rint(0.3 * np.array([64, 96]) * random.uniform(-1, 1, 2))
            top, left = (int(value) for value in np.asarray(cutout.place) + shift)
            gain = 1 + 0.15 * random.uniform(-1, 1)
            pasting.paste(frame, label, cutout, (top, left), gain)
    assert np.array_equal(batch.labels.numpy(), labels)
    assert np.array_equal((batch.image.permute(0, 2, 3, 1).numpy() * 255).round(), frames)
