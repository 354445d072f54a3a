"""MSG-GAN: gradients reach every scale, one judge sees them all, and what knows one scale only is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.losses.adversarial import NonSaturating
from ganforge.losses.consistency import Bcr, Zcr
from ganforge.losses.penalties import R1, GradientPenalty
from ganforge.modalities.image.augment.diffaugment import DiffAugment
from ganforge.modalities.image.layers.pyramid import grids, pyramid
from ganforge.modalities.image.nets.msg_gan import MsgD, MsgDiscriminator, MsgG, MsgGenerator
from ganforge.modalities.image.nets.stylegan2 import StyleGan2Discriminator, StyleGan2Generator
from ganforge.modalities.image.tasks.msg_gan import MsgGan, row_of, scales_of
from ganforge.recipes import make_recipe
from refused import refused

SMALL = {"channels": 4, "max_channels": 8}
SHAPES = [(3, 28, 28), (1, 16, 24), (4, 9, 5), (1, 4, 4)]


def task(**options) -> MsgGan:
    nets = {"generator": MsgGenerator(latent=6, **SMALL), "discriminator": MsgDiscriminator(**SMALL)}
    return MsgGan(objective=NonSaturating(), **{**nets, **options})


def players(played: MsgGan, spec: Spec) -> Nets:
    torch.manual_seed(0)
    return Nets(played.players(spec), played.memory(spec))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_scale_is_painted_and_judged(shape):
    nets = players(task(), Spec(shape))
    G, D = nets.G, nets.D
    assert isinstance(G, MsgG)
    assert isinstance(D, MsgD)
    scales = G.scales(torch.randn(4, 6))
    assert [tuple(x.shape[1:]) for x in scales] == [(shape[0], *size) for size in grids(*shape[1:])]
    leaves = [x.detach().requires_grad_() for x in scales]
    gradients = torch.autograd.grad(D.scaled(leaves).logits.sum(), leaves)
    assert all((gradient.flatten(1).abs().sum(1) > 0).all() for gradient in gradients)


def test_the_generator_hears_of_every_scale_by_a_way_of_its_own():
    """The point of the paper: each grid's image sends a gradient back, not the finest one alone."""
    played, spec = task(), Spec((1, 16, 16))
    nets = players(played, spec)
    (phase,) = [phase for phase in played.phases() if phase.name == "G"]
    terms = phase.loss(nets, Batch(torch.rand(4, 1, 16, 16)), Rng(0))
    terms.losses["adversarial"].sum().backward()
    G = nets.G
    assert isinstance(G, MsgG)
    for paint in G.paint:
        assert paint.weight.grad is not None  # type: ignore[union-attr]
        assert paint.weight.grad.abs().sum() > 0  # type: ignore[union-attr,operator]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_single_picture_is_judged_with_its_smaller_copies(shape):
    D = MsgDiscriminator(**SMALL).build(Spec(shape))
    assert isinstance(D, MsgD)
    x = torch.rand(4, *shape)
    scales = pyramid(x, len(D.sizes))
    torch.testing.assert_close(D(x).logits, D.scaled(scales).logits)
    assert all(torch.equal(a, b) for a, b in zip(scales_of(row_of(scales), D.sizes), scales, strict=True))


@pytest.mark.slow
def test_a_critic_of_all_scales_can_be_differentiated_twice():
    torch.manual_seed(0)
    D = MsgDiscriminator(channels=2, max_channels=3).build(Spec((1, 7, 5))).double()
    assert isinstance(D, MsgD)
    scales = [torch.randn(2, 1, *size, dtype=torch.float64, requires_grad=True) for size in D.sizes]
    assert torch.autograd.gradgradcheck(lambda *scales: D.scaled(scales).logits, tuple(scales), atol=1e-4)


def test_a_penalty_looks_at_all_scales_together():
    """R1 is half the sum over the scales of the squared gradient there."""
    played = task(penalties=(R1(weight=1.0),))
    nets, x = players(played, Spec((1, 8, 8))), torch.rand(4, 1, 8, 8)
    D = nets.D
    assert isinstance(D, MsgD)
    leaves = [scale.requires_grad_() for scale in pyramid(x, len(D.sizes))]
    gradients = torch.autograd.grad(D.scaled(leaves).logits.sum(), leaves)
    wanted = 0.5 * torch.stack([g.square().flatten(1).sum(1) for g in gradients]).sum(0)
    terms = played.phases()[0].loss(nets, Batch(x), Rng(0))
    torch.testing.assert_close(terms.losses["r1"], wanted)


def test_prices_on_rows_and_latents_work():
    played = task(penalties=(GradientPenalty(), Zcr(sigma=0.5), R1(every=2)), noise=0.1)
    spec = Spec((3, 8, 8), 2, ("a", "b"))
    played = MsgGan(**{**vars(played), "conditional": True})
    nets = players(played, played.adapt(spec))
    batch = Batch(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1]))
    for phase in played.phases():
        terms = phase.loss(nets, batch, Rng(0, 0, phase.name))
        assert all(loss.shape == (4,) and torch.isfinite(loss).all() for loss in terms.losses.values()), phase.name


def test_what_knows_one_scale_only_is_refused():
    spec = Spec((1, 16, 16))
    with refused("task.augment_unsupported", "task.augment=diffaugment", "several scales"):
        task(augment=DiffAugment()).adapt(spec)
    with refused("task.pack_unsupported", "task.pack=2"):
        task(pack=2).adapt(spec)
    with refused("task.not_for_shape", "bcr", "[336]"):
        task(penalties=(Bcr(),)).adapt(spec)
    with refused("task.unsuitable_net", "task.generator: 'stylegan2'", "one scale"):
        task(generator=StyleGan2Generator(latent=6, **SMALL)).players(spec)
    with refused("task.unsuitable_net", "task.discriminator: 'stylegan2'", "one scale"):
        task(discriminator=StyleGan2Discriminator(**SMALL)).players(spec)


def test_a_run_draws_what_is_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "p.npz", images=rng.integers(0, 256, (16, 12, 16, 1), np.uint8), labels=np.arange(16) % 2)
    fields = {
        "data": tmp_path / "p.npz", "batch": 4, "samples": 8, "checkpoint_every": 8, "log_every": 4,
        "task.generator.channels": 4, "task.discriminator.channels": 4, "task.conditional": "true",
        "callbacks": "[previews]",
    }  # fmt: skip
    recipe = make_recipe("msg-gan-small", overrides=[f"{path}={value}" for path, value in fields.items()])
    train(recipe, run_dir=tmp_path / "run", device="cpu")
    assert (tmp_path / "run" / "previews" / "latest.png").is_file()
    model = load(tmp_path / "run")
    both = [model.sample(2, seed=4, label=label) for label in (0, 1)]
    assert both[0].shape == (2, 12, 16, 1)
    assert not np.array_equal(*both)
