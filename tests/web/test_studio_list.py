"""The list of many runs: what did not change is neither read nor sent again."""

from __future__ import annotations

import os
import time

from web.conftest import PNG, write_run


def test_only_rows_of_changed_runs_are_made_again(studio):
    root = studio.runs.root
    folders = [write_run(root, f"{k:04d}-a") for k in range(1, 5)]
    before = {row["name"]: row for row in studio.runs.rows()}
    with (folders[0] / "events.jsonl").open("a") as file:
        file.write('{"event": "tick", "samples": 9000, "t": 900.0}\n')
    (folders[1] / "recipe.yaml").write_text("name: other\ndata: {kind: digits}\nsamples: 9\n")
    new = folders[2] / "previews" / "new"
    new.write_bytes(PNG)
    os.utime(new, (1, 1))
    new.replace(folders[2] / "previews" / "latest.png")
    studio.runs.changed()
    after = {row["name"]: row for row in studio.runs.rows()}
    assert [before[name] is after[name] for name in sorted(before)] == [False, False, False, True]
    assert after["0001-a"]["samples"] == 9000
    assert after["0002-a"]["recipe"] == "other"
    assert after["0003-a"]["preview"] != before["0003-a"]["preview"]


def test_two_hundred_runs_are_listed_soon(studio, asking):
    for k in range(200):
        write_run(studio.runs.root, f"{k:04d}-a")
    begun = time.process_time()
    assert len(asking("/api/runs").json["runs"]) == 200
    first = time.process_time() - begun
    studio.runs.changed()
    begun = time.process_time()
    assert len(asking("/api/runs").json["runs"]) == 200
    again = time.process_time() - begun
    assert again < first
    assert again < 0.3
