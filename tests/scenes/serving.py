"""A web server for tests, with the faults that servers have."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def make_zip(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return an archive's bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


NOISE = bytes((17 * i * i + i // 7) % 256 for i in range(200_000))
GOOD = make_zip(
    {
        "dataset2014/README": b"hello",
        "dataset2014/dataset/baseline/highway/input/in000001.jpg": NOISE,
        "dataset2014/results/baseline/highway/": b"",
    }
)


class Server(ThreadingHTTPServer):
    """Serves `content` at every path but /absent, in the way its attributes say.

    Attributes:
        content: the file.
        etag: its ETag, or the empty string for none.
        cut_after: bytes after which each answer breaks off, the next one of the list each time.
        knows_ranges: False to answer every request with the whole file.
        announced: a wrong Content-Length for whole answers, or None for the right one.
        failures: statuses to answer with first.
        asked: the Range header of each request so far.
        stalls: whether answers stop in the middle without an end.
        ignores_if_range: whether a part is given without a look at If-Range.
        extent: a wrong Content-Range for parts, or None for the right one.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.knows_ranges = GOOD, '"one"', True
        self.cut_after: list[int] = []
        self.failures: list[int] = []
        self.announced: int | None = None
        self.asked: list[str | None] = []
        self.stalls = self.ignores_if_range = False
        self.extent: str | None = None

    def url(self, path: str = "/data.zip") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        if self.path == "/absent" or server.failures:
            self.send_error(404 if self.path == "/absent" else server.failures.pop(0))
            return
        is_same = server.ignores_if_range or (
            server.etag and self.headers["If-Range"] == server.etag
        )
        start = int(asked[6:-1]) if asked and server.knows_ranges and is_same else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if server.etag:
            self.send_header("ETag", server.etag)
        if start:
            end, total = len(server.content) - 1, len(server.content)
            self.send_header("Content-Range", server.extent or f"bytes {start}-{end}/{total}")
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Content-Length", str(server.announced or len(body)))
        self.end_headers()
        self.wfile.write(body[: server.cut_after.pop(0)] if server.cut_after else body)
        self.wfile.flush()
        if server.stalls:
            time.sleep(1)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server in a thread of its own."""
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
