"""What moves in an optimizer while a run goes on: the learning rate, and Adam's decays."""

from __future__ import annotations

import pytest
import torch

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
