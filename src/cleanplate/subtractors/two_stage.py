"""Our own method: a trained two-stage network as a subtractor."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError, VideoError
from cleanplate.images import Frame, Mask, resize_frame, resize_map
from cleanplate.networks.card import ModelCard, background_size, sees_background, working_size
from cleanplate.networks.engine import Engine
from cleanplate.networks.engine_choice import make_engine
from cleanplate.networks.grids import as_seen_small, enlarged
from cleanplate.scenes.alignment import Shift, find_shift, moved_frame
from cleanplate.subtractors.protocol import Segmentation

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

THUMBNAIL_PX = 16
CHANGED_LIGHT = 3.0
"""Grey levels by which most of the picture differs when its light has changed."""


class KeptSurroundings(NamedTuple):
    """What stage 2 sees beside the frame, and the moment that it was made of.

    Attributes:
        background: stage 1's, ``(3, h, w)`` in [0, 1].
        context: the engine's own.
        shift: where a shaking camera was.
        thumbnail: the frame, small.
        age: how many frames it has served.
    """

    background: Floats
    context: Any
    shift: Shift
    thumbnail: NDArray[np.float32]
    age: int = 0


class TwoStageSubtractor:
    """A trained model: every frame gives mask, probability and clean plate.

    Also a drop-in for ``cv2.BackgroundSubtractorMOG2`` by `apply` and `getBackgroundImage`.

    Args:
        engine: what runs the network.
        card: what its file says.
        name: the name in results.
        every: the background is reconstructed for every so-many-th frame, and whenever the light
            changes; masks then depend on the frames before. With 1, the order plays no part.
        plates: give backgrounds with the masks; who needs none saves a millisecond a frame.
    """

    def __init__(
        self,
        engine: Engine,
        card: ModelCard,
        name: str = "two-stage",
        every: int = 1,
        plates: bool = True,
    ) -> None:
        if every < 1:
            raise ConfigError(f"the background cannot be made every {every} frames; give 1 or more")
        self.name = name
        self.card = card
        self.engine = engine
        self.learns_online = every > 1
        self._every = every
        self._size = working_size(card.configuration, card.frame_size)
        self._has_background = sees_background(card.configuration)
        self._gives_plates = plates and self._has_background
        long_term = engine.long_term
        self._long_term = None if long_term is None else long_term.transpose(1, 2, 0)
        kept = self._long_term
        self._reference = None if kept is None else np.ascontiguousarray(kept[..., :3])
        self._warned = False
        self._kept: KeptSurroundings | None = None
        self._shown: tuple[Floats, tuple[int, int]] | None = None

    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame of any size.

        A trained model never learns from what it segments; ``update`` False leaves the kept
        background as it was.

        A frame of another size than the model was trained on is resized and the result resized
        back, with one warning.
        """
        mask, probability, background = self._decide(frame, update)
        size = (frame.shape[0], frame.shape[1])
        plate = enlarged(background, size) if self._gives_plates else None
        return Segmentation(mask, probability, plate)

    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return stage 1's background ``(H, W, 3)`` uint8 RGB alone; nothing is ever learned.

        Raises:
            ConfigError: the model has no background.
        """
        if not self._has_background:
            raise ConfigError(f"{self.card.scene}: stage 2 sees no background, so none is made")
        fitted = self._fitted(frame)
        background = self._look(fitted, self._shift(fitted)).background
        return enlarged(background, (frame.shape[0], frame.shape[1]))

    def as_seen(self, frame: Frame) -> Frame:
        """Return the frame at stage 1's resolution, brought back to its own size."""
        small = background_size(self.card.configuration, self.card.frame_size)
        seen = as_seen_small(self._fitted(frame), small)
        return resize_frame(seen, (frame.shape[0], frame.shape[1]))

    def _decide(self, frame: Frame, update: bool) -> tuple[Mask, Floats, Floats]:
        """Return mask and probability at the frame's size, and the background at stage 1's."""
        fitted = self._fitted(frame)
        around = self._surroundings(fitted, update)
        found = self.engine.decide(fitted[None], around.context)[0]
        probability = resize_map(found, (frame.shape[0], frame.shape[1]))
        mask = probability >= self.card.operating_point.threshold
        return mask, probability, around.background

    def _surroundings(self, fitted: Frame, update: bool) -> KeptSurroundings:
        """Return the kept surroundings where they still hold, or make them anew."""
        kept, shift = self._kept, self._shift(fitted)
        if self._every == 1 or not update:
            return self._look(fitted, shift)
        if kept is not None and kept.age + 1 < self._every and kept.shift == shift:
            change = np.median(np.abs(_thumbnail(fitted) - kept.thumbnail))
            if change < CHANGED_LIGHT:
                self._kept = kept._replace(age=kept.age + 1)
                return kept
        self._kept = self._look(fitted, shift)
        return self._kept

    def _look(self, fitted: Frame, shift: Shift) -> KeptSurroundings:
        kept = self._long_term
        if kept is not None:
            moved = moved_frame(kept, shift)
            kept = np.ascontiguousarray(moved.transpose(2, 0, 1))[None]
        background, context = self.engine.surround(fitted[None], kept)
        return KeptSurroundings(background[0], context, shift, _thumbnail(fitted))

    def _shift(self, fitted: Frame) -> Shift:
        if not self.engine.reach or self._reference is None:
            return 0, 0
        return find_shift(fitted, self._reference, self.engine.reach)

    def _fitted(self, frame: Frame) -> Frame:
        """Bring a frame to the working size; say once that sizes differ."""
        size = (frame.shape[0], frame.shape[1])
        if size != self.card.frame_size and not self._warned:
            wanted = self.card.frame_size
            log.warning(
                "frames are %dx%d but the model was trained on %dx%d; they are resized and back",
                *(size[1], size[0], wanted[1], wanted[0]),
            )
            self._warned = True
        return np.ascontiguousarray(resize_frame(frame, self._size))

    def apply(
        self,
        image: NDArray[Any],
        fgmask: NDArray[np.uint8] | None = None,
        learningRate: float = -1,  # noqa: N803 (OpenCV's name)
    ) -> NDArray[np.uint8]:
        """Segment a BGR image as OpenCV's subtractors do; returns ``(H, W)`` uint8, 0 or 255.

        Args:
            image: ``(H, W, 3)`` uint8 BGR, or ``(H, W)`` uint8 grey.
            fgmask: written into and returned, if given.
            learningRate: taken for compatibility; a trained model does not change.

        Raises:
            VideoError: the image, or the mask given, has another type or shape.
        """
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
            raise VideoError(
                f"image is {image.dtype} of shape {image.shape}; give (height, width, 3) uint8 BGR "
                "or (height, width) uint8 grey"
            )
        if fgmask is not None and (fgmask.dtype != np.uint8 or fgmask.shape != image.shape[:2]):
            raise VideoError(
                f"fgmask is {fgmask.dtype} of shape {fgmask.shape}; give one of the image's size, "
                f"{image.shape[:2]} uint8, or none"
            )
        code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        found, _, background = self._decide(np.asarray(cv2.cvtColor(image, code), np.uint8), True)
        self._shown = background, (image.shape[0], image.shape[1])
        mask = found.view(np.uint8) * np.uint8(255)
        if fgmask is None:
            return mask
        fgmask[...] = mask
        return fgmask

    def getBackgroundImage(self) -> Frame:  # noqa: N802 (OpenCV's name)
        """Return the last applied image's clean plate, ``(H, W, 3)`` uint8 BGR.

        Raises:
            ConfigError: nothing was applied yet, or the model has no background.
        """
        if self._shown is None or not self._has_background:
            raise ConfigError(
                "there is no background yet; call apply with an image first, on a model whose "
                "stage 2 has one (segmentation.input is neither 'frame' nor 'long-term')"
            )
        return np.ascontiguousarray(enlarged(*self._shown)[..., ::-1])


def _thumbnail(frame: Frame) -> NDArray[np.float32]:
    small = cv2.resize(frame, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def load(
    path: str | Path,
    device: str = "auto",
    name: str = "two-stage",
    engine: str = "auto",
    every: int = 1,
    plates: bool = True,
) -> TwoStageSubtractor:
    """Load a model file.

    Args:
        path: the file.
        device: ``auto`` takes a GPU where there is one; ``cpu`` or ``cuda``.
        name: stands in results.
        engine: ``auto`` takes OpenVINO on a CPU where it is installed, else torch; or ``torch``,
            ``openvino``, ``onnx`` or ``int8``. The first use of another one than torch converts
            the model; ``int8`` needs `quantise_model` first.
        every: see `TwoStageSubtractor`.
        plates: see `TwoStageSubtractor`.

    Raises:
        WeightsError: the file is missing, damaged, foreign or of another format.
        ConfigError: the device or the engine is not there.
    """
    return TwoStageSubtractor(*make_engine(Path(path), device, engine), name, every, plates)
