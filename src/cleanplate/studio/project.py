"""One project that is open: its folder, held by one studio at a time, and what lies in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from cleanplate.errors import CleanplateError, ConfigError, OutputError, VideoError
from cleanplate.files import make_folder, write_bytes
from cleanplate.scenes import cdnet
from cleanplate.scenes.frame_times import kept_times
from cleanplate.scenes.opening import open_scene
from cleanplate.scenes.project_file import (
    HIDDEN,
    INDEX,
    MODELS,
    PROJECT,
    ProjectFile,
    RegionSettings,
    inside,
    is_project_folder,
    leads_out,
    open_clip,
    project_frames,
    project_text,
    read_project_file,
)
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.video import FrameSource
from cleanplate.settings import check_settings
from cleanplate.studio.clips import Clip, described, found_clips, identity
from cleanplate.studio.holding import LOCK, check_own, hold


class Project:
    """A project's folder, opened by this studio alone until it is closed.

    Videos are read in the background (see `read_clips`); until then there are no frames.

    Args:
        folder: made if it is missing; empty, a project's, CDNet's layout, or holding videos.
        address: where the studio is, told to a second one.

    Raises:
        ProjectBusyError: another studio has it open.
        OutputError: the folder cannot be written.
        ConfigError: its ``project.toml`` is not valid, or a part of it leads elsewhere.
    """

    def __init__(self, folder: Path, address: str = "") -> None:
        self.folder = folder.resolve()
        self.guard = RLock()
        self._closed = False
        self.hidden = self.folder / HIDDEN
        check_own(self.folder)
        make_folder(self.hidden)
        self._lock = hold(self.hidden / LOCK, self.folder, address)
        try:
            self._file = self._read_or_begin()
        except BaseException:
            self._lock.close()
            raise
        self._frames: FrameSource | None = None
        self._clips: tuple[Clip, ...] = ()
        self.indexing: float | None = None
        self.trouble = ""
        """Why the frames cannot be opened, for people."""

    def _read_or_begin(self) -> ProjectFile:
        if is_project_folder(self.folder):
            return read_project_file(self.folder)
        found = () if cdnet.is_cdnet_folder(self.folder) else found_clips(self.folder)
        return ProjectFile(name=self.folder.name or "camera", videos=found)

    def close(self) -> None:
        """Let others open the folder; nothing is written into it from now on."""
        with self.guard:
            self._closed = True
            self._lock.close()

    @property
    def name(self) -> str:
        return self._file.name

    @property
    def identity(self) -> str:
        """Return what the addresses of pictures carry: another project has other pictures."""
        return identity(self.folder, self._file)

    @property
    def models_folder(self) -> Path:
        return self.folder / MODELS

    def models(self) -> list[Path]:
        """Return the files of its models; a link that leads out of the folder is none."""
        found = self.models_folder.glob("*.safetensors")
        return [path for path in found if path.is_file() and not leads_out(self.folder, path)]

    @property
    def clips(self) -> tuple[Clip, ...]:
        return self._clips

    @property
    def is_cdnet(self) -> bool:
        """Whether its frames are those of CDNet's folder ``input``."""
        return not self._file.videos and cdnet.is_cdnet_folder(self.folder)

    @property
    def frames(self) -> FrameSource:
        """The frames, as they are now.

        Raises:
            VideoError: there are none yet, or they cannot be opened.
        """
        if self._frames is None:
            raise VideoError(self.trouble or f"{self.name}: no video yet; bring one in first")
        return self._frames

    @property
    def frames_if_any(self) -> FrameSource | None:
        """The frames, or None before there is a video that can be read."""
        return self._frames

    def numbers(self) -> Sequence[int]:
        """Return the frames' numbers; none before there is a video."""
        return [] if self._frames is None else self._frames.numbers

    def scene(self) -> Scene:
        """Open the project anew as the command line does, with a reader of its own.

        Raises:
            CleanplateError: see `open_scene`.
        """
        self.save()
        return open_scene(self.folder)

    @property
    def text(self) -> str:
        """What ``project.toml`` says, or would say."""
        return project_text(self._file)

    def source(self, remembered: int = 0) -> FrameSource:
        """Open the frames anew, with a reader of their own."""
        return project_frames(self.folder, self._file, remembered)

    def read_clips(self, told: Callable[[], None] = lambda: None) -> None:
        """Open all videos, reading the timestamps of those that are new; may take a while."""
        try:
            while not self._has_read(told):
                pass
        finally:
            self.indexing = None
            told()

    def _has_read(self, told: Callable[[], None]) -> bool:
        """Open all videos; says no if others came in meanwhile, which are to be read too."""
        with self.guard:
            project = self._file
        frames: FrameSource | None = None
        clips, trouble = tuple[Clip, ...](), ""
        try:
            self.indexing = 0.0
            for index, video in enumerate(project.videos):
                path = inside(self.folder, video)
                if path.is_file():
                    self._read_times(path, index, len(project.videos), told)
            if project.videos or (self.folder / cdnet.INPUT).is_dir():
                frames = project_frames(self.folder, project)
            clips = described(self.folder, project, frames)
        except CleanplateError as error:
            frames, trouble = None, str(error)
        with self.guard:
            if self._file.videos != project.videos:
                return False
            self._frames, self._clips, self.trouble = frames, clips, trouble
        return True

    def _read_times(self, path: Path, index: int, of: int, told: Callable[[], None]) -> None:
        def share(done: float) -> None:
            self.indexing = (index + done) / of
            told()

        kept_times(path, self.hidden / INDEX, share)

    def check_growing(self) -> None:
        """Refuse a project that takes no more videos.

        Raises:
            ConfigError: it is in CDNet's layout, which has its own frames.
        """
        if self.is_cdnet:
            raise ConfigError(
                f"{self.name}: is a scene in CDNet's layout, whose frames are numbered already; "
                "make a new project for another video"
            )

    def add_clip(self, video: str, told: Callable[[], None] = lambda: None) -> Clip:
        """Take a video that lies in the folder into the project, behind all others.

        Raises:
            VideoError: it cannot be read, has no frames, or another size than the others.
        """
        path = inside(self.folder, video)
        if path.is_file():
            self._read_times(path, 0, 1, told)
        self.indexing = None
        source = open_clip(self.folder, video)
        if not source.numbers:
            raise VideoError(f"{path.name}: holds no frames; bring another video")
        source.read(source.numbers[0])
        with self.guard:
            self.reload()
            changed = self._file.model_copy(update={"videos": (*self._file.videos, video)})
            frames = project_frames(self.folder, changed)
            self._write(changed)
            self._frames, self.trouble = frames, ""
            self._clips = described(self.folder, changed, frames)
            return self._clips[-1]

    @property
    def region(self) -> RegionSettings:
        return self._file.region

    @property
    def region_revision(self) -> str:
        return hashlib.sha256(self.region.model_dump_json().encode()).hexdigest()[:16]

    def set_region(self, values: dict[str, Any], revision: str) -> bool:
        """Replace the region unless it was changed elsewhere; says whether it was replaced.

        Raises:
            ConfigError: the values are no region.
        """
        region = check_settings(RegionSettings, _as_floats(values), "region")
        with self.guard:
            self.reload()
            if revision != self.region_revision:
                return False
            self._write(self._file.model_copy(update={"region": region}))
        return True

    def reload(self) -> bool:
        """Take up what somebody else has written into ``project.toml``; says whether it differs."""
        with self.guard:
            if not is_project_folder(self.folder):
                return False
            found = read_project_file(self.folder)
            changed, self._file = found != self._file, found
            return changed

    def save(self) -> None:
        """Write ``project.toml`` where there is none yet.

        Raises:
            OutputError: the project is closed.
        """
        with self.guard:
            self._check_open()
            if not is_project_folder(self.folder) and not self.is_cdnet:
                self._write(self._file)

    def _check_open(self) -> None:
        if self._closed:
            raise OutputError(f"{self.name}: is closed, as the studio is ending; start it again")

    def _write(self, changed: ProjectFile) -> None:
        self._check_open()
        write_bytes(self.folder / PROJECT, project_text(changed).encode())
        self._file = changed


def _as_floats(values: dict[str, Any]) -> dict[str, Any]:
    """Make numbers of JSON floating, as strict settings want them."""

    def turned(value: Any) -> Any:
        if isinstance(value, list):
            return [turned(one) for one in value]
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return {key: turned(value) for key, value in values.items()}
