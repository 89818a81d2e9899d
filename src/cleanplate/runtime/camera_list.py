"""Which cameras are run, and what of each is written: ``cameras.toml``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cleanplate.errors import ConfigError
from cleanplate.runtime.outputs import Outputs
from cleanplate.runtime.push import Push
from cleanplate.runtime.region import Region, parse_region
from cleanplate.settings import Count, Positive, Settings, parse_settings, read_text


class Camera(Settings):
    """One ``[[camera]]`` of ``cameras.toml``.

    Attributes:
        name: in messages, on the page and in file names.
        model: model file.
        source: address or file; or
        source_env: the environment variable that holds it, so that no password stands in a file.
        roi, exclude: regions, see `parse_region`.
        min_area: parts of fewer pixels do not count.
        background_every: frames for which one reconstructed background serves.
        video, overlay, lines, components: files to write; masks, events, drift: folders.
        push: ``rtsp://`` or ``rtmp://`` address to stream to; or
        push_env: the environment variable that holds it.
        push_view: what is streamed: overlay, mask, plate or frame.
        overwrite: replace what is there.
    """

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    model: str
    source: str = ""
    source_env: str = ""
    roi: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_area: Count = 0
    background_every: Positive = 5
    masks: str = ""
    video: str = ""
    overlay: str = ""
    lines: str = ""
    components: str = ""
    events: str = ""
    drift: str = ""
    push: str = ""
    push_env: str = ""
    push_view: str = "overlay"
    overwrite: bool = False

    def address(self) -> str:
        """Return where the frames come from.

        Raises:
            ConfigError: neither is given, or the variable is not set.
        """
        if bool(self.source) == bool(self.source_env):
            raise ConfigError(f"camera {self.name}: give one of source and source_env")
        return self.source or self._from_environment(self.source_env)

    def pushed(self) -> Push | None:
        """Return what streams the results to a server, if one is named.

        Raises:
            ConfigError: two are named, the variable is not set, or it is no such address.
        """
        if not self.push and not self.push_env:
            if self.push_view != "overlay":
                raise ConfigError(f"camera {self.name}: push_view needs push or push_env")
            return None
        if self.push and self.push_env:
            raise ConfigError(f"camera {self.name}: give one of push and push_env")
        address = self.push or self._from_environment(self.push_env)
        return Push(address, self.name, self.push_view)

    def _from_environment(self, variable: str) -> str:
        found = os.environ.get(variable, "")
        if not found:
            raise ConfigError(f"camera {self.name}: the environment variable {variable} is not set")
        return found

    def outputs(self) -> Outputs:
        """Return what is written."""
        names = ("masks", "video", "overlay", "lines", "components", "events")
        given = {name: Path(getattr(self, name)) for name in names if getattr(self, name)}
        return Outputs(overwrite=self.overwrite, **given)  # type: ignore[arg-type] # paths all

    def checked_outputs(self) -> Outputs:
        """Return what is written, where nothing is in its way.

        Raises:
            ConfigError: the folder for masks holds some.
            OutputError: an output is there already.
        """
        found = self.outputs()
        found.check([])
        folder = found.masks
        if folder is not None and not self.overwrite and folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(
                f"camera {self.name}: {folder} holds files, and live frames are numbered anew; "
                "empty it or give overwrite"
            )
        return found

    def region(self) -> Region:
        """Return where foreground counts."""
        inside, outside = map(parse_region, self.roi), map(parse_region, self.exclude)
        return Region([*inside], [*outside], self.min_area)


class Cameras(Settings):
    """``cameras.toml``: one table for each camera."""

    camera: Annotated[tuple[Camera, ...], Field(min_length=1)]


def read_cameras(path: Path) -> tuple[Camera, ...]:
    """Read ``cameras.toml``.

    Raises:
        ConfigError: it cannot be read, a key is wrong, or two cameras have one name.
    """
    try:
        text = read_text(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error}); check the path") from error
    found = parse_settings(Cameras, text, str(path)).camera
    names = [camera.name for camera in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{path}: two cameras are called {twice[0]}; rename one")
    return found
