"""Damaged labels of other programs are taken over or refused by the studio, like any other file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.runtime.coco import run_lengths
from cleanplate.studio.imports import Imports
from cleanplate.studio.labels import Labels
from cleanplate.studio.project import Project
from tests.fuzz.damage import ANYTHING, CASES, STEPS, Step, damaged, many, places, put, watched
from tests.studio.serving import SIZE, write_clip, zipped

pytestmark = pytest.mark.fuzz

LABEL_MAP = b"# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:250,50,83::\nsky:1,2,3::\n"


def _mask() -> np.ndarray[Any, Any]:
    codes = np.zeros(SIZE, np.uint8)
    codes[5:30, 5:30] = 255
    return codes


def _png(picture: np.ndarray[Any, Any]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _coco() -> dict[str, Any]:
    drawn = [
        [[5, 5, 30, 5, 30, 30, 5, 30]],
        run_lengths(_mask() > 0),
        {"size": list(SIZE), "counts": "P13700000`1"},
    ]
    return {
        "images": [
            {"id": n, "file_name": f"in{n:06d}.png", "width": SIZE[1], "height": SIZE[0]}
            for n in range(1, len(drawn) + 1)
        ],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 3, "segmentation": one}
            for n, one in enumerate(drawn, start=1)
        ],
    }


def _labelme() -> dict[str, Any]:
    points = [[5, 5], [30, 5], [30, 30]]
    return {
        "imagePath": "in000002.png",
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
        "shapes": [
            {"label": "car", "shape_type": "polygon", "points": points},
            {"label": "shadow", "shape_type": "rectangle", "points": points[:2]},
            {"label": "unknown", "shape_type": "circle", "points": points[:2]},
        ],
    }


def _cvat() -> bytes:
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[5:30, 5:30] = (83, 50, 250)
    masks = {f"SegmentationClass/frame_{n:06d}.png": _png(picture) for n in range(3)}
    return zipped({"labelmap.txt": LABEL_MAP, **masks})


DOCUMENTS = {"coco": _coco, "labelme": _labelme}
FILES: dict[str, Callable[[], bytes]] = {
    "coco.json": lambda: json.dumps(_coco()).encode(),
    "labelme.json": lambda: json.dumps(_labelme()).encode(),
    "cvat.zip": _cvat,
    "masks.zip": lambda: zipped({f"bin{n:06d}.png": _png(_mask()) for n in range(1, 4)}),
    "documents.zip": lambda: zipped({"a.json": json.dumps(_labelme()).encode()}),
    "in000003.png": lambda: _png(_mask()),
}
EACH = CASES * 300 / 20_000
"""Cases for each of these files and documents, besides those of the readers."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of one short video."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "videos").mkdir()
    write_clip(folder / "videos" / "gate.mp4")
    found = Project(folder)
    found.read_clips()
    yield found
    found.close()


def _take(project: Project, name: str, data: bytes, path: Path) -> dict[str, Any] | None:
    """Take a file into the project, which has no label before; None where it is refused."""
    for label in (project.folder / "groundtruth").glob("*.png"):
        label.unlink()
    path.write_bytes(data)
    found = None
    with watched():
        found = Imports(project, Labels(project)).take(name, path)
    if found is not None:
        for one in found["skipped"]:
            assert one["why"].strip()
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_labels_is_taken_or_refused(
    name: str, project: Project, tmp_path: Path
) -> None:
    whole = FILES[name]()
    found = _take(project, name, whole, tmp_path / "whole")
    assert found is not None
    assert found["imported"]

    @many(EACH)
    @given(STEPS)
    def check(steps: list[Step]) -> None:
        _take(project, name, damaged(whole, steps), tmp_path / "damaged")

    check()


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_that_says_anything_is_taken_or_refused(
    kind: str, project: Project, tmp_path: Path
) -> None:
    document = DOCUMENTS[kind]()
    everywhere = [*places(document)]

    @many(EACH)
    @given(st.lists(st.tuples(st.sampled_from(everywhere), ANYTHING), min_size=1, max_size=3))
    def check(changes: list[tuple[tuple[str | int, ...], object]]) -> None:
        values = json.loads(json.dumps(document))
        for place, value in changes:
            put(values, place, value)
        _take(project, f"{kind}.json", json.dumps(values).encode(), tmp_path / "said")

    check()
