"""What is told of a run's privacy is what Opacus' accountant says, and no run goes beyond its budget."""

from __future__ import annotations

import pytest

from ganforge.engine.privacy.account import ORDERS, Account, noise_for
from refused import refused

pytestmark = pytest.mark.filterwarnings("ignore:Optimal order")


@pytest.mark.parametrize(("noise", "rate", "steps"), [(0.8, 0.01, 500), (1.3, 0.1, 40), (4.0, 0.002, 10_000)])
def test_epsilon_is_that_of_opacus(noise, rate, steps):
    from opacus.accountants import RDPAccountant

    theirs = RDPAccountant()
    theirs.history = [(noise, rate, steps)]
    ours = Account(noise, rate).epsilon(steps, 1e-5)
    assert ours == pytest.approx(theirs.get_epsilon(delta=1e-5, alphas=ORDERS), rel=1e-9)
    assert ours <= theirs.get_epsilon(delta=1e-5) * (1 + 1e-9), "with fewer orders it is less tight at most"


def test_without_subsampling_it_is_that_of_the_gaussian_mechanism():
    """Of N(0, σ²) on a sum of norm 1 the Rényi divergence of order α is α/(2σ²); so no step is counted as less."""
    account = Account(2.0, 1.0)
    assert account.cost == pytest.approx([order / 8 for order in ORDERS])


def test_epsilon_grows_with_the_steps_and_shrinks_with_noise_and_delta():
    account = Account(1.0, 0.01)
    spent = [account.epsilon(steps, 1e-5) for steps in (0, 1, 10, 100, 1000)]
    assert spent[0] == 0
    assert spent == sorted(spent)
    assert len(set(spent)) == len(spent)
    assert Account(1.5, 0.01).epsilon(1000, 1e-5) < spent[-1] < account.epsilon(1000, 1e-7)


@pytest.mark.parametrize("budget", [0.5, 2.0, pytest.param(10.0, marks=pytest.mark.slow)])
def test_the_noise_found_spends_the_budget_and_no_more(budget):
    noise = noise_for(budget, 1e-6, 0.02, 300)
    spent = Account(noise, 0.02).epsilon(300, 1e-6)
    assert 0.99 * budget < spent <= budget


def test_most_steps_are_the_last_within_the_budget():
    account = Account(1.0, 0.02)
    most = account.most_steps(3.0, 1e-5)
    assert account.epsilon(most, 1e-5) <= 3.0 < account.epsilon(most + 1, 1e-5)


def test_a_budget_that_no_noise_keeps_is_refused():
    with refused("privacy.epsilon_too_small", "for delta=1e-09 is 0.0", "Set epsilon to 0.0"):
        noise_for(1e-3, 1e-9, 0.5, 10)
    assert noise_for(0.1, 1e-6, 0.01, 100) > 1
