"""Messages between a web process and its worker, over a socket: a JSON object, and bytes that belong to it.

    length of the JSON, 4 bytes · length of the body, 8 bytes · JSON in UTF-8 · body

Nothing that arrives is ever run: no pickle, no code.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

LENGTHS = struct.Struct("!IQ")
MOST_BODY = 2**30
"""Bytes of a body, at most."""


class Message(NamedTuple):
    """One message: its fields, and its body."""

    fields: dict[str, Any]
    body: bytes = b""


def packed(fields: dict[str, Any], body: bytes = b"") -> bytes:
    """A message as it is sent.

    Raises:
        ValueError: the body is longer than `MOST_BODY`, or a number is not finite.
    """
    if len(body) > MOST_BODY:
        raise ValueError(f"a body of {len(body):,} bytes: at most {MOST_BODY:,} are sent")
    text = json.dumps(fields, allow_nan=False).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


class Unpacker:
    """Puts messages together from the parts in which they arrive."""

    def __init__(self) -> None:
        self.held = bytearray()

    def feed(self, part: bytes) -> Iterator[Message]:
        """The messages that are complete once this part is there."""
        self.held += part
        while len(self.held) >= LENGTHS.size:
            text, body = LENGTHS.unpack_from(self.held)
            start, end = LENGTHS.size + text, LENGTHS.size + text + body
            if len(self.held) < end:
                return
            fields = json.loads(self.held[LENGTHS.size : start])
            data = bytes(self.held[start:end])
            del self.held[:end]
            yield Message(fields, data)
