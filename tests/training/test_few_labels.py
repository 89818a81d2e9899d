"""What stands in for labels that nobody made: strangers, and sure background."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import cleanplate
from cleanplate.config import load_preset
from cleanplate.images import BACKGROUND, FOREGROUND, IGNORED, Frame
from cleanplate.scenes.alignment import moved_frame
from cleanplate.scenes.pasting import paste
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.strangers import LEAST_CONTRAST, make_strangers
from cleanplate.scenes.sure_background import SureBackground
from cleanplate.training.batches import draw
from cleanplate.training.reading import Reader, TrainingSet

SIZE = (96, 128)
BOX = np.s_[30:62, 40:84]


@pytest.fixture(scope="module")
def place() -> Frame:
    noise = np.random.default_rng(0).integers(60, 180, (*SIZE, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)


@pytest.fixture(scope="module")
def scene(drawn_scene: Path) -> Scene:
    return cleanplate.open_scene(drawn_scene)


def read(scene: Scene, labelled: int) -> TrainingSet:
    divided = scene.split(f"half:{labelled}")
    others = [number for number in scene.split("half").training if number not in divided.training]
    settings = load_preset("smoke").training
    reader = Reader(scene, divided.training, others, settings, (64, 96), (32, 48))
    list(reader.read())
    return reader.training_set()


def test_an_empty_frame_is_sure_background_and_an_object_is_not(place: Frame) -> None:
    sure = SureBackground(place, 0)
    noisy = place + np.random.default_rng(1).integers(-4, 5, place.shape)
    assert (sure.label(noisy.clip(0, 255).astype(np.uint8)) == BACKGROUND).mean() > 0.99
    with_object = place.copy()
    with_object[BOX] = (250, 20, 20)
    labels = sure.label(with_object)
    assert (labels[BOX] == IGNORED).all()
    assert (labels != FOREGROUND).all()
    assert (labels == BACKGROUND).mean() > 0.5


def test_the_part_of_an_object_that_looks_like_the_background_is_ignored_too(place: Frame) -> None:
    with_object = place.copy()
    with_object[BOX] = (250, 20, 20)
    with_object[40:50, 55:70] = place[40:50, 55:70]  # a window in it
    assert (SureBackground(place, 0).label(with_object)[BOX] == IGNORED).all()


def test_the_edges_that_a_shaking_camera_moves_are_background(place: Frame) -> None:
    moved = moved_frame(place, (4, -3))
    inner = np.s_[8:-8, 8:-8]
    assert (SureBackground(place, 6).label(moved)[inner] == BACKGROUND).mean() > 0.99
    assert (SureBackground(place, 0).label(moved)[inner] == BACKGROUND).mean() < 0.95


def test_strangers_differ_from_each_other_and_repeat_with_their_seed(place: Frame) -> None:
    first, again = (make_strangers(place[None], 20, np.random.default_rng(3)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.frame, other.frame)
        assert np.array_equal(one.alpha, other.alpha)
        assert (one.alpha > 0.9).any()
        assert one.place is None
    assert len({one.alpha.shape for one in first}) > 10
    assert len({tuple(one.frame.mean((0, 1)).round()) for one in first}) == 20


def test_a_frame_of_a_few_pixels_gets_strangers_too() -> None:
    tiny = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    for one in make_strangers(tiny, 5, np.random.default_rng(0)):
        assert one.frame.shape[:2] == one.alpha.shape


def test_where_a_stranger_looks_like_what_it_covers_nobody_can_tell(place: Frame) -> None:
    (stranger,) = make_strangers(place[None], 1, np.random.default_rng(0))
    height, width = stranger.alpha.shape
    frame, labels = place.copy(), np.zeros(SIZE, np.int8)
    alike = stranger._replace(frame=place[:height, :width] + np.uint8(LEAST_CONTRAST - 3))
    paste(frame, labels, alike, (0, 0))
    assert not (labels == FOREGROUND).any()
    assert (labels == IGNORED).any()
    differing = stranger._replace(frame=place[:height, :width] + np.uint8(LEAST_CONTRAST + 9))
    paste(frame := place.copy(), labels := np.zeros(SIZE, np.int8), differing, (0, 0))
    assert (labels == FOREGROUND).any()


@pytest.mark.parametrize(("labelled", "expected"), [(1, 5), (5, 2)])
def test_a_label_counts_as_ten_frames_without_one(
    scene: Scene, labelled: int, expected: int
) -> None:
    data = read(scene, labelled)
    settings = load_preset("compact").augmentation.model_copy(update={"paste": 0.0, "light": 0.0})
    batch = draw(data, 8, settings, np.random.default_rng(0), data.labelled, data.unlabelled)
    own = (batch.image.numpy().transpose(0, 2, 3, 1) * 255).round().astype(np.uint8)
    drawn = [next(i for i, f in enumerate(data.frames) if np.array_equal(f, one)) for one in own]
    assert sum(index in data.unlabelled for index in drawn) == expected


def test_frames_without_a_label_never_teach_foreground(scene: Scene) -> None:
    data = read(scene, 1)
    assert len(data.unlabelled)
    labels = data.labels[data.unlabelled]
    assert (labels == BACKGROUND).any()
    assert not (labels == FOREGROUND).any()
    truths = np.stack([scene.truth(data.numbers[index]).labels for index in data.unlabelled])
    assert (truths[labels == BACKGROUND] == FOREGROUND).mean() < 0.01


def test_the_fewer_the_labels_the_more_strangers_are_pasted(scene: Scene) -> None:
    settings = load_preset("compact").augmentation.model_copy(update={"paste": 1.0})
    shares = []
    for labelled in (1, 20):
        data = read(scene, labelled)
        marked = [one._replace(frame=np.full_like(one.frame, 255)) for one in data.strangers]
        plain = data._replace(strangers=marked, frames=data.frames // 2, objects=[
            one._replace(frame=one.frame // 2) for one in data.objects
        ])  # fmt: skip
        found = 0
        for seed in range(30):
            batch = draw(plain, 1, settings, np.random.default_rng(seed), data.labelled)
            found += int((batch.image > 0.7).any())
        shares.append(found)
    assert shares[0] > 1.3 * shares[1] > 0
