"""The page's server: every route behind one gate."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from anyio import to_thread
from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from cleanplate.errors import ConfigError
from cleanplate.local_hosts import is_loopback
from cleanplate.studio import (
    clip_routes,
    label_routes,
    look_routes,
    project_routes,
    take_routes,
    training_routes,
)
from cleanplate.studio.desk import Desk
from cleanplate.studio.requests import answer_errors
from cleanplate.studio.security import Gate, Tokens

STATIC = Path(__file__).with_name("static")
ROOMS = (
    project_routes,
    clip_routes,
    label_routes,
    training_routes,
    look_routes,
    take_routes,
)
_REVALIDATED = {"Cache-Control": "no-cache"}
CLOSING_SECONDS = 2
MOST_THREADS = 16


class _Static(StaticFiles):
    """Files of the page, asked for anew after every update."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:
        """Answer with a file."""
        response = super().file_response(*arguments, **named)
        response.headers.update(_REVALIDATED)
        return response


def make_app(desk: Desk, host: str, tokens: Tokens | None) -> ASGIApp:
    """Make the application.

    Args:
        desk: what it serves.
        host: the address that it is bound to.
        tokens: see `Gate`.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        # each thread that reads frames keeps some memory to itself
        to_thread.current_default_thread_limiter().total_tokens = MOST_THREADS
        desk.start()
        yield
        desk.close()

    app = FastAPI(lifespan=running, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    answer_errors(app)
    for room in ROOMS:
        app.include_router(room.router)

    @app.get("/")
    def index() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=_REVALIDATED)

    app.mount("/static", _Static(directory=STATIC, check_dir=False))
    return Gate(app, host, tokens)


def bind(host: str, port: int) -> socket.socket:
    """Take a port before anything else is begun.

    Raises:
        ConfigError: it is taken, or the address is not this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # whoever is told the address may knock before the first answer is ready
    except (OSError, UnicodeError) as error:  # a name that is none cannot even be looked up
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{host[:80]!r} port {port}: {reason}; choose another --port or --host"
        ) from error
    return bound


def serve(folder: Path, host: str, port: int, told: Callable[[str], None]) -> None:
    """Serve a project until Ctrl-C or SIGTERM.

    Args:
        folder: the project's.
        host: address to bind to; of another than the loopback address, tokens are asked for.
        port: 0 takes a free one.
        told: called with each address that lets a browser in, the first one at once.

    Raises:
        ConfigError: the port is taken.
        CleanplateError: the project cannot be opened (see `Project`).
    """
    bound = bind(host, port)
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    address = f"http://{shown}:{bound.getsockname()[1]}/"
    desk = Desk(folder, address, is_loopback(host))
    tokens = None
    if is_loopback(host):
        told(address)
    else:
        tokens = Tokens(lambda token: told(f"{address}?token={token}"))
    uvicorn.Server(configured(make_app(desk, host, tokens))).run([bound])


def configured(app: ASGIApp) -> uvicorn.Config:
    """Return how the application is served."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=4096,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
