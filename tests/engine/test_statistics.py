"""Standing statistics: what batch norms go by when samples are made, in the run, in the bundle and under truncation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import ganforge as gf
from ganforge.core.types import Nets, Request
from ganforge.recipes.statistics import SEED, CachedNets, Running, Standing

CPU = torch.device("cpu")


class Norms(nn.Module):
    """z [N, 2] → batch norm of 3 z + 1, with statistics that fit nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.drop = nn.Dropout(0.5)
        with torch.no_grad():
            self.norm.running_mean.fill_(100.0)  # type: ignore[union-attr]

    def forward(self, z: Tensor) -> Tensor:
        return self.norm(self.drop(3 * z + 1))


def draws(nets: Nets, request: Request) -> Tensor:
    generator = torch.Generator().manual_seed(request.seed + request.start)
    return nets.G(torch.randn(request.n, 2, generator=generator) * request.truncation)


@pytest.fixture
def nets() -> Nets:
    return Nets({"G": Norms().eval()})


def test_means_are_those_of_the_generators_own_samples(nets):
    calibrated = Standing(batches=8, size=32).calibrate(nets, 0, draws, 1.0, CPU)
    z = [torch.randn(32, 2, generator=torch.Generator().manual_seed(SEED + 32 * k)) for k in range(8)]
    means, variances = [(3 * b + 1).mean(0) for b in z], [(3 * b + 1).var(0) for b in z]
    torch.testing.assert_close(calibrated.G.norm.running_mean, torch.stack(means).mean(0))
    torch.testing.assert_close(calibrated.G.norm.running_var, torch.stack(variances).mean(0))


def test_the_generators_given_stay_as_they_are(nets):
    calibrated = Standing(batches=2, size=8).calibrate(nets, 0, draws, 1.0, CPU)
    assert torch.equal(nets.G.norm.running_mean, torch.full((2,), 100.0))
    assert not any(m.training for m in calibrated.G.modules()), "dropout and all are as in use"
    assert calibrated.G.norm.momentum == nets.G.norm.momentum
    assert Running().calibrate(nets, 0, draws, 1.0, CPU) is nets


def test_a_truncation_has_statistics_of_its_own(nets):
    wide, narrow = (Standing().calibrate(nets, 0, draws, t, CPU).G.norm.running_var for t in (1.0, 0.5))
    torch.testing.assert_close(narrow, wide / 4)


def test_every_label_is_asked_for():
    asked: list[Tensor] = []

    def sample(nets: Nets, request: Request) -> Tensor:
        assert request.labels is not None
        asked.append(request.labels)
        return draws(nets, request)

    Standing(batches=3, size=4).calibrate(Nets({"G": Norms()}), 5, sample, 1.0, CPU)
    assert torch.cat(asked).tolist() == [k % 5 for k in range(12)]


def test_settled_anew_only_for_another_moment():
    memo, made = CachedNets(), []

    def calibrate() -> Nets:
        made.append(1)
        return Nets({})

    for key in ((0, 1.0), (0, 1.0), (8, 1.0), (8, 0.5)):
        memo.at(key, calibrate)
    assert len(made) == 3


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same short training with running and with standing statistics."""
    folder = tmp_path_factory.mktemp("runs")
    draws = np.random.default_rng(0)
    np.savez(folder / "x.npz", images=draws.integers(0, 255, (24, 8, 8, 1), np.uint8), labels=np.arange(24) % 3)
    fields = {"task.generator.channels": 2, "task.discriminator.channels": 2, "task.generator.latent": 8}
    fast = {**fields, "samples": 32, "batch": 8, "log_every": 16, "task.d_steps": 1, "callbacks": []}
    ways = {"running": "running", "standing": {"kind": "standing", "batches": 4, "size": 16}}
    for name, how in ways.items():
        gf.train("biggan", data=folder / "x.npz", run_dir=folder / name, progress=False, statistics=how, **fast)
    return folder


@pytest.mark.slow
def test_training_does_not_hang_on_them(runs):
    states = [
        load_file(next((runs / name / "checkpoints").glob("*/state.safetensors"))) for name in ("running", "standing")
    ]
    assert states[0].keys() == states[1].keys()
    for key, tensor in states[0].items():
        assert torch.equal(tensor, states[1][key]), key


def test_the_bundle_holds_them(runs):
    running, standing = (load_file(runs / name / "model.safetensors") for name in ("running", "standing"))
    different = {key for key in running if not torch.equal(running[key], standing[key])}
    assert any(key.endswith("running_var") for key in different)
    assert all("norm" in key or key.startswith("G.paint.0") for key in different), "weights are the same"


def test_a_loaded_model_settles_anew_under_truncation(runs):
    model = gf.load(runs / "standing")
    assert model.bundle.truncated.key is None
    whole = model.sample(4)
    assert model.bundle.truncated.key is None, "without truncation the file has them already"
    cut = model.sample(4, truncation=0.5)
    assert model.bundle.truncated.key == 0.5
    old, new = (n.G.paint[0].running_var for n in (model.bundle.nets, model.bundle.truncated.nets))
    assert not torch.allclose(old, new)
    assert (model.sample(4) == whole).all()
    assert (model.sample(4, truncation=0.5) == cut).all()
    model.walk((1, 2), frames=2, truncation=0.25)
    assert model.bundle.truncated.key == 0.25
