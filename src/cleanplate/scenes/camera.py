"""The cameras of drawn scenes: still, shaken, turning, behind hot air, or seeing heat.

A camera looks at the lit place. What it does to the frame it does to the background and to the
objects' cover as well, so that masks and backgrounds stay exact.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.images import Frame, Size
from cleanplate.scenes.drawing import Picture, noise_tile, sample_tile

See = Callable[[Picture], Picture]
"""Shows a picture of the place, ``(H, W)`` or ``(H, W, 3)`` float32, as the camera sees it."""

_SHAKEN_PLACE = 1.12  # times the frame: room to shake in
_SHAKE, _SHAKE_TURN = (0.022, 0.038), 0.009  # of the shorter side, by seed; radians
_TURNING_PLACE = (1.35, 2.0)  # times the frame's height and width
_ZOOM_MIDDLE, _ZOOM_REACH = 1.0, 0.22  # the part of the place in view, in frames
_SHIMMER, _SHIMMER_BLUR = 1 / 220, 1 / 260  # of the picture's height
_SHIMMER_CELL = 8  # pixels; hot air bends smoothly, so every eighth pixel is enough
_BLUR_WINDOW = (5, 5)  # OpenCV's own choice for these small blurs is nearly twice as large
_GREY_SHARE = 0.6
_HEAT_BLUR = 1 / 300
_PIXEL_PATTERN, _COLUMN_PATTERN = 1.2, 0.9  # grey levels


class Camera:
    """A camera that stays where it is and sees the place as it is.

    Attributes:
        size: the frame's height and width.
        place_size: the size to draw the place at.
        is_grey: its three channels are equal.
    """

    def __init__(self, size: Size, rng: np.random.Generator) -> None:
        self.size = size
        self.place_size = size
        self.is_grey = False
        self._rng = rng

    def at(self, frame: int) -> See:
        """Return how it sees at one moment; ``frame`` is the frame's number."""
        del frame
        return _as_it_is

    def develop(self, frame: Frame) -> Frame:
        """Return the frame with equal channels if the camera is grey, else as it is."""
        if not self.is_grey:
            return frame
        return np.asarray(cv2.merge([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)] * 3), np.uint8)


class ShakenCamera(Camera):
    """A camera on a loose mount: the view jumps by a few pixels and turns a little, in gusts."""

    def __init__(self, size: Size, rng: np.random.Generator) -> None:
        super().__init__(size, rng)
        self.place_size = (round(size[0] * _SHAKEN_PLACE), round(size[1] * _SHAKEN_PLACE))
        self._phases = rng.uniform(0, 2 * np.pi, (3, 2))
        # radians a frame: fast enough that neighbouring frames differ
        self._speeds = rng.uniform((0.7, 1.9), (1.2, 2.8), (3, 2))
        self._reach = float(rng.uniform(*_SHAKE)) * min(size)

    def at(self, frame: int) -> See:
        """Return the view, shifted and turned."""
        gust = 0.6 + 0.4 * np.sin(frame / 19 + self._phases[0, 0])
        down, across, turn = gust * np.sin(self._speeds * frame + self._phases) @ (0.65, 0.5)
        height, width = self.place_size
        middle = (width / 2 + self._reach * across, height / 2 + self._reach * down)
        return _aim(middle, 1.0, _SHAKE_TURN * turn, self.size)


class TurningCamera(Camera):
    """A camera on a motor: it pans over a wide place, tilts a little, and zooms in and out."""

    def __init__(self, size: Size, rng: np.random.Generator) -> None:
        super().__init__(size, rng)
        tall, wide = _TURNING_PLACE
        self.place_size = (round(size[0] * tall), round(size[1] * wide))
        self._phases = rng.uniform(0, 2 * np.pi, 3)
        self._periods = rng.uniform((200, 260, 140), (300, 420, 240))  # tilt, pan, zoom

    def at(self, frame: int) -> See:
        """Return the part of the place it looks at now."""
        tilt, pan, zoom = np.sin(2 * np.pi * frame / self._periods + self._phases)
        scale = _ZOOM_MIDDLE + _ZOOM_REACH * zoom
        height, width = self.place_size
        away = pan * (width - scale * self.size[1]) / 2
        below = tilt * (height - scale * self.size[0]) / 2
        return _aim((width / 2 + away, height / 2 + below), scale, 0.0, self.size)


class ShimmeringCamera(Camera):
    """A camera far away, in colour or grey: hot air between bends and blurs what it sees."""

    def __init__(self, size: Size, rng: np.random.Generator) -> None:
        super().__init__(size, rng)
        self.is_grey = bool(rng.random() < _GREY_SHARE)
        self._tiles = [noise_tile(rng, 1.4) for _ in range(4)]
        self._drifts = rng.uniform(1.5, 3.5, (4, 2)) * np.array([(1, -1), (-1, -1)] * 2)
        height, width = size
        self._x = np.asarray(np.arange(width)[None] + np.zeros((height, 1)), np.float32)
        self._y = np.asarray(np.arange(height)[:, None] + np.zeros((1, width)), np.float32)
        cells = 3.2 * _SHIMMER_CELL / height * 100  # tile pixels from cell to cell
        self._along = np.arange(-(-width // _SHIMMER_CELL))[None] * cells
        self._down = np.arange(-(-height // _SHIMMER_CELL))[:, None] * cells

    def at(self, frame: int) -> See:
        """Return the view through the air of this moment."""
        x = self._x + self._bend(frame, 0)
        y = self._y + self._bend(frame, 2)
        spread = max(0.5, _SHIMMER_BLUR * self.size[0])

        def see(picture: Picture) -> Picture:
            bent = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            return np.asarray(cv2.GaussianBlur(bent, _BLUR_WINDOW, spread), np.float32)

        return see

    def _bend(self, frame: int, first: int) -> Picture:
        """Return by how many pixels the view is moved along one axis, ``(H, W)``."""
        coarse = np.zeros((self._down.shape[0], self._along.shape[1]), np.float32)
        for number in (first, first + 1):  # two fields that pass each other never repeat
            along, down = self._drifts[number] * frame
            coarse += sample_tile(self._tiles[number], self._along + along, self._down + down)
        coarse *= _SHIMMER * self.size[0]
        fine = cv2.resize(coarse, self.size[::-1], interpolation=cv2.INTER_CUBIC)
        return np.asarray(fine, np.float32)


class HeatCamera(Camera):
    """A thermal camera: grey and soft, each pixel and column with an error of its own that stays.

    The errors that stay are in the background too: the empty place would show them.
    """

    def __init__(self, size: Size, rng: np.random.Generator) -> None:
        super().__init__(size, rng)
        self.is_grey = True
        pattern = _PIXEL_PATTERN * rng.standard_normal(size)
        pattern += _COLUMN_PATTERN * rng.standard_normal(size[1])
        self._pattern = np.asarray(np.repeat(pattern[..., None], 3, axis=2), np.float32)

    def at(self, frame: int) -> See:
        """Return the soft view; pictures of three channels get the pattern."""
        del frame
        return self._see

    def _see(self, picture: Picture) -> Picture:
        spread = max(0.5, _HEAT_BLUR * self.size[0])
        soft = np.asarray(cv2.GaussianBlur(picture, _BLUR_WINDOW, spread), np.float32)
        if soft.ndim == 3:
            soft += self._pattern
        return soft


def _as_it_is(picture: Picture) -> Picture:
    return picture


def _aim(middle: tuple[float, float], scale: float, turn: float, size: Size) -> See:
    """Look at the place around ``middle`` (x, y), ``scale`` place pixels to a frame pixel."""
    height, width = size
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    matrix: NDArray[np.float64] = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    matrix[:, 2] = np.array(middle) - 0.5 - matrix[:, :2] @ ((width - 1) / 2, (height - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def see(picture: Picture) -> Picture:
        seen = cv2.warpAffine(
            picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.asarray(seen, np.float32)

    return see
