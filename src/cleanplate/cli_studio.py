"""The command that opens the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_PORT = 8765


def studio(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Project folder; made if missing.")
    ] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(help="Address to bind to; others than this machine need a token.")
    ] = "127.0.0.1",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, open nothing.")
    ] = False,
) -> None:
    """Open a page in the browser: label frames, train, look at the masks, take them away."""
    import webbrowser
    from importlib.util import find_spec
    from threading import Thread

    from cleanplate.errors import ConfigError

    missing = [name for name in ("fastapi", "uvicorn", "websockets") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{missing[0]} is not installed; pip install 'cleanplate[studio]'")
    from cleanplate.studio.server import serve

    opened = no_browser

    def told(address: str) -> None:
        nonlocal opened
        typer.echo(address)
        if not opened:
            opened = True
            # a browser of the terminal returns only when it is closed
            Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    serve(folder, host, port, told)
