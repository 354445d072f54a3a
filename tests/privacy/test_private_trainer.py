"""A private step is what the theorem asks for: every sample's gradient bounded, and noise of the right size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Spec
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.plan import plan
from ganforge.engine.privacy.trainer import SAFE, PrivateTrainer, RowNorms
from ganforge.engine.train import check
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused

load_all()
CPU = torch.device("cpu")
SMALL = [
    "data=digits", "batch=32", "samples=6400", "task.generator.channels=4", "task.discriminator.widths=[24,12]",
    "privacy.noise_multiplier=2",  # given, so that none has to be searched for
]  # fmt: skip
CONVOLUTIONS = ["task.discriminator=dcgan", "task.discriminator.channels=4"]


def private(*items: str) -> Recipe:
    return make_recipe("dp-gan", overrides=[*SMALL, *items])


def trainer(*items: str) -> PrivateTrainer:
    recipe = private(*items)
    check(recipe)
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, CPU)
    made = Trainer.of(recipe)
    assert made is PrivateTrainer
    return made(made.finalize(recipe, spec, loader), spec, loader, CPU)


def step(made: PrivateTrainer, batch: Batch, position: int = 0) -> dict[str, Tensor]:
    """D's gradients, as its optimizer would get them."""
    phase = made.phases[0]
    for name, net in made.nets.items():
        net.requires_grad_(name in phase.trains)
    made.nets.D.zero_grad(set_to_none=True)
    made._gradients(phase, batch, position, None)
    return {name: p.grad.clone() for name, p in made.nets.D.named_parameters()}


def norm(gradients: dict[str, Tensor]) -> float:
    return torch.cat([g.flatten() for g in gradients.values()]).norm().item()


def some(made: PrivateTrainer, count: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((count, *made.spec.shape), generator=generator)
    return Batch(x, torch.arange(count) % made.spec.classes if made.spec.classes else None)


class LinearD(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.layer = nn.Linear(width, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.layer(x.flatten(1)).squeeze(1))


def test_one_linear_layer_gets_the_gradient_of_the_formula():
    """With logit w·x and the Wasserstein game a row's gradient is ∓x, of norm √(‖x‖² + 1) with the bias."""
    made = trainer("task.objective=wasserstein", "privacy.clip=2.5", "privacy.noise_multiplier=4")
    net = made.nets.players["D"] = LinearD(64)
    made.norms = RowNorms("D", net, made.spec, CPU)
    batch = some(made, 20)
    batch = replace(batch, x=batch.x * torch.logspace(-2, 1, 20)[:, None, None, None])  # some below the bound
    made.noise = 0.0
    found = step(made, batch)
    inner = made.phases[0].loss(made.nets, Batch(batch.x, batch.c, asked_for(made)), rng_of(made))
    assert len(inner.losses["real"]) == 20
    assert len(inner.losses["fake"]) == 32
    fake = made.nets.G(rng_of(made).normal("z", (32, 64)), asked_for(made)["asked"]).detach()
    rows = torch.cat([-batch.x.flatten(1), fake.flatten(1)])
    ones = torch.cat([-torch.ones(20), torch.ones(32)])
    share = SAFE * 2.5 / (rows.square().sum(1) + 1).sqrt().clamp_min(2.5)
    assert share.min() < 0.2
    assert share.max() == pytest.approx(SAFE)
    torch.testing.assert_close(found["layer.weight"][0], (share[:, None] * rows).sum(0) / 32, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found["layer.bias"][0], (share * ones).sum() / 32, rtol=1e-4, atol=1e-6)


def rng_of(made: PrivateTrainer) -> Rng:
    return Rng(made.seed, 0, "D")


def asked_for(made: PrivateTrainer) -> dict[str, Tensor]:
    return {"asked": made._labels(rng_of(made))}


@pytest.mark.parametrize(
    "net",
    [
        [],
        ["task.discriminator.norm=layer"],
        ["task.conditional=false"],
        [*CONVOLUTIONS, "task.discriminator.norm=none"],
        [*CONVOLUTIONS, "task.discriminator.norm=layer"],
        ["task.discriminator=maxout", "task.discriminator.widths=[12]"],
    ],
)
def test_no_sample_moves_the_sum_by_more_than_the_bound(net):
    """What one real sample adds is the difference of the steps with and without it, all draws being the same."""
    made = trainer("privacy.clip=0.7", *net)
    made.noise = 0.0
    wild = some(made, 12)
    wild = replace(wild, x=wild.x * torch.logspace(-3, 2, 12)[:, None, None, None])
    whole = step(made, wild)
    added = []
    for k in range(12):
        kept = [i for i in range(12) if i != k]
        rest = step(made, Batch(wild.x[kept], None if wild.c is None else wild.c[kept]))
        added.append(32 * norm({name: whole[name] - rest[name] for name in whole}))  # the mean is over 32
    assert max(added) <= 0.7
    assert max(added) > 0.69, "the bound is reached, so the test would see it broken"
    empty = step(made, Batch(wild.x[:0], None if wild.c is None else wild.c[:0]))
    assert norm(empty) > 0, "fakes alone"


def test_noise_has_the_size_that_is_accounted_for():
    made = trainer("privacy.clip=0.5", "privacy.noise_multiplier=3")
    batch = some(made, 8)
    with_noise = [step(made, batch, position) for position in (0, 32, 64)]
    made.noise = 0.0
    without = [step(made, batch, position) for position in (0, 32, 64)]
    noises = [
        torch.cat([(a[name] - b[name]).flatten() for name in a]) for a, b in zip(with_noise, without, strict=True)
    ]
    count = len(noises[0])
    assert count > 900
    for noise in noises:
        assert noise.std().item() == pytest.approx(3 * 0.5 / 32, rel=4 / (2 * count) ** 0.5)
        assert abs(noise.mean()) < 4 * noise.std() / count**0.5
    for one, other in ((0, 1), (1, 2)):  # every step has noise of its own
        correlation = torch.corrcoef(torch.stack([noises[one], noises[other]]))[0, 1]
        assert abs(correlation) < 4 / count**0.5


def test_two_runs_of_one_recipe_have_different_noise():
    """Noise from the recipe's seed could be subtracted by anyone who has the recipe."""
    one, two = trainer(), trainer()
    for name, weights in one.nets.D.state_dict().items():
        assert torch.equal(weights, two.nets.D.state_dict()[name]), "the seed decides the first weights"
    batch = some(one, 8)
    assert norm({k: a - step(two, batch)[k] for k, a in step(one, batch).items()}) > 0.01


def test_the_generators_step_never_sees_a_real_sample():
    made = trainer("task.d_steps=1")
    seen = []
    loss = made.phases[1].loss
    spy = replace(made.phases[1], loss=lambda nets, batch, rng: (seen.append(batch), loss(nets, batch, rng))[1])
    made.phases[1] = spy
    made.iterate()
    assert seen[0].x.isnan().all()
    assert len(seen[0]) == 32
    made.check_finite(weights=True)


def test_batches_are_drawn_by_the_secret_and_differ_in_size():
    made = trainer()
    sizes = [len(made.batch_at(position)) for position in range(0, 640, 32)]
    assert len(set(sizes)) > 3
    assert 25 < np.mean(sizes) < 39
    again = made.batch_at(0).x
    assert torch.equal(again, made.batch_at(0).x)
    made.secret.key = bytes(32)
    assert made.batch_at(0).x.shape != again.shape or not torch.equal(made.batch_at(0).x, again)


def test_a_loader_that_repeats_items_is_refused():
    recipe = private()
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, CPU)
    loader._status[3] = 2
    with refused("privacy.unreadable_samples", "1 samples"):
        PrivateTrainer.finalize(recipe, spec, loader)


class Behind(LinearD):
    """Uses weights behind the back of its layers' hooks."""

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        rows = x.flatten(1)
        return DiscriminatorOutput(self.layer(rows).squeeze(1) + 0.5 * (rows * self.layer.weight).sum(1))


class TestRefused:
    """Before training, with the reason and with what works."""

    @pytest.mark.parametrize(
        ("items", "code", "named"),
        [
            (
                ["task.discriminator.norm=spectral"],
                "privacy.gradient_not_per_sample",
                ["net D", "norm=layer or none"],
            ),
            (["health=watch"], "privacy.health_not_supported", ["health=watch", "health=off"]),
            (["health=rollback"], "privacy.health_not_supported", ["health=rollback", "health=off"]),
            (["metrics=[fd]"], "privacy.metrics_not_supported", ["metrics=[]"]),
            (["callbacks=[evaluation]"], "privacy.metrics_not_supported", ["metrics=[]"]),
            (["signal=table"], "privacy.signal_measures_data", ["signal=table", "(bounds"]),
            (["signal=points"], "privacy.signal_measures_data", ["signal=points", "(means"]),
            (["accumulate=2"], "privacy.accumulate_not_supported", ["accumulate=2", "accumulate=1"]),
            (["precision=bf16"], "privacy.precision_too_low", ["precision=bf16", "precision=fp32"]),
            (["privacy.delta=0.01"], "privacy.delta_too_large", ["delta=0.01", "1,797", "0.000556", "5.6e-05"]),
            (["privacy.noise_multiplier=0.5"], "privacy.budget_exceeded", ["ε = ", "allows samples="]),
            (["data.in_memory=false"], "privacy.not_in_memory", ["data.in_memory=true"]),
        ],
    )
    def test_what_cannot_keep_the_promise(self, items, code, named):
        with refused(code, *named):
            trainer(*items)

    @pytest.mark.parametrize(
        ("items", "code", "named"),
        [
            (["task.discriminator.norm=batch"], "task.discriminator_mixes_batch", ["batch norm", "norm=layer or none"]),
            (["task.discriminator.minibatch=stddev"], "task.discriminator_mixes_batch", ["minibatch=none"]),
            (["task.objective=rpgan"], "privacy.no_per_sample_loss", ["rpgan", "non_saturating"]),
            (["task.objective=ragan"], "privacy.no_per_sample_loss", ["ragan", "non_saturating"]),
        ],
    )
    def test_what_the_task_cannot_bound(self, items, code, named):
        with refused(code, *named):
            trainer(*items)

    def test_another_task(self):
        with refused("privacy.task_not_supported", "'synthesis'", "task.kind=private"):
            check(make_recipe("dcgan", overrides=["privacy=dp_sgd"]))

    def test_weights_that_the_hooks_do_not_see(self):
        RowNorms("D", LinearD(64), Spec((1, 8, 8)), CPU)
        with refused("privacy.gradient_not_per_sample", "net D"):
            RowNorms("D", Behind(64), Spec((1, 8, 8)), CPU)


def test_the_number_of_samples_that_the_message_names_is_within_the_budget():
    with refused("privacy.budget_exceeded") as caught:
        trainer("privacy.noise_multiplier=0.5", "privacy.epsilon=30", "samples=64000")
    most = int(str(caught.value).split("samples=")[2].split(";")[0])
    trainer("privacy.noise_multiplier=0.5", "privacy.epsilon=30", f"samples={most}")
    with refused("privacy.budget_exceeded", f"samples={most + 32 * 5}"):
        trainer("privacy.noise_multiplier=0.5", "privacy.epsilon=30", f"samples={most + 32 * 5}")


def test_without_opacus_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with refused("extra.privacy", "privacy=dp_sgd", "'opacus'", "pip install 'ganforge[privacy]'"):
        check(private())


def test_a_dry_run_tells_what_would_be_spent():
    (note,) = plan(private("privacy.epsilon=4"), "cpu", steps=2).notes
    assert "ε at most 4 at δ = 5.6e-05 after 6,400 samples" in note
