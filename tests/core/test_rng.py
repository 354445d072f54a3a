"""Randomness as an argument: draws depend on the key alone, never on history, splits or batch sizes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganforge.core.rng import Rng, block_normal, seed_of

DRAWS = {
    "normal": lambda rng, n: rng.normal("z", (n, 3)),
    "uniform": lambda rng, n: rng.uniform("z", (n, 3), -2, 5),
    "integers": lambda rng, n: rng.integers("z", (n, 3), 10),
}
draws = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())


@draws
def test_the_same_key_draws_the_same(draw):
    rng = Rng(7, 640, "D")
    first = draw(rng, 8)
    torch.manual_seed(99)  # the global generator has no say
    rng.normal("something else", (100,))
    assert torch.equal(draw(rng, 8), first)
    assert torch.equal(draw(Rng(7, 640, "D"), 8), first)


@draws
def test_every_part_of_the_key_matters(draw):
    base = Rng(7, 640, "D")
    others = [Rng(8, 640, "D"), Rng(7, 641, "D"), Rng(7, 640, "G"), base.at("D"), Rng(7, 640)]
    assert all(not torch.equal(draw(base, 8), draw(other, 8)) for other in others)
    assert not torch.equal(base.normal("z", (8, 3)), base.normal("noise", (8, 3)))


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    Rng(1).normal("z", (5,))
    block_normal(1, "z", 0, 5, 2)
    assert torch.equal(torch.get_rng_state(), before)


@draws
@given(count=st.integers(1, 6), rows=st.integers(1, 5))
def test_shards_together_are_the_whole(draw, count, rows):
    parts = [draw(Rng(3, 5, "G", shard=(i, count)), rows) for i in range(count)]
    assert torch.equal(torch.cat(parts), draw(Rng(3, 5, "G"), rows * count))


def test_ranges_and_types():
    rng = Rng(0)
    uniform, integers = rng.uniform("u", (5000,), -2, 3), rng.integers("i", (5000,), 7)
    assert uniform.dtype == torch.float32
    assert -2 <= uniform.min() < -1.9
    assert 2.9 < uniform.max() < 3
    assert integers.dtype == torch.int64
    assert set(integers.tolist()) == set(range(7))
    normal = rng.normal("n", (20_000,))
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03


@pytest.mark.slow
def test_seeds_are_the_same_in_every_process():
    code = "from ganforge.core.rng import seed_of; print(seed_of(1, 'a', 2), hash('a'))"
    seed, hashed = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert int(hashed) != hash("a"), "that process draws its hashes itself"
    assert int(seed) == seed_of(1, "a", 2)
    assert 0 <= seed_of("x") < 2**63
    assert seed_of("1") != seed_of(1)
    assert seed_of("a", "b") != seed_of("ab")


@given(start=st.integers(0, 300), n=st.integers(0, 200))
def test_a_row_of_the_table_hangs_on_its_number_alone(start, n):
    table = block_normal(5, "z", 0, 500, 3)
    rows = block_normal(5, "z", start, n, 3)
    assert rows.shape == (n, 3)
    assert torch.equal(rows, table[start : start + n])


def test_tables_differ_by_seed_and_name():
    assert not torch.equal(block_normal(1, "z", 0, 4, 3), block_normal(2, "z", 0, 4, 3))
    assert not torch.equal(block_normal(1, "z", 0, 4, 3), block_normal(1, "w", 0, 4, 3))
    assert not torch.equal(block_normal(1, "z", 0, 64, 3), block_normal(1, "z", 64, 64, 3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@draws
def test_every_device_sees_the_same_draws(draw):
    assert torch.equal(draw(Rng(1, device="cuda"), 8).cpu(), draw(Rng(1), 8))
