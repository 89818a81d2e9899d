"""Taking results away, and labels of other programs in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.requests import Request

from cleanplate.files import explained
from cleanplate.studio.imports import MOST_IMPORT_BYTES
from cleanplate.studio.requests import FRESH, Here

router = APIRouter(prefix="/api")


@router.get("/exports")
def exports(desk: Here) -> list[dict[str, Any]]:
    """List the exports, the oldest first."""
    return desk.exports.describe()


@router.post("/exports")
def start(
    desk: Here, kind: Annotated[str, Body()], model: Annotated[str, Body()]
) -> dict[str, Any]:
    """Begin an export."""
    return desk.exports.start(kind, model).describe()


@router.get("/exports/{number}/file")
def file(desk: Here, number: str) -> FileResponse:
    """Give an export's file."""
    path = desk.exports.file(number)
    if path is None:
        raise HTTPException(404, "this export is not there (any more); make it again")
    return FileResponse(path, filename=path.name, headers=FRESH)


@router.post("/imports")
async def take(desk: Here, name: str, request: Request) -> dict[str, Any]:
    """Take over the labels of a file of another program."""
    folder = desk.project.hidden
    with explained(folder), tempfile.NamedTemporaryFile(dir=folder, suffix=".import") as kept:
        size = 0
        async for block in request.stream():
            size += len(block)
            if size > MOST_IMPORT_BYTES:
                raise HTTPException(413, f"larger than {MOST_IMPORT_BYTES} bytes; import in parts")
            await run_in_threadpool(kept.write, block)
        kept.flush()
        async with desk.imports.turns:
            found = await run_in_threadpool(desk.imports.take, name, Path(kept.name))
    desk.hub.tell("labels")
    return found
