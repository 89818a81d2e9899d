"""Looking at what models see, and at what they should be taught next."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from cleanplate.images import encode_png
from cleanplate.studio.requests import Here, png

router = APIRouter(prefix="/api")


@router.get("/proposals/{number}.png")
def proposal(desk: Here, number: int, source: str = "auto", band: int = 0) -> Response:
    """Propose a label for a frame."""
    found = desk.proposals.propose(number, source, band)
    return png(encode_png(found.codes), {"X-Source": found.source})


@router.get("/looks/{number}/{kind}.png")
def look(desk: Here, number: int, kind: Literal["probability", "plate"], model: str) -> Response:
    """Give a frame's probability, 0 to 255, or its clean plate."""
    found = desk.models.look(model, number)
    if kind == "plate":
        return png(encode_png(found.plate))
    return png(encode_png(np.rint(255 * found.probability).astype(np.uint8)))


@router.get("/measures")
def measures(desk: Here, model: str) -> dict[str, Any]:
    """Measure a model on the labels held back."""
    return desk.measuring.measure(model)


@router.get("/doubtful")
def doubtful(desk: Here, model: str) -> dict[str, Any]:
    """Name the frames that a model doubts."""
    return desk.search.doubtful(model)


@router.get("/suggestions")
def suggestions(desk: Here, count: Annotated[int, Query(ge=1, le=50)] = 5) -> dict[str, Any]:
    """Name the frames to label next."""
    return {"frames": desk.search.suggestions(count)}
