"""Two processes compute what one computes with the same batch."""

from __future__ import annotations

import dataclasses
import os
import socket
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
sys.path.insert(0, str(Path(__file__).parent))

import toys
import two
from two import SHORT, normed, plain

from ganforge.core.events import read_events
from ganforge.engine.train import train
from processes import started


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Path:
    """The folder with what two processes trained."""
    folder = tmp_path_factory.mktemp("two")
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "GANFORGE_TIMEOUT": "60"}
    running = []
    for rank in ("0", "1"):
        env = {**os.environ, **shared, "RANK": rank, "LOCAL_RANK": rank}
        said = folder / f"output{rank}.txt"
        running.append((started(two.main, folder, place=folder, files=[said, said], env=env), said))
    for process, said in running:
        process.join(120)
        assert process.exitcode == 0, said.read_text()
    return folder


def state(run: Path) -> dict[str, torch.Tensor]:
    """All tensors of the newest checkpoint."""
    return load_file(sorted((run / "checkpoints").iterdir())[-1] / "state.safetensors")


def test_equal_bit_for_bit_to_as_many_accumulated_parts(both, tmp_path, single_thread):
    train(plain(**SHORT, accumulate=2), run_dir=tmp_path / "one", device="cpu")
    one, two = state(tmp_path / "one"), state(both / "plain")
    assert one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    losses = [
        [{k: v for k, v in event.items() if k.startswith(("loss/", "acc/", "health/"))} for event in events]
        for events in (read_events(run / "events.jsonl", "tick") for run in (tmp_path / "one", both / "plain"))
    ]
    assert len(losses[0]) == len(losses[1])
    for left, right in zip(*losses, strict=True):
        assert left == pytest.approx(right, rel=1e-5, nan_ok=True)


def test_a_resumed_run_equals_one_that_never_stopped(both):
    whole, resumed = state(both / "plain"), state(both / "resumed")
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_batch_norm_has_the_statistics_of_the_whole_batch(both, tmp_path, single_thread):
    train(normed(samples=64), run_dir=tmp_path / "one", device="cpu")
    one, two = state(tmp_path / "one"), state(both / "normed")
    assert any(name.endswith("running_var") for name in one)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-8, atol=1e-10)


def test_running_means_are_of_the_whole_batch(both, tmp_path, single_thread):
    train(dataclasses.replace(toys.toy_crowd(), **SHORT), run_dir=tmp_path / "one", device="cpu")
    one, two = state(tmp_path / "one"), state(both / "crowd")
    torch.testing.assert_close(two["memory.mean"], one["memory.mean"], rtol=1e-5, atol=1e-6)
    assert torch.equal(two["memory.steps"], one["memory.steps"])


def test_what_processes_agree_on(both):
    first, second = ((both / f"said{rank}.txt").read_text().splitlines() for rank in (0, 1))
    assert first == ["UserError scale.batch_not_divisible", "{'rank.1.pool': [1.0]}", "words", "EndedElsewhere"]
    assert second == ["EndedElsewhere ", "{}", "words", "UserError"]
    assert not (both / "never").exists()
