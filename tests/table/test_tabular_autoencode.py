"""The autoencoding task against closed forms, on rows of a table and on images."""

from __future__ import annotations

import pytest
import torch
from tabular_spec import WIDTH, rows, spec
from torch import nn
from torch.distributions import Normal, kl_divergence

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.modalities.table.likelihood import TableColumns
from ganforge.nets.likelihoods import Gaussian
from ganforge.registry import load_all
from ganforge.tasks.autoencode import Autoencode
from ganforge.tasks.base import Task
from refused import refused

load_all()
PICTURES = Spec((1, 4, 4))


def autoencode(likelihood: str, **fields) -> Autoencode:
    plain = {
        "kind": "autoencode",
        "encoder": {"kind": "mlp", "widths": [16]},
        "generator": {"kind": "mlp", "latent": 3, "widths": [16], "norm": "none", "bounded": False},
        "likelihood": likelihood,
    }
    task = Task.parse(plain | fields)
    assert isinstance(task, Autoencode)
    return task


def test_the_divergence_is_that_of_two_normal_distributions():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)

    class Known(nn.Module):
        def forward(self, x, c=None):
            return mean, log_variance

    task = autoencode("gaussian", beta=0.5)
    nets = Nets(task.players(PICTURES) | {"E": Known()})
    found = task.loss(nets, Batch(torch.rand(5, 1, 4, 4)), Rng(0)).losses["kl"]
    q, p = Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)
    torch.testing.assert_close(found, 0.5 * kl_divergence(q, p).sum(1))


def test_the_price_of_a_picture_is_that_of_a_normal_distribution():
    module = Gaussian().build(PICTURES)
    nn.init.constant_(module.log_spread, -0.7)
    made, x = torch.randn(5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    wanted = -Normal(made, torch.tensor(-0.7).exp()).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(module.nll(made, x), wanted)


def test_the_price_of_a_row_is_column_by_column_what_the_paper_says():
    module = TableColumns().build(spec())
    module.log_spread.data = torch.tensor([-1.5, 0.2])
    raw, x = torch.randn(7, WIDTH), rows(7)
    wanted = -Normal(raw[:, 0].tanh(), torch.tensor(-1.5).exp()).log_prob(x[:, 0])
    wanted = wanted - Normal(raw[:, 8], torch.tensor(0.2).exp()).log_prob(x[:, 8])
    for where in (slice(1, 5), slice(5, 8), slice(9, 11)):
        wanted = wanted + nn.functional.cross_entropy(raw[:, where], x[:, where].argmax(1), reduction="none")
    torch.testing.assert_close(module.nll(raw, x), wanted)


def test_rows_are_drawn_from_the_distribution_that_they_are_priced_by():
    module = TableColumns().build(spec())
    module.log_spread.data = torch.tensor([-1.0, 0.5])
    n = 20_000
    raw = torch.randn(1, WIDTH).expand(n, -1)
    x = module.draw(raw, torch.rand(n, WIDTH))
    for where in (slice(1, 5), slice(5, 8), slice(9, 11)):
        torch.testing.assert_close(x[:, where].mean(0), raw[0, where].softmax(0), atol=0.015, rtol=0)
    for k, mean, spread in ((0, raw[0, 0].tanh(), -1.0), (8, raw[0, 8], 0.5)):
        torch.testing.assert_close(x[:, k].mean(), mean, atol=0.05, rtol=0)
        assert x[:, k].std().item() == pytest.approx(torch.tensor(spread).exp().item(), rel=0.03)


def test_a_perfect_fit_has_no_endless_price():
    module = Gaussian().build(PICTURES)
    nn.init.constant_(module.log_spread, -100.0)
    x = torch.rand(2, 1, 4, 4)
    assert torch.isfinite(module.nll(x, x)).all()


@pytest.mark.parametrize(("likelihood", "of"), [("columns", spec()), ("gaussian", PICTURES)])
def test_it_learns_what_there_is(likelihood, of):
    """The evidence rises, and samples come to have the mean of the data."""
    task = autoencode(likelihood)
    torch.manual_seed(0)
    nets = Nets(task.players(task.adapt(of)))
    data = rows(200) if likelihood == "columns" else torch.rand(200, 1, 4, 4) * 0.1 + torch.linspace(0, 1, 4)
    optimizer = torch.optim.Adam([p for net in nets.values() for p in net.parameters()], 1e-2)
    losses = []
    for k in range(150):
        terms = task.loss(nets, Batch(data), Rng(0, k))
        assert all(loss.shape == (200,) for loss in terms.losses.values())
        loss = torch.stack(list(terms.losses.values())).sum(0).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1
    with torch.no_grad():
        x = task.sample(nets, Request(2000))
    assert x.shape == (2000, *of.shape)
    torch.testing.assert_close(x.mean(0), data.mean(0), atol=0.15, rtol=0)
    torch.testing.assert_close(task.sample(nets, Request(10, start=500)), x[500:510])


def test_columns_are_for_tables_alone():
    with refused("data.not_a_table", "task.likelihood=columns", "likelihood=gaussian"):
        autoencode("columns").players(PICTURES)


def test_labels_reach_both_players():
    task = autoencode("gaussian", conditional=True)
    of = task.adapt(Spec((1, 4, 4), 2, ("a", "b")))
    torch.manual_seed(0)
    nets = Nets(task.players(of))
    x, c = torch.rand(4, 1, 4, 4), torch.tensor([0, 0, 1, 1])
    one, other = (task.loss(nets, Batch(x, labels), Rng(0)).losses for labels in (c, 1 - c))
    assert not torch.allclose(one["kl"], other["kl"])
    samples = task.sample(nets, Request(4, labels=c)), task.sample(nets, Request(4, labels=1 - c))
    assert not torch.allclose(*samples)
