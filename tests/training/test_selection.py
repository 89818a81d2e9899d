"""Which frames are suggested for labelling."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cleanplate.errors import VideoError
from cleanplate.images import Frame, Mask
from cleanplate.scenes.video import ArraySource
from cleanplate.subtractors.protocol import Segmentation
from cleanplate.training.selection import choose, doubt, motion, suggest

HEIGHT, WIDTH, COUNT = 48, 64, 60
SQUARE = 10


def _scene(objects: dict[int, tuple[int, int]], count: int = COUNT) -> list[Frame]:
    """Draw noisy frames of one place, numbered from 1; each object is a dark square at a place."""
    rng = np.random.default_rng(3)
    place = rng.integers(90, 200, (HEIGHT, WIDTH, 3))
    frames = [place + rng.normal(0, 2, place.shape) for _ in range(count)]
    for number, (top, left) in objects.items():
        frames[number - 1][top : top + SQUARE, left : left + SQUARE] = 20
    return [frame.round().clip(0, 255).astype(np.uint8) for frame in frames]


def _numbers(frames: list[Frame], count: int, labelled: tuple[int, ...] = ()) -> list[int]:
    source = ArraySource(frames)
    return [one.number for one in suggest(source, source.numbers, labelled, count)]


class _Doubter:
    """Doubts whole frames whose upper left pixel has the given red."""

    name, learns_online = "doubter", False

    def __init__(self, red: int, unsure: float = 0.5) -> None:
        self._red, self._unsure = red, unsure

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        value = self._unsure if frame[0, 0, 0] == self._red else 0.05
        probability = np.full(frame.shape[:2], value, np.float32)
        return Segmentation(probability >= 0.5, probability, None)


def test_an_unusual_frame_is_chosen_first() -> None:
    assert _numbers(_scene({37: (10, 20)}), 1) == [37]


def test_of_two_alike_only_one_is_chosen_while_another_is_left() -> None:
    frames = _scene({10: (5, 5), 50: (5, 6), 30: (30, 45)})
    assert len({10, 50}.intersection(_numbers(frames, 2))) == 1
    assert 30 in _numbers(frames, 2)


def test_a_frame_like_a_labelled_one_has_nothing_new() -> None:
    little = (HEIGHT - 4, 45)  # most of it lies outside the frame
    frames = _scene({10: (5, 5), 50: (5, 5), 30: little})
    assert _numbers(frames, 1, labelled=(20,))[0] in (10, 50)
    assert _numbers(frames, 1, labelled=(10,)) == [30]


def test_labelled_frames_are_never_suggested() -> None:
    frames = _scene({10: (5, 5), 30: (30, 45)}, 40)
    labelled = (10, 30, *range(35, 41))
    found = _numbers(frames, 40, labelled)
    assert sorted(found) == [number for number in range(1, 41) if number not in labelled]


def test_frames_in_which_nothing_moves_come_last() -> None:
    moving = {8: (5, 5), 25: (30, 45), 41: (10, 30)}
    assert set(_numbers(_scene(moving), 3)) == set(moving)


def test_suggestions_are_spread_in_time() -> None:
    places = {number: (4 * (number % 9), 5 * (number % 10)) for number in range(1, COUNT, 3)}
    found = sorted(_numbers(_scene(places), 4))
    assert min(np.diff(found)) >= (COUNT - 1) / 12


def test_the_spread_in_time_gives_way_where_all_that_moves_lies_together() -> None:
    places = {30: (2, 2), 31: (20, 20), 32: (36, 50)}
    assert sorted(_numbers(_scene(places), 3)) == [30, 31, 32]


def test_a_scene_in_which_nothing_moves_is_divided_evenly() -> None:
    found = sorted(_numbers([_scene({})[0]] * 21, 3))
    assert found == [1, 11, 21]


def test_a_flash_does_not_stand_for_something_that_moves() -> None:
    frames = _scene({20: (5, 5)})
    frames[40] = (frames[40] // 2).astype(np.uint8)
    frames[50] = np.random.default_rng(9).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    assert _numbers(frames, 1) == [20]


def test_of_equally_new_frames_the_more_doubtful_one_is_chosen() -> None:
    frames = _scene({15: (0, 0), 45: (0, 0)})
    frames[44][0, 0, 0] = 21
    source = ArraySource(frames)
    for red, wanted in ((21, 45), (20, 15)):
        (found,) = suggest(source, source.numbers, (), 1, _Doubter(red))
        assert found.number == wanted


def test_suggestions_are_ordered_by_their_score() -> None:
    little = (HEIGHT - 2, 5)  # most of it lies outside the frame
    source = ArraySource(_scene({30: (5, 5), 31: (30, 45), 3: little}))
    found = suggest(source, source.numbers, (), 3)
    assert {found[0].number, found[1].number} == {30, 31}  # although 3 is chosen before one of them
    assert found[0].score >= found[1].score > found[2].score > 0


def test_equal_arguments_give_equal_suggestions() -> None:
    source = ArraySource(_scene({n: (n % 30, n % 50) for n in range(1, COUNT, 7)}))
    assert suggest(source, source.numbers, (4,), 5) == suggest(source, source.numbers, (4,), 5)


def test_what_moves_outside_the_region_of_interest_does_not_count() -> None:
    source = ArraySource(_scene({10: (5, 5), 40: (30, 45)}))
    roi: Mask = np.zeros((HEIGHT, WIDTH), bool)
    roi[:, 32:] = True
    (found,) = suggest(source, source.numbers, (), 1, roi=roi)
    assert found.number == 40


def test_frames_that_are_no_candidates_are_not_suggested() -> None:
    frames = ArraySource(_scene({10: (5, 5), 40: (30, 45)}))
    (found,) = suggest(frames, range(1, 31), (), 1)
    assert found.number == 10


def test_no_candidate_gives_no_suggestion() -> None:
    assert suggest(ArraySource(_scene({}, 4)), (1, 2), (1, 2), 3) == []


def test_a_candidate_that_is_not_there_is_refused() -> None:
    with pytest.raises(VideoError, match="there is no frame 9"):
        suggest(ArraySource(_scene({}, 4)), (1, 9), (), 1)


def _patch(value: float, area: float = 0.25) -> NDArray[np.float32]:
    probability = np.zeros((HEIGHT, WIDTH), np.float32)
    probability[: round(area * HEIGHT)] = value
    return probability


def test_doubt_is_largest_where_every_pixel_is_a_coin_toss() -> None:
    assert doubt(_patch(0.5, 1)) == pytest.approx(1)
    assert doubt(_patch(1)) < 0.001
    assert doubt(_patch(0.9)) < doubt(_patch(0.6)) < doubt(_patch(0.6, 0.5))


def test_a_doubtful_patch_weighs_more_than_as_many_pixels_of_borders() -> None:
    borders = np.zeros((HEIGHT, WIDTH), np.float32)
    borders[::4] = 0.5
    assert doubt(_patch(0.5, 0.25)) > 1.5 * doubt(borders)


def test_a_change_of_light_is_no_motion() -> None:
    frames = np.stack(_scene({10: (5, 5)}))
    frames[20:40] = (frames[20:40] * 0.8).astype(np.uint8)
    moving = motion(frames)
    assert moving[30].mean() < 0.01
    assert moving[9, 7:13, 7:13].min() == 1


def test_the_greedy_choice_takes_the_most_distant_each_time() -> None:
    described = np.array([[1, 0], [1, 0.1], [-1, 0], [0, 3]], np.float32)
    nothing = np.empty((0, 2), np.float32)
    worth = np.ones(4, np.float32)
    assert [index for index, _ in choose((1, 2, 3, 4), described, worth, nothing, 3)] == [3, 1, 2]
