"""The HTTP API over one worker: `/v1/models/NAME/sample` and its neighbors, health, metrics and OpenAPI.

request → watching (number, log, metrics) → guard (Host, token, size) → route → asks (checked) → worker → file
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import pydantic
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ganforge.core.errors import UserError
from ganforge.core.explain import explain
from ganforge.core.version import __version__
from ganforge.web.asks import ASKS, Ask, Sample
from ganforge.web.guard import Refused, Rules, Upload, guarded
from ganforge.web.serve import metrics
from ganforge.web.serve.limits import Rate
from ganforge.web.serve.openapi import document
from ganforge.web.serve.watching import Watched
from ganforge.web.worker import Reply, Worker, WorkerError

FORM = "multipart/form-data"
FILES = ("file", "mask")
JSON_BYTES = 256 << 10
ENDING = re.compile(r"\.[a-z0-9]{1,8}")
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
        upload: bytes of an uploaded file, at most.
        log: where a line for each request is written; None: nowhere.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    deadline: float = 30.0
    patience: float = 30.0
    rate: float = 0.0
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
        ]
        rules = Rules(
            token=self.options.token,
            hosts=self.options.hosts,
            open=frozenset({"/healthz", "/readyz"}),
            uploads={
                f"/v1/models/{name}/translate": Upload((FORM,), self.options.upload)
                for name in self.worker.settings.models
            },
            json_bytes=JSON_BYTES,
            hide=(self.worker.scratch,),
        )
        known = {route.path for route in routes}

        def route_of(path: str) -> str:
            parts = path.split("/")
            if parts[:3] == ["", "v1", "models"] and len(parts) > 3:
                path = "/".join([*parts[:3], "{model}", *parts[4:]])
            return path if path in known else "other"

        return Watched(guarded(routes, rules), self.metrics, route_of, self.options.log)

    # --- the state of the server

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(self, request: Request) -> Response:
        return JSONResponse({"ready": self.worker.ready}, 200 if self.worker.ready else 503)

    async def prometheus(self, request: Request) -> Response:
        return PlainTextResponse(self.metrics.text(self.worker), media_type=metrics.TYPE)

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
            ask = await self.body(request, "sample")
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
        return await self.answer(request, "walk", await self.body(request, "walk"))

    async def translate(self, request: Request) -> Response:
        self.facts(request)
        async with self.form(request) as form:
            texts = [(name, value) for name, value in form.multi_items() if name not in FILES]
            ask = of_strings(ASKS["translate"], listed(texts))
            folder = Path(tempfile.mkdtemp(dir=self.worker.scratch))
            try:
                paths = {}
                for name in FILES:
                    if (upload := form.get(name)) is not None:
                        paths[name] = await asyncio.to_thread(kept, upload, folder, name)
                if "file" not in paths:
                    raise Refused("a form field `file` with a file is required", code="serve.no_file", status=422)
                return await self.answer(request, "translate", ask.model_dump() | paths)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, True)

    async def answer(self, request: Request, operation: str, ask: Ask | Mapping[str, Any]) -> Response:
        """The file that the worker makes.

        Raises:
            Refused: it refuses.
        """
        self.rate.take(request.client.host if request.client else "")
        try:
            reply = await self.worker.ask(operation, request.path_params["model"], ask, self.options.deadline)
        except WorkerError as error:
            status = STATUS.get(error.code, 422)
            raise Refused(str(error), code=error.code, status=status, retry_after=error.retry_after) from None
        except UserError as error:
            status = 501 if error.code.startswith("extra.") else 422
            raise Refused(str(error), code=error.code, status=status) from None
        return as_file(reply)

    # --- what comes in

    async def body(self, request: Request, operation: str) -> Ask:
        """The JSON body of a request, checked."""
        data = await self.patiently(request.body())
        try:
            return ASKS[operation].model_validate_json(data or b"{}", strict=True)
        except pydantic.ValidationError as error:
            raise refusal(error) from None

    @contextlib.asynccontextmanager
    async def form(self, request: Request) -> AsyncIterator[FormData]:
        form = await self.patiently(request.form(max_files=2, max_fields=80, max_part_size=16 << 10))
        try:
            yield form
        finally:
            await form.close()

    async def patiently(self, reading: Any) -> Any:
        """What a client sends, if it comes soon enough.

        Raises:
            Refused: it does not.
        """
        try:
            async with asyncio.timeout(self.options.patience):
                return await reading
        except TimeoutError:
            raise Refused(
                f"the request took more than {self.options.patience:g} s to arrive", code="serve.too_slow", status=408
            ) from None


def listed(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Fields of a query or a form: those that may occur several times as lists."""
    found: dict[str, Any] = {}
    for name, value in items:
        if name in ("where", "text"):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise Refused(f"{name}: is given twice", code="serve.given_twice", status=422)
        else:
            found[name] = value
    return found


def of_strings(kind: type[Ask], fields: Mapping[str, Any]) -> Ask:
    """Fields that come as texts, checked."""
    try:
        return kind.model_validate(fields)
    except pydantic.ValidationError as error:
        raise refusal(error) from None


def refusal(error: pydantic.ValidationError) -> Refused:
    """What is wrong with a request, as an answer: 400 if it is no JSON, else 422."""
    if any(item["type"] == "json_invalid" for item in error.errors(include_url=False)):
        return Refused("expected a JSON object", code="web.not_json", status=400)
    return Refused(explain(error, subject="request"), code="serve.invalid_request", status=422)


def kept(upload: Any, folder: Path, name: str) -> str:
    """Copies an uploaded file under a name of ours; only a known sort of ending is taken over from its own.

    Raises:
        Refused: it is no file, or a zip.
    """
    if not isinstance(upload, UploadFile):
        raise Refused(f"{name}: expected a file", code="serve.no_file", status=422)
    ending = Path(upload.filename or "").suffix.lower()
    if not ENDING.fullmatch(ending) or ending == ".zip":
        raise Refused(
            f"{name}: its file name must end as one file of its kind does, such as .png or .wav",
            code="serve.wrong_ending",
            status=422,
        )
    path = folder / f"{name}{ending}"
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)
    return str(path)


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
