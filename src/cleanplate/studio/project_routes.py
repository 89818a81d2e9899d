"""Asking for the project, its frames, its region and its news."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, HTTPException, WebSocket
from fastapi.responses import JSONResponse, Response
from starlette.websockets import WebSocketDisconnect

from cleanplate.studio.requests import FOREVER, FRESH, Here

router = APIRouter(prefix="/api")


@router.get("/project")
def project(desk: Here) -> JSONResponse:
    """Say how the project stands."""
    return JSONResponse(desk.describe(), headers=FRESH)


@router.get("/frames/{number}.jpg")
def frame(desk: Here, number: int) -> Response:
    """Give one frame, exactly."""
    return Response(desk.frames.picture(number), media_type="image/jpeg", headers=FOREVER)


@router.get("/thumbnails/{number}.jpg")
def thumbnail(desk: Here, number: int, near: bool = False) -> Response:
    """Give one frame, small; or, for a timeline, the key frame near it."""
    data = desk.frames.thumbnail(number, near)
    return Response(data, media_type="image/jpeg", headers=FOREVER)


@router.put("/region")
def put_region(
    desk: Here, values: Annotated[dict[str, Any], Body()], if_match: Annotated[str, Header()] = ""
) -> dict[str, str]:
    """Replace the region, unless it was changed elsewhere."""
    if not if_match:
        raise HTTPException(428, "send the region's revision as If-Match")
    if not desk.project.set_region(values, if_match.strip('"')):
        detail = "the region was changed elsewhere meanwhile; look at it, then save again"
        raise HTTPException(412, detail)
    desk.hub.tell("region", revision=desk.project.region_revision)
    return {"revision": desk.project.region_revision}


@router.websocket("/events")
async def events(socket: WebSocket, desk: Here) -> None:
    """Tell a tab what happens, until it goes."""
    await socket.accept()
    with desk.hub.listen() as queue, suppress(WebSocketDisconnect, RuntimeError):
        gone = asyncio.ensure_future(_until_gone(socket))
        try:
            while not gone.done():
                coming = asyncio.ensure_future(queue.get())
                await asyncio.wait({coming, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    break
                await socket.send_json(coming.result())
        finally:
            gone.cancel()


async def _until_gone(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()
