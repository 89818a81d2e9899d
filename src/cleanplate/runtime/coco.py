"""Masks as one COCO JSON: each connected part an annotation with its run lengths."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cleanplate.files import explained, name_part, part_of
from cleanplate.images import Mask, Size
from cleanplate.runtime.moments import Moment

FRAME_NAME = "{:06d}.png"
CATEGORY = {"id": 1, "name": "foreground"}


@contextmanager
def coco_file(path: Path) -> Iterator[Callable[[Moment], None]]:
    """Yield what writes a moment; the file is whole JSON however the block ends.

    Only the numbers of the frames are held in memory.

    Args:
        path: ``.json`` file.

    Raises:
        OutputError: it cannot be written.
    """
    part = part_of(path)
    with explained(path):
        file = part.open("w", encoding="utf-8")
        file.write('{"annotations":[')
    numbers: list[int] = []
    size, count, done = (0, 0), 0, False

    def write(moment: Moment) -> None:
        nonlocal size, count
        size = moment.mask.shape[0], moment.mask.shape[1]
        numbers.append(moment.number)
        for found in annotated(moment.mask):
            lead = ",\n" if count else "\n"
            count += 1
            values = {"id": count, "image_id": moment.number, **found}
            with explained(path):
                file.write(lead + json.dumps(values, separators=(",", ":")))

    try:
        yield write
        done = True
    finally:
        try:
            with explained(path):
                file.write('\n],"images":[')
                for index, number in enumerate(numbers):
                    file.write(("," if index else "") + json.dumps(_image(number, size)))
                file.write(f'],"categories":{json.dumps([CATEGORY])}}}\n')
                file.close()
                if numbers or done:
                    name_part(part, path, done)
        finally:  # without its end it is no JSON
            with suppress(OSError):
                file.close()
            part.unlink(missing_ok=True)


def _image(number: int, size: Size) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": FRAME_NAME.format(number),
        "width": size[1],
        "height": size[0],
    }


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
