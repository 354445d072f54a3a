"""Two processes compute what one computes with the same batch."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
sys.path.insert(0, str(Path(__file__).parent))

import toys
import two
from two import SHORT, measured, normed, plain

from ganforge.core.errors import LostProcess
from ganforge.core.events import read_events
from ganforge.engine.callbacks.guard import Guard
from ganforge.engine.train import train
from ganforge.evaluation.shares import block_of
from ganforge.evaluation.sides import generated_samples
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


def test_an_evaluation_is_shared_and_gives_the_same_values(both, tmp_path, single_thread):
    made = [json.loads((both / f"made{rank}.json").read_text()) for rank in (0, 1)]
    assert made[0] == 2 * [[start, 64] for start in range(0, 320, 64)], "its half, once an evaluation"
    assert made[1] == 2 * [*[[start, 64] for start in range(320, 576, 64)], [576, 24]]
    train(measured(accumulate=2), run_dir=tmp_path / "one", device="cpu")
    one, two = (
        [{k: v for k, v in event.items() if k.startswith("metric/") or k in ("samples", "best")} for event in events]
        for events in (read_events(run / "events.jsonl", "evaluate") for run in (tmp_path / "one", both / "measured"))
    )
    assert len(one) == len(two) == 2
    assert all("metric/fd300[raw]" in event and "metric/toy-mean" in event for event in one)
    assert one == two
    assert (both / "measured" / "best.safetensors").exists()


@pytest.mark.parametrize("n", [1, 64, 600, 5000])
@pytest.mark.parametrize("size", [1, 2, 8])
def test_blocks_cover_all_samples_in_whole_batches(n, size):
    blocks = [block_of(n, 64, rank, size) for rank in range(size)]
    assert [start for start, _ in blocks] == [0, *[stop for _, stop in blocks[:-1]]]
    assert blocks[-1][1] == n
    assert all(start % 64 == 0 or start == n for start, _ in blocks)
    assert max(stop - start for start, stop in blocks) <= 64 * -(-n // (64 * size))


def test_a_block_of_a_side_is_what_drawing_it_all_gives():
    def generate(requests):
        for request in requests:
            yield np.arange(request.start, request.start + request.n)[:, None]

    side = generated_samples(toys.Plane(), generate, "fake", 500, seed=0, batch=96)
    for start, stop in ((0, 500), (96, 288), (100, 130), (480, 500)):
        parts = list(side.block(64, start, stop))
        assert np.concatenate(parts)[:, 0].tolist() == list(range(start, stop))
    assert [len(part) for part in side.block(64, 96, 288)] == [64, 32, 64, 32], "as they are drawn"


def test_a_lost_process_ends_the_training_also_in_a_callback():
    with pytest.raises(LostProcess), Guard(None, "the evaluation")():  # type: ignore[arg-type]
        raise LostProcess("process 0: another process has ended")


def test_what_processes_agree_on(both):
    first, second = ((both / f"said{rank}.txt").read_text().splitlines() for rank in (0, 1))
    assert first[:4] == ["UserError scale.batch_not_divisible", "{'rank.1.pool': [1.0]}", "words", "EndedElsewhere"]
    assert second[:4] == ["EndedElsewhere ", "{}", "words", "UserError"]
    assert first[4:] == ["EndedElsewhere: process 0 ended, since process 1 reported an error", "[256, 256, 88]", "True"]
    assert second[4:] == ["TrainingError: ValueError: no room", "[256, 256, 88]", "True"]
    assert not (both / "never").exists()
