"""Bringing videos in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request

from cleanplate.errors import OutputError
from cleanplate.files import explained
from cleanplate.studio.browsing import browse
from cleanplate.studio.clips import Clip
from cleanplate.studio.desk import Desk
from cleanplate.studio.requests import Here
from cleanplate.studio.uploads import safe_name

router = APIRouter(prefix="/api")

MOST_PIECE_BYTES = 64 << 20


@router.get("/browse")
def browse_folder(desk: Here, folder: str = "") -> dict[str, Any]:
    """List a folder of this machine."""
    _only_here(desk)
    return browse(folder)


@router.post("/clips")
def take(desk: Here, path: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
    """Take in a file or a folder of pictures of this machine."""
    _only_here(desk)
    return _taken(desk, lambda: desk.bringing.copy(Path(path), _told(desk, "bring")))


@router.post("/clips/record")
def record(
    desk: Here, address: Annotated[str, Body()], seconds: Annotated[float, Body()]
) -> dict[str, Any]:
    """Record from a camera; answered when it is done."""
    if "://" not in address:
        _only_here(desk)
    return _taken(desk, lambda: desk.bringing.record(address, seconds, _told(desk, "record")))


@router.delete("/clips/record")
def stop_recording(desk: Here) -> dict[str, Any]:
    """End a recording before its time."""
    desk.bringing.stop_recording()
    return {}


@router.post("/clips/example")
def example(desk: Here) -> dict[str, Any]:
    """Draw the example."""
    return _taken(desk, lambda: desk.bringing.draw_example(_told(desk, "bring")))


@router.get("/uploads/{name}")
def upload_state(desk: Here, name: str, size: int, modified: str = "") -> dict[str, int]:
    """Say how much of a file has come."""
    return {"received": desk.uploads.received(desk.uploads.part(name, size, modified))}


@router.put("/uploads/{name}")
async def upload(
    desk: Here, name: str, size: int, offset: int, request: Request, modified: str = ""
) -> dict[str, Any]:
    """Take the next piece of a file; when it is whole, it becomes a clip."""
    path = desk.uploads.part(name, size, modified)
    with desk.uploads.writing(path):
        received = desk.uploads.received(path)
        if offset != received:
            raise HTTPException(409, f"{received} bytes have come; go on from there")
        received = await _append(path, request, received, min(size, received + MOST_PIECE_BYTES))
        if received < size:
            return {"received": received}

        def bring() -> dict[str, Any]:
            return _taken(
                desk, lambda: desk.bringing.add(safe_name(name), lambda to: _move(path, to))
            )

        found = await run_in_threadpool(bring)
        return {"received": received, **found}


async def _append(path: Path, request: Request, received: int, most: int) -> int:
    """Write a piece as it comes, never more than was announced."""
    with explained(path), path.open("ab") as file:
        async for block in request.stream():
            if received + len(block) > most:
                raise HTTPException(413, "more bytes came than were announced; begin again")
            await run_in_threadpool(file.write, block)
            received += len(block)
    return received


def _move(path: Path, to: Path) -> None:
    try:
        path.replace(to)
    except OSError as error:
        raise OutputError(f"{to}: cannot be written ({error.strerror}); make room") from error


def _only_here(desk: Desk) -> None:
    if not desk.is_local:
        raise HTTPException(
            403, "files and cameras of this machine are shown to nobody else; upload the video"
        )


def _told(desk: Desk, kind: str) -> Callable[[float], None]:
    """Tell the tabs of every hundredth part."""
    last = -1

    def told(share: float) -> None:
        nonlocal last
        if int(100 * share) != last:
            last = int(100 * share)
            desk.hub.tell(kind, share=share)

    return told


def _taken(desk: Desk, take: Callable[[], Clip]) -> dict[str, Any]:
    try:
        return {"clip": vars(take())}
    finally:
        desk.project.indexing = None
        desk.hub.tell("index", share=None)
        desk.hub.tell("project")
