"""The page Data: the folder, and what is in a data set."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from ganforge.web.guard import body_of
from ganforge.web.refused import Refused
from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.uploads import ROWS, TABLES, brought, file_in


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""
    data = studio.data

    async def listing(request: Request) -> Any:
        return await asyncio.to_thread(data.listing, request.query_params.get("path", ""))

    async def inspect(request: Request) -> Any:
        body = await body_of(request)
        return studio.shown(await inspection(studio, body, body.get("again") is True))

    async def bring(request: Request) -> Any:
        """Keeps a table below the data folder; its content is read by the process that inspects it alone."""
        async with brought(request) as form:
            file, ending = file_in(form, "file", ROWS)
            return {"path": await asyncio.to_thread(data.take, file, ending)}

    return [
        route("/api/data", listing),
        route("/api/data/inspect", inspect, "POST"),
        route(TABLES, bring, "POST"),
    ]


async def inspection(studio: Studio, asked: Any, again: bool = False) -> dict[str, Any]:
    """What is in the data {"path": ...} or {"set": ...}; remembered until its file or folder changes.

    Raises:
        Refused: there is no such data, or it cannot be used.
    """
    if isinstance(asked, dict) and isinstance(path := asked.get("path"), str):
        place = studio.data.path(path)
        return await studio.children.ask("inspect", str(place), version=studio.data.version(place), again=again)
    if isinstance(asked, dict) and (name := asked.get("set")) in (await studio.children.recipes())["sets"]:
        return await studio.children.ask("inspect", str(name), again=again)
    raise Refused("there is no data of that name", code="data.not_found", status=404)
