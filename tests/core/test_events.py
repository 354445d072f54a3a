"""The log of a run: appended, rewound on resume, readable after a crash."""

from __future__ import annotations

import json
import math

from ganforge.core.events import EventLog, read_events


def log_of(path, samples=(0, 10, 20)):
    log = EventLog(path)
    for n in samples:
        log.write({"event": "tick", "samples": n, "note": "prüfung 数"})
    return log


def test_events_come_back_in_order(tmp_path):
    path = tmp_path / "events.jsonl"
    log = log_of(path)
    log.write({"event": "checkpoint", "samples": 20, "loss": math.nan})
    assert [e["samples"] for e in read_events(path)] == [0, 10, 20, 20]
    assert [e["event"] for e in read_events(path, "checkpoint")] == ["checkpoint"]
    assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def test_a_log_that_is_not_there_is_empty(tmp_path):
    assert list(read_events(tmp_path / "none.jsonl")) == []
    EventLog(tmp_path / "none.jsonl").rewind(5)
    assert not (tmp_path / "none.jsonl").exists()


def test_rewind_takes_back_what_will_be_said_again(tmp_path):
    path = tmp_path / "events.jsonl"
    log = log_of(path)
    log.rewind(10)
    assert [e["samples"] for e in read_events(path)] == [0, 10]
    log.write({"event": "tick", "samples": 15})
    assert [e["samples"] for e in read_events(path)] == [0, 10, 15]
    assert [p.name for p in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_line_cut_anywhere_is_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    log_of(path)
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(start, len(whole)):  # also through the middle of a character
        path.write_bytes(whole[:cut])
        samples = [e["samples"] for e in read_events(path)]
        assert samples == ([0, 10, 20] if cut == len(whole) - 1 else [0, 10])


def test_an_event_after_a_cut_line_is_not_lost(tmp_path):
    path = tmp_path / "events.jsonl"
    log = log_of(path)
    path.write_bytes(path.read_bytes()[:-20])
    log.write({"event": "tick", "samples": 30})
    assert [e["samples"] for e in read_events(path)] == [0, 10, 30]
