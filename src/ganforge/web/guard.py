"""What stands before every route of the studio and of the server: who may ask, what may come in, what goes out.

    request → Host → token → Origin, Sec-Fetch-Site → content type → bytes of the body, counted → route
    answer  ← security headers ← an error as JSON: a code and a sentence, no traceback, no folder of this machine

A page of another site can send requests to this machine from the user's browser. The Host header ends DNS rebinding,
the token and `SameSite=Strict` end requests on the user's behalf, and Origin, Sec-Fetch-Site and the content type end
those that change something.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganforge.core.errors import UserError
from ganforge.web.refused import Refused, error_answer

log = logging.getLogger("ganforge")

CSP = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer, unless its route sets another value."""

SAFE = ("GET", "HEAD")
JSON = "application/json"
JSON_BYTES = 1 << 20
"""Largest JSON body by default: 1 MiB."""


@dataclass(frozen=True)
class Upload:
    """What a route takes instead of JSON: bodies of these content types, and a limit of bytes."""

    types: tuple[str, ...]
    most: int


@dataclass(frozen=True)
class Rules:
    """Who may ask, and for what.

    Attributes:
        token: known to those who may; empty: anybody who reaches the port.
        hosts: values of the Host header that are answered, in lower case, with the port where it is not 80.
        cookie: name of the cookie in which a browser keeps the token; empty: only `Authorization: Bearer`.
        open: paths that need no token, such as `/healthz`.
        uploads: beginnings of paths whose routes take something other than JSON.
        json_bytes: largest JSON body.
        hide: folders that are cut out of error messages.
    """

    token: str
    hosts: frozenset[str]
    cookie: str = ""
    open: frozenset[str] = frozenset()
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    json_bytes: int = JSON_BYTES
    hide: tuple[Path, ...] = ()

    def upload(self, path: str) -> Upload:
        """What a path takes."""
        of_path = [taken for beginning, taken in self.uploads.items() if path.startswith(beginning)]
        return of_path[0] if of_path else Upload((JSON,), self.json_bytes)


class Guard:
    """Pure ASGI middleware; `guarded` puts it around the routes of an application."""

    def __init__(self, app: ASGIApp, rules: Rules):
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no route speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def protected(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            signed_in = self.check(scope)
            if signed_in is not None:
                await signed_in(scope, receive, protected)
                return
            await self.app(scope, self.counted(scope, receive), protected)
        except Exception as error:
            if not isinstance(error, UserError):
                log.error("%s %s", scope["method"], scope["path"], exc_info=error)
            if begun:  # the answer has no room for an error any more: the connection ends
                raise
            await error_answer(error, self.rules.hide)(scope, receive, protected)

    def check(self, scope: Scope) -> Response | None:
        """The answer that gives a browser its cookie, if it comes with the token in its address; else None.

        Raises:
            Refused: the request may not pass.
        """
        headers, rules, method, path = Headers(scope=scope), self.rules, scope["method"], scope["path"]
        host = headers.get("host", "").lower()
        if host not in rules.hosts:
            raise Refused("this address is not served here", code="web.wrong_host", status=421)
        if path == "/" and method in SAFE and rules.cookie:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if given and same(given, rules.token):
                cookie = f"{rules.cookie}={rules.token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"
                return Response(status_code=303, headers={"location": "/", "set-cookie": cookie})
        if path not in rules.open:
            self.check_token(headers)
        if method in SAFE:
            return None
        site, origin = headers.get("sec-fetch-site", "same-origin"), headers.get("origin")
        if site not in ("same-origin", "none") or (origin is not None and origin.lower().partition("://")[2] != host):
            raise Refused("this request comes from a page of another site", code="web.wrong_origin", status=403)
        if method != "DELETE":
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            taken = rules.upload(path).types
            if kind not in taken:
                raise Refused(
                    f"expected the content type {' or '.join(taken)}", code="web.wrong_content_type", status=415
                )
        return None

    def check_token(self, headers: Headers) -> None:
        """Raises Refused if a request comes without the token."""
        if not self.rules.token:
            return
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and same(bearer.strip(), self.rules.token):
            return
        if self.rules.cookie and same(cookie_of(headers, self.rules.cookie), self.rules.token):
            return
        raise Refused(
            "the token is missing or wrong. Open the address that the command printed, with its token",
            code="web.wrong_token",
            status=401,
        )

    def counted(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` that counts the bytes of the body, since the header that names their number may be wrong."""
        most = self.rules.upload(scope["path"]).most
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge(most)
            return message

        named = Headers(scope=scope).get("content-length", "0")
        if not named.isdigit() or int(named) > most:
            raise too_large(most)
        return counting


class TooLarge(HTTPException):
    """More bytes arrive than a route takes. Of Starlette's kind, so that its routes pass it on."""

    def __init__(self, most: int):
        super().__init__(413, str(too_large(most)))


def too_large(most: int) -> Refused:
    size = f"{most / 2**20:,.0f} MiB" if most >= 2**20 else f"{most:,} bytes"
    return Refused(f"the request is larger than the {size} that are taken here", code="web.too_large", status=413)


def guarded(routes: Sequence[BaseRoute], rules: Rules, **more: Any) -> Starlette:
    """An application of these routes behind the guard; `more` goes to Starlette, such as `lifespan`."""

    async def as_json(request: Request, error: Exception) -> Response:
        return error_answer(error, rules.hide)

    middleware = [Middleware(Guard, rules=rules)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: as_json}, **more)


def same(given: str, token: str) -> bool:
    """Whether a token is the right one, in a time that does not depend on where it differs."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def cookie_of(headers: Headers, name: str) -> str:
    """The value of a cookie; empty without it. Read here, since Python's parser drops all cookies after an odd one."""
    for part in headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


# --- how much at a time


class Places:
    """A limit of what is done at a time: `with places: ...` takes one of `most` places and gives it back.

    Raises:
        Refused: all are taken.
    """

    def __init__(self, most: int, retry_after: int = 5):
        self.most, self.retry_after, self.taken = most, retry_after, 0

    def __enter__(self) -> None:
        if self.taken >= self.most:
            raise Refused(
                f"{self.most} of these are in use, the most at a time. Close a page, or try again later",
                code="web.busy",
                status=503,
                retry_after=self.retry_after,
            )
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a request brings.

    Raises:
        Refused: it brings something else.
    """
    try:
        found = json.loads(await request.body())
    except ValueError:  # also of bytes that are no text
        found = None
    if not isinstance(found, dict):
        raise Refused("expected a JSON object", code="web.not_json", status=400)
    return found
