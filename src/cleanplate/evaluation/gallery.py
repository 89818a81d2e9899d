"""Which pictures a report shows: each scene's fullest scored frame, its masks, its backgrounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cleanplate.evaluation.figures import GRID_COLUMNS, GRID_ROWS, GridRow, grid
from cleanplate.evaluation.pairs import Pair
from cleanplate.evaluation.tables import categories_of, methods_of
from cleanplate.images import BACKGROUND, FOREGROUND, IGNORED, Frame, Labels, read_picture
from cleanplate.scenes.scene import Scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPERS_SCENES = (
    ("nightVideos", "fluidHighway"),
    ("cameraJitter", "boulevard"),
    ("shadow", "peopleInShade"),
    ("thermal", "park"),
    ("badWeather", "skating"),
)
"""The sequences of the paper's Fig. 2, from top to bottom."""
GREY_OF_LABEL = {FOREGROUND: 255, BACKGROUND: 0, IGNORED: 128}


@dataclass(frozen=True)
class Gallery:
    """One grid picture and what is said of it.

    Attributes:
        title: what it is.
        alt: what it shows, for who cannot see it.
        columns: the titles of the columns.
        rows: the scenes.
    """

    title: str
    alt: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]

    def draw(self) -> Figure:
        """Draw it."""
        return grid(self.columns, self.rows)


def fig2(pairs: Sequence[Pair], scenes: Mapping[str, Scene]) -> list[Gallery]:
    """Lay out frame, truth (grey: not scored) and every method's mask.

    The paper's five sequences come first, in a picture of their own; all others follow. No picture
    has more than `GRID_ROWS` scenes or `GRID_COLUMNS` panels.
    """
    rows = {}
    for scene, own in _by_scene(pairs).items():
        shown = own[0].shown
        leading: tuple[Frame | None, ...] = (None, None)
        if scene in scenes:
            labels = scenes[scene].truth(shown).labels
            leading = scenes[scene].frame(shown), truth_picture(labels)
        files = {_method(pair): pair.mask for pair in own if pair.shown == shown}
        rows[scene] = leading, files
    return [
        gallery
        for what, chosen in _fig2_scenes(pairs)
        for gallery in _galleries(
            ("frame", "truth"), {scene: rows[scene] for scene in chosen}, pairs, what
        )
    ]


def background_galleries(pairs: Sequence[Pair], scenes: Mapping[str, Scene]) -> list[Gallery]:
    """Lay out frame, true background where one is known, and every method's background."""
    having = [pair for pair in pairs if pair.background is not None]
    plates: dict[str, Frame | None] = {}
    rows = {}
    for scene, own in _by_scene(having).items():
        known = scenes.get(scene)
        shown = own[0].shown
        plates[scene] = known.plate(shown) if known else None
        files = {
            _method(pair): pair.background
            for pair in own
            if pair.background and pair.shown == shown
        }
        rows[scene] = (known.frame(shown) if known else None, plates[scene]), files
    if any(plate is not None for plate in plates.values()):
        return list(
            _galleries(("frame", "true background"), rows, having, "Reconstructed backgrounds")
        )
    only = {scene: (leading[:1], files) for scene, (leading, files) in rows.items()}
    return list(_galleries(("frame",), only, having, "Reconstructed backgrounds"))


def truth_picture(labels: Labels) -> Frame:
    """Draw labels: white foreground, black background, grey where nothing is scored."""
    picture = np.zeros(labels.shape, np.uint8)
    for label, grey in GREY_OF_LABEL.items():
        picture[labels == label] = grey
    return np.repeat(picture[..., None], 3, 2)


def _by_scene(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    order = [scene for scenes in categories_of(pairs).values() for scene in scenes]
    return {s: [pair for pair in pairs if pair.result["scene"] == s] for s in order}


def _method(pair: Pair) -> str:
    return str(pair.result["method"])


def _fig2_scenes(pairs: Sequence[Pair]) -> list[tuple[str, list[str]]]:
    scenes = _by_scene(pairs)
    places = {(own[0].category, scene.split("/")[-1]): scene for scene, own in scenes.items()}
    papers = [places[place] for place in PAPERS_SCENES if place in places]
    others = [scene for scene in scenes if scene not in papers]
    parts = [("Fig. 2, the paper's sequences", papers), ("Fig. 2, other scenes", others)]
    return [(what, chosen) for what, chosen in parts if chosen]


_Row = tuple[tuple[Frame | None, ...], dict[str, Path]]


def _galleries(
    leading: tuple[str, ...], rows: Mapping[str, _Row], pairs: Sequence[Pair], what: str
) -> Iterator[Gallery]:
    """Cut rows and columns into pictures; each repeats the leading columns."""
    categories = {str(pair.result["scene"]): pair for pair in pairs}
    for methods in _parts(methods_of(pairs), GRID_COLUMNS - len(leading)):
        for chosen in _parts(list(rows), GRID_ROWS):
            found = []
            for scene in chosen:
                first, files = rows[scene]
                panels = [read_picture(files[m]) if m in files else None for m in methods]
                pair = categories[scene]
                words = [pair.category] if pair.category not in scene.split("/") else []
                subtitle = ", ".join([*words, f"frame {pair.shown}"])
                found.append(GridRow(scene, subtitle, (*first, *panels)))
            alt = f"{what}: a row for each of {', '.join(chosen)}; from left to right "
            columns = (*leading, *methods)
            yield Gallery(what, alt + ", ".join(columns), columns, tuple(found))


def _parts(names: Sequence[str], most: int) -> list[Sequence[str]]:
    """Cut into as few parts as `most` allows, of about equal length."""
    count = math.ceil(len(names) / most)
    ends = [round(index * len(names) / count) for index in range(count + 1)] if count else []
    return [names[a:b] for a, b in itertools.pairwise(ends)]
