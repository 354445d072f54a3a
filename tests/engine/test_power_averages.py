"""Averages of any length from those of two lengths at several moments, and what a run keeps of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import toys
from safetensors.torch import load_file

from ganforge.artifacts import checkpoint, snapshots
from ganforge.engine.power_averages import PowerAverages
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.recipes.ema import Ema
from ganforge.recipes.power_ema import LENGTHS, Moment, combination, exponent, kept
from refused import refused

MOST = 8
PATH_STEPS = 1_024


def with_snapshots():
    """The toy GAN with 40 steps and snapshots."""
    recipe = toys.toy_gan()
    return replace(recipe, ema=replace(recipe.ema, snapshots=MOST))


def tracked(path: np.ndarray, length: float) -> np.ndarray:
    """The averages of a length after each step of a path [steps, D]."""
    found = np.empty_like(path)
    average = np.zeros(path.shape[1])
    for step, weights in enumerate(path, 1):
        keep = kept(length, step)
        average = keep * average + (1 - keep) * weights
        found[step - 1] = average
    return found


@pytest.mark.parametrize("length", [0.02, 0.05, 0.1, 0.25])
def test_the_length_is_the_relative_deviation_of_the_profile(length):
    ages = (np.arange(200_000) + 0.5) / 200_000
    weights = ages ** exponent(length)
    weights /= weights.sum()
    assert np.sqrt(weights @ ages**2 - (weights @ ages) ** 2) == pytest.approx(length, rel=1e-4)


@pytest.mark.parametrize("length", [0.03, 0.04, 0.07, 0.14, 0.2])
def test_averages_of_other_lengths_equal_those_that_are_tracked(length):
    """On random walks with a drift, which are what training is: paths of 64 weights, 16 snapshots."""
    draws = np.random.default_rng(0)
    path = np.cumsum(draws.normal(0.02, 0.1, (PATH_STEPS, 64)), axis=0) + draws.normal(0, 1, 64)
    at = range(64, PATH_STEPS + 1, 64)
    there = [Moment(one, step) for step in at for one in LENGTHS]
    averages = np.stack([tracked(path, one.length)[one.step - 1] for one in there])
    found = combination(there, Moment(length, PATH_STEPS))
    wanted = tracked(path, length)[-1]
    made = np.array(found.coefficients) @ averages
    spread = np.linalg.norm(path - wanted, axis=1).mean()  # how far the weights move
    assert found.error < 0.04
    assert np.linalg.norm(made - wanted) < found.error * spread / 2
    assert min(np.linalg.norm(one - wanted) for one in averages) > 10 * np.linalg.norm(made - wanted)


def test_an_average_that_is_there_is_taken_as_it_is():
    there = [Moment(one, step) for step in (250, 500) for one in LENGTHS]
    found = combination(there, Moment(LENGTHS[1], 500))
    assert found.error < 1e-6
    assert found.coefficients == pytest.approx((0, 0, 0, 1), abs=1e-6)


def test_weights_that_never_change_stay():
    there = [Moment(one, step) for step in (40, 80, 120) for one in LENGTHS]
    assert sum(combination(there, Moment(0.17, 120)).coefficients) == pytest.approx(1, abs=1e-12)


def test_the_number_of_snapshots_is_bounded_whatever_the_length():
    power = PowerAverages(Ema(snapshots=MOST), {"G": torch.nn.Linear(1, 1)})
    held: list[int] = []
    for step in range(1, 20_000):
        if power.due(step):
            held = [one for one in [*held, step] if one % power.interval(step) == 0]
        assert len(held) <= MOST
    assert len(held) > MOST // 2
    assert not PowerAverages(Ema(), {"G": torch.nn.Linear(1, 1)}).due(1_024)


def files_of(folder: Path) -> dict[str, bytes]:
    """All that a run holds of weights, as bytes."""
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    tensors = checkpoint.read(point)[0] | load_file(folder / "model.safetensors")
    found = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    return found | {path.name: path.read_bytes() for _, path in snapshots.listed(folder)}


def test_stop_and_resume_changes_no_average_and_no_snapshot(tmp_path):
    recipe = with_snapshots()
    half = recipe.samples // 2
    train(recipe, run_dir=tmp_path / "whole")
    train(replace(recipe, samples=half), run_dir=tmp_path / "parts")
    train(resume_recipe(tmp_path / "parts", None, [f"samples={recipe.samples}"]), resume=tmp_path / "parts")
    whole = files_of(tmp_path / "whole")
    assert files_of(tmp_path / "parts") == whole
    assert any(name.startswith("power.050.G.") for name in whole)
    assert any(name.endswith(".safetensors") for name in whole)


def test_snapshots_after_the_last_checkpoint_are_taken_again(tmp_path):
    """Of a killed process: what it wrote after its last checkpoint is not there for the resumed one to rely on."""
    recipe, run = with_snapshots(), tmp_path / "run"
    train(recipe, run_dir=run)
    wanted = files_of(run)
    for point in (run / "checkpoints").iterdir():
        if int(point.name) == recipe.samples:
            for file in point.iterdir():
                file.unlink()
            point.rmdir()
    left = snapshots.listed(run)[-1][1].with_name(f"{recipe.samples * 2:012d}.safetensors")
    left.write_bytes(b"of another future")
    train(resume_recipe(run), resume=run)
    assert files_of(run) == wanted


def test_without_snapshots_a_run_keeps_what_it_always_kept(tmp_path):
    recipe = toys.toy_gan()
    train(recipe, run_dir=tmp_path / "off")
    train(with_snapshots(), run_dir=tmp_path / "on")
    off, on = files_of(tmp_path / "off"), files_of(tmp_path / "on")
    assert not (tmp_path / "off" / snapshots.FOLDER).exists()
    assert off == {name: one for name, one in on.items() if name in off}
    assert {name.split(".")[0] for name in on.keys() - off.keys() if not name.endswith(".safetensors")} == {"power"}


def test_a_damaged_snapshot_is_named(tmp_path):
    path = tmp_path / snapshots.FOLDER / "000000000064.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"half a file")
    with refused("snapshot.damaged", str(path)):
        snapshots.read(path)


def test_values_that_half_precision_lacks_are_kept_in_full():
    assert snapshots.halved(torch.tensor([1.0, 2.0])).dtype == torch.float16
    assert snapshots.halved(torch.tensor([1.0, 1e6])).dtype == torch.float32
    assert snapshots.halved(torch.tensor([7])).dtype == torch.int64
