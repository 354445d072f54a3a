"""Stylized facts, spectra, context distance and usefulness: known values, and corruptions that each must notice."""

from __future__ import annotations

import numpy as np
import pytest

from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.series.context import ContextDistance, Spectrum, Usefulness
from ganforge.modalities.series.finance import StylizedFacts, correlation, facts, hill
from refused import refused


def market(n: int, seed: int, steps: int = 60) -> np.ndarray:
    """Returns whose volatility comes in clusters and rises after falls, [n, steps, 1]."""
    rng = np.random.default_rng(seed)
    log_vol, found = rng.normal(-4.5, 0.4, n), []
    for _ in range(steps):
        shock = rng.normal(size=n)
        found.append(np.exp(log_vol) * shock)
        log_vol = -4.5 + 0.95 * (log_vol + 4.5) - 0.12 * shock + rng.normal(0, 0.1, n)
    return np.stack(found, 1)[..., None]


def waves(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 6, (n, 1)) + np.arange(24) * rng.uniform(0.2, 0.4, (n, 1))
    return np.stack([np.sin(angle), 3 * np.sin(angle) + rng.normal(0, 0.2, angle.shape)], axis=2)


def measured(metric, real: np.ndarray, fake: np.ndarray, heldout: np.ndarray | None = None, **facts) -> dict:
    held = None if heldout is None else SampleSet.of(heldout)
    comparison = Comparison(SampleSet.of(real), SampleSet.of(fake), heldout=held, facts=facts)
    return {r.name.split("[")[0]: r for r in metric.compute(comparison)}


def test_known_values():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(400, 100))
    found = facts(normal, 10)
    assert abs(found["kurtosis"]) < 0.1
    assert abs(found["acf1"]) < 0.02
    assert abs(found["volatility"]) < 0.01
    assert found["var95"] == pytest.approx(1.645 * 10**0.5, rel=0.03), "the sum of ten"
    assert found["es95"] == pytest.approx(2.063 * 10**0.5, rel=0.03)
    pareto = rng.pareto(3.0, 40_000) + 1
    assert hill(pareto) == pytest.approx(3, rel=0.05)
    steps = rng.normal(size=(200, 101))
    assert correlation(steps[:, 1:] + steps[:, :-1], steps[:, 1:] + steps[:, :-1], 1) == pytest.approx(0.5, abs=0.02)


def test_a_market_shows_its_facts_and_a_shuffled_one_does_not():
    real, other = market(800, 0), market(800, 1)
    found = measured(StylizedFacts(), real, other, change="log")
    for name in ("volatility", "leverage", "kurtosis", "hill", "var95"):
        assert found[name].value == pytest.approx(found[name].detail["real"], rel=0.25), name
    assert found["volatility"].value > 0.1
    assert found["leverage"].value < -0.03
    assert abs(found["volatility"].detail["shuffled"]) < 0.02
    assert abs(found["leverage"].detail["shuffled"]) < 0.02
    reversed_ = measured(StylizedFacts(), real, real[:, ::-1], change="log")
    assert abs(reversed_["leverage"].value) < 0.4 * abs(found["leverage"].value), "time runs one way"
    normal = np.random.default_rng(2).normal(0, 0.01, real.shape)
    assert measured(StylizedFacts(), real, normal, change="log")["kurtosis"].value < 0.2


def test_levels_are_turned_into_returns():
    r = market(300, 0)
    levels = 100 * np.exp(np.cumsum(r, axis=1))
    from_levels = measured(StylizedFacts(), levels, levels)
    from_returns = measured(StylizedFacts(), r[:, 1:], r[:, 1:], change="log")
    for name, result in from_levels.items():
        assert result.value == pytest.approx(from_returns[name].value), name
    with refused("metric.horizon_too_long", "horizon"):
        measured(StylizedFacts(horizon=100), r, r, change="log")


SHUFFLED = np.random.default_rng(1).permuted(waves(400, 0), axis=1)


@pytest.mark.slow
def test_the_context_distance_notices():
    real = waves(400, 0)
    fakes = {
        "shuffled": SHUFFLED,
        "few": np.repeat(real[:4], 100, axis=0),
        "noise": np.random.default_rng(2).uniform(-1, 1, real.shape),
    }
    metric = ContextDistance(steps=60)
    good = measured(metric, real, waves(400, 3))["context_fd"]
    for name, fake in fakes.items():
        assert measured(metric, real, fake)["context_fd"].value > 3 * good.value, name
    assert good.value < 5 * good.detail["floor"]
    assert measured(metric, real, waves(400, 3))["context_fd"].value == good.value, "the same encoder each time"


def test_the_spectrum_notices_shuffled_steps_and_tones():
    real = waves(400, 0)
    good = measured(Spectrum(), real, waves(400, 3))["spectrum"].value
    tone = real + 0.3 * np.cos(np.pi * np.arange(24))[:, None]
    for bad in (SHUFFLED, tone):
        assert measured(Spectrum(), real, bad)["spectrum"].value > 3 * good


def test_usefulness():
    real, held = waves(400, 0), waves(200, 7)
    good = measured(Usefulness(), real, waves(400, 3), held)["forecast_usefulness"]
    assert good.value == pytest.approx(1, abs=0.15)
    assert measured(Usefulness(), real, SHUFFLED, held)["forecast_usefulness"].value > 1.5
    assert good.detail["error_of_real"] < good.detail["error_of_last"]
