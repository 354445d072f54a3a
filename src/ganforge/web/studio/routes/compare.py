"""The page Compare: the curves of several runs, the fields in which their recipes differ, and what was measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from ganforge.artifacts.protocols import PER_RUN, protocol_of
from ganforge.artifacts.summary import differences
from ganforge.web.refused import Refused
from ganforge.web.studio.context import Studio, route
from ganforge.web.studio.log import number
from ganforge.web.studio.routes.runs import MOST_WATCHED

RESULTS = Path("evaluation", "report.json")


def routes(studio: Studio) -> list[Route]:
    """The routes of this page."""

    async def compare(request: Request) -> Any:
        names = list(dict.fromkeys(request.query_params.getlist("run")))
        if not 1 <= len(names) <= MOST_WATCHED:
            raise Refused(f"name 1 to {MOST_WATCHED} runs", code="run.too_few", status=400)
        return studio.shown(await asyncio.to_thread(compared, studio, names))

    return [route("/api/compare", compare)]


def compared(studio: Studio, names: Sequence[str]) -> dict[str, Any]:
    """What the page shows of these runs."""
    folders = [studio.runs.folder(name) for name in names]
    return {
        "runs": [{**studio.runs.row(folder.name), "curves": studio.runs.log(folder).curves()} for folder in folders],
        "fields": differences([studio.runs.recipe(folder) for folder in folders]),
        "metrics": side_by_side([results_of(folder) for folder in folders]),
    }


def results_of(folder: Path) -> list[dict[str, Any]]:
    """The results of the report of a run; none without a report that can be read."""
    try:
        found = json.loads((folder / RESULTS).read_text(encoding="utf-8"))["results"]
        return [
            one for one in found
            if isinstance(one["name"], str) and "value" in one and isinstance(one.get("protocol") or {}, dict)
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return []


def side_by_side(results: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """A row for each metric and protocol, with the value of each run, or None: [{"name", "protocol", "values"}].

    Values that were measured in different ways are in different rows, and `differs` names what is different. What a
    protocol says of the run itself, such as the hash of its model, keeps no values apart.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for k, of_run in enumerate(results):
        for one in of_run:
            protocol = one.get("protocol")
            protocol = {key: v for key, v in protocol.items() if key not in PER_RUN} if protocol else {}
            key = (one["name"], protocol_of(protocol))
            row = rows.setdefault(key, {"name": one["name"], "protocol": protocol, "values": [None] * len(results)})
            row["values"][k] = number(one["value"])
    for row in rows.values():
        others = [other["protocol"] for other in rows.values() if short(other["name"]) == short(row["name"])]
        keys = dict.fromkeys(key for other in others for key in other)
        row["differs"] = {
            key: row["protocol"].get(key) for key in keys if any(o.get(key) != others[0].get(key) for o in others)
        }
    return sorted(rows.values(), key=lambda row: row["name"])


def short(name: str) -> str:
    """The name of a metric without its extractor: `fd5k[small@1a2b3c4d]` → `fd5k`."""
    return name.partition("[")[0]
