"""Processes of the studio: started, found again, stopped, put away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from ganforge.artifacts.summary import is_locked, restored
from ganforge.web.studio import jobs as module
from ganforge.web.studio.jobs import RECORD, Jobs
from ganforge.web.studio.runs import Runs
from refused import refused
from web.conftest import write_run

LOCKS = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(20)
"""


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def jobs(studio) -> Jobs:
    return studio.jobs


def test_a_run_from_start_to_trash(studio, jobs):
    folder = jobs.train("demo", ["samples=5000"])
    assert folder.name == "0001-demo"
    assert jobs.folders() == [folder]
    runs = studio.runs
    assert runs.row(folder.name)["state"] in ("starting", "running")
    until(lambda: runs.row(folder.name)["samples"] == 1000)
    row = runs.row(folder.name)
    assert (row["state"], row["own"]) == ("running", True)
    assert jobs.training(folder)
    for change in (jobs.resume, jobs.put_away):
        with refused("run.in_use", folder.name):
            change(folder)
    with refused("studio.training", folder.name):
        jobs.train("demo", [])
    with refused("studio.saving"):
        jobs.stop(folder, at_once=True)
    jobs.stop(folder)
    until(lambda: jobs.alive(folder) is None)
    assert runs.row(folder.name)["state"] == "stopped"
    with refused("studio.not_running"):
        jobs.stop(folder)
    jobs.put_away(folder)
    assert jobs.folders() == []
    assert restored(folder.name, jobs.root) == folder


def test_another_studio_finds_the_process_and_stops_it(studio, jobs):
    folder = jobs.train("demo", [])
    log = folder / "events.jsonl"
    until(lambda: log.is_file() and "tick" in log.read_text())
    later = Jobs(jobs.root)  # as after kill -9 of the first: it knows no child
    found = later.alive(folder)
    assert found is not None
    assert found.pid in jobs.children
    assert Runs(later).row(folder.name)["own"]
    later.stop(folder)
    until(lambda: later.alive(folder) is None)
    assert '"interrupted"' in log.read_text()


def test_a_process_lives_in_a_session_of_its_own(jobs):
    folder = jobs.train("demo", [])
    job = jobs.alive(folder)
    assert job is not None
    assert os.getsid(job.pid) == job.pid != os.getsid(0)


def test_a_process_that_does_not_stop_is_ended_after_a_minute(jobs, monkeypatch):
    folder = jobs.train("demo", ["samples=666"])
    log = folder / "events.jsonl"
    until(lambda: log.is_file() and "tick" in log.read_text())
    jobs.stop(folder)
    monkeypatch.setattr(module, "STUBBORN", 0.0)
    assert jobs.alive(folder) is not None
    jobs.stop(folder, at_once=True)
    until(lambda: jobs.alive(folder) is None)


def test_a_number_that_another_process_has_now_is_not_ours(jobs, tmp_path):
    folder = write_run(jobs.root, "0001-a")
    other = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(20)"])
    try:
        record = {"kind": "train", "pid": other.pid, "born": "1", "begun": 1.0, "asked": None}
        (folder / RECORD).write_text(json.dumps(record))
        assert jobs.alive(folder) is None
        with refused("studio.not_running"):
            jobs.stop(folder)
        assert other.poll() is None
        record["born"] = module.born(other.pid)
        (folder / RECORD).write_text(json.dumps(record))
        assert jobs.alive(folder) is not None
    finally:
        other.kill()
        other.wait()
    assert module.born(other.pid) == ""


def test_a_training_of_the_command_line_is_seen_and_left_alone(jobs):
    folder = write_run(jobs.root, "0001-a", end="")
    other = subprocess.Popen([sys.executable, "-S", "-c", LOCKS, str(folder / ".lock")], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        assert is_locked(folder)
        assert Runs(jobs).row(folder.name)["state"] == "running"
        with refused("studio.not_own", folder.name):
            jobs.stop(folder)
        with refused("studio.training"):
            jobs.train("demo", [])
    finally:
        other.kill()
        other.communicate()
    assert Runs(jobs).row(folder.name)["state"] == "crashed"


def test_a_start_that_fails_says_why_and_can_be_removed(studio, jobs):
    folder = jobs.train("demo", ["samples=13"])
    until(lambda: jobs.alive(folder) is None)
    row = studio.runs.row(folder.name)
    assert (row["state"], row["problem"]) == ("failed", "samples=13: an unlucky number")
    jobs.put_away(folder)
    assert not folder.exists()


def test_evaluation_is_a_process_too(studio, jobs):
    folder = write_run(jobs.root, "0001-a")
    jobs.evaluate(folder, "zh")
    row = studio.runs.row(folder.name)
    assert (row["state"], row["evaluating"]) == ("finished", True)
    with refused("run.in_use"):
        jobs.resume(folder)
    other = jobs.train("demo", [])  # evaluating is no training
    assert jobs.training(other)


def test_the_token_reaches_no_process(studio, jobs, monkeypatch):
    seen = {}
    monkeypatch.setattr(module.subprocess, "Popen", lambda words, **more: seen.update(words=words, **more) or Fake())
    jobs.train("demo", ["samples=1"])
    assert seen["words"][3:] == ["train", "demo", "samples=1", "--run-dir", str(jobs.root / "0001-demo")]
    assert seen["start_new_session"]
    assert set(seen["env"]) - set(os.environ) <= {"PYTHONUNBUFFERED", "COLUMNS"}


class Fake:
    """A process that has ended."""

    pid = 2**22 + 1

    def kill(self) -> None:
        return

    def wait(self) -> None:
        return
