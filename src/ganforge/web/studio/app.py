"""The studio as an application, and as a server on this machine."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.language import LANGUAGES
from ganforge.core.version import __version__
from ganforge.web.binding import check_binding, hosts_of, listen, token_in
from ganforge.web.guard import Rules, guarded
from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.routes import all_routes
from ganforge.web.studio.uploads import TAKES

if TYPE_CHECKING:
    import uvicorn

STATIC = Path(__file__).with_name("static")
PORT, TRIED = 8470, 20
"""The port that is tried first, and how many after it."""
ASK = 0.5
"""Seconds between two looks whether the studio is told to end."""
OWN = ".studio"
"""The folder inside that of the runs in which a studio keeps its token and its address."""


class Pages(StaticFiles):
    """Files of the pages: a browser asks each time whether they have changed, as they do with a new version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def application(studio: Studio, rules: Rules) -> Starlette:
    """The studio behind its guard."""
    mimetypes.add_type("text/javascript", ".js")  # some systems do not know it

    async def page(request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def about(request: Request) -> Any:
        return {"version": __version__, "language": studio.language, "languages": LANGUAGES}

    routes = [
        Route("/", page),
        route("/api/about", about),
        *all_routes(studio),
        Mount("/static", Pages(directory=STATIC)),
    ]
    return guarded(routes, rules)


def rules_of(studio: Studio, token: str, host: str, port: int) -> Rules:
    """Who may use a studio at this address."""
    return Rules(token, hosts_of(host, port), cookie=f"ganforge_studio_{port}", uploads=TAKES, hide=studio.folders)


def serve(
    studio: Studio, host: str, port: int | None, ready: Callable[[str, str], None], open_browser: bool = True
) -> None:
    """Serves until Ctrl-C. Trainings that were started live on.

    Args:
        port: None: the first free one from `PORT` on.
        ready: called with the address of the page, which holds the token, and with a warning or an empty text.

    Raises:
        UserError: the port is in use, or the folder of the runs cannot be written to.
    """
    import uvicorn

    own = studio.runs.root / OWN
    token = token_in(own / "token")
    warning = check_binding(host, token)
    listening = bound(host, port)
    port = listening.getsockname()[1]
    assert port is not None
    with atomic_file(own / "address.json") as file:
        file.write_text(json.dumps({"host": host, "port": port}) + "\n", encoding="utf-8")
    config = uvicorn.Config(
        application(studio, rules_of(studio, token, host, port)),
        loop="asyncio", http="h11", ws="none", lifespan="off", log_level="critical", access_log=False,
        server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    url = address(host, port, token)
    ready(url, warning)
    if open_browser:
        webbrowser.open(url)
    try:
        server = uvicorn.Server(config)
        server.main_loop = lambda: waiting(server)
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # raised again by uvicorn after it has ended in order
        return
    finally:
        listening.close()


async def waiting(server: uvicorn.Server) -> None:
    """Serves until the server is told to end. uvicorn by itself asks ten times a second: each time takes processor time
    from a training on the same machine."""
    while not await server.on_tick(0):
        await asyncio.sleep(ASK)


def bound(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: no port is free, or this machine does not have the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    said = ""
    for one in range(PORT, PORT + TRIED) if port is None else (port,):
        try:
            return listen(host, one, family)
        except OSError as error:
            said = error.strerror or str(error)
    which = f"port {port}" if port is not None else f"ports {PORT} to {PORT + TRIED - 1}"
    raise UserError(f"{host}: {which} cannot be used ({said}). Choose another one with --port", code="web.port")


def address(host: str, port: int, token: str) -> str:
    """The address of the page, with the token."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}"


def known_address(runs: Path) -> str:
    """The address, with the token, of the studio that last served a folder of runs; it may have ended.

    Raises:
        UserError: as `token_in`.
    """
    own = runs.resolve() / OWN
    try:
        found = json.loads((own / "address.json").read_text(encoding="utf-8"))
        host, port = str(found["host"]), int(found["port"])
    except (OSError, ValueError, KeyError, TypeError):  # none has served yet
        host, port = "127.0.0.1", PORT
    return address(host, port, token_in(own / "token"))
