"""Opening what a person points at: a CDNet folder, or frames plus a folder of masks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cleanplate.errors import CleanplateError, DatasetError, VideoError
from cleanplate.scenes import cdnet
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.project_file import (
    ProjectFile,
    is_project_folder,
    label_files,
    project_frames,
    read_project_file,
)
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.video import FolderSource, FrameSource
from cleanplate.scenes.video_file import VideoSource

log = logging.getLogger(__name__)

PLATE_PREFIX = "bg"
SINGLE_PLATES = ("GT_*.png", "GT_*.jpg", "background.png")
"""One true background of a whole scene: SBI's names, then ours."""


def open_source(path: str | Path) -> FrameSource:
    """Open a folder of pictures, a video file, or all videos of a project.

    Raises:
        VideoError: nothing is there, or it is neither.
    """
    place = Path(path)
    if is_project_folder(place):
        return project_frames(place, read_project_file(place))
    if place.is_dir():
        try:
            return FolderSource(place)
        except DatasetError as error:
            raise VideoError(str(error)) from error
    return VideoSource(place)


def open_unlabelled(path: str | Path) -> Scene:
    """Open a video file or a folder of pictures as a scene that nobody labelled.

    Raises:
        VideoError: nothing is there, or it is neither.
    """
    frames = open_source(path)
    return Scene(_name_of(frames, Path(path)), "", frames, {}, cdnet.read_labels)


def open_scene(path: str | Path, labels: str | Path | None = None) -> Scene:
    """Open a scene; frames and labels are read later, when asked for.

    Args:
        path: a folder in CDNet's layout or a project's (see `scenes/project_file.py`), or with
            ``labels`` a video file or a folder of pictures.
        labels: a folder of mask PNGs; the last run of digits in a name is the frame's number, the
            values are 0 and 255 or CDNet's codes.

    Raises:
        DatasetError: the folder is no scene.
        VideoError: the frames cannot be opened.
    """
    place = Path(path)
    if labels is not None:
        frames = open_source(place)
        files = numbered_pictures(Path(labels), "masks such as 000001.png")
        return Scene(_name_of(frames, place), "", frames, files, cdnet.read_labels)
    if not place.exists():
        raise DatasetError(f"{place}: no such scene; check the path")
    if is_project_folder(place):
        return open_project(place, read_project_file(place), label_files(place))
    if not cdnet.is_cdnet_folder(place):
        raise DatasetError(
            f"{place}: not a scene in CDNet layout; it needs the folders input and groundtruth, "
            "or give the masks with --labels"
        )
    return _open_cdnet(place)


def is_scene_folder(folder: Path) -> bool:
    """Say whether `open_scene` needs no labels from elsewhere: CDNet's layout, or a project."""
    return is_project_folder(folder) or cdnet.is_cdnet_folder(folder)


def open_project(place: Path, project: ProjectFile, labels: Mapping[int, Path]) -> Scene:
    """Open a project's folder as its file and its labels were at some time.

    Raises:
        VideoError: the frames cannot be opened.
        DatasetError: the folder is no scene.
    """
    if not project.videos and cdnet.is_cdnet_folder(place):
        scene = replace(_open_cdnet(place), label_files=labels)
    else:
        frames = project_frames(place, project)
        scene = Scene(project.name, "", frames, labels, cdnet.read_labels)
    if project.region.is_everywhere:
        return scene
    roi = project.region.mask(scene.size)
    if scene.roi is not None:
        height, width = np.minimum(scene.roi.shape, roi.shape)
        roi[:height, :width] &= scene.roi[:height, :width]
    return replace(scene, roi=roi)


def _open_cdnet(place: Path) -> Scene:
    roi, region = place / cdnet.ROI, place / cdnet.TEMPORAL_ROI
    resolved = place.resolve()
    frames = FolderSource(place / cdnet.INPUT, resolved.name)
    return Scene(
        name=resolved.name,
        category=resolved.parent.name if resolved.parent.name in cdnet.CATEGORIES else "",
        collection=resolved.parent.name,
        frames=frames,
        label_files=label_files(place, may_lead_out=True),
        decode=cdnet.read_labels,
        roi=cdnet.read_roi(roi) if roi.exists() else None,
        temporal_region=cdnet.read_temporal_region(region) if region.exists() else None,
        plates=_plates(place, frames.numbers),
    )


def _name_of(frames: FrameSource, place: Path) -> str:
    return place.resolve().parent.name if frames.name == cdnet.INPUT else frames.name


def name_scenes(folders: Sequence[Path]) -> tuple[dict[str, Scene], dict[str, str]]:
    """Open scenes and give each its own name: with its parent folder where two are called alike.

    Returns:
        The scenes by name; and for each that is there but cannot be opened, why, by its name.

    Raises:
        DatasetError: there is no such folder; two scenes are called alike, and so are their parent
            folders; or none can be opened.
    """
    places = list(dict.fromkeys(folder.resolve() for folder in folders))
    names = [place.name for place in places]
    scenes: dict[str, Scene] = {}
    broken: dict[str, str] = {}
    for place in places:
        if not place.exists():
            raise DatasetError(f"{place}: no such scene; check the path")
        is_alone = names.count(place.name) == 1
        key = place.name if is_alone else f"{place.parent.name}/{place.name}"
        if key in scenes or key in broken:
            raise DatasetError(f"{place}: two scenes are called {key}; rename one's folder")
        try:
            scenes[key] = open_scene(place)
        except CleanplateError as error:
            broken[key] = str(error)
    if not scenes:
        raise DatasetError(next(iter(broken.values()), "no scene is given; name some folders"))
    return scenes, broken


def _plates(place: Path, numbers: Sequence[int]) -> dict[int, Path]:
    """Find the true backgrounds: a drawn scene's of each frame, or one that is every frame's."""
    drawn = place / cdnet.PLATES
    if any(drawn.glob(f"{PLATE_PREFIX}*")):
        return numbered_pictures(drawn, "backgrounds such as bg000001.png", PLATE_PREFIX)
    found = [path for pattern in SINGLE_PLATES for path in sorted(place.glob(pattern))]
    if len(found) > 1:
        log.warning(
            "%s: %s could each be its true background; none is used, leave one there",
            place.name,
            " and ".join(path.name for path in found),
        )
    return dict.fromkeys(numbers, found[0]) if len(found) == 1 else {}
