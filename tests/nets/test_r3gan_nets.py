"""R3GAN's nets: the paper's parameter counts, its initialization, any size, and a penalty on the gradient."""

from __future__ import annotations

import pytest
import torch

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.r3gan import Block, R3ganDiscriminator, R3ganGenerator
from ganforge.modalities.image.recipes.r3gan import gamma
from ganforge.recipes import make_recipe

TINY = {"channels": 12, "group": 4}


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_parameter_counts_are_those_of_the_paper():
    """20.73 M and 20.68 M for stacked MNIST (Huang et al. 2024)."""
    task = make_recipe("r3gan-stacked-mnist").task
    spec = Spec((3, 32, 32))
    with torch.device("meta"):
        G, D = task.generator.build(spec), task.discriminator.build(spec)  # type: ignore[attr-defined]
    assert (round(count(G) / 1e6, 2), round(count(D) / 1e6, 2)) == (20.73, 20.68)


@pytest.mark.parametrize(
    ("recipe", "side", "widths"),
    [("r3gan-64", 64, [768] * 4 + [384]), ("r3gan-256", 256, [768] * 4 + [384, 192, 96])],
)
def test_widths_are_those_of_the_paper(recipe, side, widths):
    task = make_recipe(recipe).task
    with torch.device("meta"):
        net = task.generator.build(Spec((3, side, side)))  # type: ignore[attr-defined]
    blocks = [layer for layer in net.layers if isinstance(layer, Block)]
    assert [block.narrow.out_features for block in blocks[::2]] == widths
    assert all(block.mix.in_channels // block.mix.groups == 16 for block in blocks)


def test_blocks_start_as_nothing():
    h = torch.randn(2, 5, 5, 8)
    assert torch.equal(Block(8, 2, 4, 1.0)(h), h)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 4])
def test_opened_blocks_add_up_to_a_change_of_about_one(blocks):
    """Fix-up: the deeper the net, the less each block changes when the layers that start at 0 have He's size."""
    torch.manual_seed(0)
    spec, z = Spec((3, 32, 32)), torch.randn(16, 64)
    net = R3ganGenerator(channels=64, wide=4, blocks=blocks).build(spec)
    before = net(z)
    for layer in net.layers:
        if isinstance(layer, Block):
            torch.nn.init.normal_(layer.narrow.weight, 0.0, layer.narrow.in_features**-0.5)
    assert 0.3 < ((net(z) - before).std() / before.std()).item() < 3


@pytest.mark.parametrize("shape", [(1, 28, 28), (4, 17, 40), (3, 64, 48), (3, 256, 256), (1, 512, 512)])
@pytest.mark.parametrize("patch", [1, 2])
def test_every_size(shape, patch):
    G, D = R3ganGenerator(channels=4, patch=patch), R3ganDiscriminator(channels=4, patch=patch)
    spec = Spec(G.nearest(shape))
    assert spec.shape == D.nearest(spec.shape)
    assert all(abs(a - b) < patch for a, b in zip(spec.shape, shape, strict=True))
    x = G.build(spec)(torch.randn(1, 64))
    assert x.shape == (1, *spec.shape)
    assert D.build(spec)(x).logits.shape == (1,)


@pytest.mark.slow
def test_the_price_on_the_gradient_has_the_derivative_of_finite_differences():
    torch.manual_seed(0)
    net = R3ganDiscriminator(**TINY).build(Spec((2, 6, 6))).double()
    for p in net.parameters():
        torch.nn.init.normal_(p, 0.0, 0.3)  # as after some training: nothing is 0
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: net(x).logits, (x,))
    assert torch.autograd.gradgradcheck(lambda x: net(x).logits, (x,))


def test_the_rule_for_gamma_is_near_every_choice_of_the_paper():
    assert gamma(64) == 2.0
    for side, chosen in ((32, (1.0, 0.05, 0.5)), (64, (2.0, 1.0)), (256, (150.0,))):
        assert all(1 / 6 < gamma(side) / one < 6 for one in chosen)


def test_schedules_run_over_the_burn_in():
    recipe = make_recipe("r3gan-cifar10")
    r1, r2 = recipe.task.penalties  # type: ignore[attr-defined]
    adam = recipe.optimizers["D"]
    for samples, price, lr, second, p in ((0, 0.05, 2e-4, 0.9, 0.0), (20_000_000, 0.005, 5e-5, 0.99, 0.55)):
        assert r1.weight.value(samples) == r2.weight.value(samples) == pytest.approx(price)
        assert adam.lr.value(samples) == pytest.approx(lr)  # type: ignore[union-attr]
        assert adam.betas[1].value(samples) == pytest.approx(second)  # type: ignore[attr-defined]
        assert recipe.task.augment.p.value(samples) == pytest.approx(p)  # type: ignore[attr-defined]
