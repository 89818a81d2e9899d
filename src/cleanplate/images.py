"""What a frame, an image, a mask and labels are; reading, converting and resizing them.

A ``frame`` is ``(H, W, 3)`` uint8 RGB, an ``image`` ``(N, 3, H, W)`` float32 RGB in [0, 1], a
``mask`` ``(H, W)`` bool with True for foreground, ``labels`` ``(H, W)`` integers: 1 foreground,
0 background, -1 ignored. A ``size`` is ``(height, width)`` everywhere; OpenCV's order is turned
round here.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import OutputError, VideoError
from cleanplate.files import write_bytes
from cleanplate.picture_headers import declared_size

if TYPE_CHECKING:
    from torch import Tensor

Frame = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int8]
Size = tuple[int, int]

FOREGROUND, BACKGROUND, IGNORED = 1, 0, -1
MOST_PIXELS = 2**27
"""Of a picture or a frame; eight times 4K. What says that it is larger is not read at all."""
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


def read_picture(path: Path) -> Frame:
    """Read a picture file as an RGB frame; grey pictures get three equal channels.

    Raises:
        VideoError: the file is missing, truncated or no picture.
    """
    return np.ascontiguousarray(_decode(_read(path), str(path), cv2.IMREAD_COLOR)[..., ::-1])


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Read a picture file as one 8-bit channel ``(H, W)``; a grey palette gives its grey values.

    Raises:
        VideoError: the file is missing, truncated or no picture.
    """
    return _decode(_read(path), str(path), cv2.IMREAD_GRAYSCALE)


def read_unchanged(path: Path) -> NDArray[Any]:
    """Read a picture as it is: grey, BGR or BGRA, of 8 or 16 bits.

    Raises:
        VideoError: the file is missing, truncated or no picture.
    """
    return _decode(_read(path), str(path), cv2.IMREAD_UNCHANGED)


def decode_grey(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decode a picture file's bytes as `read_grey` does; ``where`` names them in the message.

    Raises:
        VideoError: they are truncated or no picture.
    """
    return _decode(np.frombuffer(data, np.uint8), where, cv2.IMREAD_GRAYSCALE)


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        if path.is_char_device():  # which may have no end
            raise OSError(errno.ENOTSUP, "it is a device")
        return np.fromfile(path, np.uint8)
    except (OSError, ValueError) as error:  # a name with a zero in it is no name
        reason = getattr(error, "strerror", None) or error
        raise VideoError(f"{path}: cannot be read ({reason}); check the path") from error


def _decode(data: NDArray[np.uint8], where: str, mode: int) -> NDArray[Any]:
    size = declared_size(data.data)
    if size is not None and size[0] * size[1] > MOST_PIXELS:
        raise VideoError(
            f"{where}: says that it has {size[1]}x{size[0]} pixels, over the limit of "
            f"{MOST_PIXELS}; shrink it"
        )
    try:
        picture = cv2.imdecode(data, mode) if size is not None else None
    except cv2.error:
        picture = None
    if picture is None:
        raise VideoError(
            f"{where}: not a complete picture ({data.size} bytes); copy the file again or remove it"
        )
    return np.asarray(picture)


def write_picture(path: Path, picture: NDArray[Any]) -> None:
    """Write a frame (RGB or RGBA), a mask (bool, as 0/255) or a grey picture, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        done, data = cv2.imencode(path.suffix, _as_opencv_has_it(picture))
    except cv2.error:  # a suffix that OpenCV does not know
        done = False
    if not done:
        raise OutputError(f"{path}: OpenCV cannot write this kind of picture; use .png or .jpg")
    write_bytes(path, data.tobytes())


def encode_png(picture: NDArray[Any]) -> bytes:
    """Return a frame, a mask or a grey picture (see `write_picture`) as PNG, made quickly."""
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    return cv2.imencode(".png", _as_opencv_has_it(picture), fast)[1].tobytes()


def _as_opencv_has_it(picture: NDArray[Any]) -> NDArray[Any]:
    if picture.dtype == np.bool_:
        picture = picture.astype(np.uint8) * 255
    if picture.ndim == 3:
        picture = np.concatenate([picture[..., 2::-1], picture[..., 3:]], 2)
    return np.ascontiguousarray(picture)


def resize_frame(frame: Frame, size: Size) -> Frame:
    """Resize to ``size``: area average when shrinking, bilinear when enlarging."""
    if frame.shape[:2] == size:
        return frame
    shrinks = size[0] * size[1] < frame.shape[0] * frame.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, (size[1], size[0]), interpolation=method), frame.dtype)


def resize_labels(labels: Labels, size: Size) -> Labels:
    """Resize labels by majority: a pixel is ignored, or foreground, when most of its area is."""
    if labels.shape == size:
        return labels
    ignored = resize_map(labels == IGNORED, size)
    foreground = resize_map(labels == FOREGROUND, size)
    resized = (2 * foreground >= 1 - ignored).astype(np.int8)
    resized[ignored >= 0.5] = IGNORED
    return resized


def resize_map(values: NDArray[Any], size: Size) -> NDArray[np.float32]:
    """Resize a map of numbers or booleans ``(H, W)``: area average down, bilinear up."""
    floats = values.astype(np.float32)
    if floats.shape == size:
        return floats
    shrinks = size[0] * size[1] < floats.shape[0] * floats.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(floats, (size[1], size[0]), interpolation=method), np.float32)


def dilate(mask: Mask, radius: int) -> Mask:
    """Grow a mask by ``radius`` pixels in all eight directions."""
    if radius == 0:
        return mask
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), bool)


def fitting_size(size: Size, most_pixels: int, multiple: int = 1) -> Size:
    """Return ``size`` shrunk, keeping its shape, to at most about ``most_pixels`` pixels.

    Args:
        size: height and width in pixels.
        most_pixels: the area allowed; a smaller size is kept.
        multiple: both sides are rounded to this multiple (at least one of it).
    """
    scale = min(1.0, (most_pixels / (size[0] * size[1])) ** 0.5)
    height, width = (max(multiple, round(side * scale / multiple) * multiple) for side in size)
    return height, width


def to_image(frames: NDArray[np.uint8]) -> Tensor:
    """Turn frames ``(N, H, W, 3)`` or one frame into an image ``(N, 3, H, W)`` in [0, 1]."""
    import torch

    batch = torch.from_numpy(np.ascontiguousarray(frames))
    if batch.ndim == 3:
        batch = batch[None]
    # permuted, not copied: the memory stays channels-last, which CPU convolutions prefer
    return batch.permute(0, 3, 1, 2).float().div_(255)


def to_frames(image: Tensor) -> NDArray[np.uint8]:
    """Turn an image ``(N, 3, H, W)`` in [0, 1] into frames ``(N, H, W, 3)``."""
    frames = image.detach().clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1)
    return np.ascontiguousarray(frames.cpu().numpy())
