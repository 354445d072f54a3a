"""The protocol of the 2-D mixtures, on samples whose figures are known."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from ganforge.modalities.points.source import Grid25, Ring8

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


bench = load("modes_2d")
CENTERS = Grid25.centers()


def judge(points: np.ndarray):
    return bench.figures(points, CENTERS, Grid25.std)


@pytest.mark.parametrize("source", [Ring8, Grid25])
def test_samples_of_the_truth(source):
    data = source(count=2_500, seed=7).open()
    found = bench.figures(data.array, source.centers(), source.std)
    assert found.modes == found.of == len(data.classes)
    assert found.quality == pytest.approx(1 - math.exp(-4.5), abs=0.007)  # of a round Gaussian within three σ: 98.9 %
    assert found.reverse_kl < 0.012  # (M − 1) / 2N = 0.005 on average for 25 modes
    assert found.spread == pytest.approx(math.sqrt(2 * math.log(2)), abs=0.06)


def test_one_mode():
    found = judge(np.tile(CENTERS[3], (2_500, 1)))
    assert (found.modes, found.quality, found.spread) == (1, 1.0, 0.0)
    assert found.reverse_kl == pytest.approx(math.log(25))


def test_half_of_the_modes():
    found = bench.figures(np.repeat(Ring8.centers()[::2], 100, axis=0), Ring8.centers(), Ring8.std)
    assert found.modes == 4
    assert found.reverse_kl == pytest.approx(math.log(2))


def test_uniform_noise_hits_few():
    points = np.random.default_rng(0).uniform(-5, 5, (2_500, 2))
    found = judge(points)
    assert found.quality == pytest.approx(25 * math.pi * (3 * 0.05) ** 2 / 100, abs=0.01)
    assert found.reverse_kl < 0.02  # every square around a mode has its share


def test_a_mode_counts_by_its_good_samples_alone():
    near = CENTERS + np.array([2.99 * 0.05, 0])
    far = CENTERS + np.array([3.01 * 0.05, 0])
    assert judge(near).modes == 25
    assert (judge(far).modes, judge(far).quality) == (0, 0.0)
    assert judge(far).reverse_kl == pytest.approx(0)
    assert math.isnan(judge(far).spread)


def test_numbers_that_are_none_are_bad_samples():
    points = np.concatenate([CENTERS, np.full((25, 2), np.nan)])
    assert judge(points).quality == 0.5
    nothing = judge(np.full((25, 2), np.inf))
    assert (nothing.modes, nothing.quality, nothing.reverse_kl) == (0, 0.0, math.inf)


def test_a_run_that_is_there_is_not_repeated(tmp_path):
    run = bench.Run("toy", "ring8", 3, 1.0, tmp_path)
    run.folder.mkdir(parents=True)
    (run.folder / "figures.json").write_text(json.dumps({"seed": 3, "modes": 8}))
    assert bench.train_and_judge(run) == {"seed": 3, "modes": 8}


def test_table():
    row = {"data": "ring8", "recipe": "toy", "of": 8, "cpu_seconds": 90.0, "samples": 2_000_000}
    rows = [
        row | {"modes": 8, "quality": 0.99, "reverse_kl": 0.01},
        row | {"modes": 7, "quality": 0.97, "reverse_kl": 0.03},
    ]
    line = bench.table(rows).splitlines()[-1]
    assert line == "| ring8 | toy | 2 | 7.5 ± 0.7 of 8 | 1/2 | 98.0 ± 1.4 | 0.020 ± 0.014 | 90 | 2.00 M |"
