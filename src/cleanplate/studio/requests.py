"""What all routes share: the desk that they work at, bodies within bounds, errors as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from cleanplate.errors import CleanplateError, NoFrameError, OutputError
from cleanplate.studio.bringing import RecordingError
from cleanplate.studio.desk import Desk
from cleanplate.studio.labels import ChangedElsewhereError

FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
FRESH = {"Cache-Control": "no-store"}


def _desk(connection: HTTPConnection) -> Desk:
    desk: Desk = connection.app.state.desk
    return desk


Here = Annotated[Desk, Depends(_desk)]


async def read_body(request: Request, most_bytes: int) -> bytes:
    """Read a request's body into memory.

    Raises:
        HTTPException: 413, it is larger than allowed.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise HTTPException(413, f"larger than {most_bytes} bytes; send less")
        parts.append(part)
    return b"".join(parts)


def png(data: bytes, headers: dict[str, str] | None = None) -> Response:
    """Answer with a PNG that is not kept."""
    return Response(data, media_type="image/png", headers={**FRESH, **(headers or {})})


def answer_errors(app: FastAPI) -> None:
    """Let every error be JSON with a sentence for people."""

    @app.exception_handler(ChangedElsewhereError)
    def _changed(_: Request, error: ChangedElsewhereError) -> JSONResponse:
        return JSONResponse({"error": str(error), "revision": error.revision}, 412)

    @app.exception_handler(RecordingError)
    def _recording(_: Request, error: RecordingError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409)

    @app.exception_handler(CleanplateError)
    def _ours(_: Request, error: CleanplateError) -> JSONResponse:
        status = 404 if isinstance(error, NoFrameError) else 400
        status = 507 if isinstance(error, OutputError) else status
        return JSONResponse({"error": str(error)}, status)

    @app.exception_handler(StarletteHTTPException)
    def _http(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first: dict[str, Any] = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"error": f"{where}: {str(first['msg']).lower()}"}, 422)

    @app.exception_handler(ClientDisconnect)
    def _gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)
