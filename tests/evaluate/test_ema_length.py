"""The length of the weights' average, chosen after training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import ganforge as gf
from ganforge.artifacts import checkpoint
from ganforge.artifacts.rundir import RunDir
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.evaluation import ema_length
from ganforge.inference.model import load
from ganforge.inference.other_length import averages_of, with_length
from ganforge.recipes.ema import Ema
from refused import refused


def points(snapshots: int = 16, samples: int = 8_192):
    ema = Ema(half_life=50_000, warmup=0, snapshots=snapshots)  # far too long: the initial weights dominate
    return replace(gf.recipe("toy"), ema=ema, batch=64, samples=samples, checkpoint_every=4_096, callbacks=())


@pytest.fixture
def run(trained, tmp_path):
    """A run of its own: a copy of one that was trained once."""
    import shutil

    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ema") / "run"
    train(points(), run_dir=folder)
    return folder


def weights(run) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in load(run).bundle.nets["G"].state_dict().values()])


def test_a_length_that_was_tracked_is_that_of_the_checkpoint(trained):
    model = load(trained)
    tensors, _ = checkpoint.read(checkpoint.newest(trained / "checkpoints"))
    made = with_length(model, averages_of(model), 0.05).bundle.nets["G"].state_dict()
    for name, tensor in made.items():
        assert torch.allclose(tensor, tensors[f"power.050.G.{name}"], atol=1e-5)


def test_the_best_length_becomes_the_model_and_can_be_taken_back(run):
    before, trained_weights = (run / "model.safetensors").read_bytes(), weights(run)
    found = ema_length.choose(run, "fd500")
    values = {one.length: one.value for one in found.candidates}
    assert values[found.length] == min(values.values())
    assert found.length is not None
    assert 0.03 in found.left_out  # of seven snapshots
    assert found.after.value < found.before.value
    assert "second half" in found.before.protocol["split"]
    assert (run / ema_length.BEFORE).read_bytes() == before
    assert not torch.equal(weights(run), trained_weights)
    measured = gf.evaluate(run, metrics=["fd500"], progress=False).results[0]
    assert measured.protocol["ema_length"] == found.length
    ema_length.choose(run, "fd500")  # again: the model as trained is still the one that is kept
    assert (run / ema_length.BEFORE).read_bytes() == before
    ema_length.undo(run)
    assert (run / "model.safetensors").read_bytes() == before
    with refused("ema.nothing_to_undo"):
        ema_length.undo(run)


def test_a_given_length_is_not_measured(run):
    before = weights(run)
    assert 0 < ema_length.set_length(run, 0.07) < 0.02
    assert load(run).bundle.average == {"length": 0.07}
    assert not torch.equal(weights(run), before)


@pytest.mark.slow
def test_training_that_goes_on_goes_on_from_its_own_average(run, tmp_path):
    train(points(samples=10_240), run_dir=tmp_path / "whole")
    ema_length.set_length(run, 0.1)
    train(resume_recipe(run, None, ["samples=10240"]), resume=run)
    assert torch.equal(weights(run), weights(tmp_path / "whole"))
    with refused("ema.nothing_to_undo"):
        ema_length.undo(run)


def test_runs_it_is_not_for(run, tmp_path):
    train(points(snapshots=0, samples=512), run_dir=tmp_path / "without")
    with refused("ema.no_snapshots", "ema.snapshots=16"):
        ema_length.choose(tmp_path / "without")
    with refused("run.not_found"):
        ema_length.choose(run / "model.safetensors")
    with refused("ema.length_out_of_range", "0.4"):
        ema_length.set_length(run, 0.4)
    with refused("ema.too_few_snapshots", "0.01"):
        ema_length.set_length(run, 0.01)
    with refused("evaluate.too_few_samples"):
        ema_length.choose(run, n=3)
    with RunDir(run), refused("run.in_use"):
        ema_length.set_length(run, 0.1)
