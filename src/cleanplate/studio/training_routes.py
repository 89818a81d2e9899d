"""Training from the page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from cleanplate.studio.figures import estimate
from cleanplate.studio.requests import FRESH, Here, png

router = APIRouter(prefix="/api")

Numbers = Annotated[tuple[int, ...], Body(), Field(max_length=100)]


@router.get("/training")
def state(desk: Here) -> JSONResponse:
    """Say how the training stands."""
    return JSONResponse(desk.trainer.state(), headers=FRESH)


@router.get("/training/times")
def times(desk: Here) -> JSONResponse:
    """Say how long each quality will take here."""
    return JSONResponse(desk.expecting.times(), headers=FRESH)


@router.post("/training")
def start(
    desk: Here, quality: Annotated[str, Body()] = "good", preview: Numbers = ()
) -> dict[str, Any]:
    """Begin a training."""
    desk.expecting.stop()
    desk.trainer.start(quality, preview)
    return desk.trainer.state()


@router.post("/training/{what}")
def change(desk: Here, what: Literal["pause", "continue", "stop", "resume"]) -> dict[str, Any]:
    """Pause, continue, stop or resume the training."""
    trainer = desk.trainer
    {
        "pause": trainer.pause,
        "continue": trainer.go_on,
        "stop": trainer.stop,
        "resume": trainer.resume,
    }[what]()
    return trainer.state()


@router.get("/training/preview/{number}/{kind}.png")
def preview(desk: Here, number: int, kind: Literal["plate", "mask", "probability"]) -> Response:
    """Give a frame as the training sees it by now."""
    data = desk.trainer.preview(number, kind)
    if data is None:
        raise HTTPException(404, f"frame {number} is not shown yet; wait a few seconds")
    return png(data)


@router.get("/estimate")
def estimated(desk: Here) -> dict[str, Any]:
    """Say what labels brought, and what more of them may bring."""
    return estimate(desk.project.folder)
