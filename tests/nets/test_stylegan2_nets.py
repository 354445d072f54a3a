"""StyleGAN2: published parameter counts, demodulation, noise, mixing, path length and truncation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.penalties import R1
from ganforge.modalities.image.nets.stylegan2 import StyledConv, StyleGan2Discriminator, StyleGan2Generator
from ganforge.modalities.image.recipes.stylegan2 import gamma, lazy
from ganforge.modalities.image.tasks.stylegan2 import StyleSynthesis
from ganforge.nets.layers.equalized import EqualLinear
from ganforge.nets.mlp import MlpGenerator
from ganforge.recipes import make_recipe
from refused import refused

SMALL = {"channels": 4, "max_channels": 8}


def task(**options) -> StyleSynthesis:
    return StyleSynthesis(
        generator=StyleGan2Generator(latent=16, mapping=2, **SMALL),
        discriminator=StyleGan2Discriminator(**SMALL),
        objective=NonSaturating(),
        **options,
    )


def players(played: StyleSynthesis, spec: Spec) -> Nets:
    torch.manual_seed(0)
    return Nets(played.players(spec), played.memory(spec))


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_parameter_counts_are_the_published_ones():
    """StudioGAN prints these for StyleGAN2 on CIFAR-10: the configuration "cifar", conditional on ten classes."""
    recipe = make_recipe("stylegan2-cifar").task
    spec = Spec((3, 32, 32), 10, tuple("0123456789"))
    with torch.device("meta"):
        G, D = recipe.generator.build(spec), recipe.discriminator.build(spec)  # type: ignore[attr-defined]
    assert (count(G), count(D)) == (20_215_315, 23_089_664)


def test_demodulation_is_the_same_as_scaling_the_weights_of_each_sample():
    torch.manual_seed(0)
    layer = StyledConv(5, 3, 4, (6, 6)).eval()
    h, w = torch.randn(2, 6, 6, 3), torch.randn(2, 5)
    found = layer(h, w)
    for n in range(2):
        weight = layer.weight * layer.scale * layer.style(w[n])[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        x = conv2d(h[n].permute(2, 0, 1)[None], weight, padding=1)[0].permute(1, 2, 0)
        wanted = torch.where(x < 0, 0.2 * x, x) * math.sqrt(2)
        torch.testing.assert_close(found[n], wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("up", [False, True])
def test_a_styled_convolution_can_be_differentiated_twice(up):
    torch.manual_seed(0)
    layer = StyledConv(3, 2, 2, (3, 3), up=up).double().eval()
    layer.strength.data.fill_(0.3)
    side = 2 if up else 3
    h = torch.randn(2, side, side, 2, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda h, w: layer(h, w).square(), (h, w))


def test_the_discriminator_can_be_differentiated_twice():
    torch.manual_seed(0)
    net = StyleGan2Discriminator(channels=2, max_channels=3, group=2).build(Spec((1, 5, 5))).double()
    x = torch.randn(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: net(x).logits, (x,), atol=1e-4)


def test_equalised_layers_learn_at_their_share_of_the_rate():
    """One step of Adam moves what the layer computes by a share `lr`, and it starts at He's size either way."""
    torch.manual_seed(0)
    x, moved = torch.randn(512, 64), {}
    for lr in (1.0, 0.01):
        layer = EqualLinear(64, 64, lr=lr)
        before = layer(x)
        assert before.std().item() == pytest.approx(1, rel=0.1)
        optimizer = torch.optim.Adam(layer.parameters(), 1e-3)
        (before * torch.randn_like(before)).sum().backward()
        optimizer.step()
        moved[lr] = (layer(x) - before).std().item()
    assert moved[0.01] / moved[1.0] == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (4, 17, 40), (3, 64, 48), pytest.param((1, 512, 512), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("architecture", ["residual", "plain"])
def test_every_size(shape, architecture):
    G = StyleGan2Generator(latent=8, channels=2, max_channels=4).build(Spec(shape))
    D = StyleGan2Discriminator(channels=2, max_channels=4, architecture=architecture).build(Spec(shape))
    x = G(torch.randn(2, 8))
    assert x.shape == (2, *shape)
    assert D(x).logits.shape == (2,)


def test_noise_is_fresh_in_training_and_fixed_in_use():
    G = StyleGan2Generator(latent=8, **SMALL).build(Spec((1, 8, 8)))
    z = torch.randn(2, 8)
    for conv in G.convs:
        conv.strength.data.fill_(1.0)
    assert not torch.equal(G(z), G(z))
    G.eval()
    assert torch.equal(G(z), G(z))
    torch.testing.assert_close(G(z)[:1], G(z[:1]))


def test_mixing_takes_the_later_styles_from_another_latent():
    played, spec = task(mixing=1.0), Spec((3, 16, 16))
    nets = players(played, spec)
    z, rng = torch.randn(64, 16), Rng(1, 0, "G")
    ws = played._styles(nets, z, None, rng)
    own, other = nets.G.mapping(z, None), nets.G.mapping(rng.normal("other z", z.shape), None)  # type: ignore[operator]
    assert torch.equal(ws[:, 0], own)
    assert torch.equal(ws[:, -1], other)
    cuts = (ws == own[:, None]).all(2).sum(1)  # layers that are a sample's own
    assert set(cuts.tolist()) == set(range(1, ws.shape[1]))
    plain = task(mixing=0.0)
    torch.testing.assert_close(plain.make(nets, z, Batch(torch.zeros(64, 3, 16, 16)), rng), nets.G(z))


def test_path_length_of_a_linear_generator_is_the_length_of_its_map():
    """Of x = A w, seen through y, the slope is Aᵀy: its length is known, and the loss is 0 where it is the mean."""
    played, spec = task(mixing=0.0, path_share=1.0, path_length=2.0), Spec((1, 4, 4))
    nets = players(played, spec)
    A = torch.randn(16, 16)
    nets.G.synthesis = lambda ws: (ws.mean(1) @ A.T).view(-1, 1, 4, 4)  # type: ignore[assignment]
    rng = Rng(3, 0, "G/path_length")
    terms = played.path_loss(nets, Batch(torch.zeros(8, 1, 4, 4)), rng)
    y = rng.normal("path", (8, 1, 4, 4)).flatten(1) / 4
    layers = nets.G.layers
    lengths = (y @ A).div(layers).square().sum(1).sqrt()  # each layer's style counts for 1/layers of their mean
    torch.testing.assert_close(terms.stats["path_length"], lengths)
    mean = 0.01 * lengths.mean()
    torch.testing.assert_close(nets.memory["path_length"], mean)
    torch.testing.assert_close(terms.losses["path_length"], 2 * (lengths - mean).square())


def test_path_length_reaches_the_weights_that_it_prices():
    played, spec = task(), Spec((3, 16, 16), 0)
    nets = players(played, spec)
    played.path_loss(nets, Batch(torch.randn(4, 3, 16, 16)), Rng(0)).losses["path_length"].sum().backward()
    for name, p in nets.G.named_parameters():
        assert p.grad is None or torch.isfinite(p.grad).all(), name
    assert all(conv.weight.grad.abs().sum() > 0 for conv in nets.G.convs)  # type: ignore[union-attr]


def test_phases_of_lazy_prices_come_seldom_and_strong():
    played = task(penalties=(R1(weight=0.1, every=16),), path_every=4)
    phases = {phase.name: (phase.every, phase.gain, phase.order) for phase in played.phases()}
    assert phases == {"D": (1, 1.0, 1), "D/r1": (16, 16, 2), "G": (1, 1.0, 1), "G/path_length": (4, 4, 2)}
    assert "G/path_length" not in {phase.name for phase in task(path_length=0.0).phases()}


def test_truncation_draws_samples_to_the_mean_style():
    played, spec = task(), Spec((1, 16, 16))
    nets = players(played, spec)
    for _ in range(50):
        nets.G.styles(torch.randn(64, 16))  # type: ignore[operator]
    nets.G.eval()
    spread = [played.sample(nets, Request(32, truncation=t)).std(0).mean() for t in (1.0, 0.5, 0.01)]
    assert spread[0] > 1.5 * spread[1] > 20 * spread[2]
    at_mean = nets.G.synthesis(nets.G.mean.expand(1, nets.G.layers, -1))  # type: ignore[operator, union-attr]
    torch.testing.assert_close(played.sample(nets, Request(1, truncation=1e-6)), at_mean, atol=1e-4, rtol=1e-3)
    whole = played.sample(nets, Request(8, seed=4))
    torch.testing.assert_close(played.sample(nets, Request(1, seed=4, start=5)), whole[5:6], atol=1e-5, rtol=1e-4)


def test_the_mean_style_follows_the_batches_while_training_alone():
    G = StyleGan2Generator(latent=16, mapping=2, **SMALL).build(Spec((1, 8, 8)))
    for _ in range(1500):
        G.styles(torch.randn(16, 16))
    wanted = G.mapping(torch.randn(4096, 16), None).mean(0)
    assert (G.mean - wanted).norm() < 0.2 * wanted.norm()
    before = G.mean.clone()
    G.eval().styles(torch.randn(16, 16))
    assert torch.equal(G.mean, before)


def test_other_generators_are_refused():
    played = StyleSynthesis(
        generator=MlpGenerator(), discriminator=StyleGan2Discriminator(**SMALL), objective=NonSaturating()
    )
    with refused("task.unsuitable_net", "task.generator: 'mlp'", "kind=stylegan2"):
        played.players(Spec((1, 8, 8)))


def test_rules_of_the_recipes():
    assert gamma(64, 32) == pytest.approx(0.0256)
    adam = lazy(0.0025, 16)
    assert adam.lr == pytest.approx(0.0025 * 16 / 17)
    assert adam.betas == (0.0, pytest.approx(0.99 ** (16 / 17)))


def test_a_trained_model_truncates_its_samples_and_its_walks(tmp_path):
    small = [
        "data=digits",
        "samples=64",
        "batch=16",
        "callbacks=[]",
        "task.generator.latent=16",
        "task.generator.mapping=2",
    ]
    small += [f"task.{player}.{k}={v}" for player in ("generator", "discriminator") for k, v in SMALL.items()]
    train(make_recipe("stylegan2-small", overrides=small), run_dir=tmp_path / "run", device="cpu")
    model = load(tmp_path / "run", device="cpu")

    def spread(pictures: np.ndarray) -> float:
        return float(pictures.astype(float).std(0).mean())

    assert spread(model.sample(16)) > 2 * spread(model.sample(16, truncation=0.1))
    assert spread(model.walk((1, 2), 8)) > 2 * spread(model.walk((1, 2), 8, truncation=0.1))
    assert np.array_equal(model.sample(3), model.sample(3))
