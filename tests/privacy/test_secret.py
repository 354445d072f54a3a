"""The draws that privacy rests on: of the right law, repeatable by who has the key, and by nobody else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganforge.engine.privacy.secret import BYTES, Secret


@pytest.fixture
def secret() -> Secret:
    fixed = Secret()
    fixed.key = bytes(range(BYTES))  # the tests of laws shall not fail once in a thousand times
    return fixed


def test_two_runs_have_two_keys():
    assert len(Secret().key) == BYTES
    assert Secret().key != Secret().key


def test_draws_hang_on_the_key_and_the_counter_alone(secret):
    again, other = Secret(), Secret()
    again.key = secret.key
    assert torch.equal(secret.normal(1001, "noise", 7), again.normal(1001, "noise", 7))
    for draw in (other.normal(1001, "noise", 7), secret.normal(1001, "noise", 8), secret.normal(1001, "rows", 7)):
        assert (draw == secret.normal(1001, "noise", 7)).double().mean() < 0.01
    assert secret.seed == again.seed != other.seed


def test_normals_are_normal(secret):
    x = secret.normal(200_000, "noise", 0)
    assert abs(x.mean()) < 4 / math.sqrt(len(x))
    assert x.var() == pytest.approx(1, abs=4 * math.sqrt(2 / len(x)))
    for bound in (-2.5, -1.0, 0.0, 0.5, 3.0):
        share = 0.5 * (1 + math.erf(bound / math.sqrt(2)))
        assert (x < bound).double().mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / len(x)))
    half = len(x) // 2  # both numbers of a pair come from the same two draws
    assert abs((x[:half] * x[half:]).mean()) < 4 / math.sqrt(half)


@pytest.mark.parametrize("q", [0.003, 0.1, 0.7])
def test_each_item_is_taken_by_itself_with_the_same_probability(secret, q):
    n, draws = 400, 3000
    taken = np.zeros((draws, n))
    for k in range(draws):
        items = secret.chosen(n, q, "rows", k)
        assert (np.diff(items) > 0).all(), "ascending, none twice"
        taken[k, items] = 1
    wide = 5 * math.sqrt(q * (1 - q) / draws)
    assert np.abs(taken.mean(0) - q).max() < wide
    counts = taken.sum(1)  # binomial, unlike those of a fixed batch
    assert counts.var() == pytest.approx(n * q * (1 - q), rel=0.15)
    neighbors = (taken[:, 1:] * taken[:, :-1]).mean(0)
    assert np.abs(neighbors - q * q).max() < 5 * math.sqrt(q * q / draws) + 1e-3


def test_all_items_and_none(secret):
    assert secret.chosen(5, 1.0, "rows", 0).tolist() == [0, 1, 2, 3, 4]
    assert sum(len(secret.chosen(10, 1e-4, "rows", k)) for k in range(50)) < 5
