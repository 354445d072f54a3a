"""Heads of all columns at once are what they would be one by one."""

from __future__ import annotations

import pytest
import torch
from tabular_spec import BLOCKS, WIDTH
from torch.nn.functional import log_softmax

from ganforge.modalities.table.heads import Columns

CHOICES = [b for b in BLOCKS if b["activation"] == "softmax"]


@pytest.fixture
def heads() -> Columns:
    return Columns(WIDTH, BLOCKS)


def raw(n: int = 6, scale: float = 3.0) -> torch.Tensor:
    return torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(1)) * scale


@pytest.mark.parametrize("scale", [1.0, 30.0, 3000.0])
def test_each_block_has_a_softmax_of_its_own(heads, scale):
    """However far the numbers of one block lie from those of another."""
    r = raw(scale=scale).double()
    r[:, 5:8] -= 5000
    found = Columns(WIDTH, BLOCKS).double().log_softmax(r)
    for block in CHOICES:
        where = slice(block["start"], block["start"] + block["width"])
        torch.testing.assert_close(found[:, where], log_softmax(r[:, where], 1))


def test_rows_to_learn_from_are_block_by_block_what_the_paper_says(heads):
    r, u = raw().requires_grad_(), torch.rand(6, WIDTH)
    found = heads(r, u, 0.2)
    again = raw().requires_grad_()
    gumbel = -(-u.log()).log()
    parts = []
    for block in BLOCKS:
        where = slice(block["start"], block["start"] + block["width"])
        of = again[:, where]
        match block["activation"]:
            case "tanh":
                parts.append(of.tanh())
            case "softmax":
                parts.append(((of + gumbel[:, where]) / 0.2).softmax(1))
            case _:
                parts.append(of)
    wanted = torch.cat(parts, 1)
    torch.testing.assert_close(found, wanted)
    weights = torch.randn(6, WIDTH)
    (found * weights).sum().backward()
    (wanted * weights).sum().backward()
    torch.testing.assert_close(r.grad, again.grad)


def test_draws_are_one_hot_and_have_their_probabilities(heads):
    n = 20_000
    r = raw(1).expand(n, -1)
    x = heads.draw(r, torch.rand(n, WIDTH, generator=torch.Generator().manual_seed(2)))
    for block in CHOICES:
        where = slice(block["start"], block["start"] + block["width"])
        assert set(x[:, where].unique().tolist()) <= {0.0, 1.0}
        assert torch.equal(x[:, where].sum(1), torch.ones(n))
        torch.testing.assert_close(x[:, where].mean(0), r[0, where].softmax(0), atol=0.012, rtol=0)
    torch.testing.assert_close(x[:, 0], r[:, 0].tanh())
    torch.testing.assert_close(x[:, 8], r[:, 8])


@pytest.mark.parametrize("keep", ["softmax", "tanh"])
def test_a_table_of_one_kind_of_column_has_finite_gradients(keep):
    """An empty sum over the columns of the other kind is no NaN."""
    blocks = [b for b in BLOCKS if b["activation"] == keep]
    width, start = 0, []
    for b in blocks:
        start.append(b | {"start": width})
        width += b["width"]
    heads = Columns(width, start)
    for u in (torch.rand(4, width), torch.zeros(4, width)):
        r = torch.randn(4, width).requires_grad_()
        heads(r, u, 0.2).square().sum().backward()
        assert r.grad is not None
        assert torch.isfinite(r.grad).all()
