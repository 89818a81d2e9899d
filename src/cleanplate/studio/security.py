"""Who may talk to the studio: this machine, or whoever holds its token; never another site's page.

A request is refused unless its ``Host`` is one of this machine's names (a name that was pointed
here from elsewhere is not), its ``Origin``, where there is one, is the page's own, and, if it
changes anything, it carries a header that no form and no picture of another site can send.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
from collections import deque
from collections.abc import Callable
from threading import Lock
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cleanplate.local_hosts import LOOPBACK, host_name, is_address, is_loopback

HEADER = "x-cleanplate"
COOKIE = "cleanplate"
MOST_SESSIONS = 64
MOST_BYTES = 2 << 20
STREAMED = ("/api/uploads/", "/api/imports", "/api/labels/")
"""What counts the bytes of its bodies while they come; all else takes small ones only."""
_SAFE = ("GET", "HEAD")
_OWN_SITE = ("same-origin", "none")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; media-src 'self' blob:; font-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Tokens:
    """One-time tokens, each of which lets one browser in for as long as the studio runs.

    Args:
        made: called with each fresh token, the first at once; a used one is replaced.
    """

    def __init__(self, made: Callable[[str], None]) -> None:
        self._made = made
        self._lock = Lock()
        self._sessions: deque[str] = deque(maxlen=MOST_SESSIONS)
        self._token = secrets.token_urlsafe(24)
        made(self._token)

    def redeem(self, token: str) -> str | None:
        """Return a session for a right token, which is used up by it; else None."""
        with self._lock:
            if not hmac.compare_digest(token.encode(), self._token.encode()):
                return None
            session = secrets.token_urlsafe(24)
            self._sessions.append(session)
            self._token = secrets.token_urlsafe(24)
        self._made(self._token)
        return session

    def knows(self, session: str) -> bool:
        """Say whether a session was given out."""
        given = session.encode()
        with self._lock:
            return any([hmac.compare_digest(given, one.encode()) for one in self._sessions])


class Gate:
    """The outermost layer of the application; see the module.

    Args:
        app: what is guarded.
        host: the address that the studio is bound to.
        tokens: asked for where others than this machine can reach it; None on the loopback address.
    """

    def __init__(self, app: ASGIApp, host: str, tokens: Tokens | None) -> None:
        self._app, self._tokens = app, tokens
        name = socket.gethostname().lower()
        self._names = {*LOOPBACK, host.lower()}
        self._takes_addresses = not is_loopback(host)
        if self._takes_addresses:
            self._names |= {name, f"{name}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None and self._tokens is not None and not self._is_known(scope, headers):
            session = self._redeemed(scope)
            if session is not None:
                await _welcome(send, f"{_cookie(scope)}={session}")
                return
            refusal = (
                401,
                (
                    "the studio asks for a token; open the address that it printed where it was "
                    "started, token included (each opens one browser, a fresh one is printed then)"
                ),
            )
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal)
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        name = (host_name(host) or "").lower()
        if name not in self._names and not (self._takes_addresses and is_address(name)):
            return (
                403,
                f"host {name[:80]!r} is none of this machine's names; open the printed address",
            )
        if len(headers.getlist("host")) > 1:
            return 400, "more than one Host"
        own = {f"http://{host}".lower(), f"https://{host}".lower()}
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if origin is not None and origin.lower() not in own:
            return 403, "asked for by another site; open the studio's own page"
        is_api = scope["path"].startswith("/api")
        if (is_api or changes) and headers.get("sec-fetch-site", "none") not in _OWN_SITE:
            return 403, "asked for by another site; open the studio's own page"
        if scope["type"] == "websocket":
            return None if origin is not None else (403, "a websocket needs its page's Origin")
        if changes and headers.get(HEADER) != "1":
            return 403, f"a request that changes something needs the header {HEADER}: 1"
        if changes and not scope["path"].startswith(STREAMED) and not _is_small(headers):
            return 413, f"larger than {MOST_BYTES} bytes, or of no announced size; send less"
        return None

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        assert self._tokens is not None
        cookies = cookie_parser(headers.get("cookie", ""))
        return self._tokens.knows(cookies.get(_cookie(scope), ""))

    def _redeemed(self, scope: Scope) -> str | None:
        assert self._tokens is not None
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return self._tokens.redeem(query.get("token", [""])[0])


def _is_small(headers: Headers) -> bool:
    """Say whether a body, which is read as a whole, is announced to be small."""
    length = headers.get("content-length", "0")
    return "transfer-encoding" not in headers and length.isdecimal() and int(length) <= MOST_BYTES


def _cookie(scope: Scope) -> str:
    """Name the cookie by the port: browsers share a host's cookies among all its ports."""
    return f"{COOKIE}-{(scope.get('server') or ('', 0))[1]}"


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_encoded(HEADERS)]}
        await send(message)

    return sending


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _welcome(send: Send, session: str) -> None:
    """Put the session into a cookie and lead to the page without the token in its address."""
    cookie = f"{session}; Path=/; HttpOnly; SameSite=Strict"
    headers = {"location": "/", "set-cookie": cookie, "cache-control": "no-store", **HEADERS}
    await send({"type": "http.response.start", "status": 303, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": why[:100]})
        return
    body = json.dumps({"error": why}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **HEADERS}
    headers["connection"] = "close"  # what was sent along is not read
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": body})
