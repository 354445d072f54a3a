"""Semi-supervised learning: which samples are labeled, the losses of the paper, and that it learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganforge.core.condition_kinds import Category, Number
from ganforge.core.conditions import Conditions
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Request, Spec
from ganforge.data.arrays import ArrayDataset
from ganforge.data.few_labels import as_condition, keep_labels
from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.recipes.few_labels import sgan, sgan_conv
from ganforge.nets.layers.normed import Normed
from ganforge.nets.noisy_mlp import NoisyMlpDiscriminator, SoftplusGenerator
from ganforge.tasks.sgan import Halves, Sgan, entropy, halves
from refused import refused

NAMES = ("a", "b", "c")


def task(**fields) -> Sgan:
    nets = {
        "generator": SoftplusGenerator(latent=4, widths=(16,)),
        "discriminator": NoisyMlpDiscriminator(widths=(32,)),
    }
    return Sgan(**nets, objective=NonSaturating(), **fields)


def numbered(n: int = 60) -> ArrayDataset:
    return ArrayDataset("numbers", np.zeros((n, 2, 2, 1), np.uint8), np.arange(n) % 3, NAMES, signal="image")


def test_the_labels_kept_are_so_many_of_each_class_and_the_same_every_time():
    one, again, other = numbered(), numbered(), numbered()
    keep_labels(one, 4, 0)
    keep_labels(again, 4, 0)
    keep_labels(other, 4, 1)
    assert np.bincount(one.labeled % 3).tolist() == [4, 4, 4]
    assert np.array_equal(one.labeled, again.labeled)
    assert not np.array_equal(one.labeled, other.labeled)
    known = np.flatnonzero(one.vectors[:, -1] < 0.5)
    assert np.array_equal(known, one.labeled)
    assert [NAMES[k % 3] for k in known] == [v for (v,) in one.conditions.decode(one.vectors[known])]
    assert "labels of 12 of 60 samples" in one.understood[-1]


def test_too_many_or_no_labels_are_refused():
    with refused("data.labels_per_class", "only 20", "'a'"):
        keep_labels(numbered(), 21, 0)
    bare = numbered()
    bare.labels, bare.classes = None, ()
    with refused("data.labels_per_class", "no labels"):
        keep_labels(bare, 1, 0)


def test_classes_become_a_condition():
    dataset = numbered(6)
    as_condition(dataset)
    assert (dataset.labels, dataset.classes) == (None, ())
    assert dataset.conditions.names == ("label",)
    assert [v for (v,) in dataset.conditions.decode(dataset.vectors)] == list(NAMES) * 2


def test_every_second_sample_is_labeled_and_passes_use_each_once():
    targets = np.full(50, -1)
    targets[::5] = np.arange(10) % 3
    order = Halves(targets, NAMES)
    rows, extra = order.rows(3, 0, 20)
    assert np.array_equal(np.sort(rows[1::2]), np.arange(0, 50, 5))
    assert np.array_equal(extra["target"][1::2], targets[rows[1::2]])
    assert (extra["target"][0::2] == -1).all()
    assert len(set(order.rows(3, 0, 100)[0][0::2].tolist())) == 50
    parts = [order.rows(3, k, 4)[0] for k in range(0, 20, 4)]
    assert np.array_equal(np.concatenate(parts), rows)
    with refused("data.class_without_samples", "'c'"):
        Halves(np.array([0, 1, -1]), NAMES)


def test_a_condition_with_unknown_values_is_predicted_too():
    conditions = Conditions((Category("kind", NAMES), Number("age", 0, 1)))
    vectors = conditions.encode([("a", 0.5), (None, 0.1), ("c", 0.2), ("b", None)])

    class Data:
        labels = None

    Data.vectors, Data.conditions = vectors, conditions
    order = task().order(task().adapt(Spec((2,), conditions=conditions)), Data())
    assert order.targets.tolist() == [0, -1, 2, 1]


def test_what_is_no_task_for_it_is_refused():
    with refused("task.unsupported_field", "conditional"):
        task(conditional=True).adapt(Spec((2,), 3, NAMES))
    with refused("data.no_labels"):
        task().adapt(Spec((2,)))
    two = Conditions((Category("kind", NAMES), Category("color", ("x", "y"))))
    with refused("task.condition_not_a_category", "kind, color"):
        task().adapt(Spec((2,), conditions=two))
    assert task(condition="color").adapt(Spec((2,), conditions=two)).predicts == ("x", "y")
    with refused("task.batch_not_even"):
        task().check(7)


def batch(n: int = 8) -> Batch:
    target = torch.arange(n) % 3
    target[0::2] = -1
    return Batch(torch.linspace(-1, 1, 2 * n).view(n, 2), extra={"target": target})


def test_the_losses_are_those_of_the_paper():
    sgan_task = task(entropy=0.5, unlabeled=0.8)
    spec = sgan_task.adapt(Spec((2,), 3, NAMES))
    torch.manual_seed(0)
    nets = Nets(sgan_task.players(spec))
    nets.D.eval()  # without noise
    nets.G.eval()
    given, rng = batch(), Rng(0, 0, "D")
    found = sgan_task.d_loss(nets, given, rng).losses
    labeled, other, targets = halves(given)
    logits = nets.D(labeled.x).classes
    assert found["classify"].detach().numpy() == pytest.approx(
        -logits.log_softmax(1)[range(4), targets].detach().numpy(), rel=1e-5
    )
    fake = nets.G(rng.normal("z", (4, 4)))
    real_logit, fake_logit = (nets.D(x).classes.exp().sum(1).log() for x in (other.x, fake))  # D(x) = Σ e^l / (Σ + 1)
    expected = 0.8 * 0.5 * (-torch.sigmoid(real_logit).log() - (1 - torch.sigmoid(fake_logit)).log())
    assert found["adversarial"].detach().numpy() == pytest.approx(expected.detach().numpy(), rel=1e-4)
    p = nets.D(other.x).classes.softmax(1)
    assert found["entropy"].detach().numpy() == pytest.approx(0.5 * -(p * p.log()).sum(1).detach().numpy(), rel=1e-4)
    g = sgan_task.g_loss(nets, given, rng).losses
    apart = nets.D(other.x).features.mean(0) - nets.D(nets.G(rng.normal("z", (4, 4)))).features.mean(0)
    assert g["feature_matching"][0].item() == pytest.approx(apart.square().sum().item(), rel=1e-4)
    assert g["adversarial"].abs().sum() == 0


def test_the_entropy_is_that_of_a_guess_and_of_certainty():
    sure = DiscriminatorOutput(torch.zeros(2), classes=torch.tensor([[90.0, 0, 0], [0, 0, 0]]))
    assert entropy(sure).tolist() == pytest.approx([0, math.log(3)], abs=1e-6)


def test_the_baseline_trains_the_classifier_alone():
    alone = task(supervised=True)
    assert [phase.trains for phase in alone.phases()] == [("D",)]
    assert (alone.generators(), alone.can_sample) == (("D",), False)
    nets = Nets(alone.players(alone.adapt(Spec((2,), 3, NAMES))))
    assert alone.labeled_loss(nets, batch(), Rng(0)).losses.keys() == {"classify"}
    with refused("model.not_a_generator"):
        alone.sample(nets, Request(1))


def test_nets_are_as_large_as_the_papers():
    spec = Spec((1, 28, 28), 10, tuple("0123456789"))
    found = sgan().task.players(sgan().task.adapt(spec))
    D = 784 * 1000 + 1000 * 500 + 500 * 250 + 2 * 250 * 250 + 1000 + 500 + 3 * 250 + 2510
    unused = 251  # the head of a discriminator without classes
    assert sum(p.numel() for p in found["D"].parameters()) - unused == D
    G = 100 * 500 + 500 * 500 + 500 * 784 + 500 + 500 + 784 + 4 * 500  # weights, biases, batch norm
    assert sum(p.numel() for p in found["G"].parameters()) == G
    conv = sgan_conv().task
    wide = conv.discriminator.__class__(channels=96).build(Spec((3, 32, 32)))
    convolutions = 9 * (3 * 96 + 2 * 96 * 96 + 96 * 192 + 3 * 192 * 192) + 2 * 192 * 192 + 3 * 96 + 6 * 192
    assert sum(p.numel() for p in wide.parameters()) == convolutions + 193


@pytest.mark.parametrize(("axes", "shape"), [(0, (500, 60)), (1, (30, 60, 20)), (2, (30, 60, 7, 5))])
def test_units_start_with_a_variance_of_about_one_and_keep_the_norm_of_their_weights(axes, shape):
    torch.manual_seed(0)
    layer = Normed(60, 40, 9.0, axes, 3 if axes else 1)
    assert layer(3 * torch.randn(shape)).std().item() == pytest.approx(1, rel=0.1)
    x, before = torch.randn(shape), layer(torch.ones(shape))
    with torch.no_grad():
        layer.weight *= 5
    torch.testing.assert_close(layer(torch.ones(shape)), before)
    assert not torch.allclose(layer(x), layer(2 * x))


@pytest.mark.slow
def test_unlabeled_samples_help():
    """Two rings of points, five labels each: with the unlabeled points, far fewer of the others are wrong."""
    draws = np.random.default_rng(0)
    y = draws.integers(0, 2, 2000)
    turns = draws.uniform(0, math.pi, 2000) + y * math.pi
    x = np.stack([np.cos(turns) - 0.5 * (1 - 2 * y), np.sin(turns) + 0.25 * (1 - 2 * y)], 1) + draws.normal(
        0, 0.05, (2000, 2)
    )
    x = torch.tensor(x, dtype=torch.float32)
    targets = np.full(2000, -1)
    for k in range(2):
        targets[np.flatnonzero(y == k)[:5]] = k
    order, errors = Halves(targets, ("up", "down")), []
    for supervised in (True, False):
        one = Sgan(
            generator=SoftplusGenerator(latent=8, widths=(64,)),
            discriminator=NoisyMlpDiscriminator(widths=(128, 128), noise=0.05, hidden_noise=0.1),
            objective=NonSaturating(), supervised=supervised,
        )  # fmt: skip
        torch.manual_seed(0)
        nets = Nets(one.players(one.adapt(Spec((2,), 2, ("up", "down")))))
        steps = {name: torch.optim.Adam(net.parameters(), 3e-3, (0.5, 0.999)) for name, net in nets.items()}
        for step in range(800):
            rows, extra = order.rows(0, 64 * step, 64)
            given = Batch(x[rows], extra={"target": torch.from_numpy(extra["target"])})
            for phase in one.phases():
                loss = sum(part.mean() for part in phase.loss(nets, given, Rng(0, step, phase.name)).losses.values())
                steps[phase.trains[0]].zero_grad()
                loss.backward()
                steps[phase.trains[0]].step()
        nets.D.eval()
        wrong = one.class_logits(nets, x).argmax(1).numpy() != y
        errors.append(wrong.mean())
    assert errors[1] < 0.7 * errors[0]
