"""Every objective and penalty against its closed form, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.objectives.base import Objective, Penalty, Play
from ganforge.objectives.classic import Minimax, NonSaturating
from ganforge.objectives.penalties import R1, R2, Dragan, GradientPenalty
from ganforge.registry import load_all

load_all()

REAL = [-3.0, -0.5, 0.0, 0.7, 4.0]
FAKE = [2.5, -1.5, 0.3, -4.0, 0.0]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def bce_d(smoothing: float):
    def loss(real: float, fake: float) -> float:
        target = 1 - smoothing
        return -(
            target * math.log(sigmoid(real)) + (1 - target) * math.log(1 - sigmoid(real)) + math.log(1 - sigmoid(fake))
        )

    return loss


def minimax_g(fake: float, real: float) -> float:
    return math.log(1 - sigmoid(fake))


def non_saturating_g(fake: float, real: float) -> float:
    return -math.log(sigmoid(fake))


# One line an objective: kind → (instance, D's closed form, G's closed form). A new kind without its line fails below.
FORMS = {
    "minimax": [(Minimax(), bce_d(0), minimax_g), (Minimax(smoothing=0.1), bce_d(0.1), minimax_g)],
    "non_saturating": [
        (NonSaturating(), bce_d(0), non_saturating_g),
        (NonSaturating(smoothing=0.3), bce_d(0.3), non_saturating_g),
    ],
}
CASES = [(kind, *form) for kind, forms in FORMS.items() for form in forms]
VANILLA = [Minimax(), NonSaturating()]


def logits(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_every_objective_has_a_closed_form_here():
    assert set(FORMS) >= {kind for kind, cls in Objective.kinds.items() if cls.__module__.startswith("ganforge.")}


@pytest.mark.parametrize(("kind", "objective", "d", "g"), CASES)
def test_closed_form(kind, objective, d, g):
    real, fake = logits(REAL), logits(FAKE)
    expected_d = torch.tensor([d(r, f) for r, f in zip(REAL, FAKE, strict=True)], dtype=torch.float64)
    expected_g = torch.tensor([g(f, r) for r, f in zip(REAL, FAKE, strict=True)], dtype=torch.float64)
    torch.testing.assert_close(objective.d(real, fake).detach(), expected_d)
    torch.testing.assert_close(objective.g(fake, real if objective.uses_real else None).detach(), expected_g)


@pytest.mark.parametrize("objective", [cls() for cls in Objective.kinds.values()], ids=lambda o: o.kind)
class TestEveryObjective:
    def test_elementwise_and_unreduced(self, objective):
        real, fake = logits(REAL), logits(FAKE)
        d, g = objective.d(real, fake), objective.g(fake, real)
        assert d.shape == g.shape == (len(REAL),)
        for i in range(len(REAL)):
            torch.testing.assert_close(objective.d(real[i : i + 1], fake[i : i + 1]), d[i : i + 1])
            torch.testing.assert_close(objective.g(fake[i : i + 1], real[i : i + 1]), g[i : i + 1])

    def test_derivatives(self, objective):
        assert torch.autograd.gradcheck(objective.d, (logits(REAL), logits(FAKE)))
        assert torch.autograd.gradcheck(lambda f: objective.g(f, logits(REAL).detach()), (logits(FAKE),))

    def test_who_wants_what(self, objective):
        """D moves logits of reals up and of fakes down; G moves those of fakes up."""
        real, fake = logits([0.2, -0.2]), logits([-0.1, 0.1])
        up, down = torch.autograd.grad(objective.d(real, fake).sum(), (real, fake))
        assert (up < 0).all()
        assert (down > 0).all()
        (wish,) = torch.autograd.grad(objective.g(fake, real).sum(), fake)
        assert (wish < 0).all()

    def test_stays_finite_for_extreme_logits(self, objective):
        real = torch.tensor([-200.0, 200.0], requires_grad=True)
        fake = torch.tensor([200.0, -200.0], requires_grad=True)
        loss = objective.d(real, fake).sum() + objective.g(fake, real.detach()).sum()
        loss.backward()
        assert torch.isfinite(loss)
        assert real.grad is not None
        assert fake.grad is not None
        assert torch.isfinite(real.grad).all()
        assert torch.isfinite(fake.grad).all()


def test_where_the_original_game_saturates():
    """While D is sure of a fake, the minimax G hardly learns, and the non-saturating one learns at full strength."""
    fake = logits([-8.0])
    for objective, strength in ((Minimax(), sigmoid(-8)), (NonSaturating(), 1 - sigmoid(-8))):
        (wish,) = torch.autograd.grad(objective.g(fake, None).sum(), fake)
        assert wish.item() == pytest.approx(-strength)


@pytest.mark.parametrize("objective", VANILLA, ids=lambda o: o.kind)
def test_smoothing_stops_d_at_its_target(objective):
    smooth = type(objective)(smoothing=0.1)
    target = logits([math.log(0.9 / 0.1)])
    (slope,) = torch.autograd.grad(smooth.d(target, logits([0.0])).sum(), target)
    assert slope.item() == pytest.approx(0, abs=1e-12)


# --- penalties ---------------------------------------------------------------------------------------------------


def point(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


X, Y = point(3, 2, 4), point(3, 2, 5)[..., :4]
MIX = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64).reshape(3, 1, 1)
W = point(2, 4)


class Mixed(Rng):
    """Draws MIX where one number a sample is asked for."""

    def uniform(self, name, shape, low=0.0, high=1.0) -> Tensor:
        return MIX if list(shape) == [3, 1, 1] else super().uniform(name, shape, low, high)


def linear(x: Tensor) -> Tensor:  # ∇ = W
    return (x * W).sum((1, 2))


def quadratic(x: Tensor) -> Tensor:  # ∇ = x
    return x.square().sum((1, 2)) / 2


def norms(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1)


PRICES = {
    "dragan": [(Dragan(), linear, (W.norm() - 1).square().expand(3))],
    "wgan_gp": [
        (GradientPenalty(), linear, (W.norm() - 1).square().expand(3)),
        (GradientPenalty(), quadratic, (norms(MIX * X + (1 - MIX) * Y) - 1).square()),
        (GradientPenalty(target=0), quadratic, norms(MIX * X + (1 - MIX) * Y).square()),
    ],
    "r1": [(R1(), linear, W.square().sum().expand(3) / 2), (R1(), quadratic, norms(X).square() / 2)],
    "r2": [(R2(), linear, W.square().sum().expand(3) / 2), (R2(), quadratic, norms(Y).square() / 2)],
}


def test_every_penalty_has_a_closed_form_here():
    assert set(PRICES) >= {kind for kind, cls in Penalty.kinds.items() if cls.__module__.startswith("ganforge.")}


@pytest.mark.parametrize(("penalty", "critic", "expected"), [case for cases in PRICES.values() for case in cases])
def test_price_against_its_closed_form(penalty, critic, expected):
    price = penalty.loss(Play(critic, X, Y, Mixed(0)))
    assert price.shape == (3,)
    torch.testing.assert_close(price.detach(), expected)


@pytest.mark.parametrize("penalty", [cls() for cls in Penalty.kinds.values()], ids=lambda p: p.kind)
class TestEveryPenalty:
    def test_derivatives_with_respect_to_the_critic(self, penalty):
        """What D's weights get is right to the second order: the price is itself made of a gradient."""

        def price(weight: Tensor) -> Tensor:
            def critic(x: Tensor) -> Tensor:
                return torch.tanh(x.flatten(1) @ weight).square().sum(1) + (x.flatten(1) @ weight).sum(1)

            return penalty.loss(Play(critic, X, Y, Mixed(0)))

        weight = point(8, 3).mul(0.4).requires_grad_()
        assert torch.autograd.gradcheck(price, (weight,))
        assert torch.autograd.gradgradcheck(price, (weight,))

    def test_a_flat_critic_costs_a_finite_price(self, penalty):
        weight = torch.zeros(8, dtype=torch.float64, requires_grad=True)
        price = penalty.loss(Play(lambda x: x.flatten(1) @ weight, X, Y)).sum()
        (gradient,) = torch.autograd.grad(price, weight)
        assert torch.isfinite(gradient).all()

    def test_leaves_the_samples_alone(self, penalty):
        x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
        weight = W.clone().requires_grad_()
        penalty.loss(Play(lambda s: (s.square() * weight).sum((1, 2)), x, y)).sum().backward()
        assert x.grad is None
        assert y.grad is None
        assert weight.grad is not None

    def test_works_where_gradients_are_off(self, penalty):
        with torch.no_grad():
            assert torch.isfinite(penalty.loss(Play(quadratic, X, Y))).all()
