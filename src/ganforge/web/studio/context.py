"""What the routes of all pages share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ganforge.core.language import LANGUAGES
from ganforge.web.guard import Places
from ganforge.web.refused import without
from ganforge.web.studio.children import Children
from ganforge.web.studio.data import Data
from ganforge.web.studio.jobs import Jobs
from ganforge.web.studio.models import IDLE, Models
from ganforge.web.studio.runs import Runs

STREAMS = 8
"""Pages that follow their runs at a time."""


@dataclass
class Studio:
    """The folders of a studio, and its processes.

    Attributes:
        language: of the pages until a reader chooses another one; empty: that of the browser.
        streams: one place for each page that is open.
    """

    jobs: Jobs
    runs: Runs
    data: Data
    children: Children = field(default_factory=Children)
    models: Models = field(default_factory=Models)
    language: str = ""
    streams: Places = field(default_factory=lambda: Places(STREAMS))

    @classmethod
    def of(cls, runs: Path, data: Path, language: str = "", idle: float = IDLE) -> Studio:
        """The studio of a folder of runs and a folder of data. idle: as `Models` has it."""
        jobs = Jobs(runs.resolve())
        return cls(jobs, Runs(jobs), Data(data, hide=(runs,)), models=Models(idle=idle), language=language)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders that no answer names in full."""
        return (self.runs.root, self.data.root)

    def shown(self, value: Any) -> Any:
        """A value for a page: texts in it name paths below the folders of the studio without these."""
        if isinstance(value, str):
            return value if value.startswith("data:image/") else without(value, self.folders)
        if isinstance(value, dict):
            return {self.shown(key): self.shown(inner) for key, inner in value.items()}
        return [self.shown(inner) for inner in value] if isinstance(value, list) else value


Answer = Callable[[Request], Awaitable[Any]]


def route(path: str, answer: Answer, method: str = "GET") -> Route:
    """A route that answers with what `answer` returns: a response, or values for JSON."""

    async def endpoint(request: Request) -> Response:
        found = await answer(request)
        return found if isinstance(found, Response) else JSONResponse(found)

    return Route(path, endpoint, methods=[method])


def language_of(request: Request) -> str:
    """The language that a page asks for."""
    asked = request.query_params.get("lang", "en")
    return asked if asked in LANGUAGES else "en"
