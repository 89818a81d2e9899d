"""A project of the studio on disk: a plain folder of one camera's videos, labels and models.

    project.toml             its name, its videos in the order they came in, its region
    videos/                  video files, or folders of pictures
    groundtruth/gtNNNNNN.png labels in CDNet's codes, numbered on through all videos from 1
    models/                  trained models
    .studio/                 what can be made anew: indexes, uploads, a training's state

A folder in CDNet's layout is a project as it is; its frames keep their own numbers.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field

from cleanplate.errors import ConfigError
from cleanplate.images import Mask, Size
from cleanplate.scenes import cdnet
from cleanplate.scenes.chain import ChainedSource
from cleanplate.scenes.frame_times import kept_times
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.polygons import region_mask
from cleanplate.scenes.video import FolderSource, FrameSource
from cleanplate.scenes.video_file import VideoSource
from cleanplate.settings import Settings, parse_settings

PROJECT, HIDDEN, INDEX, MODELS, CLIPS = "project.toml", ".studio", "index", "models", "videos"
LABEL_NAME = "gt{:06d}.png"
MOST_CORNERS = 1000

Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Corner = tuple[Coordinate, Coordinate]
Corners = Annotated[tuple[Corner, ...], Field(min_length=3, max_length=MOST_CORNERS)]


class RegionSettings(Settings):
    """Where pixels count, as polygons ``(x, y)`` in pixels.

    Attributes:
        include: inside one of these; everywhere if there are none.
        exclude: taken away again.
    """

    include: Annotated[tuple[Corners, ...], Field(max_length=100)] = ()
    exclude: Annotated[tuple[Corners, ...], Field(max_length=100)] = ()

    @property
    def is_everywhere(self) -> bool:
        return not self.include and not self.exclude

    def mask(self, size: Size) -> Mask:
        """Return where pixels count, ``(H, W)``."""
        return region_mask(self.include, self.exclude, size)


class ProjectFile(Settings):
    """What ``project.toml`` says.

    Attributes:
        name: of the camera.
        videos: paths inside the folder, in the order in which they were brought in; none in a
            folder of CDNet's layout, whose frames are those of ``input``.
        region: where pixels count.
    """

    name: str
    videos: tuple[str, ...] = ()
    region: RegionSettings = RegionSettings()


def is_project_folder(folder: Path) -> bool:
    """Say whether a folder holds a project's file."""
    return (folder / PROJECT).is_file()


def read_project_file(folder: Path) -> ProjectFile:
    """Read ``project.toml``.

    Raises:
        ConfigError: it cannot be read, is not valid, or names a video outside the folder.
    """
    path = inside(folder, PROJECT)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); check the file") from error
    found = parse_settings(ProjectFile, text, str(path))
    for video in found.videos:
        inside(folder, video)
    return found


def project_text(project: ProjectFile) -> str:
    """Return the text of ``project.toml``."""
    # a JSON string or list of numbers is one of TOML's as well
    videos = "".join(f"    {json.dumps(video)},\n" for video in project.videos)
    text = f"name = {json.dumps(project.name)}\nvideos = [\n{videos}]\n"
    if not project.region.is_everywhere:
        text += "\n[region]\n"
        for kind in ("include", "exclude"):
            polygons = [[list(corner) for corner in one] for one in getattr(project.region, kind)]
            text += f"{kind} = {json.dumps(polygons)}\n"
    return text


def inside(folder: Path, name: str) -> Path:
    """Return a path inside a folder.

    Raises:
        ConfigError: it leads elsewhere.
    """
    parts = PurePosixPath(name).parts
    place = folder / name
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or "\0" in name:
        raise ConfigError(f"{name!r} is no path inside {folder}; move the file into it")
    if not place.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{place}: leads out of {folder}; move the file into it")
    return place


def leads_out(folder: Path, path: Path) -> bool:
    """Say whether a file of a folder is a link to one outside it."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def check_links(folder: Path, place: Path) -> None:
    """Refuse a folder of a project whose files are links to others outside the project.

    Raises:
        ConfigError: says which.
    """
    for path in (place, *(place.iterdir() if place.is_dir() else ())):
        if leads_out(folder, path):
            raise ConfigError(f"{path}: leads out of {folder}; copy the file into it")


def project_frames(folder: Path, project: ProjectFile, remembered: int = 0) -> FrameSource:
    """Open a project's frames; what is read of its videos is kept in its hidden folder.

    Args:
        folder: the project's.
        project: what its file says.
        remembered: see `VideoSource`.

    Raises:
        VideoError: there is no video, one cannot be opened, or they differ in size.
    """
    if not project.videos and (folder / cdnet.INPUT).is_dir():
        check_links(folder, folder / cdnet.INPUT)
        return FolderSource(folder / cdnet.INPUT, folder.resolve().name)
    sources = [open_clip(folder, video, remembered) for video in project.videos]
    return ChainedSource(sources, project.name)


def open_clip(folder: Path, video: str, remembered: int = 0) -> FrameSource:
    """Open one video of a project with exactly as many frames as it has.

    Raises:
        VideoError: it cannot be opened.
    """
    path = inside(folder, video)
    if path.is_dir():
        check_links(folder, path)
        return FolderSource(path)
    return VideoSource(path, kept_times(path, folder / HIDDEN / INDEX), remembered)


def label_files(folder: Path, may_lead_out: bool = False) -> dict[int, Path]:
    """Find a project's labels by frame number; there may be none yet.

    Args:
        folder: the project's, or a scene's in CDNet's layout.
        may_lead_out: take links to files elsewhere, as a scene that is only read may have them.

    Raises:
        DatasetError: the folder cannot be read, or two files carry the same number.
        ConfigError: one is a link to a file outside the project.
    """
    labels = folder / cdnet.GROUNDTRUTH
    if not labels.is_dir() or not any(not path.name.startswith(".") for path in labels.iterdir()):
        return {}
    if not may_lead_out:
        check_links(folder, labels)
    return numbered_pictures(labels, "label pictures such as gt000001.png")
