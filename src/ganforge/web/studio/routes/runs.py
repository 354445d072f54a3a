"""The page Runs: the list, one run with its curves, previews and log, and what can be done with it."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ganforge.artifacts.summary import TRASH, restored, runs_in
from ganforge.web.confined import confined
from ganforge.web.guard import body_of
from ganforge.web.refused import Refused
from ganforge.web.studio.context import Studio, language_of, route
from ganforge.web.studio.runs import previews
from ganforge.web.studio.stream import stream, watched

MOST_WATCHED = 8
SANDBOX = {"content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
"""Of files that a browser could run: they are shown without scripts."""
INERT = (".png", ".gif", ".wav", ".mp4")


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""
    runs, jobs = studio.runs, studio.jobs

    async def listing(request: Request) -> Any:
        return studio.shown({"runs": await asyncio.to_thread(runs.rows)})

    async def detail(request: Request) -> Any:
        found = await asyncio.to_thread(runs.detail, request.path_params["run"], language_of(request))
        return {**studio.shown(found), "commands": found["commands"]}  # commands are to be copied, so they stay whole

    async def grown(request: Request) -> Any:
        after = request.query_params.get("after", "-1")
        if not re.fullmatch(r"-1|\d{1,15}", after, re.ASCII):
            raise Refused(
                f"after={after[:40]}: this is a number of samples, such as after=1000", code="run.after", status=400
            )
        return await asyncio.to_thread(previews, runs.folder(request.path_params["run"]), int(after))

    async def recipe(request: Request) -> Response:
        return PlainTextResponse(await asyncio.to_thread(runs.text, request.path_params["run"]))

    async def output(request: Request) -> Response:
        return PlainTextResponse(studio.shown(await asyncio.to_thread(runs.output, request.path_params["run"])))

    async def file(request: Request) -> Response:
        path = await asyncio.to_thread(runs.file, request.path_params["run"], request.path_params["file"])
        headers = {"cache-control": "private, max-age=86400"} if request.query_params.get("v") else {}
        if path.suffix not in INERT:
            headers |= SANDBOX
        name = f"{request.path_params['run']}-{path.name}" if "download" in request.query_params else None
        return FileResponse(path, headers=headers, filename=name)

    async def stop(request: Request) -> Any:
        body = await body_of(request)
        return await changing(jobs.stop, request, body.get("at_once") is True)

    async def resume(request: Request) -> Any:
        body = await body_of(request)
        words = []
        if (samples := body.get("samples")) is not None:
            words.append(f"samples={whole(samples, 'samples')}")
        if (minutes := body.get("minutes")) is not None:
            words += ["--minutes", positive(minutes, "minutes")]
        return await changing(jobs.resume, request, words, body.get("beside") is True)

    async def evaluate(request: Request) -> Any:
        await body_of(request)
        return await changing(jobs.evaluate, request, language_of(request))

    async def put_away(request: Request) -> Any:
        await body_of(request)
        folder = runs.folder(request.path_params["run"])
        trashed = await asyncio.to_thread(jobs.put_away, folder)
        runs.changed()
        return {"name": folder.name, "trashed": trashed}

    async def trash(request: Request) -> Any:
        found = await asyncio.to_thread(runs_in, runs.root / TRASH)
        return {"names": [folder.name for folder in found if not folder.is_symlink()]}

    async def restore(request: Request) -> Any:
        await body_of(request)
        name = confined(runs.root / TRASH, request.path_params["run"]).name
        await asyncio.to_thread(restored, name, runs.root)
        runs.changed()
        return {"name": name}

    async def changing(change: Any, request: Request, *args: Any) -> Any:
        folder = runs.folder(request.path_params["run"])
        await asyncio.to_thread(change, folder, *args)
        runs.changed()
        return {"name": folder.name}

    async def events(request: Request) -> Response:
        names = request.query_params.getlist("run")[:MOST_WATCHED]
        for name in names:
            runs.folder(name)
        places = request.headers.get("last-event-id") or request.query_params.get("from", "")

        async def held() -> AsyncIterator[str]:
            with studio.streams:
                async for part in stream(studio, watched(names, places)):
                    yield part

        if studio.streams.taken >= studio.streams.most:  # before the answer begins, so that it can be a 503
            with studio.streams:
                pass
        return StreamingResponse(held(), media_type="text/event-stream")

    return [
        route("/api/stream", events),
        route("/api/runs", listing),
        route("/api/runs/{run}", detail),
        route("/api/runs/{run}/previews", grown),
        route("/api/runs/{run}/recipe", recipe),
        route("/api/runs/{run}/output", output),
        route("/api/runs/{run}/files/{file:path}", file),
        route("/api/runs/{run}/stop", stop, "POST"),
        route("/api/runs/{run}/resume", resume, "POST"),
        route("/api/runs/{run}/evaluate", evaluate, "POST"),
        route("/api/runs/{run}/trash", put_away, "POST"),
        route("/api/trash", trash),
        route("/api/trash/{run}/restore", restore, "POST"),
    ]


def whole(value: Any, name: str) -> int:
    """A whole number of at least 1.

    Raises:
        Refused: it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10**15:
        return value
    raise Refused(f"{name}: expected a whole number, at least 1", code="studio.value", status=400)


def positive(value: Any, name: str) -> str:
    """A number above 0, as on the command line.

    Raises:
        Refused: it is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
        return repr(value)
    raise Refused(f"{name}: expected a number above 0", code="studio.value", status=400)
