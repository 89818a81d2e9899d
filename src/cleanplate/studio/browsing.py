"""What lies on this machine, for people to choose a video from."""

from __future__ import annotations

import os
from pathlib import Path

from cleanplate.errors import ConfigError
from cleanplate.images import PICTURE_SUFFIXES
from cleanplate.studio.clips import VIDEO_SUFFIXES

MOST_SHOWN = 2000
"""Folders, and videos."""


def browse(folder: str) -> dict[str, object]:
    """List a folder of this machine: its folders and videos, and how many pictures it holds.

    Raises:
        ConfigError: it cannot be opened.
    """
    try:
        place = Path(folder).expanduser() if folder else Path.home()
        entries = sorted(os.scandir(place), key=lambda entry: entry.name.lower())
    except (OSError, RuntimeError, ValueError) as error:  # an unknown user's home; no path at all
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{folder[:80]!r} cannot be opened ({reason}); choose another") from error
    folders, videos, pictures = [], [], 0
    for entry in entries:
        suffix = Path(entry.name).suffix.lower()
        try:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append({"name": entry.name, "path": str(place / entry.name)})
            elif suffix in VIDEO_SUFFIXES:
                path, size = str(place / entry.name), entry.stat().st_size
                videos.append({"name": entry.name, "path": path, "size": size})
            pictures += suffix in PICTURE_SUFFIXES
        except OSError:  # gone, or not to be looked at
            continue
    place = place.resolve()
    parent = None if place.parent == place else str(place.parent)
    found = {"folder": str(place), "parent": parent, "folders": folders[:MOST_SHOWN]}
    return {**found, "videos": videos[:MOST_SHOWN], "pictures": pictures}
