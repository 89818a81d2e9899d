"""The studio is attacked as other sites, other machines and other names for this one would."""

from __future__ import annotations

import socket
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from cleanplate.cli_studio import studio as command
from cleanplate.studio.security import POLICY, Tokens
from tests.studio.serving import Client, png, square, studio, write_clip


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("local")
    (folder / "videos").mkdir()
    write_clip(folder / "videos" / "gate.mp4")
    with studio(folder) as client:
        client.wait_for_frames()
        yield client


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_was_pointed_here_is_refused(local: Client, host: str) -> None:
    answer = local.ask("GET", "/api/project", headers={"Host": host})
    assert answer.status in (400, 403)
    assert b"gate" not in answer.body


def test_a_lan_address_as_host_is_refused_on_the_loopback_address(local: Client) -> None:
    assert local.ask("GET", "/", headers={"Host": "192.168.1.7"}).status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_this_machines_own_names_are_answered(local: Client, host: str) -> None:
    assert local.ask("GET", "/api/project", headers={"Host": f"{host}:{local.port}"}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_another_sites_page_is_refused(local: Client, origin: str, method: str) -> None:
    headers = {"Origin": origin, "If-None-Match": "*"}
    answer = local.ask(method, "/api/labels/3", png(square(4)), headers)
    assert answer.status == 403
    assert local.get("/api/labels/3").status == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_on_another_site_is_refused(local: Client, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert local.ask("GET", "/api/frames/1.jpg", headers=headers, plain=True).status == 403


def test_a_form_of_another_site_changes_nothing(local: Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/api/clips/example", "/api/training", "/api/exports"):
        assert local.ask("POST", path, b"quality=good", form, plain=True).status == 403
    assert local.ask("PUT", "/api/labels/4", png(square(4)), plain=True).status == 403


def test_a_preflight_of_another_site_is_not_allowed(local: Client) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    answer = local.ask("OPTIONS", "/api/labels/1", headers=headers, plain=True)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/", "/static/main.js", "/api/project", "/api/frames/1.jpg", "/x"]
)
def test_every_answer_says_that_nothing_inline_runs(local: Client, path: str) -> None:
    headers = local.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/api/labels/..%2f..%2fproject.toml",
        "/api/frames/..%2f1.jpg",
        "/api/training/preview/1/..%2f..%2flock.png",
        "/api/exports/..%2f..%2fproject.toml/file",
        "/api/looks/1/plate.png?model=../../videos/gate",
        "/api/looks/1/plate.png?model=%2Fetc%2Fpasswd",
    ],
)
def test_no_path_leaves_the_project_or_the_page(local: Client, path: str) -> None:
    answer = local.get(path)
    assert answer.status in (400, 404, 405, 422)
    assert b"root:" not in answer.body
    assert b"uvicorn" not in answer.body


def test_the_interface_does_not_describe_itself(local: Client) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert local.get(path).status == 404


def test_a_websocket_needs_its_pages_origin(local: Client) -> None:
    address = f"ws://127.0.0.1:{local.port}/api/events"
    for origin in (None, Origin("http://evil.example"), Origin("http://127.0.0.1:1")):
        with pytest.raises(InvalidStatus), connect(address, origin=origin):
            pass
    with connect(address, origin=Origin(f"http://127.0.0.1:{local.port}")) as socket_:
        assert '"hello"' in str(socket_.recv(10))


def test_two_hosts_in_one_request_are_refused(local: Client) -> None:
    with socket.create_connection(("127.0.0.1", local.port), 10) as raw:
        raw.sendall(b"GET /api/project HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert raw.recv(100).split()[1] in (b"400", b"403")


def test_a_vast_body_is_refused_before_it_is_read(local: Client) -> None:
    with socket.create_connection(("127.0.0.1", local.port), 10) as raw:
        head = "Host: localhost\r\nX-Cleanplate: 1\r\nContent-Type: application/json\r\n"
        vast = f"PUT /api/region HTTP/1.1\r\n{head}Content-Length: {10**13}\r\n\r\n"
        raw.sendall(vast.encode())
        assert raw.recv(100).split()[1] == b"413"
    with socket.create_connection(("127.0.0.1", local.port), 10) as raw:
        chunked = f"POST /api/training HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n"
        raw.sendall(chunked.encode())
        assert raw.recv(100).split()[1] == b"413"


@pytest.fixture
def tokens() -> tuple[Tokens, list[str]]:
    made: list[str] = []
    return Tokens(made.append), made


@pytest.fixture
def shared(folder: Path, tokens: tuple[Tokens, list[str]]) -> Iterator[Client]:
    with studio(folder, host="0.0.0.0", tokens=tokens[0]) as found:
        yield found


def _session(answer_headers: dict[str, str]) -> str:
    return answer_headers["set-cookie"].split(";")[0]


def test_a_shared_studio_answers_nobody_without_a_token(shared: Client) -> None:
    for path in ("/", "/static/main.js", "/api/project", "/api/frames/1.jpg", "/?token=guess"):
        answer = shared.get(path)
        assert answer.status == 401
        assert "token" in answer.error


def test_a_token_opens_one_browser_and_then_no_other(
    shared: Client, tokens: tuple[Tokens, list[str]]
) -> None:
    token = tokens[1][-1]
    first = shared.get(f"/?token={token}")
    assert first.status == 303
    assert first.headers["location"] == "/"
    for word in ("HttpOnly", "SameSite=Strict"):
        assert word in first.headers["set-cookie"]
    cookie = {"Cookie": f"other=1; {_session(first.headers)}"}
    assert shared.ask("GET", "/api/project", headers=cookie).status == 200
    assert shared.get(f"/?token={token}").status == 401
    assert tokens[1][-1] != token  # a fresh one was made for the next browser
    assert shared.get(f"/?token={tokens[1][-1]}").status == 303


def test_a_cookie_alone_does_not_let_another_site_in(
    shared: Client, tokens: tuple[Tokens, list[str]]
) -> None:
    cookie = _session(shared.get(f"/?token={tokens[1][-1]}").headers)
    headers = {"Cookie": cookie, "Origin": "http://evil.example"}
    assert shared.ask("POST", "/api/clips/example", headers=headers).status == 403
    assert (
        shared.ask("POST", "/api/clips/example", headers={"Cookie": cookie}, plain=True).status
        == 403
    )


@pytest.mark.parametrize("cookie", ["", "x", "\x22", "a=b; c", "é" * 50])
def test_a_wrong_session_is_refused(shared: Client, cookie: str) -> None:
    headers = {"Cookie": f"cleanplate-{shared.port}={cookie}".encode().decode("latin-1")}
    assert shared.ask("GET", "/api/project", headers=headers).status == 401


def test_a_shared_studio_shows_no_files_of_its_machine(
    shared: Client, tokens: tuple[Tokens, list[str]]
) -> None:
    headers = {"Cookie": _session(shared.get(f"/?token={tokens[1][-1]}").headers)}
    assert shared.ask("GET", "/api/browse?folder=/", headers=headers).status == 403
    answer = shared.ask("POST", "/api/clips", {"path": "/etc/passwd"}, headers)
    assert answer.status == 403
    for address in ("/dev/video0", "0"):
        body = {"address": address, "seconds": 1}
        assert shared.ask("POST", "/api/clips/record", body, headers).status == 403


def test_another_loopback_address_answers_where_it_was_printed(folder: Path) -> None:
    with studio(folder, host="127.0.0.2") as client:
        assert client.ask("GET", "/", headers={"Host": f"127.0.0.2:{client.port}"}).status == 200
        assert client.ask("GET", "/", headers={"Host": "127.0.0.3"}).status == 403


def test_a_browser_that_takes_the_terminal_does_not_keep_the_studio_from_serving(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Event()
    opened: list[str] = []
    served: list[bool] = []

    def open_and_stay(address: str) -> None:
        opened.append(address)
        ends.wait(30)

    def serve(_: Path, __: str, ___: int, told: Callable[[str], None]) -> None:
        told("http://127.0.0.1:1/")
        served.append(not ends.is_set())

    monkeypatch.setattr(webbrowser, "open", open_and_stay)
    monkeypatch.setattr("cleanplate.studio.server.serve", serve)
    began = time.monotonic()
    command(folder)
    assert time.monotonic() - began < 20
    assert (opened, served) == (["http://127.0.0.1:1/"], [True])
    ends.set()
