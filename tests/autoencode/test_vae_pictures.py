"""Variational autoencoders for images: the encoder, the likelihood, and the one that a critic judges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.distributions import Normal

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.engine.train import train
from ganforge.nets.base import Encoder
from ganforge.nets.likelihoods import OptimalGaussian, OptimalGaussianModule
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from ganforge.tasks.base import Task
from ganforge.tasks.vae_gan import VaeGan
from refused import refused

load_all()
SHAPES = [(1, 28, 28), (3, 32, 32), (4, 16, 16), (1, 8, 8), (3, 48, 64), (3, 37, 21), (1, 2, 2)]
LATENT = 5
NARROW = {"channels": 4, "max_channels": 8}


def spec_of(shape: tuple[int, ...], classes: int = 0) -> Spec:
    return Spec(shape, classes, tuple("abc"[:classes]), {"mode": "L", "depth": 8})


def built(shape: tuple[int, ...], classes: int = 0, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Encoder.parse({"kind": "conv", **NARROW}).build(spec_of(shape, classes), LATENT)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestConvEncoder:
    """What every net must do; sizes that no grid divides are among them."""

    def test_says_where_samples_come_from(self, shape, classes):
        net = built(shape, classes)
        c = torch.arange(4) % 3 if classes else None
        mean, log_variance = net(torch.randn(4, *shape), c)
        assert mean.shape == log_variance.shape == (4, LATENT)
        (mean * torch.randn_like(mean) + log_variance * torch.randn_like(mean)).sum().backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name

    def test_labels(self, shape, classes):
        net, x = built(shape, classes).eval(), torch.randn(4, *shape)
        if not classes:
            assert torch.equal(net(x, None)[0], net(x, torch.arange(4))[0])
            return
        c = torch.arange(4) % 3
        assert not torch.allclose(net(x, c)[0], net(x, (c + 1) % 3)[0])
        with pytest.raises(ValueError, match="label"):
            net(x, None)


def test_only_pictures_go_through_convolutions():
    with refused("nets.not_for_shape", "[2]", "task.encoder=mlp"):
        Encoder.parse("conv").build(Spec((2,)), LATENT)


def noise() -> OptimalGaussianModule:
    module = OptimalGaussian().build(spec_of((1, 5, 5)))
    assert isinstance(module, OptimalGaussianModule)
    return module


class TestOptimalGaussian:
    """σ² = mean (x − r)²: of all strengths of noise the one that makes the batch likeliest."""

    def test_price_is_that_of_the_best_normal_distribution(self):
        raw, x = torch.randn(6, 1, 5, 5), torch.rand(6, 1, 5, 5)
        nll = noise().nll(raw, x)
        spread = (x - raw).square().mean().sqrt()
        torch.testing.assert_close(nll, -Normal(raw, spread).log_prob(x).flatten(1).sum(1))
        for other in (0.9 * spread, 1.1 * spread):
            assert nll.mean() < -Normal(raw, other).log_prob(x).flatten(1).sum(1).mean()

    def test_gradient_is_the_same_as_through_sigma(self):
        """Why nothing needs to flow through σ (Rybkin et al. 2021 let it)."""
        raw, x = torch.randn(6, 1, 5, 5, requires_grad=True), torch.rand(6, 1, 5, 5)
        (ours,) = torch.autograd.grad(noise().nll(raw, x).mean(), raw)
        through = -Normal(raw, (x - raw).square().mean().sqrt()).log_prob(x).flatten(1).sum(1).mean()
        (theirs,) = torch.autograd.grad(through, raw)
        torch.testing.assert_close(ours, theirs)

    def test_outside_training_a_price_hangs_on_no_other_sample(self):
        module = noise()
        raw, x = torch.randn(6, 1, 5, 5), torch.rand(6, 1, 5, 5)
        for _ in range(3):
            module.nll(raw, x)
        assert module.state_dict()["log_spread"] != 0, "remembered for checkpoints and bundles"
        module.eval()
        torch.testing.assert_close(module.nll(raw, x)[:2], module.nll(raw[:2], x[:2]))

    def test_a_perfect_fit_has_no_endless_price(self):
        x = torch.rand(2, 1, 5, 5)
        assert torch.isfinite(noise().nll(x, x)).all()

    def test_samples_are_what_the_generator_makes(self):
        raw = torch.randn(2, 1, 5, 5)
        assert torch.equal(noise().draw(raw, torch.rand_like(raw)), raw)


def vae_gan(**fields) -> VaeGan:
    task = Task.parse(
        {
            "kind": "vae_gan",
            "encoder": {"kind": "conv", **NARROW},
            "generator": {"kind": "dcgan", "latent": LATENT, **NARROW},
            "discriminator": {"kind": "dcgan", **NARROW},
            "objective": "non_saturating",
        }
        | fields
    )
    assert isinstance(task, VaeGan)
    return task


def nets_of(task: Task, spec: Spec) -> Nets:
    torch.manual_seed(0)
    return Nets(task.players(spec))


class TestVaeGan:
    """Larsen et al. 2016, phase by phase."""

    def test_likeness_is_the_price_of_normal_noise_on_features(self):
        task, x = vae_gan(beta=0.5), torch.rand(4, 1, 8, 8) * 2 - 1
        nets = nets_of(task, spec_of((1, 8, 8)))
        losses = task.e_loss(nets, Batch(x), Rng(3)).losses
        for net in nets.values():
            net.requires_grad_(False)
        mean, log_variance = nets.E(x)
        z = mean + (0.5 * log_variance).exp() * Rng(3).normal("z", mean.shape)
        f, again = nets.D(x).features, nets.D(nets.G(z)).features
        constant = 0.5 * f.shape[1] * np.log(2 * np.pi)
        wanted = -Normal(again, 1.0).log_prob(f).sum(1) - constant
        torch.testing.assert_close(losses["likeness"], wanted, rtol=1e-4, atol=1e-3)
        assert losses["kl"].shape == (4,)

    @pytest.mark.parametrize("objective", ["non_saturating", "rpgan", "hinge", "wasserstein"])
    def test_every_game_can_be_played(self, objective):
        task = vae_gan(objective=objective)
        nets = nets_of(task, spec_of((1, 8, 8)))
        for phase in task.phases():
            losses = phase.loss(nets, Batch(torch.rand(4, 1, 8, 8)), Rng(0)).losses
            assert all(loss.shape == (4,) and torch.isfinite(loss).all() for loss in losses.values())

    def test_each_phase_reaches_the_player_that_it_trains(self):
        task = vae_gan()
        nets = nets_of(task, spec_of((1, 8, 8)))
        for phase in task.phases():
            for net in nets.values():
                net.zero_grad()
            terms = phase.loss(nets, Batch(torch.rand(4, 1, 8, 8)), Rng(0))
            torch.stack(list(terms.losses.values())).sum().backward()
            (name,) = phase.trains
            assert all(p.grad is not None for p in nets[name].parameters()), phase.name

    def test_the_weight_of_likeness_is_g_s_alone(self):
        x, spec = torch.rand(4, 1, 8, 8), spec_of((1, 8, 8))
        light, heavy = vae_gan(reconstruction=1.0), vae_gan(reconstruction=10.0)
        nets = nets_of(light, spec)
        for task_loss, factor in (("g_loss", 10.0), ("e_loss", 1.0)):
            one, other = (
                getattr(task, task_loss)(nets, Batch(x), Rng(0)).losses["likeness"] for task in (light, heavy)
            )
            torch.testing.assert_close(other, factor * one)

    def test_labels_reach_all_players(self):
        task = vae_gan(conditional=True)
        nets = nets_of(task, task.adapt(spec_of((1, 8, 8), 2)))
        x, c = torch.rand(4, 1, 8, 8), torch.tensor([0, 0, 1, 1])
        for net in nets.values():
            net.eval()
        for phase in task.phases():
            one, other = (phase.loss(nets, Batch(x, labels), Rng(0)).losses for labels in (c, 1 - c))
            assert any(not torch.equal(one[k], other[k]) for k in one), phase.name
        assert not torch.equal(*(task.sample(nets, Request(4, labels=labels)) for labels in (c, 1 - c)))


@pytest.mark.parametrize("name", ["vae", "vae-gan"])
def test_previews_show_real_pictures_beside_what_becomes_of_them(name, tmp_path):
    small = ["encoder", "generator", "discriminator"][: 3 if name == "vae-gan" else 2]
    items = [f"task.{player}.channels=8" for player in small] + ["task.generator.latent=8"]
    fields = ["data=digits", "samples=64", "batch=16", 'callbacks=[{"kind":"previews","columns":4,"rows":2}]']
    run = train(make_recipe(name, (), [*items, *fields]), run_dir=tmp_path / "run", device="cpu").folder
    grid = np.asarray(Image.open(run / "previews" / "latest.png").convert("L"))
    cell = 64 + 2  # 8 px images are enlarged eight times
    assert grid.shape == (4 * cell - 2, 4 * cell - 2), "two rows of samples, two of real pictures with theirs"
    real = grid[2 * cell : 2 * cell + 64 : 8, :64:8]
    from sklearn.datasets import load_digits

    ink, _ = load_digits(return_X_y=True)
    known = {tuple(np.rint(digit * (255 / 16)).astype(int)) for digit in np.asarray(ink)}
    assert tuple(real.astype(int).flatten()) in known
