"""A camera on loopback: real MJPEG over HTTP that stalls, breaks and changes when told to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np

from cleanplate.images import Frame

RATE_FPS = 25.0


class HttpCamera:
    """Serves frames over and over, in real time, to any number of readers.

    Attributes:
        frames: what it shows; may be changed while it runs.
        stalled: while set, connections stay open and bring nothing.
        broken: while set, connections are cut and new ones refused.
        address: with a user and a password that nobody may see.
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames: Sequence[Frame] = frames
        self.stalled, self.broken = Event(), Event()
        self.connections = 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera._serve(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        port = self._server.server_port
        self.address = f"http://anna:geheim@127.0.0.1:{port}/cam.mjpg?token=s3cret"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.broken.set()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        if self.broken.is_set():
            request.send_error(503)
            return
        self.connections += 1
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        start, shown = time.monotonic(), 0
        while not self.broken.is_set():
            if self.stalled.is_set():
                time.sleep(0.02)
                continue
            frame = self.frames[shown % len(self.frames)]
            _, data = cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {data.size}\r\n\r\n"
            try:
                request.wfile.write(head.encode() + data.tobytes() + b"\r\n")
            except OSError:
                return
            shown += 1
            time.sleep(max(0.0, start + shown / RATE_FPS - time.monotonic()))
            start = max(start, time.monotonic() - shown / RATE_FPS - 0.5)
