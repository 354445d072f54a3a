"""Requests to an application without a network: every header and every part of a body as the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

TOKEN = "token-of-the-tests-0123456789"


@dataclass(frozen=True)
class Said:
    """An answer. parts_read: of the body of the request."""

    status: int
    headers: dict[str, str]
    body: bytes
    parts_read: int

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return self.json["error"]["code"]


def ask(
    app: ASGIApp,
    path: str,
    method: str = "GET",
    body: bytes | Sequence[bytes] = b"",
    token: str = TOKEN,
    host: str = "127.0.0.1:8000",
    **headers: str,
) -> Said:
    """Sends one request; the body may come in parts."""
    return asyncio.run(asked(app, path, method, body, token, host, **headers))


async def asked(
    app: ASGIApp,
    path: str,
    method: str = "GET",
    body: bytes | Sequence[bytes] = b"",
    token: str = TOKEN,
    host: str = "127.0.0.1:8000",
    **headers: str,
) -> Said:
    parts = [body] if isinstance(body, bytes) else list(body)
    raw = {"host": host, **({"authorization": f"Bearer {token}"} if token else {}), **headers}
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in raw.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    read, start, got = 0, {}, b""

    async def receive() -> dict[str, Any]:
        nonlocal read
        if read >= len(parts):
            await asyncio.Event().wait()  # the client stays until it has its answer
        read += 1
        return {"type": "http.request", "body": parts[read - 1], "more_body": read < len(parts)}

    async def send(message: Any) -> None:
        nonlocal got
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            got += message.get("body", b"")

    await app(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Said(start["status"], answered, got, read)
