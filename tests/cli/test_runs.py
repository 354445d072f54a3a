"""`ganforge runs`: what is there, what it says, and how it is put away and brought back."""

from __future__ import annotations

import json
import shutil

import filelock
import pytest

from ganforge.artifacts.summary import notable_events, summary_of


@pytest.fixture
def runs(tmp_path, trained):
    """Two runs in a folder: one that finished, and one whose process was killed."""
    for name in ("0001-cdcgan", "0002-cdcgan"):
        shutil.copytree(trained, tmp_path / "runs" / name)
    killed = tmp_path / "runs" / "0002-cdcgan"
    events = (killed / "events.jsonl").read_text().splitlines(keepends=True)
    (killed / "events.jsonl").write_text("".join(line for line in events if '"end"' not in line) + '{"event": "ti')
    recipe = (killed / "recipe.yaml").read_text()
    (killed / "recipe.yaml").write_text(recipe.replace("\nseed: 0\n", "\nseed: 5\n", 1))
    return tmp_path / "runs"


def test_the_list_tells_states_apart(ganforge, runs):
    said = ganforge("runs", "--dir", runs)
    assert said.status == 0, said.err
    finished, killed = [line for line in said.out.splitlines() if "cdcgan" in line]
    assert "finished" in finished
    assert "crashed" in killed
    listed = json.loads(ganforge("runs", "--dir", runs, "--json").out)
    assert [(one["run"], one["state"], one["samples"], one["planned"]) for one in listed] == [
        ("0001-cdcgan", "finished", 128, 128),
        ("0002-cdcgan", "crashed", 128, 128),
    ]
    assert set(listed[0]["losses"]) == {"D", "G"}
    only = json.loads(ganforge("runs", "--dir", runs, "--state", "crashed,failed", "--json").out)
    assert [one["run"] for one in only] == ["0002-cdcgan"]
    assert ganforge("runs", "--dir", runs, "--state", "crashd").status == 2


def test_in_a_narrow_terminal_nothing_is_cut(ganforge, runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    out = ganforge("runs", "--dir", runs).out
    assert "0001-cdcgan  finished" in out
    assert max(map(len, out.splitlines())) <= 60


def test_a_run_that_is_trained_in_is_running_and_stays(ganforge, runs):
    with filelock.FileLock(runs / "0002-cdcgan" / ".lock"):
        assert summary_of(runs / "0002-cdcgan").state == "running"
        said = ganforge("runs", "prune", "0002-cdcgan", "--dir", runs)
    assert said.status == 2
    assert "training in this run" in said.err


def test_show_and_compare(ganforge, runs):
    shown = json.loads(ganforge("runs", "show", runs / "0001-cdcgan", "--json").out)
    assert shown["next"]["evaluate"] == f"ganforge evaluate {runs / '0001-cdcgan'}"
    assert shown["environment"]["device"]
    assert "128 of 128" in ganforge("runs", "show", "0001-cdcgan", "--dir", runs).out
    compared = json.loads(ganforge("runs", "compare", "0001-cdcgan", "0002-cdcgan", "--dir", runs, "--json").out)
    assert compared["fields"] == {"seed": [0, 5]}
    said = ganforge("runs", "compare", "0001-cdcgan", "0002-cdcgan", "--dir", runs)
    assert said.out.splitlines()[1].split() == ["seed", "0", "5"]
    assert ganforge("runs", "compare", runs / "0001-cdcgan").status == 2


def test_prune_moves_to_the_trash_and_restore_brings_back(ganforge, runs):
    before = sorted(path.relative_to(runs) for path in runs.rglob("*"))
    assert "would be moved" in ganforge("runs", "prune", "--state", "crashed", "--dir", runs, "--dry-run").out
    assert sorted(path.relative_to(runs) for path in runs.rglob("*")) == before
    said = ganforge("runs", "prune", "--state", "crashed", "--dir", runs)
    assert said.status == 0, said.err
    assert "--restore" in said.out
    assert not (runs / "0002-cdcgan").exists()
    assert [one["run"] for one in json.loads(ganforge("runs", "--dir", runs, "--json").out)] == ["0001-cdcgan"]
    assert "0002-cdcgan" in ganforge("runs", "--dir", runs, "--trash").out
    assert ganforge("runs", "prune", "--restore", "0002-cdcgan", "--dir", runs).status == 0
    after = sorted(path.relative_to(runs) for path in runs.rglob("*") if path.name != ".trash")
    assert after == before
    assert ganforge("runs", "prune", "--restore", "0002-cdcgan", "--dir", runs).status == 2
    assert ganforge("runs", "prune", "--dir", runs).status == 2
    assert json.loads(ganforge("runs", "prune", "--older-than", "1", "--dir", runs, "--json").out)["moved"] == []


def test_a_second_run_of_a_name_does_not_replace_the_first_in_the_trash(ganforge, runs, trained):
    for _ in range(2):
        ganforge("runs", "prune", "0001-cdcgan", "--dir", runs)
        shutil.copytree(trained, runs / "0001-cdcgan")
    assert len([path for path in (runs / ".trash").iterdir() if path.name.startswith("0001")]) == 2
    said = ganforge("runs", "prune", "--restore", "0001-cdcgan", "--dir", runs)
    assert said.status == 2
    assert "rename it" in said.err


def test_of_many_ticks_the_last_is_read(tmp_path):
    lines = [{"event": "start"}, *({"event": "tick", "samples": k} for k in range(5)), {"event": "end"}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [event.get("samples") for event in notable_events(tmp_path / "events.jsonl")] == [None, 4, None]


def test_a_folder_without_runs(ganforge, tmp_path):
    assert "no runs" in ganforge("runs", "--dir", tmp_path / "none").out
    assert json.loads(ganforge("runs", "--dir", tmp_path, "--json").out) == []
    assert ganforge("runs", "show", "0009-none", "--dir", tmp_path).status == 2
