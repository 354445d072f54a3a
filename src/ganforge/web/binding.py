"""Where the studio and the server listen, and the token that they ask for."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, output_to

BACKLOG = 256  # connections that wait to be accepted
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int, family: int) -> socket.socket:
    """A socket that listens, whose connections send at once.

    Without TCP_NODELAY the end of each answer waits for the receiver to confirm its beginning, which takes it 40 ms.
    For sockets that it is given, asyncio does not set it.

    Raises:
        OSError: the port is taken, or this machine does not have the address.
    """
    found = socket.create_server((host, port), family=family, backlog=BACKLOG)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def check_binding(host: str, token: str) -> str:
    """A warning about an address that others can reach; empty for one of this machine alone.

    Raises:
        UserError: others can reach it, and there is no token.
    """
    if is_loopback(host):
        return ""
    if not token:
        raise UserError(
            f"--host {host}: others can reach this address, so it needs a token. Leave --host out, or set a token",
            code="web.no_token",
        )
    return (
        f"{host} can be reached by others. There is no TLS: the token and all data cross the network unencrypted. "
        "Safer: leave --host out and use `ssh -L`, or put a proxy with TLS in front"
    )


def hosts_of(host: str, port: int, more: Iterable[str] = ()) -> frozenset[str]:
    """The Host headers under which a server at this address is known; `more` are names of a proxy in front of it."""
    own = f"[{host}]" if ":" in host else host
    names = {*LOOPBACK, own} - {"0.0.0.0", "[::]"}
    found = {f"{name.lower()}:{port}" for name in names} | {name.lower() for name in more}
    return frozenset(found | ({name.lower() for name in names} if port == 80 else set()))


def token_in(path: Path) -> str:
    """The token that a file holds, which only its owner can read; written with a new one where there is none.

    Raises:
        UserError: others can read the file, or it cannot be written.
    """
    with output_to(path):
        if path.is_file():
            if os.name != "nt" and path.stat().st_mode & 0o077:
                raise UserError(
                    f"{path}: others on this machine can read this token. Delete the file, and a new one is made",
                    code="web.token_readable",
                )
            if known := path.read_text(encoding="ascii").strip():
                return known
        with atomic_file(path) as file:
            file.touch(mode=0o600)
            token = secrets.token_urlsafe(32)
            file.write_text(token + "\n", encoding="ascii")
        return token
