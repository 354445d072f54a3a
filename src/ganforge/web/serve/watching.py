"""What surrounds all routes of the server: a number, a log line and the metrics of each request."""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from typing import TextIO

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganforge.web.serve.metrics import Metrics

NUMBER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
"""An X-Request-ID that is taken over from a proxy."""
NO_ANSWER = 499
"""Logged as the status of a request whose client is gone."""


class Watched:
    """Pure ASGI middleware.

    Args:
        route_of: from a path to the route that it belongs to, so that metrics have few names.
        log: where one JSON object a request is written; None: nowhere. It holds neither bodies nor tokens nor queries.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, route_of: Callable[[str], str], log: TextIO | None = sys.stderr):
        self.app, self.metrics, self.route_of, self.log = app, metrics, route_of, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        number = given if NUMBER.fullmatch(given) else secrets.token_hex(8)
        begun, status, size = time.perf_counter(), NO_ANSWER, 0

        async def numbered(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = number
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, numbered)
        finally:
            seconds = time.perf_counter() - begun
            self.metrics.add(self.route_of(scope["path"]), scope["method"], status, seconds)
            if self.log is not None:
                line = {
                    "time": round(time.time(), 3),
                    "id": number,
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "bytes": size,
                    "ms": round(seconds * 1000, 2),
                    "client": (scope.get("client") or ("", 0))[0],
                }
                self.log.write(json.dumps(line) + "\n")
                self.log.flush()
