"""Taking over labels that were made with other programs; a label that is there is kept."""

from __future__ import annotations

import json
import zipfile
from asyncio import Semaphore
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from cleanplate.errors import CleanplateError, DatasetError
from cleanplate.images import Size
from cleanplate.scenes.unpacking import Limits, open_archive, read_entry
from cleanplate.studio import label_formats as formats
from cleanplate.studio.label_formats import Found
from cleanplate.studio.labels import NEW, ChangedElsewhereError, Labels
from cleanplate.studio.project import Project

MOST_IMPORT_BYTES = 512 << 20
MOST_ENTRY_BYTES, MOST_JSON_BYTES = 64 << 20, 32 << 20
AT_ONCE = 2
"""So many imports are worked on; JSON takes ten times its size of memory."""
LIMITS = Limits(entries=100_000, directory_bytes=32_000_000, unpacked_bytes=4 << 30, ratio=200)
_CVAT_MAP, _CVAT_MASKS = "labelmap.txt", "SegmentationClass"


class Imports:
    """Takes labels into a project.

    Args:
        project: into which.
        labels: its labels.

    Attributes:
        turns: to be held, on the server's loop, while `take` runs.
    """

    def __init__(self, project: Project, labels: Labels) -> None:
        self._project, self._labels = project, labels
        self.turns = Semaphore(AT_ONCE)

    def take(self, name: str, path: Path) -> dict[str, Any]:
        """Take over all labels of a file.

        Args:
            name: as it was called; tells its kind.
            path: where it lies.

        Returns:
            The numbers of the frames that got a label, and what was left out and why.

        Raises:
            DatasetError: it is no archive, JSON or PNG, or nothing like labels is in it.
        """
        imported: list[int] = []
        skipped: list[dict[str, str]] = []
        try:
            for one in self._found(name, path):
                why = one.why or self._keep(one, imported)
                if why:
                    skipped.append({"what": one.what, "why": why})
        except DatasetError as error:  # people know the file by the name that they gave it
            said = str(error).replace(str(path), name[:80])
            raise DatasetError(said if name[:80] in said else f"{name[:80]}: {said}") from error
        if not imported and not skipped:
            raise DatasetError(
                f"{name[:80]}: holds no labels; export them as CVAT segmentation mask 1.1, COCO "
                "JSON, labelme JSON, or PNG masks"
            )
        return {"imported": sorted(imported), "skipped": skipped}

    def _found(self, name: str, path: Path) -> Iterator[Found]:
        size, suffix = self._project.frames.size, Path(name).suffix.lower()
        if suffix == ".zip":
            return _in_archive(path, size)
        most = MOST_JSON_BYTES if suffix == ".json" else MOST_ENTRY_BYTES
        if path.stat().st_size > most:
            raise DatasetError(f"{name[:80]}: has over {most} bytes; import it in parts")
        if suffix == ".json":
            return _in_json(name, path.read_bytes(), size)
        if suffix == ".png":
            return iter([formats.plain_mask(name, path.read_bytes(), size)])
        raise DatasetError(f"{name[:80]}: cannot be imported; give a .zip, a .json or a .png")

    def _keep(self, one: Found, imported: list[int]) -> str:
        """Write one label; returns why not, or nothing."""
        assert one.codes is not None
        first = next(iter(self._project.frames.numbers), 1)
        number = formats.number_of(one.what, first)
        if number is None:
            return "its name holds no frame's number"
        if number not in self._project.frames:
            return f"there is no frame {number}"
        try:
            self._labels.write_codes(number, one.codes, NEW)
        except ChangedElsewhereError:
            return f"frame {number} has a label already, which is kept"
        imported.append(number)
        return ""


def _in_json(name: str, data: bytes, size: Size) -> Iterator[Found]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{name[:80]}: not valid JSON ({error}); export it again") from error
    if not isinstance(values, dict):
        raise DatasetError(f"{name[:80]}: neither COCO nor labelme; export it again")
    if "shapes" in values:
        picture = str(values.get("imagePath") or name)
        known = picture if formats.number_of(picture, 1) is not None else name
        return iter([formats.labelme(known, values, size)])
    if "annotations" in values and "images" in values:
        return formats.coco(values, size)
    raise DatasetError(f"{name[:80]}: neither COCO nor labelme; export it again")


def _in_archive(path: Path, size: Size) -> Iterator[Found]:
    """Read what an archive holds: CVAT's masks if there is a label map, else JSON and PNG."""
    with open_archive(path, LIMITS) as archive:
        entries = [info for info in archive.infolist() if not info.is_dir()]
        left = LIMITS.most_bytes(path.stat().st_size)
        maps = [one for one in entries if PurePosixPath(one.filename).name == _CVAT_MAP]
        colours = None
        if maps:
            text = read_entry(archive, maps[0], MOST_ENTRY_BYTES).decode("utf-8", "replace")
            colours = formats.read_label_map(text)
            entries = [one for one in entries if f"{_CVAT_MASKS}/" in one.filename]
        for info in entries:
            left -= info.file_size
            if left < 0:
                raise DatasetError(f"{path}: unpacks to too much; import it in parts")
            yield from _entry(archive, info, size, colours)


def _entry(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    size: Size,
    colours: dict[tuple[int, int, int], int] | None,
) -> Iterator[Found]:
    name, suffix = info.filename, PurePosixPath(info.filename).suffix.lower()
    if suffix not in (".png", ".json") or PurePosixPath(name).name.startswith("."):
        return
    most = MOST_JSON_BYTES if suffix == ".json" else MOST_ENTRY_BYTES
    data = read_entry(archive, info, most)
    if suffix == ".png" and colours is not None:
        yield formats.coloured_mask(name, data, size, colours)
    elif suffix == ".png":
        yield formats.plain_mask(name, data, size)
    else:
        try:
            yield from _in_json(name, data, size)
        except CleanplateError as error:  # one strange file does not spoil the others
            yield Found(name, None, str(error))
