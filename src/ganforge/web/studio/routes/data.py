"""The page Data: the folder, and what is in a data set."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from ganforge.web.guard import Refused, body_of
from ganforge.web.studio.context import Studio, route


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""
    data, children = studio.data, studio.children

    async def listing(request: Request) -> Any:
        return await asyncio.to_thread(data.listing, request.query_params.get("path", ""))

    async def inspect(request: Request) -> Any:
        body = await body_of(request)
        again = body.get("again") is True
        if isinstance(path := body.get("path"), str):
            place = data.path(path)
            found = await children.ask("inspect", str(place), version=data.version(place), again=again)
        elif (name := body.get("set")) in (await children.recipes())["sets"]:
            found = await children.ask("inspect", str(name), again=again)
        else:
            raise Refused("there is no data of that name", code="data.not_found", status=404)
        return studio.shown(found)

    return [route("/api/data", listing), route("/api/data/inspect", inspect, "POST")]
