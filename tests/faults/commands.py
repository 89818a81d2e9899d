"""The command line in a process of its own, which may be killed, stopped or run out of disk.

The processes are forked from a server that has imported everything already, so that a hundred of
them start in the time of a few.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread

from tests.faults.power import Disk

IMPORTED = [
    *("cleanplate.cli", "torch", "torch.onnx", "cleanplate.training.train"),
    *("cleanplate.runtime.outputs", "cleanplate.runtime.pipeline", "cleanplate.runtime.export"),
    "cleanplate.evaluation.report",
    *("cleanplate.evaluation.benchmark", "cleanplate.networks.torch_engine", "onnx", "onnxscript"),
]
LONGEST_SECONDS = 300.0
KILLS = int(os.environ.get("CLEANPLATE_KILLS", "50"))
"""How often ``train`` is killed; the other commands are killed 2 times for each 5 of it."""
OTHER_KILLS = max(1, KILLS * 2 // 5)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(IMPORTED)


@dataclass(frozen=True)
class World:
    """What a command finds around it.

    Attributes:
        checkpoint_seconds: how long `train` waits between two checkpoints.
        most_file_bytes: no file may become longer, as on a full disk.
        clock_jumps: the time of day jumps by up to ten days between two looks at it.
        disk: a folder of which only what was synced outlives a loss of power.
    """

    checkpoint_seconds: float = 0.0
    most_file_bytes: int | None = None
    clock_jumps: bool = False
    disk: Disk | None = None


@dataclass
class Running:
    """A command that runs."""

    process: BaseProcess
    errors_path: Path
    copier: Thread
    start: float = field(default_factory=time.monotonic)

    def send(self, what: signal.Signals) -> None:
        """Send a signal."""
        assert self.process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, what)

    def wait(self) -> int:
        """Wait for the end; returns the exit code, negative for a signal."""
        self.process.join(LONGEST_SECONDS)
        assert self.process.exitcode is not None, f"hangs: {self.errors()}"
        self.copier.join(LONGEST_SECONDS)
        return self.process.exitcode

    def is_over(self) -> bool:
        return self.process.exitcode is not None

    def errors(self) -> str:
        return self.errors_path.read_text(errors="replace") if self.errors_path.exists() else ""


def start(arguments: list[object], log: Path, world: World | None = None) -> Running:
    """Start a command; what it says goes through a pipe, which no limit of files stops."""
    words = [str(argument) for argument in arguments]
    heard, said = _context.Pipe(duplex=False)
    process = _context.Process(target=_main, args=(words, said, world or World()))
    process.start()
    said.close()
    log.write_bytes(b"")
    copier = Thread(target=_copy, args=(heard, log), daemon=True)
    copier.start()
    return Running(process, log, copier)


def _copy(heard: Connection, log: Path) -> None:
    with log.open("ab", buffering=0) as file:
        while data := os.read(heard.fileno(), 1 << 16):
            file.write(data)
    heard.close()


def run(arguments: list[object], log: Path, world: World | None = None) -> Running:
    """Run a command to its end."""
    running = start(arguments, log, world)
    running.wait()
    return running


def wait_for(is_so: Callable[[], bool], running: Running) -> None:
    """Wait until something is so, or the command is over."""
    end = time.monotonic() + LONGEST_SECONDS
    while not is_so() and not running.is_over():
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.002)


def _main(arguments: list[str], said: Connection, world: World) -> None:
    """Be the command: in the forked process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(said.fileno(), 1)
    os.dup2(said.fileno(), 2)
    said.close()
    sys.stdout = os.fdopen(1, "w", closefd=False)  # the old ones take the pipe for a file
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    import torch

    torch.set_num_threads(1)
    from cleanplate.training import phases

    phases.CHECKPOINT_SECONDS = world.checkpoint_seconds
    phases.CHECKPOINT_SHARE = 0
    if world.most_file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (world.most_file_bytes, hard))
    if world.disk is not None:
        world.disk.begin()
    if world.clock_jumps:
        time.time = _jumping(time.time)
    sys.argv = ["cleanplate", *arguments]
    from cleanplate.cli import main

    main()


def _jumping(clock: Callable[[], float]) -> Callable[[], float]:
    steps = iter(range(10**9))
    return lambda: clock() + 864_000 * ((next(steps) * 7919) % 100 - 50) / 50


def report(line: str) -> None:
    """Show a figure for docs/reliability.md."""
    sys.stdout.write(f"\n{line}\n")


def half_written(folder: Path) -> list[Path]:
    """Return hidden files that a command left half written, below a folder."""
    return sorted(path for path in folder.rglob(".*") if ".part" in path.name)


def kills(count: int, seed: int, longest: float) -> Iterator[float]:
    """Yield so many moments, in seconds."""
    import numpy as np

    yield from np.random.default_rng(seed).uniform(0, longest, count).tolist()
