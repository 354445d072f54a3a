"""The HTTP API over one worker: `/v1/models/NAME/sample` and its neighbors, jobs, health, metrics and OpenAPI.

request → watching (number, log, metrics) → guard (Host, token, size) → route → reading (checked) → worker → file
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ganforge.core.errors import UserError
from ganforge.core.version import __version__
from ganforge.web.asks import Ask, Sample
from ganforge.web.guard import Rules, Upload, guarded
from ganforge.web.refused import Refused
from ganforge.web.serve import metrics
from ganforge.web.serve.jobs import Jobs
from ganforge.web.serve.limits import Rate
from ganforge.web.serve.openapi import document
from ganforge.web.serve.reading import body_of, listed, of_strings, upload_of
from ganforge.web.serve.watching import Watched
from ganforge.web.worker import Reply, Worker, WorkerError

FORM = "multipart/form-data"
JSON_BYTES = 256 << 10
STATUS = {
    "worker.busy": 503,
    "worker.died": 503,
    "worker.stopping": 503,
    "worker.late": 504,
    "worker.failed": 500,
    "worker.unknown_model": 404,
}
"""The HTTP status of what a worker refuses; of all else 422, since another request would be answered."""


@dataclass(frozen=True)
class Options:
    """How the server answers.

    Attributes:
        token: that clients must send; empty: none.
        hosts: Host headers that are answered.
        deadline: seconds that an answer may take. patience: seconds that a client may take to send a request.
        rate: requests a second of one client; 0: any number.
        jobs: unfinished jobs at a time; 0: none are taken. job_deadline: seconds that one may be computed.
        upload: bytes of an uploaded file, at most.
        log: where a line for each request is written; None: nowhere.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    deadline: float = 30.0
    patience: float = 30.0
    rate: float = 0.0
    jobs: int = 16
    job_deadline: float = 3600.0
    upload: int = 64 << 20
    log: TextIO | None = field(default_factory=lambda: sys.stderr)


@dataclass
class Server:
    """The routes, with what they share."""

    worker: Worker
    options: Options
    metrics: metrics.Metrics = field(default_factory=metrics.Metrics)

    def __post_init__(self) -> None:
        self.rate = Rate(self.options.rate)
        self.jobs = Jobs(self.worker, self.options.jobs, self.options.job_deadline)

    async def stop(self) -> None:
        """Ends the processes that compute, and what they compute."""
        await self.jobs.stop()
        await self.worker.stop()

    def app(self) -> ASGIApp:
        """The whole application."""
        routes = [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.prometheus),
            Route("/openapi.json", self.openapi),
            Route("/v1/models", self.models),
            Route("/v1/models/{model}", self.model),
            Route("/v1/models/{model}/sample", self.sample, methods=["GET", "POST"]),
            Route("/v1/models/{model}/walk", self.walk, methods=["POST"]),
            Route("/v1/models/{model}/translate", self.translate, methods=["POST"]),
            Route("/v1/models/{model}/jobs/sample", self.begin, methods=["POST"]),
            Route("/v1/models/{model}/jobs/walk", self.begin, methods=["POST"]),
            Route("/v1/models/{model}/jobs/translate", self.begin, methods=["POST"]),
            Route("/v1/jobs/{job}", self.job, methods=["GET", "DELETE"]),
            Route("/v1/jobs/{job}/result", self.result),
        ]
        rules = Rules(
            token=self.options.token,
            hosts=self.options.hosts,
            open=frozenset({"/healthz", "/readyz"}),
            uploads={
                f"/v1/models/{name}/{way}translate": Upload((FORM,), self.options.upload)
                for name in self.worker.settings.models
                for way in ("", "jobs/")
            },
            json_bytes=JSON_BYTES,
            hide=(self.worker.scratch,),
        )
        known = {route.path for route in routes}

        def route_of(path: str) -> str:
            parts = path.split("/")
            if len(parts) > 3 and parts[2] in ("models", "jobs"):
                path = "/".join([*parts[:3], f"{{{parts[2][:-1]}}}", *parts[4:]])
            return path if path in known else "other"

        return Watched(guarded(routes, rules), self.metrics, route_of, self.options.log)

    # --- the state of the server

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(self, request: Request) -> Response:
        return JSONResponse({"ready": self.worker.ready}, 200 if self.worker.ready else 503)

    async def prometheus(self, request: Request) -> Response:
        return PlainTextResponse(self.metrics.text(self.worker, self.jobs), media_type=metrics.TYPE)

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(document(bool(self.options.token)))

    async def models(self, request: Request) -> Response:
        return JSONResponse({"models": [{"name": name} | facts for name, facts in self.worker.models.items()]})

    async def model(self, request: Request) -> Response:
        return JSONResponse({"name": request.path_params["model"]} | self.facts(request))

    def facts(self, request: Request) -> dict[str, Any]:
        """What is known of the model that a path names.

        Raises:
            Refused: there is none, or models are still loading.
        """
        if not self.worker.models:
            raise Refused("the models are loading", code="serve.loading", status=503, retry_after=5)
        name = request.path_params["model"]
        if name not in self.worker.models:
            known = ", ".join(self.worker.models)
            raise Refused(f"there is no model {name!r} (there are: {known})", code="serve.unknown_model", status=404)
        return self.worker.models[name]

    # --- what models are asked for

    async def sample(self, request: Request) -> Response:
        facts = self.facts(request)
        if request.method == "POST":
            ask = await body_of(request, "sample", self.options.patience)
        else:
            ask = of_strings(Sample, listed(request.query_params.multi_items()))
        assert isinstance(ask, Sample)
        tag = tag_of(facts, ask)
        if ask.exact and request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        answer = await self.answer(request, "sample", ask)
        if ask.exact:
            answer.headers["etag"] = tag
            answer.headers["cache-control"] = "private, max-age=0, must-revalidate"
        return answer

    async def walk(self, request: Request) -> Response:
        self.facts(request)
        return await self.answer(request, "walk", await body_of(request, "walk", self.options.patience))

    async def translate(self, request: Request) -> Response:
        self.facts(request)
        folder = Path(tempfile.mkdtemp(dir=self.worker.scratch))
        try:
            asked = await upload_of(request, "translate", folder, self.options.patience)
            return await self.answer(request, "translate", asked)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)

    async def answer(self, request: Request, operation: str, ask: Ask | Mapping[str, Any]) -> Response:
        """The file that the worker makes.

        Raises:
            Refused: it refuses.
        """
        self.count(request)
        try:
            reply = await self.worker.ask(operation, request.path_params["model"], ask, self.options.deadline)
        except UserError as error:
            raise refused(error) from None
        return as_file(reply)

    def count(self, request: Request) -> None:
        """Counts a request that makes work; raises where its client asks too often."""
        self.rate.take(request.client.host if request.client else "")

    # --- what takes longer

    async def begin(self, request: Request) -> Response:
        """Begins a job of the operation that the path ends with."""
        self.facts(request)
        operation = request.url.path.rpartition("/")[2]
        self.jobs.check()
        folder = Path(tempfile.mkdtemp(dir=self.worker.scratch))
        try:
            if operation == "translate":
                asked = await upload_of(request, operation, folder, self.options.patience)
            else:
                asked = (await body_of(request, operation, self.options.patience)).model_dump()
            self.count(request)
            job = self.jobs.add(request.path_params["model"], operation, asked, folder)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, True)
            raise
        return JSONResponse(job.to_plain(), 202, {"location": f"/v1/jobs/{job.id}"})

    async def job(self, request: Request) -> Response:
        number = request.path_params["job"]
        if request.method == "DELETE":
            await self.jobs.remove(number)
            return Response(status_code=204)
        return JSONResponse(self.jobs.get(number).to_plain())

    async def result(self, request: Request) -> Response:
        try:
            path, job = self.jobs.result(request.path_params["job"])
        except UserError as error:
            raise refused(error) from None
        return FileResponse(path, media_type=job.type, filename=job.name, headers={"cache-control": "no-store"})


def refused(error: UserError) -> Refused:
    """What a model or its worker refuses, as an answer."""
    if isinstance(error, Refused):
        return error
    after = error.retry_after if isinstance(error, WorkerError) else None
    status = 501 if error.code.startswith("extra.") else STATUS.get(error.code, 422)
    return Refused(str(error), code=error.code, status=status, retry_after=after)


def as_file(reply: Reply) -> Response:
    headers = {
        "content-disposition": f'inline; filename="{reply.name}"',
        "server-timing": f"draw;dur={reply.seconds * 1000:.2f}",
    }
    return Response(reply.data, media_type=reply.type, headers=headers)


def tag_of(facts: Mapping[str, Any], ask: Ask) -> str:
    """The ETag of an exact answer: of the model and its precision, the request and the version."""
    asked = json.dumps([facts["sha256"], facts["precision"], __version__, ask.model_dump()], sort_keys=True)
    return f'"{hashlib.sha256(asked.encode()).hexdigest()[:32]}"'
