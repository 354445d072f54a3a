"""The page Reports: those that `ganforge evaluate` wrote, inside a frame that can do nothing to the page around it."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ganforge.web.refused import Refused
from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.runs import REPORT

CLOSED = {
    "content-security-policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src "
    "'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}
"""A report has scripts and styles inside itself, and an origin of its own: it reads nothing of the studio."""


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""

    async def listing(request: Request) -> Any:
        rows = await asyncio.to_thread(studio.runs.rows)
        return studio.shown({"reports": [row for row in rows if row["report"]]})

    async def report(request: Request) -> Response:
        folder = studio.runs.folder(request.path_params["run"])
        path = folder / REPORT
        if not path.is_file() or path.resolve() != path:
            raise Refused(f"{folder.name}: has not been evaluated", code="studio.no_report", status=404)
        name = f"{folder.name}-report.html" if "download" in request.query_params else None
        return FileResponse(path, media_type="text/html", headers=CLOSED, filename=name)

    return [route("/api/reports", listing), route("/api/runs/{run}/report", report)]
