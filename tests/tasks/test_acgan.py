"""ACGAN: D guesses classes by a second head, both players pay for wrong ones, and what has no classes is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganforge.core.component import build
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Spec
from ganforge.nets.base import Discriminator
from ganforge.registry import load_all
from ganforge.tasks.acgan import Acgan
from ganforge.tasks.base import Task
from refused import refused

load_all()
SPEC = Spec((2,), 3, ("a", "b", "c"))
MLP = {"kind": "mlp", "widths": [8, 5]}


def acgan(**fields) -> Acgan:
    plain = {"kind": "acgan", "generator": {**MLP, "latent": 4}, "discriminator": MLP, "objective": "non_saturating"}
    return build(Task, {**plain, **fields})


def made(task: Acgan) -> Nets:
    torch.manual_seed(0)
    return Nets(task.players(SPEC), task.memory(SPEC))


def some() -> Batch:
    return Batch(torch.randn(6, 2, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 2, 1, 0]))


def cross_entropy(guess: Tensor, labels: Tensor) -> Tensor:
    odds = guess.exp()
    return torch.stack([-(odds[i, c] / odds[i].sum()).log() for i, c in enumerate(labels)])


def test_both_pay_for_wrong_guesses():
    task = acgan(classify=2.0)
    nets, batch = made(task), some()
    terms = task.d_loss(nets, batch, Rng(0))
    with torch.no_grad():
        fake = nets.G(Rng(0).normal("z", (6, 4)), batch.c)
        wrong = [cross_entropy(nets.D(x).classes, batch.c) for x in (batch.x, fake)]
    torch.testing.assert_close(terms.losses["classify"].detach(), 2 * (wrong[0] + wrong[1]))
    torch.testing.assert_close(task.g_loss(nets, batch, Rng(0)).losses["classify"].detach(), 2 * wrong[1])


def test_d_is_not_told_the_class():
    nets, x = made(acgan()), some().x
    guessed = nets.D(x, torch.zeros(6, dtype=torch.int64))
    assert guessed.classes.shape == (6, 3)
    assert torch.equal(guessed.logits, nets.D(x, torch.ones(6, dtype=torch.int64)).logits)
    assert torch.equal(guessed.logits, nets.D(x).logits)


def test_it_learns_the_classes():
    """Points of three spots: after some steps D names the spot, which nobody told it."""
    task = acgan()
    nets, labels = made(task), torch.arange(60) % 3
    spots = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])
    batch = Batch(spots[labels] + 0.1 * torch.randn(60, 2, generator=torch.Generator().manual_seed(2)), labels)
    optimizer = torch.optim.Adam(nets.D.parameters(), 1e-2)
    for k in range(60):
        optimizer.zero_grad()
        sum(loss.mean() for loss in task.d_loss(nets, batch, Rng(0, k)).losses.values()).backward()
        optimizer.step()
    assert (nets.D(batch.x).classes.argmax(1) == labels).float().mean() > 0.95


def test_it_keeps_what_synthesis_has():
    task = acgan(
        penalties=[{"kind": "r1", "every": 2}, "lecam"], terms=["feature_matching"], noise=0.1, top_k=0.5, d_steps=2
    )
    nets = made(task)
    for phase in task.phases():
        losses = phase.loss(nets, some(), Rng(0, stream=phase.name)).losses
        assert all(torch.isfinite(loss).all() for loss in losses.values())
    assert [phase.repeats for phase in task.phases()] == [2, 1, 1]


@pytest.mark.parametrize(
    ("fields", "spec", "code", "field"),
    [
        ({}, Spec((2,)), "data.no_labels", "task.conditional"),
        ({"conditional": False}, SPEC, "task.must_be_conditional", "task.conditional=false"),
        ({"pack": 2}, SPEC, "task.pack_unsupported", "task.pack=2"),
    ],
)
def test_refused_before_training(fields, spec, code, field):
    with refused(code, field):
        acgan(**fields).adapt(spec)


class Silent(nn.Module):
    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(x.flatten(1).sum(1))


def test_a_discriminator_that_shows_no_features_is_refused(clean_registries):
    class Shy(Discriminator, kind="test-shy"):
        def build(self, spec: Spec) -> nn.Module:
            return Silent()

    with refused("task.unsuitable_net", "task.discriminator", "'test-shy'", "resnet, dcgan or mlp"):
        acgan(discriminator="test-shy").players(SPEC)


@pytest.mark.parametrize("kind", ["resnet", "biggan", "dcgan"])
def test_with_convolutional_nets(kind):
    task = acgan(generator={"kind": kind, "latent": 6, "channels": 2}, discriminator={"kind": kind, "channels": 2})
    spec = task.adapt(Spec((3, 16, 16), 3, ("a", "b", "c")))
    torch.manual_seed(0)
    nets = Nets(task.players(spec))
    batch = Batch(torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0]))
    for phase in task.phases():
        sum(loss.mean() for loss in phase.loss(nets, batch, Rng(0)).losses.values()).backward()
    assert nets.D.classify.weight.grad.abs().sum() > 0
