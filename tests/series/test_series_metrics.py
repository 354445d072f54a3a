"""Figures of series: real windows are near the floor, and what is wrong with others is noticed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.series.metrics import SeriesFigures
from ganforge.modalities.series.readers import Readers
from ganforge.modalities.series.trained_metrics import Discriminative, Predictive


def waves(n: int, seed: int) -> np.ndarray:
    """Two sines that go together, with a phase and a frequency of their own, [n, 24, 2]."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 6, (n, 1)) + np.arange(24) * rng.uniform(0.2, 0.4, (n, 1))
    return np.stack([np.sin(angle), 3 * np.sin(angle) + rng.normal(0, 0.2, angle.shape)], axis=2)


REAL = waves(400, 0)
SHUFFLED = np.random.default_rng(1).permuted(REAL, axis=1)
FLIPPED = REAL * np.array([1, -1])
FEW = np.repeat(REAL[:4], 100, axis=0)
LOUD = np.clip(REAL * 2, -1, 1)
NOISE = np.random.default_rng(2).uniform(-1, 1, REAL.shape) * np.array([1, 3])


def figures(fake: np.ndarray, metric=None, steps: int = 24) -> dict[str, float]:
    """Of the first `steps` steps."""
    sets = {"real": REAL, "fake": fake, "heldout": waves(200, 7)}
    side = {name: SampleSet.of(windows[:, :steps]) for name, windows in sets.items()}
    comparison = Comparison(side["real"], side["fake"], heldout=side["heldout"])
    return {r.name.split("[")[0]: r.value for r in (metric or SeriesFigures()).compute(comparison)}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("correlational", FLIPPED),
        ("correlational", NOISE),
        ("marginal", FEW),
        ("marginal", LOUD),
        ("autocorrelation", SHUFFLED),
        ("autocorrelation", NOISE),
    ],
)
def test_corruptions_are_noticed(name, bad):
    assert figures(bad)[name] > 3 * figures(waves(400, 3))[name]


def test_copies_are_noticed():
    assert figures(REAL)["near_copies"] == 1
    assert figures(waves(400, 3))["near_copies"] < 0.1


def walks(n: int, step: float, seed: int) -> np.ndarray:
    """All windows of 24 steps of one random walk that moves by `step` at a time, [n, 24, 1]."""
    path = np.cumsum(np.random.default_rng(seed).normal(0, step, n + 23))
    return np.lib.stride_tricks.sliding_window_view(path, 24)[:, :, None].copy()


def test_copies_are_measured_against_other_times_where_later_years_are_wilder():
    calm, later = SampleSet.of(walks(1_000, 1.0, 0)), SampleSet.of(walks(300, 5.0, 1))
    new = SampleSet.of(walks(1_000, 1.0, 2))
    (found,) = [
        r for r in SeriesFigures().compute(Comparison(calm, new, heldout=later)) if r.name.startswith("near_copies")
    ]
    assert found.value < 0.05, "other walks of the calm years are no copies"
    assert found.detail["of_heldout"] == 0
    (found,) = [
        r for r in SeriesFigures().compute(Comparison(calm, calm, heldout=later)) if r.name.startswith("near_copies")
    ]
    assert found.value == 1


@pytest.mark.slow
def test_a_judge_tells_other_windows_and_not_real_ones():
    judge = Discriminative(steps=100, repeats=1)
    assert figures(np.abs(REAL), judge)["discriminative"] > 0.2
    assert figures(waves(400, 3), judge)["discriminative"] < 0.15


@pytest.mark.slow
def test_a_forecast_learned_from_flipped_windows_is_worse():
    learner = Predictive(steps=600)
    good, bad = figures(waves(400, 3), learner, 10), figures(FLIPPED, learner, 10)
    assert bad["predictive"] > 1.2 * good["predictive"]
    assert good["predictive"] == pytest.approx(good["predictive_of_real"], rel=0.3)


def test_one_column_has_no_correlation_of_columns():
    one = [SampleSet.of(waves(64, seed)[:, :, :1]) for seed in (0, 1)]
    names = [result.name.split("[")[0] for result in SeriesFigures().compute(Comparison(one[0], one[1]))]
    assert names == ["marginal", "autocorrelation", "near_copies"]


def test_nets_trained_at_once_are_torchs_gru_each():
    x = torch.randn(2, 7, 11, 5, generator=torch.Generator().manual_seed(0))
    for every_step in (False, True):
        found = Readers(5, 3, every_step, [3, 4])(x)
        for k, seed in enumerate((3, 4)):
            torch.manual_seed(seed)
            gru, out = torch.nn.GRU(5, 3, batch_first=True), torch.nn.Linear(3, 1)
            states, last = gru(x[k])
            wanted = out(states if every_step else last[0])[..., 0]
            assert torch.allclose(found[k], wanted, atol=1e-6)
