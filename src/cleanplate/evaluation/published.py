"""Result masks as changedetection.net publishes them, from a folder or a zip, scored."""

from __future__ import annotations

import difflib
import logging
import os
import re
import struct
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from cleanplate.errors import DatasetError, VideoError
from cleanplate.evaluation.scoring import Result, StoredMask, score_stored
from cleanplate.images import PICTURE_SUFFIXES, Mask, decode_grey
from cleanplate.scenes import cdnet
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.unpacking import open_archive, read_entry

log = logging.getLogger(__name__)

MOST_MASK_BYTES, MOST_MASK_PIXELS = 1 << 24, 1 << 25

_MASK = re.compile(r"bin([0-9]{1,9})(\.\w+)", re.ASCII)
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SUFFIXES = (".jpg", ".jpeg")

_Files = dict[str, Callable[[], bytes]]  # what reads each file of one folder, by its name


class PublishedResults:
    """One method's masks ``<category>/<video>/binNNNNNN.png``, in a folder or a zip.

    Any folders may lie above. Used as a context manager it closes the archive at the end.

    Args:
        path: the folder or the zip archive.

    Raises:
        DatasetError: it cannot be read, is no zip, or holds no masks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive = None if path.is_dir() else open_archive(path)
        self._folders = self._list_archive() if self._archive else self._list_folder()
        if not self._folders:
            self.close()
            raise DatasetError(
                f"{path}: no masks in it; put them there as CATEGORY/VIDEO/bin000001.png"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the archive; what was opened from it can no longer be read."""
        if self._archive is not None:
            self._archive.close()

    @property
    def videos(self) -> tuple[tuple[str, str], ...]:
        """Category and name of every video that has masks, in order."""
        return tuple(sorted({_video_of(folder) for folder in self._folders}))

    def _list_folder(self) -> dict[str, _Files]:
        found: dict[str, _Files] = {}
        root = self.path.resolve()  # whoever points at a video's own folder means that video
        for place, _, names in os.walk(root):
            for name in filter(_MASK.fullmatch, names):
                read = partial(_read_file, Path(place, name))
                found.setdefault(Path(place).as_posix(), {})[name] = read
        return found

    def _list_archive(self) -> dict[str, _Files]:
        assert self._archive is not None
        found: dict[str, _Files] = {}
        for info in self._archive.infolist():
            folder, _, name = info.filename.rpartition("/")
            if not _MASK.fullmatch(name):
                continue
            if name in found.setdefault(folder, {}):
                raise DatasetError(
                    f"{self.path}: entry {info.filename!r} is there twice; remove one"
                )
            found[folder][name] = partial(read_entry, self._archive, info, MOST_MASK_BYTES)
        return found

    def files(self, category: str, video: str) -> dict[int, tuple[str, Callable[[], bytes]]]:
        """Find one video's PNG files, undecoded, in order: where each lies and what reads it.

        Raises:
            DatasetError: see `open_video`.
        """
        folders = [key for key in self._folders if _video_of(key) == (category, video)]
        if not folders:
            known = ["/".join(pair) for pair in self.videos]
            near = difflib.get_close_matches(f"{category}/{video}", known, 1) or known[:1]
            raise DatasetError(
                f"{self.path}: no masks of {category}/{video} among its {len(known)} videos, such "
                f"as {near[0]}; folders must be spelled exactly like the scene's"
            )
        if len(folders) > 1:
            raise DatasetError(
                f"{self.path}: {category}/{video} is there twice, in {folders[0]!r} and "
                f"{folders[1]!r}; leave one"
            )
        return self._numbered(folders[0])

    def _numbered(self, folder: str) -> dict[int, tuple[str, Callable[[], bytes]]]:
        names: dict[int, str] = {}
        for name in sorted(self._folders[folder]):
            parts = _MASK.fullmatch(name)
            assert parts is not None
            number, suffix = int(parts[1]), parts[2].lower()
            if suffix in _JPEG_SUFFIXES:
                raise DatasetError(
                    f"{self._where(folder, name)}: JPEG blurs a mask's edge; give the masks as PNG"
                )
            if suffix in PICTURE_SUFFIXES and suffix != ".png":
                raise DatasetError(f"{self._where(folder, name)}: no PNG; give the masks as PNG")
            if suffix == ".png" and number in names:
                raise DatasetError(
                    f"{self._where(folder, name)}: is frame {number}, as is {names[number]}; "
                    "remove one"
                )
            if suffix == ".png":
                names[number] = name
        files = self._folders[folder]
        return {
            number: (self._where(folder, names[number]), files[names[number]])
            for number in sorted(names)
        }

    def _where(self, folder: str, name: str) -> str:
        inside = f"{folder}/{name}" if folder else name
        return inside if self._archive is None else f"{self.path}: entry {inside!r}"

    def open_video(self, category: str, video: str) -> Mapping[int, StoredMask]:
        """Find the masks of one video by frame number, in order; each is read when asked for.

        Args:
            category: name of the folder that the video's folder lies in, spelled exactly.
            video: name of the video's folder, spelled exactly.

        Raises:
            DatasetError: it has no masks here or has them twice, or they are not PNG. Reading a
                mask raises it too, for one that is damaged or far too large.
        """
        return {
            number: StoredMask(where, partial(_decode_mask, where, read))
            for number, (where, read) in self.files(category, video).items()
        }

    def score(
        self,
        scene: Scene,
        category: str,
        numbers: tuple[int, ...],
        split_name: str,
        method: str,
        allow_missing: bool = False,
    ) -> Result:
        """Score the masks of one video; above 127 is foreground.

        Args:
            scene: the labels.
            category: see `open_video`; the video is called like the scene.
            numbers: the frames to score.
            split_name: for the result.
            method: the method's name, for the result.
            allow_missing: score the frames that have a mask, not all of ``numbers``; the result's
                ``frames_scored`` tells how many those are.

        Raises:
            DatasetError: a mask is missing, is damaged or has another size than its labels.
        """
        masks = self.open_video(category, scene.name)
        there = {number: masks[number] for number in numbers if number in masks}
        missing = [number for number in numbers if number not in masks]
        if missing:
            what = (
                f"{self.path}: {len(missing)} of the {len(numbers)} masks of {category}/"
                f"{scene.name} are missing, the first is frame {missing[0]}"
            )
            if not allow_missing or not there:
                raise DatasetError(f"{what}; get the complete results")
            log.warning("%s; only the others are scored", what)
        return score_stored(scene, there, split_name, method)


def _video_of(folder: str) -> tuple[str, str]:
    """Return category and video: the names of the last two folders."""
    names = folder.split("/")
    return (names[-2] if len(names) > 1 else ""), names[-1]


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_MASK_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    if len(data) > MOST_MASK_BYTES:
        raise DatasetError(
            f"{path}: is over the limit of {MOST_MASK_BYTES} bytes for a mask; export it again"
        )
    return data


def _decode_mask(where: str, read: Callable[[], bytes]) -> Mask:
    data = read()
    if not data.startswith(_PNG) or len(data) < 24:
        raise DatasetError(f"{where}: no PNG, it begins with {data[:8]!r}; give the masks as PNG")
    width, height = struct.unpack(">II", data[16:24])  # asked before a decoder makes room for it
    if width * height > MOST_MASK_PIXELS:
        raise DatasetError(
            f"{where}: is {width}x{height}, over the limit of {MOST_MASK_PIXELS} pixels; write "
            "masks at the frame's size"
        )
    try:
        return np.asarray(decode_grey(data, where) > cdnet.FOREGROUND_ABOVE, bool)
    except VideoError as error:
        raise DatasetError(str(error)) from error
