"""Requests to the server, as its tests send them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from web.asking import Said

Ask = Callable[..., Awaitable[Said]]
"""Asks the application for a path."""


def as_json(body: Any) -> dict[str, Any]:
    return {"method": "POST", "body": json.dumps(body).encode(), "content-type": "application/json"}


def as_form(files: dict[str, tuple[str, bytes]], **fields: str) -> dict[str, Any]:
    """A multipart form."""
    parts = [f'--x\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    for name, (file, data) in files.items():
        head = f'--x\r\ncontent-disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    body = b"".join([*parts, b"--x--\r\n"])
    return {"method": "POST", "body": body, "content-type": "multipart/form-data; boundary=x"}
