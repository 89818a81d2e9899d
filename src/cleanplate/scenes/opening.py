"""Opening what a person points at: a CDNet folder, or frames plus a folder of masks."""

from __future__ import annotations

from pathlib import Path

from cleanplate.errors import DatasetError
from cleanplate.scenes import cdnet
from cleanplate.scenes.numbering import numbered_pictures
from cleanplate.scenes.scene import Scene
from cleanplate.scenes.video import FolderSource, open_source

__all__ = ["open_scene", "open_source"]


def open_scene(path: str | Path, labels: str | Path | None = None) -> Scene:
    """Open a scene; frames and labels are read later, when asked for.

    Args:
        path: a folder in CDNet's layout, or with ``labels`` a video file or a folder of pictures.
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
        name = place.resolve().parent.name if frames.name == cdnet.INPUT else frames.name
        return Scene(name, "", frames, files, cdnet.read_labels)
    if not place.exists():
        raise DatasetError(f"{place}: no such scene; check the path")
    if not cdnet.is_cdnet_folder(place):
        raise DatasetError(
            f"{place}: not a scene in CDNet layout; it needs the folders input and groundtruth, "
            "or give the masks with --labels"
        )
    roi, region = place / cdnet.ROI, place / cdnet.TEMPORAL_ROI
    resolved = place.resolve()
    return Scene(
        name=resolved.name,
        category=resolved.parent.name if resolved.parent.name in cdnet.CATEGORIES else "",
        frames=FolderSource(place / cdnet.INPUT, resolved.name),
        label_files=_label_files(place / cdnet.GROUNDTRUTH),
        decode=cdnet.read_labels,
        roi=cdnet.read_roi(roi) if roi.exists() else None,
        temporal_region=cdnet.read_temporal_region(region) if region.exists() else None,
    )


def _label_files(folder: Path) -> dict[int, Path]:
    """Find the label pictures; a folder without any is a scene that nobody labelled yet."""
    if not any(not path.name.startswith(".") for path in folder.iterdir()):
        return {}
    return numbered_pictures(folder, "label pictures such as gt000001.png")
