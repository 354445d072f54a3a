"""G's gradient through the steps that D would take, against a closed form and against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.nets.base import DiscriminatorOutput
from ganforge.registry import load_all
from ganforge.tasks.base import Task

load_all()


class Line(nn.Module):
    """D(x) = w·x."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.w * x.squeeze(1))


class Point(nn.Module):
    """G(z) = θ, whatever z is."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(-0.4, dtype=torch.float64))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z), 1)


def unrolled(**fields) -> Task:
    mlp = {"kind": "mlp", "widths": [6, 5]}
    return Task.parse(
        {"kind": "unrolled", "generator": {**mlp, "latent": 3}, "discriminator": mlp, "objective": "non_saturating"}
        | fields
    )


@pytest.mark.parametrize("k", [0, 1, 4])
def test_the_bilinear_game(k):
    """θ_D after k steps is w − kη(θ − x̄), so G's loss is −wθ + kη(θ − x̄)θ and its slope −w + kη(2θ − x̄)."""
    task, nets = unrolled(objective="wasserstein", steps=k, rate=0.3), Nets({"G": Point(), "D": Line()})
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    loss = task.phases()[1].loss(nets, Batch(x), Rng(0)).losses["adversarial"]
    assert loss.shape == (2,)
    loss.mean().backward()
    assert nets.G.theta.grad.item() == pytest.approx(-0.7 + k * 0.3 * (2 * -0.4 - 1.5))
    assert nets.D.w.item() == 0.7
    assert nets.D.w.grad is None


@pytest.mark.parametrize("objective", ["non_saturating", "rpgan", "least_squares"])
@pytest.mark.parametrize("conditional", [False, True])
def test_against_finite_differences(objective, conditional):
    task = unrolled(objective=objective, conditional=conditional, steps=3, rate=0.5)
    spec = Spec((2,), 3, ("a", "b", "c")) if conditional else Spec((2,))
    torch.manual_seed(0)
    nets = Nets({name: net.double() for name, net in task.players(spec).items()})
    batch = Batch(torch.randn(5, 2, dtype=torch.float64), torch.arange(5) % 3 if conditional else None)

    class Wide(Rng):
        def normal(self, name, shape):
            return super().normal(name, shape).double()

    def loss() -> Tensor:
        return task.phases()[1].loss(nets, batch, Wide(1)).losses["adversarial"].mean()

    weight = next(nets.G.parameters())
    (gradient,) = torch.autograd.grad(loss(), weight)
    direction = torch.randn_like(weight)
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight += sign * 1e-7 * direction
        values.append(loss().item())
        with torch.no_grad():
            weight -= sign * 1e-7 * direction
    assert (values[0] - values[1]) / 2e-7 == pytest.approx((gradient * direction).sum().item(), rel=1e-4)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_the_real_d_is_left_alone(norm):
    task = unrolled(
        generator={"kind": "dcgan", "channels": 4, "latent": 4},
        discriminator={"kind": "dcgan", "channels": 4, "norm": norm},
        steps=2,
    )
    torch.manual_seed(0)
    nets = Nets(task.players(Spec((1, 8, 8))))
    nets.D.requires_grad_(False)
    before = {name: value.clone() for name, value in nets.D.state_dict().items()}
    loss = task.phases()[1].loss(nets, Batch(torch.randn(4, 1, 8, 8)), Rng(0)).losses["adversarial"]
    loss.mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in nets.G.parameters())
    for name, value in nets.D.state_dict().items():
        assert torch.equal(value, before[name]), name
