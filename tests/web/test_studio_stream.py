"""The stream of events: what a page gets, and what it gets after it was away."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing

import pytest

from ganforge.web.guard import Places
from ganforge.web.studio import stream as module
from ganforge.web.studio.stream import stream, watched
from web.conftest import write_run


def parse(text: str) -> tuple[str, dict, str]:
    """(event, data, id) of a message."""
    lines = dict(line.partition(": ")[::2] for line in text.strip().splitlines())
    return lines.get("event", ""), json.loads(lines["data"]) if "data" in lines else {}, lines.get("id", "")


def append(folder, *samples: int) -> None:
    ticks = [{"event": "tick", "samples": n, "t": 200.0 + n, "loss/D": 0.5} for n in samples]
    with (folder / "events.jsonl").open("a") as file:
        file.write("".join(json.dumps(tick) + "\n" for tick in ticks))


async def each(texts):
    """The messages of a stream one by one: what is new at one look is sent at once."""
    async with aclosing(texts):
        async for text in texts:
            for message in text.removesuffix("\n\n").split("\n\n"):
                yield message


async def until(messages, kind: str) -> tuple[dict, str]:
    async for text in messages:
        event, data, place = parse(text)
        if event == kind:
            return data, place
    raise AssertionError(f"no {kind}")


def test_a_tick_is_sent_within_a_second_and_once(studio):
    folder = write_run(studio.runs.root, "a", end="")
    log = studio.runs.log(folder)
    place = f"{log.version}-{log.offset}"

    async def follow() -> None:
        async with aclosing(each(stream(studio, watched(["a"], place), poll=0.02))) as messages:
            data, _ = await until(messages, "runs")
            assert [row["name"] for row in data["changed"]] == ["a"]
            append(folder, 4000)
            began = time.monotonic()
            data, known = await until(messages, "log")
            assert time.monotonic() - began < 1
            assert [event["samples"] for event in data["events"]] == [4000]
            row, _ = await until(messages, "runs")
            assert row["changed"][0]["samples"] == 4000
        append(folder, 5000)  # while the page is away
        async with aclosing(each(stream(studio, watched(["a"], known), poll=0.02))) as messages:
            data, _ = await until(messages, "log")
            assert [event["samples"] for event in data["events"]] == [5000]

    asyncio.run(asyncio.wait_for(follow(), 30))


def test_a_replaced_log_is_a_reset_and_a_removed_run_is_gone(studio, monkeypatch):
    monkeypatch.setattr(module, "LIST_POLL", 0.02)
    folder = write_run(studio.runs.root, "a", end="")
    log = studio.runs.log(folder)

    async def follow() -> None:
        messages = each(stream(studio, watched(["a"], f"{log.version}-{log.offset}"), poll=0.02))
        async with aclosing(messages):
            await until(messages, "runs")
            new = folder / "new"
            new.write_bytes((folder / "events.jsonl").read_bytes())
            new.replace(folder / "events.jsonl")
            assert (await until(messages, "reset"))[0] == {"run": "a"}
            append(folder, 9000)
            assert [event["samples"] for event in (await until(messages, "log"))[0]["events"]] == [9000]
        listing = each(stream(studio, [], poll=0.02))
        async with aclosing(listing):
            await until(listing, "runs")
            studio.jobs.put_away(folder)
            assert (await until(listing, "runs"))[0] == {"changed": [], "gone": ["a"]}

    asyncio.run(asyncio.wait_for(follow(), 30))


@pytest.mark.parametrize("places", ["", "x", "1-x", "1", "-", "1-2-3", "1-2,3-4,5-6"])
def test_odd_places_begin_at_the_start(places):
    found = watched(["a", "b"], places)
    assert [one.name for one in found] == ["a", "b"]
    assert all(one.offset >= 0 for one in found)


def test_streams_have_a_limit(asking, studio):
    studio.streams = Places(0)
    said = asking("/api/stream")
    assert (said.status, said.error, said.headers["retry-after"]) == (503, "web.busy", "5")
    assert asking("/api/stream?run=none").status == 404
