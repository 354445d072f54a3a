"""Less memory: activation checkpointing, a chosen number of parts, and the message where memory does not suffice."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from refused import refused

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
import toys

from ganforge.core.device import is_out_of_memory
from ganforge.core.types import Nets
from ganforge.engine import fitting_batch
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.out_of_memory import out_of_memory_said, remedies
from ganforge.engine.recompute import Recompute
from ganforge.engine.trainer import Trainer
from ganforge.engine.world import World
from ganforge.recipes import make_recipe

CPU = torch.device("cpu")


def trained(recipe, steps: int = 3) -> dict[str, torch.Tensor]:
    """All tensors of a run after some steps."""
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, CPU)
    trainer = Trainer(recipe, spec, loader, CPU)
    for _ in range(steps):
        trainer.iterate()
    loader.close()
    return trainer.state()


@pytest.mark.parametrize(
    "recipe",
    [
        toys.toy_gan(),  # batch norm, dropout, a second derivative
        make_recipe("r3gan-small", overrides=["data=digits", "batch=4", "accumulate=1", "signal.size=16"]),
    ],
    ids=["sequences", "blocks"],
)
def test_recomputed_activations_change_nothing(recipe, single_thread):
    usual, less = trained(recipe), trained(dataclasses.replace(recipe, recompute=True))
    assert usual.keys() == less.keys()
    assert [name for name in usual if not torch.equal(usual[name], less[name])] == []


def test_recomputing_keeps_fewer_activations():
    """√n of n layers; nothing where no gradient is taken, or a second one."""
    net = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(16)])
    recompute = Recompute(Nets({"D": net}), World().statistics)
    kept: list[int] = []

    def count(order: int) -> int:
        kept.clear()
        hooks = torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x)
        with hooks, recompute.active(order):
            net(torch.zeros(4, 8)).sum()
        return len(kept)

    assert count(1) < count(2) / 3
    with torch.no_grad():
        assert count(1) == 0


def test_the_message_says_what_to_change():
    recipe = make_recipe("stylegan2-256", overrides=["batch=32", "accumulate=2"])
    advice = ("cpu", "accumulate=4", "recompute=true", "batch=16", "stylegan2-small")
    with refused("run.out_of_memory", *advice), out_of_memory_said(recipe, CPU):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:113] DefaultCPUAllocator: can't allocate memory: you")
    with refused("run.out_of_memory"), out_of_memory_said(recipe, CPU):
        raise MemoryError
    with pytest.raises(RuntimeError, match="shape"), out_of_memory_said(recipe, CPU):
        raise RuntimeError("shape mismatch")
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert "accumulate=4" in remedies(recipe, processes=4)[0]
    assert not any("recompute" in line for line in remedies(dataclasses.replace(recipe, recompute=True)))


def test_a_real_failed_allocation_is_recognized():
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**60)
    assert is_out_of_memory(failed.value)


def test_batch_auto_takes_as_few_parts_as_fit(monkeypatch):
    recipe = toys.toy_gan()
    chosen, said = fitting_batch.fitted(recipe, "cpu")
    assert (chosen.accumulate, chosen.batch) == (1, 16)
    assert "16 samples (accumulate=1)" in said
    monkeypatch.setattr(fitting_batch, "free_memory", lambda: 20_000)
    chosen, said = fitting_batch.fitted(recipe, "cpu")
    assert 1 < chosen.accumulate < 16
    assert 16 % chosen.accumulate == 0
    assert f"accumulate={chosen.accumulate}" in said
    halves, _ = fitting_batch.fitted(recipe, "cpu", processes=2)
    assert halves.accumulate >= chosen.accumulate // 2
    monkeypatch.setattr(fitting_batch, "free_memory", lambda: 100)
    with refused("run.out_of_memory", "batch=auto"):
        fitting_batch.fitted(recipe, "cpu")


def test_a_gpu_is_tried_until_an_iteration_fits(monkeypatch):
    tried = []

    def iterate(recipe, place):
        tried.append(recipe.accumulate)
        if recipe.accumulate < 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 0

    monkeypatch.setattr(fitting_batch, "iterate_once", iterate)
    for name, answer in {
        "empty_cache": None, "reset_peak_memory_stats": None, "mem_get_info": (5, 10), "max_memory_allocated": 4,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
    assert fitting_batch.by_trial(toys.toy_gan(), [1, 2, 4, 8], torch.device("cuda"))[0] == 4
    assert tried == [1, 2, 4]


def test_batch_auto_is_stored_as_its_parts(tmp_path, ganforge):
    said = ganforge("train", "toy-gan", "batch=auto", "samples=32", "--run-dir", tmp_path / "run", "--device", "cpu")
    assert said.status == 0, said.err
    assert "(accumulate=1)" in said.err
    assert "accumulate: 1" in (tmp_path / "run" / "recipe.yaml").read_text()
    said = ganforge("train", "--resume", tmp_path / "run", "batch=auto", "--json")
    assert "run.recipe_differs" in said.out
