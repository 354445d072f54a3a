"""A process that is killed is started again with the others, and the run goes on from its last checkpoint."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ganforge.core.events import read_events

TOYS = Path(__file__).parents[1] / "engine" / "toys.py"
FIELDS = ["toy-gan", "samples=6k", "checkpoint_every=500", "keep=1000"]


def start(folder: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "ganforge", "train", *FIELDS, "--procs", "2", "--run-dir", str(folder)]
    command += ["--plugin", str(TOYS), "--device", "cpu", "--quiet", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def process_of_rank(parent: int, rank: int) -> int:
    """The id of a child of `parent`, by its rank."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if is_child and f"RANK={rank}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:  # it has ended
            continue
    raise AssertionError(f"no process of rank {rank}")


def state(run: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((run / "checkpoints").iterdir())[-1] / "state.safetensors")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("rank", [0, 1])
def test_killed_with_signal_9(tmp_path, rank):
    run = start(tmp_path / "killed")
    checkpoints = tmp_path / "killed" / "checkpoints"
    deadline = time.monotonic() + 120
    while not (checkpoints.exists() and len([p for p in checkpoints.iterdir() if p.name.isdigit()]) >= 2):
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.05)
    os.kill(process_of_rank(run.pid, rank), signal.SIGKILL)
    said, _ = run.communicate(timeout=250)
    assert run.returncode == 0, said
    events = [event["event"] for event in read_events(tmp_path / "killed" / "events.jsonl")]
    assert events.count("resume") == 1
    assert events[-1] == "end"
    other = start(tmp_path / "whole")
    said, _ = other.communicate(timeout=250)
    assert other.returncode == 0, said
    killed, whole = state(tmp_path / "killed"), state(tmp_path / "whole")
    assert [name for name in whole if not torch.equal(killed[name], whole[name])] == []


@pytest.mark.slow
def test_one_that_does_not_answer(tmp_path):
    """A process that hangs ends the run with a message that says so, after the time-out."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29655", "WORLD_SIZE": "2", "GANFORGE_TIMEOUT": "8"}
    code = (
        "import time, torch; from ganforge.engine.processes import joined\n"
        "with joined(torch.device('cpu')) as world:\n"
        "    world.most(0)\n"
        "    time.sleep(60) if world.rank else world.most(0)\n"
    )
    ranks = [
        subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **shared, "RANK": rank},
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for rank in "01"
    ]  # fmt: skip
    said, _ = ranks[0].communicate(timeout=50)
    ranks[1].kill()
    ranks[1].communicate()
    assert ranks[0].returncode == 1
    assert "LostProcess" in said
    assert "did not answer within 8 s (GANFORGE_TIMEOUT)" in said


@pytest.mark.slow
def test_a_mistake_is_reported_once_and_not_tried_again(tmp_path):
    run = start(tmp_path / "run", "batch=15")
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 2
    assert said.count("batch=15 cannot be split") == 1
    assert not (tmp_path / "run").exists()
