"""Stacked MNIST's figures, where what is counted is known."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("stacked_mnist", BENCHMARKS / "stacked_mnist.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stacked_mnist", module)
    spec.loader.exec_module(module)
    return module


class Reader(torch.nn.Module):
    """Reads an image of one gray level, 10 d, as the digit d."""

    def __init__(self):
        super().__init__()
        self.sharpness = torch.nn.Parameter(torch.tensor(100.0))

    def forward(self, x):
        level = x.mean((1, 2, 3)) * 255 / 10
        return -self.sharpness * (level[:, None] - torch.arange(10)).square()


def test_each_channel_is_a_digit(bench):
    digits = np.random.default_rng(0).integers(0, 10, (1_500, 3))  # more than a chunk
    pictures = np.broadcast_to((digits * 10)[:, None, None], (1_500, 28, 28, 3)).astype(np.uint8)
    modes, confident = bench.read_modes(Reader(), pictures)
    assert np.array_equal(modes, digits @ np.array([100, 10, 1]))
    assert confident == 1.0


def test_samples_of_the_truth(bench):
    found = bench.figures(np.random.default_rng(0).integers(0, 1000, 26_000))
    assert found.modes == 1000
    assert found.reverse_kl == pytest.approx(999 / 52_000, rel=0.1)


def test_collapse(bench):
    assert bench.figures(np.full(100, 7)).modes == 1
    assert bench.figures(np.full(100, 7)).reverse_kl == pytest.approx(math.log(1000))
    assert bench.figures(np.arange(500)).reverse_kl == pytest.approx(math.log(2))


def test_a_run_that_is_there_is_not_repeated(bench, tmp_path):
    folder = tmp_path / "dcgan" / "00"
    folder.mkdir(parents=True)
    (folder / "figures.json").write_text(json.dumps({"modes": 5}))
    args = type("Args", (), {"out": tmp_path})
    assert bench.train_and_judge("dcgan", 0, None, args) == {"modes": 5}


def test_table(bench):
    row = {"entry": "rpgan", "modes": 1000, "reverse_kl": 0.03, "confident": 0.95, "wall_seconds": 600, "samples": 3e6}
    line = bench.table([row, row]).splitlines()[-1]
    assert line == "| rpgan | 2 | 1000.0 ± 0.0 | 0.030 ± 0.000 | 95.0 ± 0.0 | 600 | 3.00 M |"
