"""What D is shown, what both are told, and what is refused before training."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganforge.augment.base import Augment
from ganforge.core.component import build
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Spec
from ganforge.engine.train import check, train
from ganforge.losses.base import Objective, Penalty, Term
from ganforge.nets.base import DiscriminatorOutput
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from ganforge.tasks.base import Task
from ganforge.tasks.synthesis import Synthesis
from ganforge.tasks.view import Packed, View, join, packed_spec, split
from refused import refused

load_all()

POINTS, LABELLED = Spec((2,)), Spec((2,), 3, ("a", "b", "c"))
PICTURES = Spec((3, 8, 8), 3, ("a", "b", "c"))
MLP = {"kind": "mlp", "widths": [6, 5]}


class Shift(Augment, kind="test-shift"):
    """Adds what it remembers, and remembers how often it was told of reals."""

    def memory(self) -> dict[str, Tensor]:
        return {"by": torch.tensor(0.5)}

    def apply(self, x, rng, memory):
        return x + memory["by"] * rng.uniform("sign", (len(x), *[1] * (x.ndim - 1)), -1, 1)

    def observe(self, real_logits, memory, samples):
        memory["by"] = memory["by"] + 1

    def stats(self, memory):
        return {"by": memory["by"]}


@pytest.fixture(autouse=True)
def _registries(clean_registries):
    Augment.kinds.setdefault("test-shift", Shift)


def synthesis(**fields) -> Synthesis:
    plain = {
        "kind": "synthesis",
        "generator": {**MLP, "latent": 4},
        "discriminator": MLP,
        "objective": "non_saturating",
    }
    task = Task.parse(plain | fields)
    assert isinstance(task, Synthesis)
    return task


def made(task: Task, spec: Spec = POINTS) -> Nets:
    torch.manual_seed(0)
    spec = task.adapt(spec)
    return Nets(task.players(spec), task.memory(spec))


def batch_of(spec: Spec, n: int = 8, conditional: bool = False) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(torch.randn(n, *spec.shape, generator=generator), torch.arange(n) % 3 if conditional else None)


def step(task: Task, nets: Nets, batch: Batch, samples: int = 0) -> dict[str, dict[str, Tensor]]:
    """Every phase once, with a step of plain gradient descent; returns their losses."""
    found = {}
    for phase in task.phases():
        for name, net in nets.items():
            net.requires_grad_(name in phase.trains)
        losses = phase.loss(nets, batch, Rng(0, samples, phase.name)).losses
        weights = [p for name in phase.trains for p in nets[name].parameters()]
        gradients = torch.autograd.grad(sum(v.mean() for v in losses.values()), weights, allow_unused=True)
        assert samples == 0 or any(g is not None and g.abs().sum() > 0 for g in gradients), "nothing is learnt"
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    assert torch.isfinite(gradient).all()
                    weight -= 0.01 * gradient
        found[phase.name] = losses
    return found


class TestEverythingComposes:
    @pytest.mark.parametrize("pack", [1, 2])
    @pytest.mark.parametrize("conditional", [False, True])
    @pytest.mark.parametrize("objective", sorted(Objective.kinds))
    def test_with_every_objective(self, objective, conditional, pack):
        task = synthesis(
            objective=objective, conditional=conditional, pack=pack, noise=0.1, flip_labels=0.2, top_k=0.6,
            augment="test-shift", penalties=["r1", {"kind": "lecam", "every": 2}], terms=["feature_matching"],
        )  # fmt: skip
        losses = step(task, made(task, LABELLED), batch_of(LABELLED, conditional=conditional))
        assert losses["D"]["adversarial"].shape == losses["D"]["r1"].shape == (8 // pack,)
        assert set(losses["G"]) == {"adversarial", "feature_matching"}

    @pytest.mark.parametrize(
        ("every", "conditional", "pack"),
        [
            (1, False, 1),
            (1, True, 4),
            (3, True, 1),
            *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, True, 1), (3, False, 1), (3, True, 4))),
            *(pytest.param(k, False, 4, marks=pytest.mark.slow) for k in (1, 3)),
        ],
    )
    @pytest.mark.parametrize("penalty", sorted(Penalty.kinds))
    def test_with_every_penalty(self, penalty, every, conditional, pack):
        task = synthesis(
            penalties=[{"kind": penalty, "every": every}], conditional=conditional, pack=pack, augment="test-shift",
            generator={"kind": "dcgan", "channels": 4, "latent": 4},
            discriminator={"kind": "dcgan", "channels": 4, "norm": "layer"},
        )  # fmt: skip
        nets = made(task, PICTURES)
        batch = batch_of(PICTURES, conditional=conditional)
        step(task, nets, batch)
        losses = step(task, nets, batch, 8)
        where = "D" if every == 1 else f"D/{penalty}"
        assert losses[where][penalty].shape == (8 // pack,)

    @pytest.mark.parametrize("term", sorted(Term.kinds))
    def test_with_every_term(self, term):
        task = synthesis(terms=[term], adversarial=0.5, pack=2, conditional=True)
        nets = made(task, LABELLED)
        for k in range(2):
            losses = step(task, nets, batch_of(LABELLED, conditional=True), 8 * k)
        assert losses["G"][term].shape == (4,)

    def test_the_game_can_be_left_out(self):
        task = synthesis(terms=["feature_matching"], adversarial=0)
        losses = task.g_loss(made(task), batch_of(POINTS), Rng(0)).losses
        assert not losses["adversarial"].any()
        assert losses["feature_matching"].any()


class TestPacks:
    def test_joined_and_split(self):
        x = torch.arange(24.0).reshape(4, 2, 3)
        packs = join(x, 2)
        assert packs.shape == (2, 4, 3)
        assert torch.equal(packs[1], torch.cat([x[2], x[3]]))
        assert torch.equal(split(packs, 2), x)
        assert join(x, 1) is x

    def test_each_label_comes_with_its_sample(self):
        met: list[Tensor] = []

        class Judge(nn.Module):
            def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
                met.append(x)
                return DiscriminatorOutput(x.flatten(1).sum(1))

        x, c = torch.rand(4, 1, 2, 2), torch.tensor([2, 0, 1, 1])
        output = Packed(Judge(), 2, 3)(x, c)
        assert output.logits.shape == (2,)
        assert met[0].shape == (2, *packed_spec(Spec((1, 2, 2), 3), 2).shape) == (2, 8, 2, 2)
        assert torch.equal(met[0][0, :, 0, 0], torch.tensor([x[0, 0, 0, 0], 0, 0, 1, x[1, 0, 0, 0], 1, 0, 0]))
        with pytest.raises(ValueError, match="label"):
            Packed(Judge(), 2, 3)(x)

    def test_a_slope_is_that_of_a_pack(self):
        task = synthesis(pack=4, penalties=["wgan_gp"], objective="wasserstein")
        nets = made(task)
        losses = task.d_loss(nets, batch_of(POINTS), Rng(0)).losses
        assert losses["wgan_gp"].shape == (2,)

    def test_must_divide_the_batch(self):
        base = {"name": "x", "signal": "image", "task": synthesis(pack=3), "optimizers": {"G": "adam", "D": "adam"}}
        check(build(Recipe, {**base, "batch": 12}))
        with refused("task.pack_not_a_divisor", "task.pack=3", "64 samples", "batch=63"):
            check(build(Recipe, {**base, "batch": 64}))
        with refused("task.pack_not_a_divisor", "task.pack=3", "4 samples"):
            check(build(Recipe, {**base, "batch": 12, "accumulate": 3}))


class TestWhatDIsTold:
    def test_all_labels_flipped_is_the_game_turned_round(self):
        plain, flipped = synthesis(), synthesis(flip_labels=1.0)
        real, fake = torch.randn(8), torch.randn(8)
        assert all(
            torch.equal(a, b)
            for a, b in zip(flipped._with_flipped_labels(real, fake, Rng(0)), (fake, real), strict=True)
        )
        assert all(a is b for a, b in zip(plain._with_flipped_labels(real, fake, Rng(0)), (real, fake), strict=True))

    def test_a_share_is_flipped(self):
        real, fake = torch.ones(20_000), torch.zeros(20_000)
        first, second = synthesis(flip_labels=0.1)._with_flipped_labels(real, fake, Rng(0))
        assert first.mean().item() == pytest.approx(0.9, abs=0.01)
        assert torch.equal(first, 1 - second)

    def test_g_learns_from_the_best(self):
        wish, logits = torch.arange(5.0), torch.tensor([0.3, -1.0, 2.0, 0.1, 0.5])
        assert synthesis()._top_k(wish, logits, Rng(0)) is wish
        assert synthesis(top_k=0.5)._top_k(wish, logits, Rng(0)).tolist() == [2, 4, 0]
        assert synthesis(top_k=0.01)._top_k(wish, logits, Rng(0)).tolist() == [2]

    def test_schedules(self):
        ramp = {"kind": "linear", "start": 1.0, "end": 0.0, "over": 100}
        task = synthesis(noise=ramp, flip_labels=ramp, adversarial=ramp)
        nets, batch = made(task), batch_of(POINTS)
        assert task._view(nets, batch, Rng(0, 25)).noise == 0.75
        assert task._view(nets, batch, Rng(0, 500)).noise == 0
        assert not task.g_loss(nets, batch, Rng(0, 100)).losses["adversarial"].any()


class TestWhatDSees:
    def test_one_stream_draws_once(self):
        met: list[Tensor] = []

        class Judge(nn.Module):
            def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
                met.append(x)
                return DiscriminatorOutput(x.sum(1))

        x = torch.zeros(4000, 2)
        view = View(Judge(), None, Rng(3), Memory(), noise=0.3)
        for stream in ("real", "real", "fake"):
            view(x, stream)
        assert torch.equal(met[0], met[1])
        assert not torch.equal(met[0], met[2])
        assert met[0].std().item() == pytest.approx(0.3, rel=0.05)

    def test_augmentation_in_every_phase(self):
        task = synthesis(augment="test-shift", penalties=["r1", {"kind": "r2", "every": 2}])
        nets = made(task)
        assert set(nets.memory.buffers) == {"augment.by"}
        plain = synthesis(penalties=["r1", {"kind": "r2", "every": 2}])
        for ours, other in zip(task.phases(), plain.phases(), strict=True):
            for name, loss in ours.loss(nets, batch_of(POINTS), Rng(0)).losses.items():
                assert not torch.equal(loss, other.loss(nets, batch_of(POINTS), Rng(0)).losses[name])
        assert nets.memory["augment.by"].item() == 1.5, "told once of the reals that D was trained on"

    def test_what_an_augmentation_reports(self):
        task = synthesis(augment="test-shift")
        terms = task.d_loss(made(task), batch_of(POINTS), Rng(0))
        assert terms.stats["augment/by"].item() == 1.5

    def test_parts_of_a_batch_draw_what_the_whole_does(self):
        task = synthesis(augment="test-shift", noise=0.2, flip_labels=0.3, pack=2, penalties=["wgan_gp", "zcr"],
                         generator={"kind": "mlp", "latent": 4, "widths": [5]})  # fmt: skip
        nets, batch = made(task), batch_of(POINTS)
        nets.G.eval()  # batch norm is what parts cannot share
        for name in ("D", "G"):
            phase = next(p for p in task.phases() if p.name == name)
            whole = phase.loss(nets, batch, Rng(0)).losses
            nets.memory["augment.by"] = torch.tensor(0.5)
            parts = []
            for k in range(2):
                parts.append(phase.loss(nets, batch.rows(4 * k, 4 * k + 4), Rng(0, shard=(k, 2))).losses)
                nets.memory["augment.by"] = torch.tensor(0.5)
            for key, loss in whole.items():
                torch.testing.assert_close(torch.cat([part[key] for part in parts]), loss)

    def test_what_prices_remember_is_declared(self):
        task = synthesis(penalties=["lecam", "historical_averaging"], terms=["historical_averaging"])
        nets = made(task)
        names = set(nets.memory.buffers)
        assert {"penalties.lecam.real", "penalties.lecam.fake", "terms.historical_averaging.steps"} <= names
        step(task, nets, batch_of(POINTS))
        assert nets.memory["penalties.lecam.real"].item() != 0
        assert nets.memory["terms.historical_averaging.steps"].item() == 1
        assert set(nets.memory.buffers) == names


class TestRefusals:
    @pytest.mark.parametrize("penalty", ["wgan_gp", "dragan", "r1", "r2"])
    def test_batch_norm_under_a_price_per_sample(self, penalty):
        task = synthesis(discriminator="dcgan", generator="dcgan", penalties=["lecam", {"kind": penalty, "every": 4}])
        with refused("task.discriminator_mixes_batch", penalty, "batch norm", "task.discriminator.norm=layer"):
            task.players(Spec((1, 16, 16)))

    @pytest.mark.parametrize("penalty", ["lecam", "bcr", "zcr", "orthogonal", "historical_averaging"])
    def test_others_go_with_batch_norm(self, penalty):
        synthesis(discriminator="dcgan", generator="dcgan", penalties=[penalty]).players(Spec((1, 16, 16)))

    def test_augmentation_without_a_meaning(self):
        with refused("task.not_for_shape", "'diffaugment'", "[2]"):
            synthesis(augment="diffaugment").adapt(POINTS)
        with refused("task.not_for_shape", "bcr", "[2]", "zcr"):
            synthesis(penalties=["bcr"]).adapt(POINTS)

    @pytest.mark.parametrize("field", ["flip_labels", "top_k", "noise"])
    def test_shares_out_of_range(self, field):
        with refused("task.out_of_range", f"task.{field}=-0.1: "):
            synthesis(**{field: -0.1}).adapt(POINTS)
        if field != "noise":
            with refused("task.out_of_range", f"task.{field}=1.5: ", "from 0 to 1"):
                synthesis(**{field: 1.5}).adapt(POINTS)

    def test_the_same_price_twice(self):
        with refused("task.duplicate_term", "task.penalties", "r1"):
            synthesis(penalties=["r1", {"kind": "r1", "every": 4}]).adapt(POINTS)

    def test_a_wrong_name_gets_the_nearest(self):
        for field, value, hint in (("augment", "difaugment", "diffaugment"), ("terms", ["feature_match"], "feature_")):
            plain = {
                "kind": "synthesis",
                "generator": "mlp",
                "discriminator": "mlp",
                "objective": "hinge",
                field: value,
            }
            with refused("config.unknown_kind", hint) as error:
                build(Task, plain)
            assert "function" not in str(error.value)


def test_weights_are_clamped_after_each_step(tmp_path):
    recipe = build(
        Recipe,
        {
            "name": "clamped", "data": "digits", "signal": "image",
            "samples": 64, "batch": 16, "callbacks": [], "checkpoint_every": 64,
            "task": {"kind": "synthesis", "generator": MLP, "discriminator": MLP, "objective": "wasserstein"},
            "optimizers": {"G": "rmsprop", "D": {"kind": "rmsprop", "lr": 0.1, "clamp": 0.02}},
        },
    )  # fmt: skip
    result = train(recipe, run_dir=tmp_path / "run", device="cpu")
    state = load_file(next(result.folder.glob("checkpoints/*/state.safetensors")))
    most = {who: max(t.abs().max().item() for n, t in state.items() if n.startswith(f"net.{who}.")) for who in "GD"}
    assert most["D"] == pytest.approx(0.02)
    assert most["G"] > 0.02


def test_a_run_with_everything_goes_on_bit_for_bit(tmp_path):
    plain = {
        "name": "all", "data": "digits", "signal": "image",
        "samples": 96, "batch": 16, "callbacks": [], "checkpoint_every": 48,
        "task": {
            "kind": "synthesis", "generator": {**MLP, "latent": 4}, "discriminator": MLP, "objective": "ragan",
            "penalties": ["r1", "lecam", "historical_averaging", {"kind": "bcr", "every": 2}], "augment": "ada",
            "terms": ["feature_matching", "historical_averaging"], "noise": 0.1, "flip_labels": 0.1, "top_k": 0.7,
            "pack": 2, "conditional": True,
        },
        "optimizers": {"G": "adam", "D": "adam"}, "health": "off",
    }  # fmt: skip
    recipe = build(Recipe, plain)
    states = []
    for name, stops in (("whole", [96]), ("parts", [48, 96])):
        for stop in stops:
            folder = {"resume": tmp_path / name} if stop != stops[0] else {"run_dir": tmp_path / name}
            train(dataclasses.replace(recipe, samples=stop), device="cpu", **folder)
        states.append(load_file(max((tmp_path / name / "checkpoints").iterdir()) / "state.safetensors"))
    whole, parts = states
    assert "memory.penalties.lecam.real" in whole
    assert set(whole) == set(parts)
    for key, value in whole.items():
        assert torch.equal(value, parts[key]), key
