"""LAPGAN: the pyramid loses nothing, each level learns for itself, and what goes with `synthesis` goes with each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.penalties import R1
from ganforge.losses.weights import HistoricalD, HistoricalG
from ganforge.modalities.image.augment.ada import Ada
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.nets.lapgan import LapganDiscriminator, LapganRefiner
from ganforge.modalities.image.tasks.lapgan import Lapgan, real_level
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator
from ganforge.recipes import make_recipe
from refused import refused

RNG = Rng(0, 64)


def task(**options) -> Lapgan:
    nets = {
        "generator": MlpGenerator(latent=6, widths=(8,)),
        "discriminator": MlpDiscriminator(widths=(8,)),
        "refiner": LapganRefiner(channels=4),
        "judge": LapganDiscriminator(channels=4),
    }
    return Lapgan(objective=NonSaturating(), **{**nets, **options})


def built(played: Lapgan, spec: Spec) -> Nets:
    torch.manual_seed(0)
    return Nets(played.players(spec), played.memory(spec))


class Band(nn.Module):
    """A refiner that knows the band of the very images that are rebuilt."""

    def __init__(self, level: Batch):
        super().__init__()
        self.size = tuple(level.x.shape[2:])
        self.band = level.x - level.extra["low"]

    def forward(self, z, low, c=None):
        return self.band


class Known(nn.Module):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def forward(self, z, c=None):
        return self.x


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 25, 38), (1, 7, 9)])
@pytest.mark.parametrize("levels", [2, 4])
def test_the_chain_rebuilds_a_picture_from_its_bands(shape, levels):
    played = task(levels=levels)
    x = torch.rand(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    pyramid = [real_level(Batch(x), levels, k) for k in range(levels)]
    assert [tuple(level.x.shape[2:]) for level in pyramid] == played.sizes(shape)
    nets: dict[str, nn.Module] = {"G0": Known(pyramid[0].x)}
    nets |= {f"G{k}": Band(pyramid[k]) for k in range(1, levels)}
    torch.testing.assert_close(played.sample(Nets(nets), Request(2)), x, rtol=0, atol=1e-15)


def test_a_flat_picture_has_no_bands_at_the_edge_either():
    level = real_level(Batch(torch.full((1, 1, 13, 10), -1.0)), 3, 2)
    torch.testing.assert_close(level.extra["low"], level.x)


def test_each_phase_trains_its_level_alone():
    played, spec = task(levels=3, penalties=(R1(every=4),)), Spec((1, 12, 12))
    nets, batch = built(played, spec), Batch(torch.rand(4, 1, 12, 12) * 2 - 1)
    names = [phase.name for phase in played.phases()]
    assert names == ["D0", "D0/r1", "G0", "D1", "D1/r1", "G1", "D2", "D2/r1", "G2"]
    for phase in played.phases():
        for net in nets.values():
            net.requires_grad_(True)
            net.zero_grad()
        terms = phase.loss(nets, batch, RNG.at(phase.name))
        assert all(loss.shape == (4,) for loss in terms.losses.values())
        torch.stack([loss.sum() for loss in terms.losses.values()]).sum().backward()
        touched = {name for name, net in nets.items() if any(p.grad is not None for p in net.parameters())}
        level = phase.name[1]
        assert set(phase.trains) <= touched <= {f"G{level}", f"D{level}"}, phase.name


def test_fakes_of_a_level_stand_on_the_real_level_below():
    """With a refiner that adds nothing, D sees the real low-pass image itself as the fake."""
    played, x = task(levels=2), torch.rand(3, 1, 8, 8) * 2 - 1
    nets = built(played, Spec((1, 8, 8)))
    for parameter in nets["G1"].parameters():
        nn.init.zeros_(parameter)
    seen: list[torch.Tensor] = []
    nets["D1"].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].detach()))
    (phase,) = [phase for phase in played.phases() if phase.name == "D1"]
    phase.loss(nets, Batch(x), RNG)
    level = real_level(Batch(x), 2, 1)
    torch.testing.assert_close(seen[0], x)
    torch.testing.assert_close(seen[1], level.extra["low"])


def test_the_noise_of_every_level_moves_the_picture():
    played, spec = task(levels=3), Spec((1, 12, 12))
    nets = built(played, spec)
    for net in nets.values():
        net.eval()
    x = played.sample(nets, Request(3, seed=1))
    assert x.shape == (3, 1, 12, 12)
    latents = played.latents(Request(3, seed=1))
    other = played.sample(nets, Request(3, seed=1, latents=latents[:1].expand(3, -1)))
    torch.testing.assert_close(other[0], other[1])  # the same latent is the same image, as a walk wants it
    torch.testing.assert_close(other[0], x[0])
    torch.testing.assert_close(played.sample(nets, Request(1, seed=1, start=2)), x[2:])
    for name in ("G1", "G2"):
        z = torch.randn(2, nets[name].size[0] * nets[name].size[1])  # type: ignore[operator,index]
        low = torch.zeros(2, 1, *nets[name].size)  # type: ignore[misc]
        assert not torch.allclose(nets[name](z, low), nets[name](-z, low)), name


def test_prices_and_augmentation_remember_a_level_each():
    played = task(levels=2, penalties=(HistoricalD(),), terms=(HistoricalG(),), augment=Ada(every=1, start=0.1))
    nets, batch = built(played, Spec((1, 8, 8))), Batch(torch.rand(4, 1, 8, 8))
    assert {name.split(".")[0] for name in nets.memory.buffers} == {"0", "1"}
    for phase in played.phases():
        terms = phase.loss(nets, batch, RNG.at(phase.name))
        assert all(torch.isfinite(loss).all() for loss in terms.losses.values())
    for level in ("0", "1"):
        assert nets.memory[f"{level}.augment.clock"] == RNG.samples
        assert nets.memory[f"{level}.penalties.historical_averaging.steps"] == 1
        assert nets.memory[f"{level}.terms.historical_averaging.steps"] == 1


def test_a_critic_of_a_level_can_be_differentiated_twice():
    torch.manual_seed(0)
    spec = Spec((1, 5, 4), 2, ("a", "b"))
    D = LapganDiscriminator(channels=2).build(spec).double().eval()
    x, c = torch.randn(2, 1, 5, 4, dtype=torch.float64, requires_grad=True), torch.tensor([0, 1])
    assert torch.autograd.gradgradcheck(lambda x: torch.tanh(D(x, c).logits), (x,))


def test_other_nets_play_on_the_coarsest_level_and_judge_on_the_others():
    played = task(
        generator=DcganGenerator(channels=4, latent=6),
        discriminator=DcganDiscriminator(channels=4, norm="none"),
        judge=DcganDiscriminator(channels=4, norm="layer"),
        penalties=(R1(),),
        pack=2,
    )
    assert played.nearest((3, 64, 64)) == (3, 64, 64)
    assert played.nearest((3, 50, 50)) == (3, 48, 48), "G0 makes 12×12"
    nets = built(played, Spec((3, 32, 32)))
    for phase in played.phases():
        assert all(
            loss.shape == (2,) for loss in phase.loss(nets, Batch(torch.rand(4, 3, 32, 32)), RNG).losses.values()
        )
    with refused("task.discriminator_mixes_batch", "r1", "'dcgan'", "batch norm"):
        task(judge=DcganDiscriminator(channels=4), penalties=(R1(),)).players(Spec((3, 32, 32)))
    with refused("task.not_for_shape", "task.kind=lapgan", "[2]"):
        task().nearest((2,))


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "pictures.npz"
    np.savez(path, images=rng.integers(0, 256, (16, 12, 16, 3), np.uint8), labels=np.arange(16) % 2)
    return path


def small(data, **changes):
    fields = {
        "data": data, "batch": 4, "samples": 8, "checkpoint_every": 8, "log_every": 4,
        "task.generator.widths": "[8]", "task.discriminator.widths": "[8]",
        "task.refiner.channels": 4, "task.judge.channels": 4, **changes,
    }  # fmt: skip
    return make_recipe("lapgan-small", overrides=[f"{path}={value}" for path, value in fields.items()])


def test_a_run_writes_previews_and_a_bundle_that_draws_what_is_asked_for(tmp_path, pictures):
    recipe = small(pictures, **{"task.conditional": "true", "callbacks": "[previews]"})
    train(recipe, run_dir=tmp_path / "run", device="cpu")
    assert (tmp_path / "run" / "previews" / "latest.png").is_file()
    model = load(tmp_path / "run")
    assert sorted(model.bundle.nets) == ["G0", "G1", "G2"]
    both = [model.sample(2, seed=4, label=label) for label in (0, 1)]
    assert both[0].shape == (2, 12, 16, 3)
    assert not np.array_equal(*both)
    assert model.walk(frames=3).shape == (3, 12, 16, 3)


def test_a_level_without_an_optimizer_is_refused_before_training(tmp_path, pictures):
    with refused("recipe.no_optimizer", "G3, D3", "optimizers.G3=adam"):
        train(small(pictures, **{"task.levels": 4}), run_dir=tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
    recipe = small(pictures, **{"task.levels": 4, "optimizers.G3": "adam", "optimizers.D3": "adam"})
    assert train(recipe, run_dir=tmp_path / "run", device="cpu").samples == 8
