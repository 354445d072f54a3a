"""What is added to runs, as server-sent events: one stream a page, since a browser opens few connections to a host.

`log`: new events of the runs that the page watches. `reset`: a log was replaced; read it again. `runs`: rows of the
list that changed. The id of an event holds the next byte of each watched log, so that a browser that connects again
gets every line once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganforge.web.studio.context import Studio
from ganforge.web.studio.log import finite

POLL, LIST_POLL, BEAT = 0.9, 2.7, 15.0
"""Seconds between two looks at the watched logs and at the list of runs, and between two signs of life. A page draws
what is new each time: seldom enough to cost a training on the same machine little, often enough to be seen within a
second."""


@dataclass
class Watched:
    """A run that a page watches, and how far it has read the log."""

    name: str
    version: int
    offset: int


def watched(names: Sequence[str], places: str) -> list[Watched]:
    """From the names of runs and `version-offset,version-offset`, the id of the last event that a page got."""
    known = [part.partition("-") for part in places.split(",")] if places else []
    numbers = [(int(a), int(b)) if a.isdigit() and b.isdigit() else (0, 0) for a, _, b in known]
    numbers += [(0, 0)] * (len(names) - len(numbers))
    return [Watched(name, *place) for name, place in zip(names, numbers, strict=False)]


async def stream(studio: Studio, logs: Sequence[Watched], poll: float = POLL) -> AsyncIterator[str]:
    """The events of one page, until it goes away."""
    yield "retry: 2000\n\n"
    sent: dict[str, tuple[Any, str]] = {}  # name → its row, and the row as the page has it
    next_list = next_beat = 0.0
    while True:
        now = time.monotonic()
        parts = await asyncio.to_thread(all_news, studio, logs)
        if now >= next_list:
            next_list = now + LIST_POLL
            rows = {row["name"]: row for row in await asyncio.to_thread(studio.runs.rows)}
            new = {
                name: (row, json.dumps(studio.shown(row)))
                for name, row in rows.items()
                if row is not sent.get(name, (None,))[0]
            }
            changed = [json.loads(text) for name, (_, text) in new.items() if text != sent.get(name, (None, ""))[1]]
            gone = sorted(sent.keys() - rows.keys())
            if changed or gone:
                parts.append(message("runs", {"changed": changed, "gone": gone}))
            sent = {name: new.get(name) or sent[name] for name in rows}
        if parts or now >= next_beat:
            next_beat = now + BEAT
            yield "".join(parts) or ": beat\n\n"  # sent at once, so that the page draws once
        await asyncio.sleep(poll)


def all_news(studio: Studio, logs: Sequence[Watched]) -> list[str]:
    """The messages of what is new in all logs that a page watches."""
    return [message(name, data, logs) for one in logs for name, data in news(studio, one)]


def news(studio: Studio, one: Watched) -> list[tuple[str, dict[str, Any]]]:
    """What a log holds beyond what its page has; `one` is moved on."""
    log = studio.runs.log(studio.runs.folder(one.name))
    if not log.version:  # not begun
        return []
    if one.version != log.version:
        one.version, one.offset = log.version, log.offset
        return [("reset", {"run": one.name})]
    if one.offset >= log.offset:
        return []
    events, one.offset = log.since(one.offset)
    return [("log", {"run": one.name, "events": studio.shown([finite(event) for event in events])})]


def message(name: str, data: Mapping[str, Any], logs: Sequence[Watched] = ()) -> str:
    """One event of the stream."""
    places = ",".join(f"{one.version}-{one.offset}" for one in logs)
    line = f"id: {places}\n" if logs else ""
    return f"{line}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
