"""The progress of a run: by time, on one line, with losses from the start, and as JSON."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganforge.core.dataset import Dataset
from ganforge.ui import progress as module
from ganforge.ui.console import say
from ganforge.ui.progress import Part, Progress, ProgressJson, clock, fitted, parts_of

TICK = {"sps": 1234.5, "loss/D": 1.32, "loss/G": 0.85, "acc/real": 0.71, "acc/fake": 0.8, "health": "healthy"}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock_of(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


class Silent(Dataset):
    def __len__(self) -> int:
        return 64


@pytest.fixture
def run(tmp_path):
    recipe = SimpleNamespace(name="gan", samples=1_000_000)
    return SimpleNamespace(folder=tmp_path, recipe=recipe, samples=0, dataset=Silent(), device="cpu",
                           recent=lambda: {"loss/D": 1.0, "loss/G": 2.0})  # fmt: skip


def steps(listener, run, clock, seconds, rate=100):
    """Steps of half a second each."""
    for _ in range(int(2 * seconds)):
        clock.now += 0.5
        before, run.samples = run.samples, run.samples + rate // 2
        listener.on_step(before, run.samples)


def test_losses_are_there_within_ten_seconds_and_the_length_is_told(run, clock_of):
    out = io.StringIO()
    listener = Progress(run, None, Console(file=out, width=200))
    listener.on_start()
    steps(listener, run, clock_of, 11)
    first = out.getvalue()
    assert "100 samples/s: about 2.8 hours for 1,000,000 samples" in first
    assert "100 samples/s  D 1  G 2" in first
    assert first.count("about") == 1


def test_a_single_slow_step_is_enough(run, clock_of, notices):
    out = io.StringIO()
    listener = Progress(run, None, Console(file=out, width=200))
    listener.on_start()
    clock_of.now += 30
    run.samples = 64
    listener.on_step(0, 64)
    assert "2.13 samples/s: about 5 days" in notices.text
    assert "D 1  G 2" in out.getvalue()


def test_percent_is_by_time_where_minutes_are_given(run, clock_of):
    listener = Progress(run, 2, Console(file=io.StringIO(), width=200))
    listener.on_start()
    steps(listener, run, clock_of, 60)
    assert [part.text for part in listener.line(run.samples)][:2] == ["50%", "1:00 left"]
    run.recipe.samples = listener.total = 6000
    assert listener.line(run.samples)[0].text == "100%"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_one_line_whatever_the_width(run, clock_of, width):
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True)
    listener = Progress(run, 1, console)
    listener.on_start()
    listener.on_tick(TICK)
    steps(listener, run, clock_of, 5)
    listener.numbers = parts_of(TICK)
    line = fitted(listener.line(run.samples), width - 1)
    assert len(line) <= width - 1
    assert line.startswith("8%  0:55 left  ")
    whole = [part.text for part in listener.line(run.samples)]
    assert all(text in whole for text in line.split("  ")), "no part is cut"
    assert ("D 1.32" in line) == ("G 0.85" in line)
    assert listener.bar is not None
    listener.bar.stop()


def test_parts_of_the_highest_rank_go_first():
    parts = [Part(0, "10%"), Part(9, "long and less important"), Part(1, "1:00 left")]
    assert fitted(parts, 80) == "10%  long and less important  1:00 left"
    assert fitted(parts, 20) == "10%  1:00 left"
    assert fitted(parts, 1) == "10%"


def test_prose_is_broken_between_words_on_a_terminal_and_not_in_a_pipe():
    text = "a sentence of words that is longer than the terminal is wide"
    for terminal, lines in ((True, 3), (False, 1)):
        out = io.StringIO()
        say(text, Console(file=out, width=24, force_terminal=terminal, color_system=None))
        found = out.getvalue().splitlines()
        assert len(found) == lines
        assert " ".join(line.strip() for line in found) == text


def test_json_has_a_line_a_tick_and_more_where_ticks_are_rare(run, clock_of):
    out = io.StringIO()
    listener = ProgressJson(run, None, out)
    listener.on_start()
    steps(listener, run, clock_of, 21)
    listener.on_tick({"event": "tick", "samples": run.samples, **TICK})
    listener.on_event({"event": "health", "state": "healthy"})
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in found] == ["progress", "progress", "tick", "health"]
    assert found[0]["loss/D"] == 1.0
    assert found[-2]["of"] == 1_000_000
    assert found[-2]["left"] > 0


def test_progress_json_of_a_run(ganforge, npz, tmp_path, fast):
    words = ("train", "dcgan", f"data={npz}", *fast, "--run-dir", tmp_path / "run", "--progress-json")
    said = ganforge(*words)
    assert said.status == 0, said.err
    lines = [json.loads(line) for line in said.err.splitlines()]
    assert [line["samples"] for line in lines if line["event"] == "tick"] == [32, 64, 96, 128]
    assert lines[-1]["event"] == "end"
    again = ganforge(*words)
    assert again.status == 2
    error = json.loads(again.err.splitlines()[-1])
    assert (error["event"], error["code"]) == ("error", "run.already_exists")


def test_quiet_training_prints_nothing(ganforge, npz, tmp_path, fast):
    said = ganforge("train", "dcgan", f"data={npz}", *fast, "--run-dir", tmp_path / "run", "-q")
    assert (said.status, said.out, said.err) == (0, "", "")


def test_clock():
    assert [clock(s) for s in (7, 750, 7500, 464 * 86_400)] == ["0:07", "12:30", "2:05:00", "464 days"]
