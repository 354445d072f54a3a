"""Every objective and penalty against its closed form, in float64."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.types import Memory, Spec
from ganforge.losses.adversarial import Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein
from ganforge.losses.base import LossContext, Objective, Penalty, Term
from ganforge.losses.consistency import Bcr, LeCam, Zcr, ZcrTerm
from ganforge.losses.drift import Drift
from ganforge.losses.feature_matching import FeatureMatching
from ganforge.losses.penalties import R1, R2, Dragan, GradientPenalty
from ganforge.losses.pull_away import PullAway
from ganforge.losses.relativistic import RaGan, RpGan
from ganforge.losses.weights import HistoricalD, HistoricalG, OrthogonalD, OrthogonalG
from ganforge.registry import load_all
from refused import refused

load_all()


def own(family):
    """One of every kind that the package has; other tests register toys."""
    return [cls() for cls in family.kinds.values() if cls.__module__.startswith("ganforge.")]


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


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


MEAN_REAL, MEAN_FAKE = sum(REAL) / len(REAL), sum(FAKE) / len(FAKE)


# One line an objective: kind → (instance, D's closed form, G's closed form). A new kind without its line fails below.
FORMS = {
    "minimax": [(Minimax(), bce_d(0), minimax_g), (Minimax(smoothing=0.1), bce_d(0.1), minimax_g)],
    "non_saturating": [
        (NonSaturating(), bce_d(0), non_saturating_g),
        (NonSaturating(smoothing=0.3), bce_d(0.3), non_saturating_g),
    ],
    "least_squares": [
        (LeastSquares(), lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda f, r: (f - 1) ** 2 / 2),
        (LeastSquares(a=-1, b=1, c=0), lambda r, f: ((r - 1) ** 2 + (f + 1) ** 2) / 2, lambda f, r: f**2 / 2),
    ],
    "wasserstein": [(Wasserstein(), lambda r, f: f - r, lambda f, r: -f)],
    "hinge": [(Hinge(), lambda r, f: max(0, 1 - r) + max(0, 1 + f), lambda f, r: -f)],
    "rpgan": [(RpGan(), lambda r, f: softplus(f - r), lambda f, r: softplus(r - f))],
    "ragan": [
        (
            RaGan(),
            lambda r, f: -math.log(sigmoid(r - MEAN_FAKE)) - math.log(1 - sigmoid(f - MEAN_REAL)),
            lambda f, r: -math.log(sigmoid(f - MEAN_REAL)) - math.log(1 - sigmoid(r - MEAN_FAKE)),
        )
    ],
}
CASES = [(kind, *form) for kind, forms in FORMS.items() for form in forms]
VANILLA = [Minimax(), NonSaturating()]


def logits(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_every_objective_has_a_closed_form_here():
    assert {kind for kind, forms in FORMS.items() if forms} >= {objective.kind for objective in own(Objective)}


@pytest.mark.parametrize(("kind", "objective", "d", "g"), CASES)
def test_closed_form(kind, objective, d, g):
    real, fake = logits(REAL), logits(FAKE)
    expected_d = torch.tensor([d(r, f) for r, f in zip(REAL, FAKE, strict=True)], dtype=torch.float64)
    expected_g = torch.tensor([g(f, r) for r, f in zip(REAL, FAKE, strict=True)], dtype=torch.float64)
    torch.testing.assert_close(objective.d(real, fake).detach(), expected_d)
    torch.testing.assert_close(objective.g(fake, real if objective.uses_real else None).detach(), expected_g)


@pytest.mark.parametrize(
    "objective",
    own(Objective),
    ids=lambda o: o.kind,
)
class TestEveryObjective:
    def test_elementwise_and_unreduced(self, objective):
        real, fake = logits(REAL), logits(FAKE)
        d, g = objective.d(real, fake), objective.g(fake, real)
        assert d.shape == g.shape == (len(REAL),)
        if not objective.elementwise:
            return
        for i in range(len(REAL)):
            torch.testing.assert_close(objective.d(real[i : i + 1], fake[i : i + 1]), d[i : i + 1])
            torch.testing.assert_close(objective.g(fake[i : i + 1], real[i : i + 1]), g[i : i + 1])

    def test_derivatives(self, objective):
        assert torch.autograd.gradcheck(objective.d, (logits(REAL), logits(FAKE)))
        assert torch.autograd.gradcheck(lambda f: objective.g(f, logits(REAL).detach()), (logits(FAKE),))

    def test_who_wants_what(self, objective):
        """D moves logits of reals up and of fakes down; G moves those of fakes up."""
        real, fake = logits([0.2, -0.2]), logits([0.6, 0.1])
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


X, Y = point(3, 1, 2, 4), point(3, 1, 2, 5)[..., :4]
MIX = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64).reshape(3, 1, 1, 1)
W = point(1, 2, 4)
Z, TO_SAMPLES = point(3, 5), point(5, 8)
OLD = {"real": 0.3, "fake": -0.7, "steps": 4.0, "mean/weight": 0.2}


class Mixed(Rng):
    """Draws MIX where one number a sample is asked for."""

    def uniform(self, name, shape, low=0.0, high=1.0) -> Tensor:
        return MIX if list(shape) == [3, 1, 1, 1] else super().uniform(name, shape, low, high)


def linear(x: Tensor) -> Tensor:  # ∇ = W
    return (x * W).sum((1, 2, 3))


def quadratic(x: Tensor) -> Tensor:  # ∇ = x
    return x.square().sum((1, 2, 3)) / 2


def norms(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1)


class Still(Memory):
    """State that is what it is, so that a loss is a function."""

    def __getitem__(self, name: str) -> Tensor:
        return torch.tensor(OLD[name], dtype=torch.float64)

    def __setitem__(self, name: str, value: Tensor) -> None:
        pass


class Held(nn.Module):
    """A player of one weight, which need not be a leaf."""

    def __init__(self, weight: Tensor):
        super().__init__()
        self.held = weight

    def named_parameters(self, *args, **kwargs):
        yield "weight", self.held

    def parameters(self, recurse: bool = True):
        yield self.held


def context(critic, real: Tensor = X, fake: Tensor = Y, weight: Tensor = W[0]) -> LossContext:
    return LossContext(
        critic,
        real,
        fake,
        Mixed(0),
        Still(),
        Held(weight),
        z=Z,
        generator=lambda z: torch.tanh(z @ TO_SAMPLES).reshape(-1, 1, 2, 4),
    )


def beside(sigma: float) -> Tensor:
    asked = context(linear)
    assert asked.generator is not None
    return asked.generator(Z + sigma * asked.rng.normal("beside", Z.shape).double())


def one(value: float | Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).expand(3)


def bcr_of_linear(shift: int) -> Tensor:
    """By hand, from the draws: T(x) one pixel at a time."""
    found = torch.zeros(3, dtype=torch.float64)
    for x, name in ((X, "real"), (Y, "fake")):
        rng = context(linear).rng.at(name)
        down, right = (
            rng.integers(n, (3, 1), 2 * most + 1) - most for n, most in (("down", 1), ("right", min(shift, 2)))
        )
        flip = rng.uniform("flip", (3, 1)) < 0.5
        moved = torch.empty_like(x)
        for i in range(3):
            for row in range(2):
                for column in range(4):
                    seen = 3 - column if flip[i] else column
                    from_row, from_column = row + int(down[i]), seen + int(right[i])
                    moved[i, 0, row, column] = x[i, 0, min(max(from_row, 0), 1), min(max(from_column, 0), 3)]
        found += (linear(x) - linear(moved)).square()
    return found


GRAM = W[0] @ W[0].T

CLOSED_FORMS = {
    "wgan_gp": [
        (GradientPenalty(), linear, (W.norm() - 1).square().expand(3)),
        (GradientPenalty(), quadratic, (norms(MIX * X + (1 - MIX) * Y) - 1).square()),
        (GradientPenalty(target=0), quadratic, norms(MIX * X + (1 - MIX) * Y).square()),
    ],
    "dragan": [(Dragan(), linear, (W.norm() - 1).square().expand(3)), (Dragan(target=0), linear, one(W.norm() ** 2))],
    "r1": [(R1(), linear, W.square().sum().expand(3) / 2), (R1(), quadratic, norms(X).square() / 2)],
    "r2": [(R2(), linear, W.square().sum().expand(3) / 2), (R2(), quadratic, norms(Y).square() / 2)],
    "drift": [(Drift(), quadratic, quadratic(X).square())],
    "lecam": [(LeCam(), quadratic, (quadratic(X) + 0.7).square() + (quadratic(Y) - 0.3).square())],
    "bcr": [(Bcr(shift=1), linear, bcr_of_linear(1)), (Bcr(shift=0, flip=False), linear, one(0.0))],
    "zcr": [(Zcr(sigma=0.5), quadratic, (quadratic(Y) - quadratic(beside(0.5))).square())],
    "orthogonal": [(OrthogonalD(), linear, one(2 * GRAM[0, 1] ** 2))],
    "historical_averaging": [(HistoricalD(), linear, one((W - 0.2).square().sum()))],
}


def test_every_penalty_has_a_closed_form_here():
    assert {kind for kind, forms in CLOSED_FORMS.items() if forms} >= {penalty.kind for penalty in own(Penalty)}


@pytest.mark.parametrize(("penalty", "critic", "expected"), [case for cases in CLOSED_FORMS.values() for case in cases])
def test_penalty_against_its_closed_form(penalty, critic, expected):
    term = penalty.loss(context(critic))
    assert term.shape == (3,)
    torch.testing.assert_close(term.detach(), expected)


@pytest.mark.parametrize("penalty", own(Penalty), ids=lambda p: p.kind)
class TestEveryPenalty:
    def test_derivatives_with_respect_to_the_critic(self, penalty):
        """What D's weights get is right to the second order: the loss is itself made of a gradient."""

        def term(weight: Tensor) -> Tensor:
            def critic(x: Tensor) -> Tensor:
                return torch.tanh(x.flatten(1) @ weight).square().sum(1) + (x.flatten(1) @ weight).sum(1)

            return penalty.loss(context(critic, weight=weight))

        weight = point(8, 3).mul(0.4).requires_grad_()
        assert torch.autograd.gradcheck(term, (weight,))
        assert torch.autograd.gradgradcheck(term, (weight,))

    def test_a_flat_critic_costs_a_finite_price(self, penalty):
        weight = torch.zeros(8, 1, dtype=torch.float64, requires_grad=True)
        term = penalty.loss(context(lambda x: (x.flatten(1) @ weight).squeeze(1), weight=weight)).sum()
        (gradient,) = torch.autograd.grad(term, weight)
        assert torch.isfinite(gradient).all()

    def test_leaves_the_samples_alone(self, penalty):
        x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
        weight = W.clone().requires_grad_()
        penalty.loss(context(lambda s: (s.square() * weight).sum((1, 2, 3)), x, y, weight)).sum().backward()
        assert x.grad is None
        assert y.grad is None
        assert weight.grad is not None

    def test_works_where_gradients_are_off(self, penalty):
        with torch.no_grad():
            assert torch.isfinite(penalty.loss(context(quadratic))).all()


def test_a_slope_that_is_known_is_not_asked_for_again():
    weight = point(8, 3).requires_grad_()

    def critic(x: Tensor) -> Tensor:
        return torch.tanh(x.flatten(1) @ weight).sum(1)

    def asked(x: Tensor) -> Tensor:
        raise AssertionError("the verdict of this step is at hand")

    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    known = LossContext(asked, x, y, on_real=(critic(x), None), on_fake=(critic(y), None))
    for penalty in (R1(), R2()):
        term, fresh = penalty.loss(known), penalty.loss(LossContext(critic, X, Y))
        torch.testing.assert_close(term, fresh)
        ours, wanted = (torch.autograd.grad(p.sum(), weight, retain_graph=True)[0] for p in (term, fresh))
        torch.testing.assert_close(ours, wanted)


def test_what_is_known_is_not_asked_for_again():
    asked: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        asked.append(x)
        return quadratic(x)

    known = dataclasses.replace(context(critic), on_real=(quadratic(X), None), on_fake=(quadratic(Y), None))
    for penalty, passes in ((Bcr(), 2), (Zcr(), 1), (LeCam(), 0)):
        asked.clear()
        term = penalty.loss(dataclasses.replace(known, deterministic=True))
        assert len(asked) == passes
        torch.testing.assert_close(term, penalty.loss(known))


def test_dragan_stays_near_the_reals():
    """Noise of a share of their spread, and of a width of its own for each sample."""
    x = 3 * torch.randn(400, 1, 16, 16, generator=torch.Generator().manual_seed(0)) + 5
    met: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        met.append(x.detach())
        return x.sum((1, 2, 3))

    Dragan(spread=0.5).loss(LossContext(critic, x, x))
    width = (met[0] - x).flatten(1).std(1)
    assert width.max().item() == pytest.approx(1.5, rel=0.1)
    assert width.mean().item() == pytest.approx(0.75, rel=0.1)


def test_lecam_remembers_both_sides():
    memory = Memory(LeCam().memory(nn.Identity()))
    LeCam(decay=0.9).loss(LossContext(lambda x: x, torch.tensor([1.0, 3.0]), torch.tensor([-4.0, -6.0]), memory=memory))
    assert memory["real"].item() == pytest.approx(0.2)
    assert memory["fake"].item() == pytest.approx(-0.5)


def test_historical_averaging_is_a_mean_over_all_steps():
    net = nn.Linear(1, 1, bias=False)
    memory = Memory(HistoricalD().memory(net))
    for step, value in enumerate([2.0, 4.0, 9.0]):
        with torch.no_grad():
            net.weight.fill_(value)
        term = HistoricalD().loss(
            LossContext(lambda x: x, torch.zeros(2, 1), torch.zeros(2, 1), memory=memory, player=net)
        )
        wanted = [0.0, (4.0 - 2) ** 2, (9.0 - 3) ** 2][step]
        torch.testing.assert_close(term.detach(), torch.tensor([wanted, wanted]))
    assert memory["mean/weight"].item() == pytest.approx(5)


def test_orthogonal_looks_past_tables_and_offsets():
    net = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2), nn.Embedding(3, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(2, 4) * 3)
    term = OrthogonalD().loss(LossContext(lambda x: x, torch.zeros(5, 4), torch.zeros(5, 4), player=net))
    torch.testing.assert_close(term.detach(), torch.zeros(5))


def test_flips_and_shifts_refuse_what_is_no_picture():
    with refused("task.not_for_shape", "bcr", "shape [2]", "zcr"):
        Bcr().check(Spec((2,)))
    Bcr().check(Spec((1, 28, 28)))


# --- what G wants beside the game --------------------------------------------------------------------------------


def with_features(real: Tensor, fake: Tensor) -> LossContext:
    nothing = torch.zeros(len(real))
    return LossContext(linear, X, Y, on_real=(nothing, real), on_fake=(nothing, fake))


FEATURES = point(2, 4, 3)


def matched() -> Tensor:
    real, fake = FEATURES.mean(1)
    return (real - fake).square().sum().expand(4)


UNIT = FEATURES[1] / FEATURES[1].norm(dim=1, keepdim=True)
COSINES = (UNIT @ UNIT.T).square()

TERMS = {
    "pull_away": [(PullAway(), with_features(FEATURES[0], FEATURES[1]), (COSINES.sum(1) - 1) / 3)],
    "feature_matching": [(FeatureMatching(), with_features(FEATURES[0], FEATURES[1]), matched())],
    "zcr": [(ZcrTerm(sigma=0.5), context(linear), -(Y - beside(0.5)).square().mean((1, 2, 3)))],
    "orthogonal": [(OrthogonalG(), context(linear), one(2 * GRAM[0, 1] ** 2))],
    "historical_averaging": [(HistoricalG(), context(linear), one((W - 0.2).square().sum()))],
}


def test_every_term_has_a_closed_form_here():
    assert {kind for kind, forms in TERMS.items() if forms} >= {term.kind for term in own(Term)}


@pytest.mark.parametrize(("term", "asked", "expected"), [case for cases in TERMS.values() for case in cases])
def test_term_against_its_closed_form(term, asked, expected):
    torch.testing.assert_close(term.loss(asked).detach(), expected)


def test_feature_matching_teaches_through_the_fakes_alone():
    real, fake = point(4, 3).requires_grad_(), point(4, 4)[:, :3].requires_grad_()
    assert torch.autograd.gradcheck(lambda f: FeatureMatching().loss(with_features(real.detach(), f)), (fake,))
    FeatureMatching().loss(with_features(real, fake)).sum().backward()
    assert real.grad is None
    with refused("task.unsuitable_net", "feature_matching", "DiscriminatorOutput.features"):
        FeatureMatching().loss(LossContext(linear, X, Y, on_real=(X, None), on_fake=(Y, None)))
