"""A page without a window: what cameras see now, as MJPEG on the loopback address."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from cleanplate.errors import ConfigError
from cleanplate.local_hosts import LOOPBACK, host_name
from cleanplate.runtime.moments import VIEWS, Moment

WAIT_SECONDS = 5.0
JPEG_QUALITY = 80

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>cleanplate live</title>
<style>body{{font:16px system-ui;margin:1rem;background:#111;color:#eee}}
figure{{display:inline-block;margin:0 1rem 1rem 0}}img{{max-width:100%;display:block}}</style>
<h1>cleanplate live</h1>{cameras}</html>"""
_CAMERA = """<figure><img alt="{name}, {view}" src="/{name}.mjpg?view={view}">
<figcaption>{name}, {view}</figcaption></figure>"""


class Page:
    """Serves the newest moment of each camera to any number of browsers on this machine.

    Pictures are made only while somebody looks. Requests with another Host than this machine's own
    are refused, so that no page from elsewhere can read the camera.

    Args:
        port: 0 takes a free one.
        cameras: their names; each has its place on the page before its first picture comes.

    Raises:
        ConfigError: the port is taken.
    """

    def __init__(self, port: int, cameras: Sequence[str]) -> None:
        self._cameras = sorted(cameras)
        self._newest: dict[str, tuple[int, Moment, dict[str, Any]]] = {}
        self._changed = Condition()
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(ConnectionError):
                    page._answer(self)

            def log_message(self, *_: Any) -> None:  # one line a picture would be too many
                pass

        try:
            self._server = ThreadingHTTPServer((LOOPBACK[0], port), Handler)
        except OSError as error:
            raise ConfigError(f"port {port}: {error.strerror}; choose another --page") from error
        self._server.daemon_threads = True
        self.address = f"http://{LOOPBACK[0]}:{self._server.server_port}/"
        Thread(target=self._server.serve_forever, daemon=True, name="page").start()

    def show(self, camera: str, moment: Moment, status: dict[str, Any]) -> None:
        """Take a camera's newest moment."""
        with self._changed:
            count = self._newest[camera][0] + 1 if camera in self._newest else 1
            self._newest[camera] = (count, moment, status)
            self._changed.notify_all()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        try:
            asked = urlsplit(request.path)
        except ValueError:
            request.send_error(400, "not an address")
            return
        if host_name(request.headers.get("Host", "")) not in LOOPBACK:
            request.send_error(403, "this page is for this machine alone")
            return
        view = parse_qs(asked.query).get("view", ["overlay"])[0]
        camera = unquote(asked.path).removeprefix("/").removesuffix(".mjpg")
        if asked.path == "/":
            views = ((name, view) for name in self._cameras for view in ("overlay", "plate"))
            shown = "".join(_CAMERA.format(name=html.escape(n), view=v) for n, v in views)
            self._send(request, "text/html", _PAGE.format(cameras=shown).encode())
        elif asked.path == "/status.json":
            with self._changed:
                status = {name: entry[2] for name, entry in self._newest.items()}
            self._send(request, "application/json", json.dumps(status).encode())
        elif asked.path.endswith(".mjpg") and camera in self._cameras and view in VIEWS:
            self._stream(request, camera, view)
        else:
            request.send_error(404, "no such camera or view")

    def _send(self, request: BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Type", f"{kind}; charset=utf-8")
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Cache-Control", "no-store")
        request.end_headers()
        request.wfile.write(body)

    def _stream(self, request: BaseHTTPRequestHandler, camera: str, view: str) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.send_header("Cache-Control", "no-store")
        request.send_header("Cross-Origin-Resource-Policy", "same-origin")
        request.end_headers()
        seen = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda last=seen: camera in self._newest and self._newest[camera][0] != last,  # type: ignore[misc]
                    timeout=WAIT_SECONDS,
                )
                if camera not in self._newest:
                    continue
                seen, moment, _ = self._newest[camera]
            data = _jpeg(VIEWS[view](moment))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            request.wfile.write(head.encode() + data + b"\r\n")


def _jpeg(picture: NDArray[Any]) -> bytes:
    if picture.dtype == np.bool_:
        picture = picture.view(np.uint8) * np.uint8(255)
    elif picture.ndim == 3:
        picture = picture[..., ::-1]
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", np.ascontiguousarray(picture), quality)[1].tobytes()
