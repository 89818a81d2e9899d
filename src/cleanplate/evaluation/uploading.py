"""Masks of whole scenes in the layout that changedetection.net takes, and the zip to upload."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cleanplate.errors import DatasetError, OutputError, VideoError
from cleanplate.evaluation.published import PublishedResults
from cleanplate.files import make_folder, write_bytes
from cleanplate.images import Frame, write_picture
from cleanplate.scenes import cdnet
from cleanplate.scenes.scene import Scene
from cleanplate.subtractors.protocol import Subtractor

RESULTS = "results"
"""The folder that an upload begins with."""
METHOD_MARK = ".cleanplate-method"
"""Lies beside the masks of one video and names the method that writes them."""

log = logging.getLogger(__name__)

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of every entry: equal masks make equal archives
_UNIX, _PLAIN_FILE = 3, 0o100644 << 16


def write_masks(
    scene: Scene, category: str, subtractor: Subtractor, folder: Path, origin: str = ""
) -> Iterator[int]:
    """Segment a scene into ``results/<category>/<scene>/binNNNNNN.png``, 0 and 255.

    There is a mask for every frame of the temporal region that is there. A method that learns
    online sees all frames from the first of the sequence to the region's last; any other sees the
    region's alone. Yields how many masks are there. Where all are there already, nothing is
    segmented; where some are, a method that learns online does all again, any other what is
    missing.

    Args:
        scene: the frames.
        category: name of the folder above the scene's.
        subtractor: the method, in its first state.
        folder: gets ``results``; the masks of one method only.
        origin: what tells this model or these settings from others of the method: its older masks
            of another origin are replaced.

    Raises:
        DatasetError: the scene has no category.
        OutputError: another method's masks lie there, or they cannot be written.
        VideoError: a frame cannot be read.
    """
    if not category:
        raise DatasetError(f"{scene.name}: has no category; name the one its masks belong to")
    place = folder / RESULTS / category / scene.name
    paths = {number: place / cdnet.MASK_NAME.format(number) for number in _numbers(scene)}
    _claim(place, subtractor.name, origin)
    there = {number for number, path in paths.items() if path.is_file()}
    if len(there) == len(paths):
        yield len(paths)
        return
    absent = [number for number in paths if number not in there]
    done = 0 if subtractor.learns_online else len(there)
    for number, frame in scene.frames if subtractor.learns_online else _chosen(scene, absent):
        mask = subtractor.segment(frame).mask
        if number not in paths:
            continue
        write_picture(paths[number], mask)
        done += 1
        yield done
        if done == len(paths):
            return
    raise VideoError(
        f"{scene.name}: ends after {done} of the {len(paths)} frames to segment; copy its frames "
        "again"
    )


def _chosen(scene: Scene, numbers: list[int]) -> Iterator[tuple[int, Frame]]:
    for number in numbers:
        yield number, scene.frame(number)


def _numbers(scene: Scene) -> list[int]:
    """Return the numbers of the frames that need a mask: the region's, or all without one."""
    if scene.temporal_region is None:
        return list(scene.frames.numbers) or [number for number, _ in scene.frames]
    first, last = scene.temporal_region
    wanted = range(first, last + 1)
    present = [number for number in wanted if number in scene.frames]
    if len(present) < len(wanted):
        log.warning(
            "%s: %d of the %d frames of its temporal region are missing, and so are their masks",
            *(scene.name, len(wanted) - len(present), len(wanted)),
        )
    return present


def _claim(place: Path, method: str, origin: str) -> None:
    """Make one video's folder this method's, unless it is another's; drop masks it outgrew."""
    make_folder(place)
    mark = place / METHOD_MARK
    try:
        owner, _, known = (mark.read_text() if mark.exists() else "").partition("\n")
        is_taken = owner != method and any(place.glob("bin*"))
        if owner == method and known != origin:
            for path in place.glob("bin*.png"):
                path.unlink()
    except (OSError, ValueError) as error:
        raise OutputError(f"{mark}: cannot be read ({error}); choose another folder") from error
    if is_taken:
        raise OutputError(
            f"{place}: holds masks of {owner or 'some other origin'}, not of {method}; choose "
            "another folder or remove them"
        )
    if (owner, known) != (method, origin):
        write_bytes(mark, f"{method}\n{origin}".encode())


def write_upload(zip_path: Path, masks: Path) -> int:
    """Write the zip to upload: ``results/<category>/<video>/binNNNNNN.png``, in order.

    The masks' bytes are taken as they are; the server wants 0 and 255 only, as `write_masks` writes
    them. Equal masks give an equal zip. An older zip is replaced when the new one is complete.

    Args:
        zip_path: the zip to write.
        masks: a folder of masks as `PublishedResults` reads them.

    Returns:
        How many masks are in it.

    Raises:
        DatasetError: there are no masks, or they are not PNG.
        OutputError: the zip cannot be written.
    """
    part, count = zip_path.with_name(f".{zip_path.name}.part"), 0
    try:
        with (
            PublishedResults(masks) as found,
            zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive,
        ):
            for category, video in found.videos:
                if not category:
                    raise DatasetError(f"{masks}: {video} lies in no category; put it into one")
                for number, (_, read) in found.files(category, video).items():
                    name = f"{RESULTS}/{category}/{video}/{cdnet.MASK_NAME.format(number)}"
                    info = zipfile.ZipInfo(name, _FIRST_DAY)
                    info.create_system, info.external_attr = _UNIX, _PLAIN_FILE
                    archive.writestr(info, read())
                    count += 1
        part.replace(zip_path)
    except OSError as error:
        raise OutputError(
            f"{zip_path}: cannot be written ({error.strerror}); choose another place or make room"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return count
