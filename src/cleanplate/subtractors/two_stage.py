"""Our own method: a trained two-stage network as a subtractor."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cleanplate.errors import ConfigError, VideoError
from cleanplate.images import Frame, resize_frame, resize_map, to_frames, to_image
from cleanplate.networks.losses import foreground_probability
from cleanplate.networks.resizing import resize, shrink
from cleanplate.networks.two_stage import TwoStageNet, channels_last, working_size
from cleanplate.networks.weights import ModelCard, load_model
from cleanplate.subtractors.protocol import Segmentation

log = logging.getLogger(__name__)


class TwoStageSubtractor:
    """A trained model: every frame gives mask, probability and clean plate, whatever came before.

    Also a drop-in for ``cv2.BackgroundSubtractorMOG2`` by `apply` and `getBackgroundImage`.

    Args:
        net: the network, in evaluation mode.
        card: what its file says.
        device: torch device to run on.
        name: the name in results.
    """

    learns_online = False

    def __init__(
        self, net: TwoStageNet, card: ModelCard, device: str = "cpu", name: str = "two-stage"
    ) -> None:
        self.name = name
        self.card = card
        self._net = channels_last(net.eval().to(device))
        self._device = device
        self._size = working_size(card.configuration, card.frame_size)
        self._warned = False
        self._background: Frame | None = None

    @torch.inference_mode()
    def segment(self, frame: Frame, update: bool = True) -> Segmentation:
        """Segment one RGB frame of any size, alone: the order of frames plays no part.

        A trained model never learns from what it segments, whatever ``update`` says.

        A frame of another size than the model was trained on is resized and the result resized
        back, with one warning.
        """
        size = (frame.shape[0], frame.shape[1])
        image = self._image(frame)
        background = self._net.reconstruct(image) if self._net.uses_background else None
        logits = self._net.segment(image, image if background is None else background)
        point = self.card.operating_point
        probability = foreground_probability(logits / point.temperature)
        if self._net.segmentation_size is not None:  # as the frame went there, so it comes back
            probability = resize(probability[:, None], self._size)[:, 0]
        full = resize_map(probability[0].float().cpu().numpy(), size)
        plate = None if background is None else to_frames(resize(background, size))[0]
        return Segmentation(full >= point.threshold, full, plate)

    @torch.inference_mode()
    def reconstruct(self, frame: Frame, update: bool = True) -> Frame:
        """Return stage 1's background ``(H, W, 3)`` uint8 RGB alone; nothing is ever learned."""
        size = (frame.shape[0], frame.shape[1])
        plate: Frame = to_frames(resize(self._net.reconstruct(self._image(frame)), size))[0]
        return plate

    @torch.inference_mode()
    def as_seen(self, frame: Frame) -> Frame:
        """Return the frame at stage 1's resolution, brought back to its own size."""
        seen = shrink(self._image(frame), self._net.background_net.size)
        picture: Frame = to_frames(resize(seen, (frame.shape[0], frame.shape[1])))[0]
        return picture

    def _image(self, frame: Frame) -> torch.Tensor:
        """Bring a frame to the working size and the device; say once that sizes differ."""
        size = (frame.shape[0], frame.shape[1])
        if size != self.card.frame_size and not self._warned:
            wanted = self.card.frame_size
            log.warning(
                "frames are %dx%d but the model was trained on %dx%d; they are resized and back",
                *(size[1], size[0], wanted[1], wanted[0]),
            )
            self._warned = True
        return to_image(resize_frame(frame, self._size)).to(self._device)

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
            VideoError: the image has another type or shape.
        """
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
            raise VideoError(
                f"image is {image.dtype} of shape {image.shape}; give (height, width, 3) uint8 BGR "
                "or (height, width) uint8 grey"
            )
        bgr = np.repeat(image[..., None], 3, 2) if image.ndim == 2 else image
        result = self.segment(np.ascontiguousarray(bgr[..., ::-1]))
        self._background = result.background
        mask = result.mask.astype(np.uint8) * 255
        if fgmask is None:
            return mask
        fgmask[...] = mask
        return fgmask

    def getBackgroundImage(self) -> Frame:  # noqa: N802 (OpenCV's name)
        """Return the last applied image's clean plate, ``(H, W, 3)`` uint8 BGR.

        Raises:
            ConfigError: nothing was applied yet, or the model has no background.
        """
        if self._background is None:
            raise ConfigError(
                "there is no background yet; call apply with an image first, on a model whose "
                "stage 2 has one (segmentation.input is neither 'frame' nor 'long-term')"
            )
        return np.ascontiguousarray(self._background[..., ::-1])


def choose_device(name: str) -> str:
    """Return a torch device's name: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: the device is unknown or not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is unknown; use auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda is not there; use --device cpu or auto")
    return name


def load(path: str | Path, device: str = "auto", name: str = "two-stage") -> TwoStageSubtractor:
    """Load a model file; ``name`` stands in results.

    Raises:
        WeightsError: the file is missing, damaged, foreign or of another format.
        ConfigError: the device is not there.
    """
    net, card = load_model(Path(path))
    return TwoStageSubtractor(net, card, choose_device(device), name)
