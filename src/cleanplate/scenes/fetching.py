"""One large file over HTTP: what breaks off goes on where it was, also the next day."""

from __future__ import annotations

import json
import logging
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cleanplate.errors import ConfigError, DatasetError, OutputError
from cleanplate.files import write_bytes
from cleanplate.scenes.unpacking import BLOCK_BYTES, check_room

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
PAUSES_SECONDS = (1.0, 3.0, 10.0, 30.0)
"""Waited before each new try; after one more failure than there are pauses, we give up."""
WORTHWHILE_BYTES = 1 << 20
"""A try that brought so much has not failed."""
MOST_BYTES = 100_000_000_000
"""No server can fill a disk with more."""

_OK, _PARTIAL, _BAD_RANGE = 200, 206, 416
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses that may be another the next time


class _BrokenOffError(Exception):
    """A transfer ended early; it is worth another try."""


@dataclass(frozen=True)
class _Origin:
    """Where a file comes from; lies beside it as JSON.

    Attributes:
        url: its address.
        validator: ETag or Last-Modified, empty where the server gives none.
        total_bytes: its size, or None where the server does not say.
    """

    url: str
    validator: str
    total_bytes: int | None


def origin_of(path: Path) -> str | None:
    """Return the address that a fetched file, or its beginning, came from; None if not known."""
    origin = _read_origin(path)
    return origin.url if origin else None


def fetch(url: str, path: Path) -> Iterator[tuple[int, int | None]]:
    """Fetch a file; yields the bytes that are there and their total, None where nobody knows.

    It grows as ``NAME.part`` and gets its name when it is complete. A transfer goes on only where
    the server's ETag or Last-Modified says that it is still the same file; else it starts anew.

    Raises:
        ConfigError: ``url`` is no http or https address.
        DatasetError: the server refuses, breaks off too often, or contradicts itself.
        OutputError: the file cannot be written.
    """
    if not re.fullmatch(r"https?://[^/\s]\S*", url):
        raise ConfigError(f"{url!r} is no address; give one that begins with http:// or https://")
    part, failures = path.with_name(f"{path.name}.part"), 0
    while True:
        before = _size(part)
        try:
            yield from _receive(url, path, part)
            break
        except _BrokenOffError as error:
            failures = 0 if _size(part) - before >= WORTHWHILE_BYTES else failures + 1
            if failures > len(PAUSES_SECONDS):
                raise DatasetError(
                    f"{url}: {error}, {failures} times in a row; repeat the command to go on from "
                    f"{_size(part)} bytes"
                ) from error
            log.info("%s: %s; trying again", url, error)
            time.sleep(PAUSES_SECONDS[max(0, failures - 1)])
    try:
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _receive(url: str, path: Path, part: Path) -> Iterator[tuple[int, int | None]]:
    """Ask once, for what is missing, and write what comes."""
    origin = _read_origin(path)
    have = _size(part) if origin and origin.url == url and origin.validator else 0
    if origin and have and have == origin.total_bytes:  # only the renaming was missing
        return
    response = _ask(url, have, origin.validator if origin and have else "")
    if response is None:
        part.unlink(missing_ok=True)
        raise _BrokenOffError("the server has no more of the file than was fetched before")
    with response:
        start, total = _extent(url, response, have)
        found = _Origin(url, _validator(response), total)
        if start and found != origin:
            part.unlink(missing_ok=True)
            raise _BrokenOffError("the file has changed on the server")
        _check_size(url, total or 0)
        check_room(path.parent, (total or 0) - start)
        with _open_part(part, anew=not start) as file:
            if not start:
                _write_origin(path, found)
            count = start
            yield count, total
            while block := _read(response):
                _write(part, file, block)
                count += len(block)
                _check_size(url, count)
                yield count, total
    if total is not None and count < total:
        raise _BrokenOffError(f"the transfer broke off after {count} of {total} bytes")


def _ask(url: str, have: int, validator: str) -> HTTPResponse | None:
    """Send the request; None where the server has nothing from there on."""
    headers = {"User-Agent": "cleanplate", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    try:
        response: HTTPResponse = urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
        return response
    except HTTPError as error:
        error.close()
        if error.code == _BAD_RANGE and have:
            return None
        if error.code in _PASSING:
            raise _BrokenOffError(f"the server answers {error.code} {error.reason}") from error
        raise DatasetError(
            f"{url}: the server answers {error.code} {error.reason}; check the address, or give "
            "another"
        ) from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise DatasetError(
                f"{url}: the server's certificate is not trusted "
                f"({error.reason.verify_message}); check the address and this machine's clock"
            ) from error
        raise _BrokenOffError(f"no connection ({error.reason})") from error
    except (HTTPException, OSError) as error:
        raise _BrokenOffError(f"no answer ({error or type(error).__name__})") from error
    except ValueError as error:  # an address that urllib cannot take apart
        raise ConfigError(f"{url!r} is no address ({error}); check it") from error


def _extent(url: str, response: HTTPResponse, have: int) -> tuple[int, int | None]:
    """Return where the answer's bytes begin and how long the whole file is."""
    length = response.headers.get("Content-Length", "")
    announced = int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
    if response.status == _OK:
        return 0, announced
    extent = re.fullmatch(
        r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})", response.headers.get("Content-Range", "")
    )
    if response.status != _PARTIAL or not extent or int(extent[1]) != have:
        raise DatasetError(
            f"{url}: the server answers {response.status} {response.reason} to a request from "
            f"byte {have} on; give another address"
        )
    total = int(extent[2])
    if announced is not None and have + announced > total:
        raise DatasetError(
            f"{url}: the server announces {have + announced} bytes of a file of {total}; give "
            "another address"
        )
    return have, total


def _check_size(url: str, count: int) -> None:
    if count > MOST_BYTES:
        raise DatasetError(
            f"{url}: {count} bytes and perhaps more are over the limit of {MOST_BYTES}; give "
            "another address"
        )


def _validator(response: HTTPResponse) -> str:
    """Return what tells this state of the file from others; a weak ETag does not."""
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return str(etag)
    return str(response.headers.get("Last-Modified", ""))


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(BLOCK_BYTES)
    except (HTTPException, OSError, ValueError) as error:
        raise _BrokenOffError(
            f"the transfer broke off ({error or type(error).__name__})"
        ) from error


def _open_part(part: Path, *, anew: bool) -> BinaryIO:
    try:
        return part.open("wb" if anew else "ab", buffering=0)
    except OSError as error:
        raise _unwritable(part, error) from error


def _write(part: Path, file: BinaryIO, block: bytes) -> None:
    try:
        while block:  # a disk that fills up takes a beginning first
            block = block[file.write(block) :]
    except OSError as error:
        raise _unwritable(part, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written on ({error.strerror}); make room or choose another place, then "
        "repeat the command"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _origin_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.origin.json")


def _read_origin(path: Path) -> _Origin | None:
    try:
        return _Origin(**json.loads(_origin_path(path).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write_origin(path: Path, origin: _Origin) -> None:
    write_bytes(_origin_path(path), json.dumps(asdict(origin)).encode())
