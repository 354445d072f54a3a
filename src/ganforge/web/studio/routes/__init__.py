"""The HTTP interface of the studio: a module for each page, with a function `routes(studio)`.

To add a page: a module here, listed in `MODULES`; a module in `static/pages/`, listed in `static/pages/index.js`; and
its words in `static/words/`.
"""

from __future__ import annotations

from starlette.routing import Route

from ganforge.web.studio.context import Studio
from ganforge.web.studio.routes import compare, data, explore, reports, runs, start, translate

MODULES = (runs, start, explore, translate, compare, reports, data)


def all_routes(studio: Studio) -> list[Route]:
    """The routes of all pages."""
    return [found for module in MODULES for found in module.routes(studio)]
