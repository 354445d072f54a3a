"""The log of a run, read and followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganforge.artifacts.summary import summarized, summary_of
from ganforge.core.events import EventLog
from ganforge.web.studio.log import Log, Thinned, tail_of
from web.conftest import write_run


def line(event: str, samples: int, **more: object) -> str:
    return json.dumps({"event": event, "samples": samples, "t": float(samples), **more}) + "\n"


def test_thinned_lines_are_evenly_spread():
    thinned = Thinned(8)
    for k in range(1000):
        thinned.add(str(k).encode())
    assert thinned.seen == 1000
    assert [int(one) for one in thinned.kept] == list(range(0, 1000, thinned.every))
    assert 4 <= len(thinned.kept) <= 8


def test_a_log_is_followed_by_whole_lines(tmp_path):
    path = tmp_path / "events.jsonl"
    log = Log(path)
    assert not log.follow()
    path.write_text(line("start", 0) + line("tick", 1) + '{"event": "ti')
    assert log.follow()
    assert log.curves()["ticks"]["samples"] == [1]
    assert not log.follow()
    before = log.offset
    with path.open("a") as file:
        file.write('ck", "samples": 2, "t": 2.0}\n' + line("health", 2, state="D wins"))
    assert log.follow()
    assert log.curves()["ticks"]["samples"] == [1, 2]
    assert [event["event"] for event in log.since(before)[0]] == ["tick", "health"]
    assert log.since(before)[1] == log.offset == path.stat().st_size


def test_a_replaced_log_is_read_again(tmp_path):
    path = tmp_path / "events.jsonl"
    events = EventLog(path)
    for k in range(5):
        events.write({"event": "tick", "samples": k, "t": float(k)})
    log = Log(path)
    log.follow()
    version = log.version
    events.rewind(2)
    assert log.follow()
    assert log.version != version
    assert log.curves()["ticks"]["samples"] == [0, 1, 2]


def test_of_many_lines_few_are_kept_and_the_newest_is(tmp_path):
    path = tmp_path / "events.jsonl"
    with path.open("w") as file:
        file.write(line("start", 0))
        for k in range(20_000):
            file.write(line("tick", k, **{"loss/D": k / 2}))
            if k % 100 == 0:
                file.write(line("checkpoint", k) + line("evaluate", k, **{"metric/fd": float(-k), "best": k == 4000}))
    log = Log(path, most=100)
    log.follow()
    found = log.curves()
    assert found["seen"] == 20_000
    assert len(found["ticks"]["samples"]) <= 102
    assert found["ticks"]["samples"][-1] == 19_999
    assert all(y == x / 2 for x, y in zip(found["ticks"]["samples"], found["ticks"]["loss/D"], strict=True))
    assert len(log.notable) == 1
    one = summarized(tmp_path, {"samples": 20_000}, log.notable_events())
    assert (one.samples, one.last, one.best, one.best_at) == (19_999, -19_900.0, -4000.0, 4000)


@pytest.mark.parametrize("end", ["finished", "interrupted", ""])
def test_a_summary_from_the_log_is_that_of_the_command_line(tmp_path, end):
    metric = [{"event": "evaluate", "samples": 3000, "t": 104.5, "metric/fd": 2.0, "best": True}]
    folder = write_run(tmp_path, "0001-a", end=end, events=metric)
    log = Log(folder / "events.jsonl", most=2)
    log.follow()
    recipe = {"name": "dcgan", "data": {"kind": "digits"}, "samples": 3000}
    assert summarized(folder, recipe, log.notable_events()) == summary_of(folder)


def test_the_samples_that_are_planned_are_those_of_the_newest_resume(tmp_path):
    more = [{"event": "resume", "samples": 3000, "t": 200.0, "planned": 9000}]
    assert summary_of(write_run(tmp_path, "a", events=more)).planned == 9000


def test_numbers_that_json_lacks_become_gaps(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "tick", "samples": 1, "loss/D": NaN, "loss/G": Infinity}\n' + line("tick", 2, acc=1))
    log = Log(path)
    log.follow()
    ticks = log.curves()["ticks"]
    assert (ticks["loss/D"], ticks["loss/G"]) == ([None, None], [None, None])
    json.dumps(log.curves(), allow_nan=False)


def test_the_end_of_an_output(tmp_path: Path):
    path = tmp_path / "out"
    assert tail_of(path) == ""
    path.write_bytes(b"first\n" + b"x" * 50 + b"\nhalf\rdone\nl\xff\n")
    assert tail_of(path, 20).splitlines() == ["done", "l\ufffd"]
