"""What moves in an optimizer while a run goes on: the learning rate, and Adam's decays."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganforge.artifacts import checkpoint
from ganforge.core.schedule import Cosine, Linear
from ganforge.recipes.optimizer import Adam, AdamW


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_rates_and_decays_follow_their_schedules(kind):
    settings = kind(lr=Linear(start=1e-3, end=0.0, over=100), betas=(0.0, Cosine(start=0.9, end=0.99, over=100)))
    net = torch.nn.Linear(2, 1)
    optimizer = settings.build(net)
    (group,) = optimizer.param_groups
    for samples, lr, second in ((0, 1e-3, 0.9), (50, 5e-4, 0.945), (100, 0.0, 0.99), (500, 0.0, 0.99)):
        settings.set_rates(group, samples)
        assert group["lr"] == pytest.approx(lr)
        assert group["betas"] == (0.0, pytest.approx(second))
    settings.set_rates(group, 50)
    before = net.weight.detach().clone()
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    # the first step of Adam is as long as the rate, whatever the decays are
    torch.testing.assert_close((net.weight - before).abs(), torch.full_like(before, 5e-4), rtol=1e-2, atol=0)


@pytest.mark.parametrize(("settings", "other"), [
    (Adam(lr=1e-2, weight_decay=0.1), torch.optim.Adam),
    (AdamW(lr=1e-2, weight_decay=0.1), torch.optim.AdamW),
])  # fmt: skip
def test_steps_are_those_of_torch(settings, other):
    """Bit for bit, also where a weight has no gradient for a while, and after the state was loaded."""
    nets = [nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    ours = settings.build(nets[0])
    theirs = other(nets[1].parameters(), lr=1e-2, betas=(0.5, 0.999), weight_decay=0.1, fused=True)
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    for k in range(8):
        for net, optimizer in zip(nets, (ours, theirs), strict=True):
            optimizer.zero_grad()
            (net[0](x) if k in (2, 3) else net(x)).square().sum().backward()
            optimizer.step()
        if k == 5:
            stored = checkpoint.optimizer_state("o", ours)
            checkpoint.load_optimizer("o", ours, {name: t.clone() for name, t in stored.items()}, "here")
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(ours.state[a]["exp_avg_sq"], theirs.state[b]["exp_avg_sq"])
        assert ours.state[a]["step"] == theirs.state[b]["step"]
