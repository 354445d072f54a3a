"""One backward pass gives both players the gradients that two would."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import toys

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.engine.train import train
from ganforge.losses.base import Objective
from ganforge.tasks.base import Task

SPEC = Spec((1, 8, 8), 3, ("a", "b", "c"))


@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
@pytest.mark.parametrize("offset", [0.0, -30.0, 30.0])
def test_gradients_equal_those_of_two_separate_passes(objective, offset):
    task = Task.parse(
        {
            "kind": "simultaneous",
            "generator": {"kind": "mlp", "latent": 5},
            "discriminator": "mlp",
            "objective": objective,
            "conditional": True,
        }
    )
    torch.manual_seed(0)
    nets = Nets(task.players(SPEC))
    with torch.no_grad():
        nets.D.head.bias += offset  # also where one of the losses has all but no slope
    batch, rng = Batch(torch.randn(6, 1, 8, 8).tanh(), torch.arange(6) % 3), Rng(1)
    losses = task.phases()[0].loss(nets, batch, rng).losses
    losses["adversarial"].mean().backward()
    found = {name: [p.grad.clone() for p in net.parameters()] for name, net in nets.items()}

    game = Objective.parse(objective)
    fake = nets.G(rng.normal("z", (6, 5)), batch.c)
    wanted_g = torch.autograd.grad(
        game.g(nets.D(fake, batch.c).logits, None).mean(), list(nets.G.parameters()), retain_graph=True
    )
    d_loss = game.d(nets.D(batch.x, batch.c).logits, nets.D(fake.detach(), batch.c).logits).mean()
    wanted_d = torch.autograd.grad(d_loss, list(nets.D.parameters()))
    for ours, wanted in zip(found["G"] + found["D"], [*wanted_g, *wanted_d], strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-7)


def test_batch_statistics_in_the_critic_are_refused():
    task = {"kind": "simultaneous", "generator": "dcgan", "discriminator": "dcgan", "objective": "non_saturating"}
    with pytest.raises(UserError, match=r"has batch norm.*Take task\.kind=synthesis"):
        Task.parse(task).players(Spec((1, 16, 16)))


def test_it_trains_and_resumes_as_any_task(tmp_path):
    base = toys.toy_gan()
    task = Task.parse(
        {"kind": "simultaneous", "generator": "toy", "discriminator": "toy", "objective": "non_saturating"}
    )
    result = train(dataclasses.replace(base, task=task, samples=64), run_dir=tmp_path / "run")
    assert result.reason == "finished"
