"""A scene on disk: frames, labels, temporal region, region of interest and the splits."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cleanplate.errors import ConfigError, DatasetError
from cleanplate.images import FOREGROUND, IGNORED, Frame, Labels, Mask, Size, read_picture
from cleanplate.scenes.video import FrameSource
from cleanplate.settings import read_text

log = logging.getLogger(__name__)

HALF, NONE = "half", "none"
MOST_DIGITS = 9
WITHOUT_LABELS = f"{HALF}:0"


class Truth(NamedTuple):
    """What is known of one frame.

    Attributes:
        labels: ``(H, W)`` int8, 1 foreground, 0 background, -1 ignored.
        shadow: ``(H, W)`` bool, True where background lies in a hard shadow.
        unclean: ``(H, W)`` bool, True where the pixel does not show the background alone: an
            object, its unsure border, or its shadow.
    """

    labels: Labels
    shadow: Mask
    unclean: Mask


@dataclass(frozen=True)
class Split:
    """Which labelled frames train and which are scored.

    Attributes:
        name: ``half``, ``half:N``, ``list:NAME``, ``all`` or ``none``.
        training: numbers of the frames whose labels train, ascending.
        scored: numbers of the frames that are scored, ascending; never one that trains.
    """

    name: str
    training: tuple[int, ...]
    scored: tuple[int, ...]

    def may_look_at(self, number: int) -> bool:
        """Say whether training may look at a frame, without its label.

        Of a split by time only what lies before the scored part: frames between the scored ones
        would tell of them. Of a list all but the scored ones.
        """
        if self.name.startswith(HALF) and self.scored:
            return number < self.scored[0]
        return number not in self._scored

    @cached_property
    def _scored(self) -> frozenset[int]:
        return frozenset(self.scored)


@dataclass(frozen=True)
class Scene:
    """One fixed camera's frames with labels for some of them; everything is read when asked for.

    Attributes:
        name: the scene's name, without folders.
        category: CDNet's group of scenes, or the empty string.
        collection: name of the folder that the scene lies in, or the empty string.
        frames: all frames, labelled or not.
        label_files: the label picture of each frame that has one.
        decode: reads a label picture.
        roi: True where pixels count, or None for everywhere.
        temporal_region: first and last frame that count, inclusive, or None for all.
        plates: the picture of the true clean background at each frame that has one; they are only
            ever compared with, never trained on.
    """

    name: str
    category: str
    frames: FrameSource
    label_files: Mapping[int, Path]
    decode: Callable[[Path], Truth]
    roi: Mask | None = None
    temporal_region: tuple[int, int] | None = None
    collection: str = ""
    plates: Mapping[int, Path] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        """Height and width of the frames, in pixels."""
        return self.frames.size

    @property
    def group(self) -> str:
        """CDNet's category, or the name of the folder that the scene lies in."""
        return self.category or self.collection

    def frame(self, number: int) -> Frame:
        """Read one frame (see `FrameSource.read`)."""
        return self.frames.read(number)

    def truth(self, number: int) -> Truth:
        """Read one frame's labels; pixels outside the region of interest are ignored.

        Raises:
            DatasetError: the label picture has another size than its frame, or unknown codes.
        """
        path = self.label_files[number]
        truth = self.decode(path)
        found, wanted = truth.labels.shape, self.size
        if found != wanted:
            raise DatasetError(
                f"{path}: mask is {found[1]}x{found[0]} but its frame is {wanted[1]}x{wanted[0]}; "
                "export the mask at the frame's size"
            )
        if self._outside is not None:
            truth.labels[self._outside] = IGNORED
        return truth

    def plate(self, number: int) -> Frame | None:
        """Read the true clean background at one frame, or return None where none is known.

        Raises:
            DatasetError: the picture has another size than the frames.
            VideoError: the picture cannot be read.
        """
        path = self.plates.get(number)
        if path is None:
            return None
        plate = read_picture(path)
        found, wanted = plate.shape, self.size
        if found[:2] != wanted:
            raise DatasetError(
                f"{path}: background is {found[1]}x{found[0]} but the frames are "
                f"{wanted[1]}x{wanted[0]}; give the background at the frames' size"
            )
        return plate

    @cached_property
    def _outside(self) -> Mask | None:
        """Pixels outside the region of interest, which is cropped to the frame, never resized."""
        if self.roi is None or self.roi.all():
            return None
        outside = np.ones(self.size, bool)
        height, width = np.minimum(self.roi.shape, self.size)
        outside[:height, :width] = ~self.roi[:height, :width]
        return outside

    @property
    def _inside(self) -> list[int]:
        """Numbers of the label pictures in the temporal region."""
        first, last = self.temporal_region or (0, max(self.label_files, default=0))
        return [number for number in self.label_files if first <= number <= last]

    @cached_property
    def labelled(self) -> tuple[int, ...]:
        """Numbers of the frames with ground truth: in the region, with a scorable pixel."""
        present = [number for number in self._inside if number in self.frames]
        missing = len(self._inside) - len(present)
        if missing:
            said = "%s: %d label pictures have no frame and are left out"
            log.warning(said, self.name, missing)
        seen: dict[str, bool] = {}  # frames that nobody labelled are copies of one file
        with ThreadPoolExecutor(2) as pool:
            scorable = list(pool.map(lambda number: self._is_scorable(number, seen), present))
        return tuple(n for n, counts in zip(present, scorable, strict=True) if counts)

    def _is_scorable(self, number: int, seen: dict[str, bool]) -> bool:
        digest = self.digest(number)
        if digest not in seen:
            seen[digest] = bool((self.truth(number).labels != IGNORED).any())
        return seen[digest]

    def split(self, name: str) -> Split:
        """Divide the labelled frames.

        Args:
            name: ``half``: of n labelled frames the first floor(n / 2) train and the rest are
                scored (section 4.1); ``half:N``: of these training labels N evenly spread ones
                that show foreground train, and with ``half:0`` none; the same rest is scored;
                ``list:FILE``: the numbers in FILE train, every other is scored; ``all``: every one
                trains and none is scored; ``none``: no label is used.

        Raises:
            ConfigError: the name is none of these.
            DatasetError: the split leaves no frame for training.
        """
        if name == NONE:
            return Split(name, (), ())
        if not self.labelled:
            raise DatasetError(f"{self.name}: {self._why_unlabelled()}")
        if name == HALF or name.startswith(f"{HALF}:"):
            middle = len(self.labelled) // 2
            training = self._evenly(self.labelled[:middle], name)
            split = Split(name, training, self.labelled[middle:])
        elif name == "all":
            split = Split(name, self.labelled, ())
        elif name.startswith("list:"):
            split = self._listed(Path(name.removeprefix("list:")))
        else:
            raise ConfigError(
                f"split {name!r} is unknown; use half, half:N, all, none or list:FILE"
            )
        if not split.training and name != WITHOUT_LABELS:
            raise DatasetError(
                f"{self.name}: split {name} of {len(self.labelled)} labelled frame"
                f"{'s' * (len(self.labelled) > 1)} leaves none to train on; "
                "label more frames or use --split all"
            )
        return split

    def _evenly(self, numbers: tuple[int, ...], name: str) -> tuple[int, ...]:
        """Choose as many numbers as ``half:N`` says, from the middles of N equal parts.

        A person who labels one frame takes one with an object in it; so does this.
        """
        if name == HALF:
            return numbers
        text = name.removeprefix(f"{HALF}:")
        if not text.isdecimal() or len(text) > MOST_DIGITS:
            raise ConfigError(f"split {name!r} is not understood; write half:N with a number N")
        if name == WITHOUT_LABELS:
            return ()
        showing = [n for n in numbers if (self.truth(n).labels == FOREGROUND).any()] or numbers
        count = min(int(text), len(showing))
        return tuple(showing[(2 * part + 1) * len(showing) // (2 * count)] for part in range(count))

    def _why_unlabelled(self) -> str:
        if not self.label_files:
            return (
                "no labelled frame; label some frames (0 background, 255 foreground) and name each "
                "mask by its frame's number"
            )
        inside = self._inside
        if self.temporal_region is not None and not inside:
            first, last = self.temporal_region
            return f"no labelled frame in the temporal region {first} to {last}; label some there"
        if not any(number in self.frames for number in inside):
            return "no label picture has the number of a frame; name each mask by its frame's"
        return (
            f"all pixels of its {len(inside)} label pictures are ignored; label background (0) and "
            "foreground (255)"
        )

    def _listed(self, path: Path) -> Split:
        listed = _read_numbers(path)
        training = tuple(number for number in self.labelled if number in listed)
        left_out = sorted(listed.difference(training))
        if left_out:
            log.warning(
                "%s: frames %s have no label that counts and are left out",
                path.name,
                ", ".join(str(number) for number in left_out[:20]),
            )
        scored = tuple(number for number in self.labelled if number not in listed)
        return Split(f"list:{path.name}", training, scored)

    def digest(self, number: int) -> str:
        """Return a SHA-256 of a label file's bytes, 64 hexadecimal digits; read once and kept."""
        if number not in self._digests:
            path = self.label_files[number]
            try:
                self._digests[number] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                raise DatasetError(
                    f"{path}: cannot be read ({error.strerror}); check the file"
                ) from error
        return self._digests[number]

    @cached_property
    def _digests(self) -> dict[int, str]:
        return {}

    def fingerprint(self, numbers: Iterable[int]) -> str:
        """Return a SHA-256 over frame numbers and label files, 64 hexadecimal digits."""
        text = " ".join(f"{number}:{self.digest(number)}" for number in numbers)
        return hashlib.sha256(text.encode()).hexdigest()


def _read_numbers(path: Path) -> set[int]:
    try:
        words = read_text(path, "replace").split()
        return {int(word) for word in words}
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise DatasetError(f"{path}: {error}; write one frame number a line") from error
