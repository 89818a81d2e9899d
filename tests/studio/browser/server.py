"""The studio as its users run it: a process of its own, that can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from cleanplate.studio.training_files import TrainingFolder

COMMAND = "from cleanplate.cli import main; main()"
START_SECONDS, STOP_SECONDS = 30, 15


class Studio:
    """A studio on a folder; its port stays the same over restarts.

    Args:
        folder: the project's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Studio:
        """Start it and wait until it says where it is."""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                COMMAND,
                "studio",
                str(self.folder),
                "--no-browser",
                "--port",
                self._port,
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # small pictures: more threads only wait
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address.startswith("http://127.0.0.1:"):
            self._process.wait()
            self._close()
            pytest.fail("the studio did not start; it says why on stderr")
        self._port = self.address.rstrip("/").rpartition(":")[2]
        self._wait_until_it_answers()
        return self

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("/project")
                return
            except OSError:
                assert time.monotonic() < end, "the studio does not answer"
                time.sleep(0.1)

    def ask(self, path: str) -> Any:
        """Return what the server answers to a GET of JSON, without a browser."""
        with urllib.request.urlopen(f"{self.address}api{path}", timeout=20) as answer:
            return json.load(answer)

    def kill(self, everything: bool = False) -> None:
        """End it with SIGKILL; with everything, its training too, as a power cut would."""
        if self._process is None:
            return
        self._process.kill()
        if everything:
            self._kill_training()
        self._process.wait()
        self._close()

    def _kill_training(self) -> None:
        training = TrainingFolder(self.folder)
        if training.is_running:
            os.kill(int(training.read_state()["pid"]), signal.SIGKILL)

    def freeze(self) -> None:
        """Let it do nothing until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it as Ctrl-C does, and whatever it started."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._kill_training()
        self._close()

    def _close(self) -> None:
        assert self._process is not None
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
