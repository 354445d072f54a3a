"""ADA's controller: up where D has memorized the reals, down where it does not, the same after a resume."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.core.types import Memory
from ganforge.modalities.image.augment.ada import Ada

BATCH = 64
SURE, UNSURE = torch.ones(BATCH), torch.cat([torch.ones(BATCH // 2), -torch.ones(BATCH // 2)])


def watch(augment: Ada, memory: Memory, logits: Tensor, batches: int, samples: int = 0) -> int:
    """Shows so many batches of reals to the controller; returns the clock after them."""
    for _ in range(batches):
        augment.observe(logits, memory, samples)
        samples += BATCH
    return samples


def p_of(augment: Ada, memory: Memory) -> float:
    return augment.following(memory).item()


def test_moves_every_four_batches_by_their_samples():
    augment = Ada(length=10_000)
    memory = Memory(augment.memory())
    clock = watch(augment, memory, SURE, 3)
    assert p_of(augment, memory) == 0
    clock = watch(augment, memory, SURE, 1, clock)
    assert p_of(augment, memory) == pytest.approx(4 * BATCH / 10_000)
    clock = watch(augment, memory, SURE, 7, clock)
    assert p_of(augment, memory) == pytest.approx(8 * BATCH / 10_000)
    clock = watch(augment, memory, SURE, 1, clock)
    assert p_of(augment, memory) == pytest.approx(12 * BATCH / 10_000)
    watch(augment, memory, UNSURE, 8, clock)
    assert p_of(augment, memory) == pytest.approx(4 * BATCH / 10_000)


@pytest.mark.parametrize(("share", "direction"), [(1.0, 1), (0.85, 1), (0.75, -1), (0.5, -1), (0.0, -1)])
def test_holds_the_share_of_reals_that_d_is_right_about(share, direction):
    """A mean sign of 0.6 is four right of five."""
    augment = Ada(start=0.4)
    memory = Memory(augment.memory())
    logits = torch.where(torch.arange(BATCH) < share * BATCH, 3.0, -0.1)
    watch(augment, memory, logits, 4)
    assert (p_of(augment, memory) - 0.4) * direction == pytest.approx(4 * BATCH / 500_000, rel=1e-3)


def test_stays_within_its_bounds():
    augment = Ada(length=1000, limit=0.7)
    memory = Memory(augment.memory())
    clock = watch(augment, memory, SURE, 100)
    assert p_of(augment, memory) == pytest.approx(0.7)
    watch(augment, memory, UNSURE, 100, clock)
    assert p_of(augment, memory) == 0


def test_from_0_to_its_limit_takes_its_share_of_the_length():
    augment = Ada(length=64_000, limit=0.5)
    memory = Memory(augment.memory())
    watch(augment, memory, SURE, 496)  # of 1000 batches
    assert 0.49 < p_of(augment, memory) < 0.5


def test_parts_of_a_batch_count_as_one():
    augment = Ada(length=10_000)
    whole, parts = Memory(augment.memory()), Memory(augment.memory())
    logits = torch.randn(20, BATCH, generator=torch.Generator().manual_seed(0)) + 1
    for k, batch in enumerate(logits):
        augment.observe(batch, whole, k * BATCH)
        for part in batch.chunk(4):
            augment.observe(part, parts, k * BATCH)
    assert p_of(augment, whole) > 0
    assert {k: v.item() for k, v in whole.buffers.items()} == {k: v.item() for k, v in parts.buffers.items()}


def test_two_processes_move_as_one():
    """Each process sees half of a batch, and what they keep is averaged: the sums are those of the whole batch."""
    augment = Ada(length=10_000)
    whole, halves = Memory(augment.memory()), [Memory(augment.memory()) for _ in range(2)]
    logits = torch.randn(20, BATCH, generator=torch.Generator().manual_seed(0)) + 1
    for k, batch in enumerate(logits):
        augment.observe(batch, whole, k * BATCH)
        for memory, part in zip(halves, batch.chunk(2), strict=True):
            memory.parts = 2
            augment.observe(part, memory, k * BATCH)
        for name in ("sign", "count", "p"):
            mean = (halves[0][name] + halves[1][name]) / 2
            for memory in halves:
                memory[name] = mean
    assert p_of(augment, whole) > 0
    for name, value in whole.buffers.items():
        assert halves[0][name].item() == pytest.approx(value.item(), rel=1e-6)


def test_a_batch_is_augmented_alike_from_its_first_part_to_g():
    augment = Ada(length=1000)
    memory = Memory(augment.memory())
    clock = watch(augment, memory, SURE, 4)
    x, rng = torch.rand(16, 3, 8, 8), Rng(0, clock)
    before = augment.apply(x, rng, memory)
    assert not torch.equal(before, x)
    last = augment.apply(x, Rng(0, clock - BATCH), memory)
    assert torch.equal(last, x)  # G's turn in the batch after which p moved
    augment.observe(SURE, memory, clock)
    assert torch.equal(augment.apply(x, rng, memory), before)


def test_a_resume_goes_on_exactly():
    augment = Ada(length=3000)
    logits = torch.randn(40, BATCH, generator=torch.Generator().manual_seed(0)) + 1
    x = torch.rand(8, 3, 8, 8)
    straight = Memory(augment.memory())
    for k, batch in enumerate(logits):
        augment.observe(batch, straight, k * BATCH)
    for stop in (1, 4, 5, 18):
        memory = Memory(augment.memory())
        for k, batch in enumerate(logits):
            if k == stop:
                memory = Memory(load(save(memory.buffers)))
            augment.observe(batch, memory, k * BATCH)
        assert memory.buffers.keys() == straight.buffers.keys()
        for name, value in straight.buffers.items():
            assert memory[name].dtype == value.dtype
            assert torch.equal(memory[name], value), name
        rng = Rng(0, 40 * BATCH)
        assert torch.equal(augment.apply(x, rng, memory), augment.apply(x, rng, straight))


def test_tells_its_probability():
    augment = Ada(start=0.25)
    assert {k: v.item() for k, v in augment.stats(Memory(augment.memory())).items()} == {"p": 0.25}


def test_keeps_no_graph():
    augment = Ada()
    memory = Memory(augment.memory())
    watch(augment, memory, torch.ones(BATCH, requires_grad=True) * 2, 5)
    assert not any(value.requires_grad for value in memory.buffers.values())
