"""Asking for labels, and saving them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.requests import Request

from cleanplate.studio.labels import NEW
from cleanplate.studio.requests import Here, png, read_body

router = APIRouter(prefix="/api/labels")


IfMatch = Annotated[str, Header()]


@router.get("/{number}")
def label(desk: Here, number: int) -> Response:
    """Give a frame's label as it lies on disk."""
    found = desk.labels.read(number)
    if found is None:
        raise HTTPException(404, f"frame {number} has no label yet")
    return png(found.data, {"ETag": f'"{found.revision}"'})


@router.put("/{number}")
async def put_label(
    desk: Here, number: int, request: Request, if_match: IfMatch = "", if_none_match: IfMatch = ""
) -> Response:
    """Save a frame's label; answered once it is safe on disk."""
    expected = _expected(if_match, if_none_match)
    data = await read_body(request, desk.labels.most_bytes)
    revision = await run_in_threadpool(desk.labels.write, number, data, expected)
    desk.hub.tell("labels", number=number, revision=revision)
    return Response(status_code=204, headers={"ETag": f'"{revision}"'})


@router.delete("/{number}")
def delete_label(desk: Here, number: int, if_match: IfMatch = "") -> Response:
    """Delete a frame's label."""
    desk.labels.delete(number, _expected(if_match, ""))
    desk.hub.tell("labels", number=number, revision=None)
    return Response(status_code=204)


def _expected(if_match: str, if_none_match: str) -> str:
    if if_none_match.strip() == NEW:
        return NEW
    revision = if_match.strip().removeprefix("W/").strip('"')
    if not revision or revision == NEW:
        raise HTTPException(
            428, "say which label this replaces: If-Match: revision, or If-None-Match: *"
        )
    return revision
