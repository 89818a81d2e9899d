"""A real studio to ask over HTTP: in a thread of the test, or as a process that can be killed."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import cv2
import numpy as np
import uvicorn
from numpy.typing import NDArray

from cleanplate.scenes.video_writer import VideoWriter
from cleanplate.studio.desk import Desk
from cleanplate.studio.security import Tokens
from cleanplate.studio.server import bind, configured, make_app

SIZE = (48, 64)
START_SECONDS = 60.0
COMMAND_LINE = ("-m", "cleanplate.cli")


class Answer(NamedTuple):
    """What the studio answered."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Client:
    """Asks a studio as its page does.

    Args:
        port: where it is.
    """

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        plain: bool = False,
    ) -> Answer:
        """Send one request; with ``plain``, without the header that the page sends."""
        sent = {} if plain else {"X-Cleanplate": "1"}
        if isinstance(body, dict):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, answer.read(), found)
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def put_label(self, number: int, codes: NDArray[np.uint8], revision: str = "") -> Answer:
        """Save a label: a new one, or in the place of a revision."""
        headers = {"If-Match": revision} if revision else {"If-None-Match": "*"}
        return self.ask("PUT", f"/api/labels/{number}", png(codes), headers)

    def wait_for_frames(self) -> dict[str, Any]:
        """Wait until the videos are read."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            project: dict[str, Any] = self.get("/api/project").json
            if project["indexing"] is None and (project["frames"] or project["trouble"]):
                return project
            time.sleep(0.05)
        raise AssertionError("the videos were not read in time")


@contextmanager
def studio(folder: Path, host: str = "127.0.0.1", tokens: Tokens | None = None) -> Iterator[Client]:
    """Run a studio in a thread; with ``host`` it takes itself for one that others can reach."""
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    desk = Desk(folder, f"http://127.0.0.1:{port}/", is_local=tokens is None)
    server = uvicorn.Server(configured(make_app(desk, host, tokens)))
    thread = Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert server.started
    try:
        yield Client(port)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


class Process:
    """A studio as a process of its own.

    Args:
        folder: the project's.
        arguments: more of the command line.
        largest_kib: no file may become larger, as on a disk that is full.
        program: what Python runs as the command line.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        largest_kib: int | None = None,
        program: Sequence[str] = COMMAND_LINE,
    ) -> None:
        command = [sys.executable, *program, "studio", str(folder), "--port", "0"]
        if largest_kib is not None:
            command = ["bash", "-c", f'ulimit -f {largest_kib}; exec "$@"', "bash", *command]
        self._process = subprocess.Popen(
            [*command, "--no-browser", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        port = self.address.split("/?")[0].rstrip("/").rpartition(":")[2]
        self.client = Client(int(port) if port.isdecimal() else 0)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.communicate()

    def end(self) -> str:
        """End it as Ctrl-C does, or wait for it to end by itself; returns what it complained of."""
        if self.address:
            self._process.send_signal(signal.SIGINT)
        return self._process.communicate(timeout=START_SECONDS)[1]

    def memory_mib(self) -> float:
        """Return how much memory it has at most taken."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        return self._process.returncode


def png(codes: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", codes)[1].tobytes()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files by name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def square(left: int, size: tuple[int, int] = SIZE, value: int = 255) -> NDArray[np.uint8]:
    """Return codes with a square of foreground."""
    codes = np.zeros(size, np.uint8)
    codes[16:32, left : left + 16] = value
    return codes


def write_clip(path: Path, count: int = 30, size: tuple[int, int] = SIZE) -> Path:
    """Write a video whose frame N is grey of level 4 N, with a bright square that moves."""
    with VideoWriter(path, 25) as writer:
        for index in range(count):
            frame = np.full((*size, 3), 4 * (index + 1) % 200, np.uint8)
            left = 2 * index % (size[1] - 16)
            frame[16:32, left : left + 16] = 250
            writer.write(frame)
    return path


def level(jpeg: bytes) -> float:
    """Return the grey level of a frame's corner."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return float(picture[:8, :8].mean())
