"""The page Explore: one sample and what is around it, films, directions, mixtures, projections, neighbors, and many
samples of any signal."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ganforge.core.explain import explain
from ganforge.web.asks import Ask
from ganforge.web.guard import body_of
from ganforge.web.refused import Refused
from ganforge.web.replies import Reply
from ganforge.web.studio import using
from ganforge.web.studio.asking import (
    Dragging,
    Film,
    Finding,
    Latent,
    Mixing,
    Place,
    Projecting,
    Several,
    UsingFile,
)
from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.models import Medium, Projection, listing, model_path
from ganforge.web.studio.routes.reports import CLOSED
from ganforge.web.studio.uploads import UPLOADS, asked_in, brought, kept_in

A = TypeVar("A", bound=Ask)
USES: dict[str, tuple[type[Ask], Callable[..., dict[str, Any]]]] = {
    "place": (Place, using.of_place),
    "several": (Several, using.of_several),
    "filmed": (Film, using.of_film),
    "mix": (Mixing, using.of_mixing),
    "project": (Projecting, using.of_projecting),
    "drag": (Dragging, using.of_dragging),
    "near": (Place, using.of_neighbors),
    "translate": (using.Translating, using.of_translating),
}
"""What can be done on the command line and in Python too → its fields, and the function that writes it."""
MODELS = "/api/models/{model}"
MOST_MOVES = 10


def checked(kind: type[A], fields: dict[str, Any]) -> A:
    """Fields of a page.

    Raises:
        Refused: one is unknown, of another type or out of range.
    """
    try:
        return kind.model_validate(fields)
    except pydantic.ValidationError as error:
        raise Refused(explain(error, subject="request"), code="studio.invalid_request", status=422) from None


def as_file(reply: Reply, attached: bool = False) -> Response:
    """The file of an answer, with the time that it took."""
    headers = {"server-timing": f"draw;dur={reply.seconds * 1000:.2f}"}
    if attached:
        headers["content-disposition"] = f'attachment; filename="{reply.name}"'
    return Response(reply.data, media_type=reply.type, headers=headers)


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""
    models = studio.models

    def named(request: Request) -> tuple[str, Path]:
        name = request.path_params["model"]
        return name, model_path(studio.runs, name)

    async def models_listed(request: Request) -> Any:
        return studio.shown({"models": await asyncio.to_thread(listing, studio.runs)})

    async def described(request: Request) -> Any:
        name, path = named(request)
        facts = await models.facts(name, path)
        return {"name": name, **facts, "explore": await models.able(name, path)}

    async def view(request: Request) -> Any:
        """One sample as an image; with a format as a file to keep."""
        name, path = named(request)
        ask = checked(Place, await body_of(request))
        fields = await models.place(name, path, ask)
        return as_file(await models.ask("view", name, path, fields, ask.view), ask.format is not None)

    async def around(request: Request) -> Any:
        name, path = named(request)
        ask = checked(Place, await body_of(request))
        fields = await models.place(name, path, ask)
        return dict((await models.ask("around", name, path, fields, ask.view)).facts)

    async def latent(request: Request) -> Any:
        name, path = named(request)
        fields = await models.place(name, path, checked(Latent, await body_of(request)))
        return as_file(await models.ask("latent", name, path, fields), True)

    async def neighbors(request: Request) -> Any:
        name, path = named(request)
        ask = checked(Place, await body_of(request))
        fields = await models.place(name, path, ask)
        return studio.shown(dict((await models.ask("neighbors", name, path, fields, ask.view, long=True)).facts))

    async def film(request: Request) -> Any:
        name, path = named(request)
        ask = checked(Film, await body_of(request))
        fields: dict[str, Any] = {**ask.model_dump(exclude={"along"}), "shift": None}
        if (along := ask.along) is not None:
            fields["shift"] = await models.shift(name, path, along.method, along.name, along.amount)
        return as_file(await models.ask("filmed", name, path, fields, long=True), True)

    async def directions(request: Request) -> Any:
        """Directions without their vectors."""
        name, path = named(request)
        ask = checked(Finding, await body_of(request))
        found = await models.found(name, path, ask.method)
        rows = [{key: row[key] for key in ("name", "moves")} for row in found["directions"][:MOST_MOVES]]
        return {"method": ask.method, "space": found["space"], "random": found["random"], "directions": rows}

    async def directions_file(request: Request) -> Any:
        name, path = named(request)
        ask = checked(Finding, {"method": request.path_params["method"]})
        data = await models.directions_file(name, path, ask.method)
        headers = {"content-disposition": 'attachment; filename="directions.json"'}
        return Response(data, media_type="application/json", headers=headers)

    async def mix(request: Request) -> Any:
        name, path = named(request)
        ask = checked(Mixing, await body_of(request))
        return dict((await models.ask("mix", name, path, ask.model_dump())).facts)

    async def project(request: Request) -> Any:
        """The latent of an uploaded image, which is then a place to explore from."""
        name, path = named(request)
        async with models.folder() as folder, brought(request) as form:
            ask = checked(Projecting, asked_in(form))
            file = await kept_in(folder, form, "file")
            reply = await models.ask("project", name, path, {**ask.model_dump(), "file": file}, long=True)
        facts = dict(reply.facts)
        weights = (await models.facts(name, path, long=True))["sha256"]
        facts["projected"] = models.projections.add(Projection(weights, facts.pop("codes")))
        return facts

    async def drag(request: Request) -> Any:
        """Points of a sample that are moved; the result is then a place to explore from."""
        name, path = named(request)
        async with models.folder() as folder, brought(request) as form:
            ask = checked(Dragging, asked_in(form))
            fields = {**await models.place(name, path, ask), "file": None}
            if ask.mask:
                fields["file"] = await kept_in(folder, form, "mask")
            reply = await models.ask("drag", name, path, fields, long=True)
        facts = dict(reply.facts)
        weights = (await models.facts(name, path, long=True))["sha256"]
        facts["projected"] = models.projections.add(Projection(weights, facts.pop("codes")))
        facts["clip"] = models.media.add(Medium(reply.data, reply.type, False))
        return facts

    async def show(request: Request) -> Any:
        """Several samples: media by their addresses, and the first rows of a table."""
        name, path = named(request)
        ask = checked(Several, await body_of(request))
        reply = await models.ask("show", name, path, ask.model_dump(exclude={"view"}), ask.view)
        return {**reply.facts, "media": numbered(reply.facts["media"])}

    def numbered(media: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Media that a page then asks for by their numbers."""
        found = []
        for one in media:
            number = models.media.add(Medium(base64.b64decode(one["data"]), one["type"], one["runs"]))
            found.append({"number": number, **{key: one[key] for key in ("type", "caption", "runs")}})
        return found

    async def medium(request: Request) -> Any:
        """What `show` has made. A page with scripts gets an origin of its own: it reads nothing of the studio."""
        found: Medium = models.media.get(request.path_params["number"])
        return Response(found.data, media_type=found.type, headers=CLOSED if found.type == "text/html" else None)

    async def several(request: Request) -> Any:
        """Several samples as a file to keep."""
        name, path = named(request)
        ask = checked(Several, await body_of(request))
        fields = {**ask.model_dump(exclude={"view"}), "to": None, "exact": True, "columns": None}
        return as_file(await models.ask("sample", name, path, fields, long=True), True)

    async def use_file(request: Request) -> Any:
        """What a model makes of an uploaded file: what shows it, and the number of the file."""
        name, path = named(request)
        async with models.folder() as folder, brought(request) as form:
            ask = checked(UsingFile, asked_in(form))
            fields = {**ask.model_dump(), "file": await kept_in(folder, form, "file")}
            reply = await models.ask("use_file", name, path, fields, long=True)
        file = models.media.add(Medium(reply.data, reply.type, False))
        return {**reply.facts, "media": numbered(reply.facts["media"]), "file": file, "name": reply.name}

    async def use(request: Request) -> Any:
        """The same on the command line and in Python."""
        name, path = named(request)
        fields, what = await body_of(request), request.path_params["what"]
        if what == "file" and (described := (await models.able(name, path))["file"]):
            return using.of_file(using.shown_path(path), checked(UsingFile, fields), described)
        kind, write = USES.get(what, (None, None))
        if kind is None or write is None:
            raise Refused("there is nothing at this address", code="web.not_found", status=404)
        return write(using.shown_path(path), checked(kind, fields))

    return [
        route("/api/models", models_listed),
        route(MODELS, described),
        route(f"{MODELS}/view", view, "POST"),
        route(f"{MODELS}/around", around, "POST"),
        route(f"{MODELS}/latent", latent, "POST"),
        route(f"{MODELS}/neighbors", neighbors, "POST"),
        route(f"{MODELS}/film", film, "POST"),
        route(f"{MODELS}/directions", directions, "POST"),
        route(f"{MODELS}/directions/{{method}}", directions_file),
        route(f"{MODELS}/mix", mix, "POST"),
        route(f"{MODELS}/show", show, "POST"),
        route(f"{MODELS}/sample", several, "POST"),
        route(f"{MODELS}/use/{{what}}", use, "POST"),
        route("/api/media/{number:int}", medium),
        route(f"{UPLOADS}project/{{model}}", project, "POST"),
        route(f"{UPLOADS}drag/{{model}}", drag, "POST"),
        route(f"{UPLOADS}file/{{model}}", use_file, "POST"),
    ]
