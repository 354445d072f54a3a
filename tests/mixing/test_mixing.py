"""Any player with any other of the same samples: every generator against every critic, in one game."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from ganforge.core.component import fields_of
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Request, Spec
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.lenet import LenetDiscriminator
from ganforge.modalities.image.nets.resnet import ResnetDiscriminator, ResnetGenerator
from ganforge.nets.base import Discriminator, Generator
from ganforge.registry import load_all
from ganforge.tasks.synthesis import Synthesis
from refused import refused
from selected import slow_ones

load_all()
SHAPE = (3, 16, 16)
SMALL = {"latent": 6, "channels": 4, "max_channels": 8, "widths": (8,), "reference": 5, "mapping": 1}
N = 4


def of_pictures(family: type) -> list[str]:
    """The kinds of the package whose nets make or judge images of 16×16, or of a size near it."""
    found = []
    for kind, cls in sorted(family.kinds.items()):
        if cls.__module__.startswith("ganforge."):
            try:
                shape = small(cls).nearest(SHAPE)
                small(cls).build(Spec(shape))
            except UserError:
                continue  # for tables, or another shape, and says so
            if max(shape) <= 32:  # else its least size is that of large images
                found.append(kind)
    return found


def small(cls: type):
    return cls(**{name: value for name, value in SMALL.items() if name in fields_of(cls)})


GENERATORS, CRITICS = of_pictures(Generator), of_pictures(Discriminator)


def test_there_are_many():
    assert {"mlp", "dcgan", "resnet", "stylegan2", "r3gan", "fastgan"} <= set(GENERATORS)
    assert {"mlp", "lenet", "dcgan", "resnet", "stylegan2", "r3gan", "fastgan"} <= set(CRITICS)
    assert min(len(GENERATORS), len(CRITICS)) >= 8, "each net is in an eighth of the pairs"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """An eighth of the pairs every day, among which is each net; the rest where slow tests run."""
    if "maker" in metafunc.fixturenames:
        numbered = itertools.product(enumerate(GENERATORS), enumerate(CRITICS))
        pairs = [((k + n) % 8 == 0, maker, judge) for (k, maker), (n, judge) in numbered]
        every = slow_ones(metafunc.config)
        cases = [
            pytest.param(maker, judge, marks=() if daily else pytest.mark.slow)
            for daily, maker, judge in pairs
            if daily or every
        ]
        metafunc.parametrize(("maker", "judge"), cases)


def test_play(maker, judge):
    """They agree on a shape near the one wanted, and both learn of each other."""
    task = Synthesis(
        generator=small(Generator.kinds[maker]),
        discriminator=small(Discriminator.kinds[judge]),
        objective=NonSaturating(),
        conditional=True,
    )
    shape = tuple(task.nearest(SHAPE))
    assert task.nearest(shape) == shape
    assert all(8 <= side <= 32 for side in shape[1:])
    torch.manual_seed(0)
    nets = Nets(task.players(Spec(shape, 2, ("a", "b"))), Memory())
    batch = Batch(torch.rand(N, *shape) * 2 - 1, torch.arange(N) % 2)
    for loss, name in ((task.d_loss, "D"), (task.g_loss, "G")):
        nets[name].zero_grad()
        terms = loss(nets, batch, Rng(0))
        assert len(terms.losses["adversarial"]) == N
        terms.losses["adversarial"].sum().backward()
        moved = [p.grad.abs().sum() for p in nets[name].parameters() if p.grad is not None]
        assert moved
        assert all(torch.isfinite(slope) for slope in moved)
        assert any(slope > 0 for slope in moved), f"{name} learns nothing"
    with torch.no_grad():
        assert task.sample(nets, Request(2, labels=torch.tensor([0, 1]))).shape == (2, *shape)


class TestLenet:
    def count(self, net: nn.Module) -> int:
        return sum(p.numel() for p in net.parameters())

    def test_has_the_weights_of_lenet_5(self):
        """61,706 with ten outputs, as everybody counts it; here one output of 84 weights and a bias."""
        net = LenetDiscriminator().build(Spec((1, 28, 28)))
        assert self.count(net) == 61_706 - 9 * (84 + 1)

    @pytest.mark.parametrize("size", [(4, 4), (8, 8), (12, 9), (28, 28), (33, 64)])
    def test_judges_every_size(self, size):
        net = LenetDiscriminator().build(Spec((3, *size)))
        assert net(torch.randn(2, 3, *size)).logits.shape == (2,)

    def test_the_smallest_is_said(self):
        with refused("nets.unreachable_size", "3×2", "4×4"):
            LenetDiscriminator().build(Spec((1, 3, 2)))


def test_a_critic_for_each_role_costs_what_is_published():
    """The counts that papers or their code state stay with their nets whatever they are paired with (see also
    tests/nets/): SNGAN's pair as StudioGAN prints it."""
    spec = Spec((3, 32, 32), 10, tuple("0123456789"))
    task = Synthesis(generator=ResnetGenerator(), discriminator=ResnetDiscriminator(), objective=NonSaturating())
    players = task.players(spec)
    assert TestLenet().count(players["G"]) == 4_304_387
    assert TestLenet().count(players["D"]) == 1_055_105
