"""The page Translate: what a model makes of an uploaded file, with a mask where it takes one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.models import model_path
from ganforge.web.studio.routes.explore import as_file, checked
from ganforge.web.studio.uploads import UPLOADS, asked_in, brought, kept_in
from ganforge.web.studio.using import Translating


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""
    models = studio.models

    async def translate(request: Request) -> Any:
        """The translated file."""
        name = request.path_params["model"]
        path = model_path(studio.runs, name)
        async with models.folder() as folder:
            async with brought(request) as form:
                fields = checked(Translating, asked_in(form)).model_dump(exclude={"mask"})
                fields["file"] = await kept_in(folder, form, "file")
                fields["mask"] = await kept_in(folder, form, "mask") if "mask" in form else None
            return as_file(await models.ask("translate", name, path, fields, long=True), True)

    return [route(f"{UPLOADS}translate/{{model}}", translate, "POST")]
