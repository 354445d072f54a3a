"""Draws of categories: one-hot, distributed as they should be, with the derivative of the softmax."""

from __future__ import annotations

import torch

from ganforge.nets.layers.gumbel import gumbel, straight_through


def test_draws_are_one_hot_with_the_derivative_of_the_softmax():
    logits = torch.randn(50, 4, dtype=torch.float64, requires_grad=True)
    noise = gumbel(torch.randn(50, 4, dtype=torch.float64))
    drawn = straight_through(logits, noise, tau=0.7)
    assert torch.allclose(drawn.sort(1).values, torch.tensor([0.0, 0, 0, 1]).double())
    weights = torch.randn(50, 4, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((drawn * weights).sum(), logits)
    soft = ((logits + noise) / 0.7).softmax(1)
    (expected,) = torch.autograd.grad((soft * weights).sum(), logits)
    assert torch.allclose(gradient, expected)
    assert torch.isfinite(gumbel(torch.tensor([-40.0, 40.0]))).all()


def test_draws_follow_the_probabilities():
    torch.manual_seed(0)
    logits = torch.tensor([0.1, 0.2, 0.7]).log().expand(40_000, 3)
    shares = straight_through(logits, gumbel(torch.randn(40_000, 3))).mean(0)
    assert torch.allclose(shares, torch.tensor([0.1, 0.2, 0.7]), atol=0.01)
