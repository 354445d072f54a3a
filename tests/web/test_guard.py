"""The guard before all routes, asked as a browser, a script and an attacker would."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from ganforge.core.errors import UserError
from ganforge.web.binding import check_binding, hosts_of, listen, token_in
from ganforge.web.confined import confined, inside
from ganforge.web.guard import Places, Rules, Upload, body_of, guarded
from ganforge.web.refused import Refused
from refused import refused
from web.asking import TOKEN, ask

SECRET = Path("/srv/people/anna")


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(await body_of(request))


async def size(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(sum([len(part) async for part in request.stream()])))


async def fails(request: Request) -> None:
    raise {"user": UserError(f"{SECRET}/runs/a: is broken", code="run.broken"), "bug": KeyError("password")}[
        request.path_params["how"]
    ]


ROUTES = [
    Route("/", lambda request: PlainTextResponse("page")),
    Route("/healthz", lambda request: PlainTextResponse("alive")),
    Route("/api", echo, methods=["POST"]),
    Route("/upload", size, methods=["POST"]),
    Route("/fails/{how}", fails),
]
RULES = Rules(
    TOKEN,
    hosts_of("127.0.0.1", 8000, ["gan.example.org"]),
    cookie="gf_8000",
    open=frozenset({"/healthz"}),
    uploads={"/upload": Upload(("image/png",), 100)},
    json_bytes=200,
    hide=(SECRET / "runs", SECRET),
)
APP = guarded(ROUTES, RULES)
POST = {"content-type": "application/json"}


def test_who_knows_the_token_may_ask():
    assert ask(APP, "/").text == "page"
    assert ask(APP, "/", cookie=f"a=b; gf_8000={TOKEN}", token="").text == "page"
    for wrong in ("", TOKEN[:-1], TOKEN + "x", "ключ"):
        said = ask(APP, "/", token=wrong)
        assert (said.status, said.error) == (401, "web.wrong_token")
        assert said.headers["www-authenticate"] == "Bearer"
    assert ask(APP, "/", cookie=f"gf_8001={TOKEN}", token="").status == 401  # the studio of another port
    assert ask(APP, "/healthz", token="").text == "alive"


def test_an_address_with_the_token_becomes_a_cookie_that_scripts_cannot_read():
    said = ask(APP, f"/?token={TOKEN}", token="")
    assert (said.status, said.headers["location"]) == (303, "/")
    cookie = said.headers["set-cookie"]
    assert cookie.startswith(f"gf_8000={TOKEN};")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert ask(APP, "/?token=wrong", token="").status == 401
    assert ask(APP, f"/healthz?token={TOKEN}", token="").status == 200
    assert ask(APP, f"/fails/bug?token={TOKEN}", token="").status == 401  # only the first page takes it


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1:8001", "127.0.0.1", "", "127.0.0.1:8000.evil.org"])
def test_a_foreign_host_is_refused_before_anything_else(host):
    said = ask(APP, "/healthz", host=host)
    assert (said.status, said.error) == (421, "web.wrong_host")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000", "gan.example.org"]
)
def test_own_hosts_are_answered(host):
    assert ask(APP, "/", host=host).status == 200


def test_other_sites_change_nothing():
    good = [{}, {"origin": "http://127.0.0.1:8000"}, {"sec-fetch-site": "same-origin"}]
    bad = [
        {"origin": "http://evil.example.org"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8001"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "cross-site"},
    ]
    for headers in good:
        assert ask(APP, "/api", "POST", b'{"a": 1}', **POST, **headers).json == {"a": 1}
    for headers in bad:
        said = ask(APP, "/api", "POST", b'{"a": 1}', **POST, **headers)
        assert (said.status, said.error) == (403, "web.wrong_origin")
        assert ask(APP, "/api", "DELETE", **headers).status == 403
    assert not [name for name in ask(APP, "/").headers if name.startswith("access-control")]


def test_only_json_and_announced_uploads_come_in():
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        said = ask(APP, "/api", "POST", b"{}", **({"content-type": kind} if kind else {}))
        assert (said.status, said.error) == (415, "web.wrong_content_type")
    assert ask(APP, "/api", "POST", b"{}", **{"content-type": "application/json; charset=utf-8"}).status == 200
    assert ask(APP, "/upload", "POST", b"{}", **POST).status == 415
    assert ask(APP, "/upload", "POST", b"12345", **{"content-type": "image/png"}).text == "5"
    for body in (b"", b"{", b"[1]", b"\xff\xfe"):
        assert ask(APP, "/api", "POST", body, **POST).error == "web.not_json"


def test_bytes_are_counted_while_they_arrive():
    png = {"content-type": "image/png"}
    assert ask(APP, "/upload", "POST", [b"x" * 60, b"x" * 40], **png).text == "100"
    for length in ({}, {"content-length": "5"}):
        said = ask(APP, "/upload", "POST", [b"x" * 60, b"x" * 41, b"x" * 60], **png, **length)
        assert (said.status, said.error, said.parts_read) == (413, "web.too_large", 2)
    for length in ("101", "-1", "many"):
        said = ask(APP, "/upload", "POST", [b"x"], **png, **{"content-length": length})
        assert (said.status, said.parts_read) == (413, 0)
    assert ask(APP, "/api", "POST", json.dumps({"a": "x" * 200}).encode(), **POST).status == 413


def test_every_answer_has_the_headers_of_a_closed_page():
    for path, token in (("/", TOKEN), ("/", "wrong"), ("/none", TOKEN), ("/fails/bug", TOKEN)):
        headers = ask(APP, path, token=token).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_errors_are_a_code_and_a_sentence(notices):
    said = ask(APP, "/fails/user")
    assert (said.status, said.json) == (400, {"error": {"code": "run.broken", "message": "a: is broken"}})
    said = ask(APP, "/fails/bug")
    assert (said.status, said.error) == (500, "web.internal")
    assert "password" not in said.text
    assert "Traceback" not in said.text
    assert "password" in notices.text  # in the terminal of the server
    assert TOKEN not in notices.text
    assert ask(APP, "/none").error == "web.not_found"
    assert ask(APP, "/api").error == "web.wrong_method"


def test_no_websocket():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(APP({"type": "websocket", "path": "/", "headers": []}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_addresses_that_others_reach_need_a_token():
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        assert check_binding(host, "") == ""
    with refused("web.no_token", "0.0.0.0"):
        check_binding("0.0.0.0", "")
    assert "no TLS" in check_binding("192.168.1.5", TOKEN)
    assert "0.0.0.0:8000" not in hosts_of("0.0.0.0", 8000)
    assert {"10.0.0.1:8000", "localhost:8000"} <= hosts_of("10.0.0.1", 8000)


def test_the_token_lies_in_a_file_of_its_owner(tmp_path):
    path = tmp_path / "studio" / "token"
    token = token_in(path)
    assert len(token) >= 43  # 32 bytes
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token_in(path) == token
    path.chmod(0o644)
    with refused("web.token_readable", str(path)):
        token_in(path)


def test_names_do_not_lead_out_of_their_folder(tmp_path):
    root, other = tmp_path / "runs", tmp_path / "other"
    for folder in (root / "a" / "deep", other, root / ".trash"):
        folder.mkdir(parents=True)
    (root / "link").symlink_to(other)
    (root / "a" / "link").symlink_to(other)
    assert confined(root, "a") == root / "a"
    assert inside(root, "a/deep") == root / "a" / "deep"
    assert inside(root, "") == root
    odd = ("", ".", "..", "../other", "a/deep", "link", ".trash", "none", "/etc", "a\\b", "a\0", str(other), "C:x")
    for name in odd:
        with refused("web.not_found"):
            confined(root, name)
    for name in ("..", "a/..", "a/../../other", "a//deep", "/etc", "link", "a/link", "a/deep/", ".trash", "a/./deep"):
        with refused("web.not_found"):
            inside(root, name)


def test_places_are_given_back():
    places = Places(2)
    with places, places:
        with refused("web.busy") as caught, places:
            pass
        assert isinstance(caught.value, Refused)
        assert (caught.value.status, caught.value.retry_after) == (503, 5)
    with places:
        assert places.taken == 1


def test_answers_are_sent_at_once():
    """Else their ends wait 40 ms for the receiver to confirm their beginnings: a slider lags by two frames."""
    with listen("127.0.0.1", 0, socket.AF_INET) as found, socket.create_connection(found.getsockname()[:2]):
        connection, _ = found.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
