"""Starting a run: the recipes, the form of one, and the start itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from ganforge.web.guard import body_of
from ganforge.web.refused import Refused
from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.forms import Form, at
from ganforge.web.studio.kinds import kinds_of
from ganforge.web.studio.routes.data import inspection
from ganforge.web.studio.routes.runs import positive

ALLOWED = {"recipe", "data", "fields", "kinds", "minutes", "beside", "advised"}


def asked_kinds(text: str) -> dict[str, Any]:
    """The kinds that the address of a form names as JSON.

    Raises:
        Refused: it is no JSON object.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("kinds: expected a JSON object", code="studio.value", status=400)
    return found


def entered(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the form is opened with again: all that was entered, whether it is as in the recipe or not."""
    return {key: value for key, value in body.items() if key != "beside"}


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""
    children = studio.children

    async def recipes(request: Request) -> Any:
        known = await children.recipes()
        found = [{"name": name, "summary": one["summary"]} for name, one in known["recipes"].items()]
        return {"recipes": found, "sets": known["sets"]}

    async def settings(request: Request) -> Any:
        name = request.path_params["recipe"]
        form = await children.form(name, asked_kinds(request.query_params.get("kinds", "{}")))
        known = (await children.recipes())["recipes"][name]
        slots = [
            {"path": path, "kinds": slot.kinds, "now": kinds_of(at(form.plain, path)), "choices": slot.choices,
             "optional": slot.optional, "many": slot.many}
            for path, slot in form.slots.items()
        ]  # fmt: skip
        return {
            "name": name,
            "summary": known["summary"],
            "data": known["values"]["data"].get("kind", ""),
            "fields": [asdict(field) for field in form.fields.values()],
            "components": slots,
        }

    async def start(request: Request) -> Any:
        body = await body_of(request)
        if unknown := sorted(body.keys() - ALLOWED):
            raise Refused(f"{unknown[0]}: pages cannot set this", code="studio.field", status=400)
        name, fields, kinds = body.get("recipe"), body.get("fields") or {}, body.get("kinds") or {}
        if not isinstance(name, str) or not isinstance(fields, dict) or not isinstance(kinds, dict):
            raise Refused("expected the name of a recipe, fields and kinds", code="studio.value", status=400)
        advised = await fields_for(name, body["data"]) if body.get("advised") is True else []
        await children.check(name)
        words = advised
        if fields or kinds:  # the form takes some seconds to make
            form = await children.form(name, kinds)
            kept = {item.partition("=")[0] for item in advised}
            words = [*advised, *form.words(fields, kept, await names_in(form, fields, body.get("data")))]
        if (data := await data_word(body.get("data"))) is not None:
            words = [data, *words]
        if body.get("minutes") is not None:
            words += ["--minutes", positive(body["minutes"], "minutes")]
        folder = await asyncio.to_thread(studio.jobs.train, name, words, body.get("beside") is True, entered(body))
        studio.runs.changed()
        return {"name": folder.name}

    async def begun(request: Request) -> Any:
        """What was entered in the form that started a run."""
        folder = studio.runs.folder(request.path_params["run"])
        if found := await asyncio.to_thread(studio.jobs.form, folder):
            return found
        raise Refused(f"{folder.name}: was not started here", code="studio.no_form", status=404)

    async def names_in(form: Form, fields: Mapping[str, Any], data: Any) -> set[str]:
        """The columns of the data, where a value is set for some of them."""
        if data is None or not any(path in form.fields and form.fields[path].kind == "named" for path in fields):
            return set()
        columns = (await inspection(studio, data))["facts"].get("columns") or []
        return {str(column["name"]) for column in columns if isinstance(column, dict) and "name" in column}

    async def fields_for(name: str, data: Any) -> list[str]:
        """`path=value` that are chosen with a recipe for inspected data. A page cannot name them: it may set less."""
        choice = (await inspection(studio, data))["choice"]
        return list(choice["fields"]) if choice and choice["recipe"] == name else []

    async def data_word(data: Any) -> str | None:
        """`data=...` for {"set": "digits"} or {"path": "photos"}; None: that of the recipe."""
        if data is None:
            return None
        if isinstance(data, dict) and data.keys() == {"set"} and data["set"] in (await children.recipes())["sets"]:
            return f"data={data['set']}"
        if isinstance(data, dict) and data.keys() == {"path"} and isinstance(data["path"], str):
            return f"data={studio.data.path(data['path'])}"
        raise Refused("there is no data of that name", code="data.not_found", status=404)

    return [
        route("/api/recipes", recipes),
        route("/api/recipes/{recipe}", settings),
        route("/api/runs", start, "POST"),
        route("/api/runs/{run}/form", begun),
    ]
