"""Less memory: activation checkpointing, a chosen number of parts, and the message where memory does not suffice."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch
from refused import refused
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
import toys

from ganforge.core.types import Nets
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.out_of_memory import is_out_of_memory, out_of_memory_said, remedies
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
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
            with recompute.active(order):
                net(torch.zeros(4, 8)).sum()
        return len(kept)

    assert count(1) < count(2) / 3
    with torch.no_grad():
        assert count(1) == 0


def test_the_message_says_what_to_change():
    recipe = make_recipe("stylegan2-256", overrides=["batch=32", "accumulate=2"])
    with refused("run.out_of_memory", "cpu", "accumulate=4", "recompute=true", "batch=16", "stylegan2-small"):
        with out_of_memory_said(recipe, CPU):
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
