"""Masks as one COCO JSON: each connected part an annotation with its run lengths."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cleanplate.images import Mask, explained
from cleanplate.runtime.moments import Moment

FRAME_NAME = "{:06d}.png"
CATEGORY = {"id": 1, "name": "foreground"}


@contextmanager
def coco_file(path: Path) -> Iterator[Callable[[Moment], None]]:
    """Yield what writes a moment; the file takes its name when it is whole.

    Only the list of frames is held in memory.

    Args:
        path: ``.json`` file.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    images: list[dict[str, Any]] = []
    with explained(path):
        file = part.open("w", encoding="utf-8")
    count = 0

    def write(moment: Moment) -> None:
        nonlocal count
        height, width = moment.mask.shape
        name = FRAME_NAME.format(moment.number)
        images.append({"id": moment.number, "file_name": name, "width": width, "height": height})
        for found in annotated(moment.mask):
            lead = ",\n" if count else "\n"
            count += 1
            values = {"id": count, "image_id": moment.number, **found}
            file.write(lead + json.dumps(values, separators=(",", ":")))

    try:
        with explained(path):
            file.write('{"annotations":[')
            yield write
            rest = json.dumps({"images": images, "categories": [CATEGORY]})
            file.write(f"\n],{rest[1:]}\n")
            file.close()
            part.replace(path)
    finally:
        file.close()
        part.unlink(missing_ok=True)


def annotated(mask: Mask) -> Iterator[dict[str, Any]]:
    """Yield an annotation for each connected part (8 neighbours) of a mask ``(H, W)``."""
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    for part, box in enumerate(boxes[1:].tolist(), start=1):
        yield {
            "category_id": CATEGORY["id"],
            "bbox": box[:4],
            "area": box[4],
            "iscrowd": 0,
            "segmentation": run_lengths(np.asarray(parts == part)),
        }


def run_lengths(mask: Mask) -> dict[str, list[int]]:
    """Return COCO's uncompressed run-length encoding: lengths down the columns, 0 first."""
    flat = mask.T.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate([[0], changes, [flat.size]])
    counts = np.diff(bounds).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}
