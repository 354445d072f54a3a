"""Listens, serves until a signal comes, and answers what is under way before it ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ganforge.core.errors import UserError
from ganforge.web.binding import listen
from ganforge.web.serve.app import Server

PATIENCE = 20.0  # s
"""How long a connection may stay open without a whole request, and an answer without progress of its client."""
KEEP = 20
"""Seconds that a connection is kept after an answer."""
DRAIN = 10
"""Seconds for requests under way when the server is to end."""
MOST_CONNECTIONS = 512


class Patient(H11Protocol):
    """HTTP/1.1 that closes connections on which no request begins, or whose headers never end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.seen: object = None
        self.patience = PATIENCE
        self.timer = self.loop.call_later(self.patience, self.look)
        connection = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # a client that reads nothing (Linux)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.patience * 1000))

    def connection_lost(self, exc: Exception | None) -> None:
        self.timer.cancel()
        super().connection_lost(exc)

    def look(self) -> None:
        between = self.cycle is None or self.cycle.response_complete
        if between and self.cycle is self.seen:
            self.transport.close()
            return
        self.seen = self.cycle
        self.timer = self.loop.call_later(self.patience, self.look)


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Raises:
        UserError: the address is not of this machine, or the port is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return listen(host, port, family)
    except OSError as error:
        raise UserError(
            f"--host {host} --port {port}: cannot listen there ({error.strerror or error}). Is another server running? "
            "Then choose another port; 0 takes any that is free",
            code="serve.cannot_listen",
        ) from None


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """uvicorn raises the signals that it has handled again when it is done; then there is more to do here."""

    def nothing(number: int, frame: FrameType | None) -> None: ...

    before = {number: signal.signal(number, nothing) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def serve(served: Server, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM; what is under way then has `DRAIN` seconds. Jobs are cancelled.

    Args:
        ready: called when all models are loaded.

    Raises:
        UserError: a model cannot be loaded.
    """
    config = uvicorn.Config(
        served.app(),
        http=Patient,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP,
        timeout_graceful_shutdown=DRAIN,
    )
    server = uvicorn.Server(config)

    async def start() -> None:
        try:
            await served.worker.start()
            ready()
        except BaseException:
            server.should_exit = True
            raise

    with signals_ignored():
        starting = asyncio.create_task(start())
        try:
            await server.serve(sockets=[bound])
        finally:
            starting.cancel()
            outcome = (await asyncio.gather(starting, return_exceptions=True))[0]
            await served.stop()
        if isinstance(outcome, Exception):
            raise outcome
