"""Labels of other programs mean here what they meant there; strangers' files do no harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cleanplate.images import read_grey
from cleanplate.runtime.coco import annotated, run_lengths
from cleanplate.studio.label_formats import code_of, number_of, segmentation_mask, unpacked
from tests.studio.serving import SIZE, Client, png, square, zipped

LABEL_MAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:250,50,83::\nshadow:9,8,7::\n"


def coloured(codes: np.ndarray[Any, Any], colour: tuple[int, int, int]) -> bytes:
    picture = np.zeros((*codes.shape, 3), np.uint8)
    picture[codes == 255] = colour[::-1]
    return cv2.imencode(".png", picture)[1].tobytes()


def send(client: Client, name: str, data: bytes) -> dict[str, Any]:
    answer = client.ask("POST", f"/api/imports?name={name}", data)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def label(folder: Path, number: int) -> Any:
    return read_grey(folder / "groundtruth" / f"gt{number:06d}.png")


def test_cvats_masks_count_a_videos_frames_from_0(client: Client, folder: Path) -> None:
    mask = coloured(square(4), (250, 50, 83))
    data = zipped(
        {
            "labelmap.txt": LABEL_MAP.encode(),
            "ImageSets/Segmentation/default.txt": b"frame_000006\n",
            "SegmentationClass/frame_000006.png": mask,
            "SegmentationObject/frame_000006.png": coloured(square(4), (1, 2, 3)),
        }
    )
    assert send(client, "job.zip", data) == {"imported": [7], "skipped": []}
    assert (label(folder, 7) == square(4)).all()


def test_a_colour_that_cvats_map_does_not_name_is_refused(client: Client) -> None:
    mask = coloured(square(4), (1, 2, 3))
    files = {"labelmap.txt": LABEL_MAP.encode(), "SegmentationClass/a3.png": mask}
    found = send(client, "job.zip", zipped(files))
    assert found["imported"] == []
    assert "labelmap.txt does not name" in found["skipped"][0]["why"]


def test_a_map_whose_colour_is_endless_is_refused_with_the_files_name(client: Client) -> None:
    endless = LABEL_MAP.replace("9,8,7", f"{'9' * 5000},8,7").encode()
    answer = client.ask("POST", "/api/imports?name=job.zip", zipped({"labelmap.txt": endless}))
    assert answer.status == 400
    assert answer.error.startswith("job.zip: labelmap.txt: ")


def coco(segmentation: object, name: str = "in000005.png") -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": name, "width": SIZE[1], "height": SIZE[0]}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "segmentation": segmentation}],
    }


POLYGON = [[4, 16, 19, 16, 19, 31, 4, 31]]
COUNTS = run_lengths(square(4) > 0)


@pytest.mark.parametrize("segmentation", [POLYGON, COUNTS])
def test_cocos_polygons_and_run_lengths_are_the_same_mask(
    client: Client, folder: Path, segmentation: object
) -> None:
    found = send(client, "coco.json", json.dumps(coco(segmentation)).encode())
    assert found == {"imported": [5], "skipped": []}
    assert (label(folder, 5) == square(4)).all()


def test_packed_run_lengths_are_unpacked_as_coco_packs_them() -> None:
    # from pycocotools 2.0.11: encode of a 10 x 12 mask with rows 2 to 4 of columns 3 to 6 set
    assert unpacked("P13700000`1") == [32, 3, 7, 3, 7, 3, 7, 3, 55]


@pytest.mark.parametrize("text", ["P", "\x00", "~~", "P" * 50, "é"])
def test_damaged_packed_run_lengths_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        segmentation_mask({"size": [4, 4], "counts": text}, (4, 4))


@pytest.mark.parametrize("counts", [[1, 2], [17], [-1, 17], [2**62, 2**62], [[1]], [16, 10**30]])
def test_run_lengths_that_do_not_fill_the_picture_are_refused(counts: list[int]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        segmentation_mask({"size": [4, 4], "counts": counts}, (4, 4))


def test_what_we_write_as_coco_we_read_back() -> None:
    rng = np.random.default_rng(0)
    mask = cv2.medianBlur((rng.random(SIZE) > 0.5).astype(np.uint8), 5) > 0
    parts = [segmentation_mask(one["segmentation"], SIZE) for one in annotated(mask)]
    assert len(parts) > 1
    assert (np.logical_or.reduce(parts) == mask).all()
    assert sum(int(part.sum()) for part in parts) == int(mask.sum())


def labelme(label_name: str = "car", **changes: Any) -> dict[str, Any]:
    points = [[4, 16], [19, 16], [19, 31], [4, 31]]
    shape = {"label": label_name, "points": points, "shape_type": "polygon", **changes}
    size = {"imageWidth": SIZE[1], "imageHeight": SIZE[0]}
    return {"imagePath": "clip_000009.jpg", **size, "shapes": [shape]}


@pytest.mark.parametrize(
    ("name", "code"), [("car", 255), ("Shadow", 50), ("unknown", 170), ("background", 0)]
)
def test_labelmes_shapes_are_painted_by_what_they_are_called(
    client: Client, folder: Path, name: str, code: int
) -> None:
    found = send(client, "x.json", json.dumps(labelme(name)).encode())
    assert found == {"imported": [9], "skipped": []}
    assert (label(folder, 9) == square(4, value=code)).all()
    assert code_of(name) == code


def test_a_rectangle_is_one_too(client: Client, folder: Path) -> None:
    values = labelme(points=[[4, 16], [19, 31]], shape_type="rectangle")
    send(client, "x.json", json.dumps(values).encode())
    assert (label(folder, 9) == square(4)).all()


def test_a_zip_of_masks_is_taken_and_what_is_there_is_kept(client: Client, folder: Path) -> None:
    client.put_label(2, square(40))
    files = {
        "masks/bin000001.png": png(square(4)),
        "masks/bin000002.png": png(square(4)),
        "masks/bin000003.png": png(square(4, value=1)),
        "masks/bin000099.png": png(square(4)),
        "masks/bin000004.png": png(square(4, value=9)),
        "masks/bin000005.png": png(square(4, (48, 60))),
        "masks/none.png": png(square(4)),
        "masks/bin000006.png": b"no picture",
        "readme.txt": b"hello",
    }
    found = send(client, "masks.zip", zipped(files))
    assert found["imported"] == [1, 3]
    assert len(found["skipped"]) == 6
    assert (label(folder, 2) == square(40)).all()
    assert (label(folder, 3) == square(4)).all()
    whys = " ".join(one["why"] for one in found["skipped"])
    for said in ("kept", "no frame 99", "values 9", "is 60x48", "no frame's number", "no PNG"):
        assert said in whys


def bomb() -> bytes:
    return zipped({"masks/bin000001.png": bytes(300 << 20)})


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.zip", lambda: b"PK\3\4 not a zip", "a.zip: not a complete zip"),
        ("a.zip", bomb, "a.zip: unpacks to too much"),
        ("a.zip", lambda: zipped({"../../evil.png": png(square(4))}), "no plain path"),
        ("a.zip", lambda: zipped({"/etc/evil1.png": png(square(4))}), "no plain path"),
        ("a.zip", lambda: zipped({"readme.txt": b""}), "holds no labels"),
        ("a.json", lambda: b"{", "not valid JSON"),
        ("a.json", lambda: b"[" * 100_000, "not valid JSON"),
        ("a.json", lambda: b"[]", "neither COCO nor labelme"),
        ("a.json", lambda: b'{"images": [], "annotations": [{"image_id": 4}]}', "strange"),
        ("a.exe", lambda: b"MZ", "cannot be imported"),
    ],
)
def test_what_is_no_import_is_refused_in_words(
    client: Client, folder: Path, name: str, data: Callable[[], bytes], said: str
) -> None:
    answer = client.ask("POST", f"/api/imports?name={name}", data())
    assert answer.status == 400
    assert said in answer.error
    assert not (folder / "groundtruth").exists()
    assert not list((folder / ".studio").glob("*.import"))


@pytest.mark.parametrize(
    "changes",
    [
        {"points": [[0, 0], [1e30, 5], [3, 3]]},
        {"points": [[0, 0], [float("nan"), 5], [3, 3]]},
        {"points": "x"},
        {"points": [[1, 2]]},
        {"shape_type": "mask"},
        {"points": []},
    ],
)
def test_a_strange_shape_is_left_out_with_its_reason(
    client: Client, changes: dict[str, Any]
) -> None:
    found = send(client, "x.json", json.dumps(labelme(**changes)).encode())
    assert found["imported"] == []
    assert "cannot be drawn" in found["skipped"][0]["why"]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("in000370.jpg", 370),
        ("a/b/frame_000000.PNG", 1),
        ("frame_12.png", 12),
        ("cam2_0007_mask.png", 7),
        ("c:\\x\\5.png", 5),
        ("none.png", None),
        ("9" * 30 + ".png", None),
    ],
)
def test_a_pictures_name_tells_its_frame(name: str, number: int | None) -> None:
    assert number_of(name, 1) == number


def test_a_vast_json_is_refused_before_it_is_read(client: Client) -> None:
    answer = client.ask("POST", "/api/imports?name=vast.json", bytes((32 << 20) + 1))
    assert answer.status == 400
    assert "import it in parts" in answer.error


@pytest.mark.parametrize("counts", [[0] * 17 + [16], "0" * 17 + "`0", "0" * 50])
def test_more_run_lengths_than_pixels_are_refused(counts: object) -> None:
    with pytest.raises(ValueError, match="more run lengths than pixels"):
        segmentation_mask({"size": [4, 4], "counts": counts}, (4, 4))


def test_many_imports_at_once_all_come_in(client: Client) -> None:
    def one(number: int) -> Any:
        return send(client, f"in{number:06d}.png", png(square(4)))["imported"]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(1, 7))) == [[number] for number in range(1, 7)]


def test_a_point_out_of_all_bounds_is_left_out_with_the_reason(client: Client) -> None:
    shapes = [{"label": "car", "shape_type": "polygon", "points": [[10**400, 1], [2, 3], [4, 5]]}]
    values = {"imageHeight": SIZE[0], "imageWidth": SIZE[1], "imagePath": "in5.png"}
    found = send(client, "in5.json", json.dumps({**values, "shapes": shapes}).encode())
    assert found["imported"] == []
    assert "cannot be drawn" in found["skipped"][0]["why"]
