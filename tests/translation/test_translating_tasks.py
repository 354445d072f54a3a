"""Paired, unpaired and contrastive translation against their papers' formulas, written out once more by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_nets import TinyCritic, TinyTranslator, pair_spec
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import interpolate

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Spec
from ganforge.losses.adversarial import LeastSquares
from ganforge.losses.penalties import R1
from ganforge.losses.relativistic import RaGan
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator
from ganforge.modalities.pair.losses.reconstruction import L1, FeatureMatch, Perceptual, Style
from ganforge.modalities.pair.tasks.contrastive import Contrastive, nce
from ganforge.modalities.pair.tasks.domains import TwoSets
from ganforge.modalities.pair.tasks.paired import Filler, Paired
from ganforge.modalities.pair.tasks.translating import as_image, colors
from ganforge.modalities.pair.tasks.unpaired import Unpaired, out_of_pool
from ganforge.registry import load_all
from refused import refused

load_all()
RNG = Rng(0, 0, "test")


def picture(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def nets_of(task: Any, spec: Spec) -> Nets:
    torch.manual_seed(5)
    return Nets(task.players(spec), task.memory(spec))


def pix2pix(**fields) -> Paired:
    start: dict[str, Any] = {"translator": TinyTranslator(), "critics": (TinyCritic(),), "conditional": True}
    return Paired(**{**start, "terms": (L1(weight=100.0),), "d_gain": 0.5, **fields})


class TestPaired:
    spec = pair_spec()

    def batch(self, n: int = 2, scale: int = 1) -> Batch:
        return Batch(picture(1, n, 3, 8, 8), None, {"source": picture(2, n, 3, 8 // scale, 8 // scale)})

    def test_pix2pix_as_its_paper_has_it(self):
        task, batch = pix2pix(), self.batch()
        nets = nets_of(task, self.spec)
        s, t = batch.extra["source"], batch.x
        y = nets.G(s)
        on_t, on_y = (nets.D(torch.cat([s, x], 1)).logits for x in (t, y))
        assert on_t.shape == (2, 16), "patches"
        d = bce(on_t, torch.ones(2, 16), reduction="none").mean(1) + bce(
            on_y, torch.zeros(2, 16), reduction="none"
        ).mean(1)
        found = task.d_loss(nets, batch, RNG)
        assert torch.allclose(found.losses["D"], d, atol=1e-6)
        found = task.g_loss(nets, batch, RNG)
        assert torch.allclose(
            found.losses["adversarial"], bce(on_y, torch.ones(2, 16), reduction="none").mean(1), atol=1e-6
        )
        assert torch.allclose(found.losses["l1"], 100 * (y - t).abs().mean((1, 2, 3)), atol=1e-4)
        mse = (y - t).square().mean((1, 2, 3))
        assert torch.allclose(found.stats["psnr"], 10 * torch.log10(4 / mse), atol=1e-4), "of a span of 2"
        assert [(p.name, p.trains, p.gain) for p in task.phases()] == [("G", ("G",), 1.0), ("D", ("D",), 0.5)]

    def test_the_critic_of_an_unconditional_game_sees_the_picture_alone(self):
        task, batch = pix2pix(conditional=False), self.batch()
        nets = nets_of(task, self.spec)
        found = task.d_loss(nets, batch, RNG).stats["logit/real"]
        assert torch.equal(found, nets.D(batch.x).logits.detach().flatten())

    def test_smaller_sources_are_shown_to_the_critic_at_the_size_of_the_picture(self):
        spec, task, batch = pair_spec(8, scale=4), pix2pix(), self.batch(scale=4)
        nets = nets_of(task, spec)
        beside = torch.cat([interpolate(batch.extra["source"], (8, 8)), batch.x], 1)
        assert torch.equal(task.d_loss(nets, batch, RNG).stats["logit/real"], nets.D(beside).logits.detach().flatten())
        assert task.translate(nets, picture(0, 1, 3, 5, 3)).shape == (1, 3, 20, 12)

    def test_several_critics(self):
        task = pix2pix(critics=(TinyCritic(), TinyCritic()))
        nets, batch = nets_of(task, self.spec), self.batch()
        assert set(task.d_loss(nets, batch, RNG).losses) == {"D1", "D2"}
        game = task.g_loss(nets, batch, RNG).losses["adversarial"]
        alone = [
            replace(task, critics=(TinyCritic(),))
            .g_loss(Nets({"G": nets.G, "D": nets[d]}), batch, RNG)
            .losses["adversarial"]
            for d in ("D1", "D2")
        ]
        assert torch.allclose(game, (alone[0] + alone[1]) / 2)

    def test_relativistic_averages_run_over_all_patches(self):
        task, batch = pix2pix(objective=RaGan(), terms=()), self.batch()
        nets = nets_of(task, self.spec)
        s = batch.extra["source"]
        r, f = (nets.D(torch.cat([s, x], 1)).logits for x in (batch.x, nets.G(s)))
        softplus = torch.nn.functional.softplus
        wanted = (softplus(f.mean() - r) + softplus(f - r.mean())).mean(1)
        assert torch.allclose(task.d_loss(nets, batch, RNG).losses["D"], wanted, atol=1e-6)

    @pytest.mark.parametrize("every", [1, 4])
    def test_r1_is_on_the_slope_of_the_sum_over_patches(self, every):
        task, batch = pix2pix(penalties=(R1(weight=3.0, every=every),)), self.batch()
        nets = nets_of(task, self.spec)
        x = torch.cat([batch.extra["source"], batch.x], 1).requires_grad_()
        (slope,) = torch.autograd.grad(nets.D(x).logits.sum(), x)
        phase = task.phases()[1 if every == 1 else 2]
        penalty = phase.loss(nets, batch, RNG).losses["D/r1"]
        assert torch.allclose(penalty, 3.0 * 0.5 * slope.square().sum((1, 2, 3)), rtol=1e-4)
        assert phase.order == 2
        assert (phase.every, phase.gain) == (every, 0.5 * every)
        penalty.sum().backward()
        assert all(p.grad is not None for p in nets.D.first.parameters())

    def test_g_learns_alone_first(self):
        task, batch = pix2pix(alone=100, terms=(L1(), FeatureMatch(), Perceptual())), self.batch()
        nets = nets_of(task, self.spec)
        assert set(task.g_loss(nets, batch, Rng(0, 99)).losses) == {"l1"}
        assert set(task.g_loss(nets, batch, Rng(0, 100)).losses) == {
            "l1",
            "feature_match",
            "perceptual[critic]",
            "adversarial",
        }
        assert [phase.after for phase in task.phases()] == [0, 100]

    def test_a_picture_is_made_once_a_step(self):
        """The critics judge what G made in its own step of the same batch, not what it would make after it."""
        task, batch = pix2pix(), self.batch()
        nets = nets_of(task, self.spec)
        task.g_loss(nets, batch, RNG)
        before = task.d_loss(nets, batch, RNG).stats["logit/fake"]
        with torch.no_grad():
            nets.G.last.bias.add_(1.0)
        assert torch.equal(task.d_loss(nets, batch, RNG).stats["logit/fake"], before)
        assert not torch.equal(task.d_loss(nets, self.batch(), RNG).stats["logit/fake"], before), "another batch"

    def test_without_critics_it_is_a_regression(self):
        task = pix2pix(critics=())
        assert [phase.name for phase in task.phases()] == ["G"]
        assert set(nets_of(task, self.spec)) == {"G"}
        assert set(task.g_loss(nets_of(task, self.spec), self.batch(), RNG).losses) == {"l1"}

    def test_what_is_known_is_kept_bit_for_bit_and_shown_to_the_critic(self):
        spec, task = pair_spec(mask=True), pix2pix(terms=(L1(hole=6.0),))
        nets = nets_of(task, spec)
        assert isinstance(nets.G, Filler)
        target, mask = picture(1, 2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
        mask[:, :, 2:5, 3:] = 1
        source = torch.cat([target * (1 - mask), mask], 1)
        batch = Batch(target, None, {"source": source})
        made = task.translate(nets, source)
        known = (mask == 0).expand_as(target)
        assert torch.equal(made[known], target[known])
        assert torch.equal(made[~known], nets.G.raw(source)[~known])
        seen = nets.D(torch.cat([source, made], 1)).logits.detach().flatten()
        assert torch.equal(task.d_loss(nets, batch, RNG).stats["logit/fake"], seen)
        off = (nets.G.raw(source) - target).abs() * (1 + 5 * mask)
        assert torch.allclose(task.g_loss(nets, batch, RNG).losses["l1"], off.mean((1, 2, 3)))

    def test_the_lens_is_kept_with_the_run(self):
        task = pix2pix(terms=(Style(),), lens={"kind": "random", "filters": 2})
        memory = task.memory(self.spec)
        assert set(memory.buffers) == {f"lens.filters.{w}" for w in (3, 5, 7, 11)}
        assert not pix2pix(lens="random").memory(self.spec).buffers, "no term uses it"
        losses = task.g_loss(nets_of(task, self.spec), self.batch(), RNG).losses
        assert "style[random]" in losses, "the log says what it looked through"

    @pytest.mark.parametrize(
        ("fields", "code", "named"),
        [
            ({"critics": (), "terms": ()}, "task.no_loss", "task.terms=[l1]"),
            ({"critics": (), "terms": (FeatureMatch(),)}, "task.no_critics", "task.terms: feature_match"),
            ({"critics": (), "penalties": (R1(),)}, "task.no_critics", "task.penalties: r1"),
            ({"terms": (L1(), L1())}, "loss.listed_twice", "task.terms: l1"),
        ],
    )
    def test_what_cannot_work_is_said_before_training(self, fields, code, named):
        with refused(code, named):
            pix2pix(**fields).adapt(self.spec)

    def test_samples_without_a_source(self):
        with refused("task.needs_pairs", "signal.kind=pair"):
            pix2pix().adapt(Spec((3, 8, 8), state={"mode": "RGB"}))

    def test_batch_norm_and_per_sample_penalties(self):
        task = pix2pix(critics=(DcganDiscriminator(channels=4),), conditional=False, penalties=(R1(),))
        with refused("nets.batch_norm", "task.penalties: r1", "norm=instance"):
            task.players(pair_spec(32))

    def test_it_shows_source_made_and_target(self):
        task, batch = pix2pix(), self.batch(scale=2)
        nets = nets_of(task, pair_spec(scale=2))
        shown = task.visualize(nets, batch)
        assert [tuple(x.shape) for x in shown] == [(2, 3, 8, 8)] * 3
        assert torch.equal(shown[0], interpolate(batch.extra["source"], (8, 8)))


def test_sources_of_any_kind_can_be_seen():
    like = torch.zeros(1, 3, 4, 4)
    ids = torch.tensor([[0, 1], [2, 2]])
    one_hot = torch.nn.functional.one_hot(ids, 3).permute(2, 0, 1)[None].float()
    shown = as_image(one_hot, like)
    assert torch.equal(shown[0, :, 0, 3], colors(3)[1])
    assert len({tuple(c.tolist()) for c in (colors(12) * 20).round()}) == 12, "twelve classes, twelve colors"
    gray = picture(0, 1, 1, 4, 4)
    assert torch.equal(as_image(gray, like), gray.expand(-1, 3, -1, -1))
    assert torch.equal(as_image(torch.cat([like, gray], 1), like), like), "a mask is left out"
    assert as_image(like, gray).shape == gray.shape
    assert torch.equal(as_image(like, torch.zeros(1, 4, 4, 4))[:, 3], torch.ones(1, 4, 4)), "opaque"


class TestUnpaired:
    spec = Spec((3, 8, 8), 2, ("horse", "zebra"), {"mode": "RGB", "depth": 8})

    def task(self, **fields) -> Unpaired:
        return Unpaired(**{"translator": TinyTranslator(), "critic": TinyCritic(), "pool": 0, **fields})

    def batch(self) -> tuple[Batch, Tensor, Tensor]:
        x = picture(3, 4, 3, 8, 8)
        return Batch(x), x[0::2], x[1::2]

    def test_cyclegan_as_its_paper_has_it(self):
        task = self.task(adversarial=2.0)
        nets = nets_of(task, task.adapt(self.spec))
        batch, a, b = self.batch()
        fake_b, fake_a = nets.G_ab(a), nets.G_ba(b)

        def off(x: Tensor, y: Tensor) -> Tensor:
            return (x - y).abs().mean((1, 2, 3))

        found = task.g_loss(nets, batch, RNG).losses
        # the paper's game has no halves: adversarial=2
        game = (nets.D_b(fake_b).logits - 1).square().mean(1) + (nets.D_a(fake_a).logits - 1).square().mean(1)
        assert torch.allclose(found["adversarial"], game, rtol=1e-5)
        assert torch.allclose(found["cycle"], 10 * (off(nets.G_ba(fake_b), a) + off(nets.G_ab(fake_a), b)), rtol=1e-5)
        assert torch.allclose(found["identity"], 5 * (off(nets.G_ab(b), b) + off(nets.G_ba(a), a)), rtol=1e-5)
        found = task.d_loss(nets, batch, RNG).losses
        for name, real, fake in (("D_a", a, fake_a), ("D_b", b, fake_b)):
            D = nets[name]
            wanted = 0.5 * ((D(real).logits - 1).square().mean(1) + D(fake).logits.square().mean(1))
            assert torch.allclose(found[name], wanted, rtol=1e-5)

    def test_directions(self):
        task = self.task()
        nets = nets_of(task, task.adapt(self.spec))
        x = picture(0, 1, 3, 8, 8)
        assert task.directions() == ("ab", "ba")
        assert torch.equal(task.translate(nets, x, "ba"), nets.G_ba(x))
        assert torch.equal(task.translate(nets, x), nets.G_ab(x))
        with refused("translate.unknown_direction", "'ac'", "ab and ba"):
            task.translate(nets, x, "ac")
        assert len(task.visualize(nets, self.batch()[0])) == 6

    def test_data_that_is_not_of_two_sets(self):
        with refused("task.needs_two_domains", "data.a=", "data.b="):
            self.task().adapt(Spec((3, 8, 8)))

    def test_the_pool_does_what_the_paper_says(self):
        """Against the procedure with a list, driven by the same draws."""
        size = 4
        memory = Memory({"pictures": torch.zeros(size, 1, 2, 2), "count": torch.zeros((), dtype=torch.int64)})
        pool: list[Tensor] = []
        kept = 0
        for step in range(12):
            fakes, rng = picture(step, 3, 1, 2, 2), Rng(1, step, "pool")
            places, swaps = rng.integers("place", (3,), size), rng.uniform("swap", (3,)) < 0.5
            wanted = []
            for fake, place, swap in zip(fakes, places.tolist(), swaps.tolist(), strict=True):
                if len(pool) < size:
                    pool.append(fake)
                    wanted.append(fake)
                elif swap:
                    wanted.append(pool[place])
                    pool[place] = fake
                else:
                    wanted.append(fake)
                    kept += 1
            assert torch.equal(out_of_pool(memory, fakes, rng), torch.stack(wanted))
        assert torch.equal(memory["pictures"], torch.stack(pool))
        assert 8 < kept < 24, "one case of two of 32"


def test_two_sets_take_turns_and_go_round_on_their_own():
    labels = np.array([0] * 5 + [1] * 3)
    order = TwoSets(labels)
    rows = np.concatenate([order.rows(7, start, 2)[0] for start in range(0, 30, 2)])
    assert (labels[rows[0::2]] == 0).all()
    assert (labels[rows[1::2]] == 1).all()
    assert all(sorted(rows[0::2][k : k + 5]) == [0, 1, 2, 3, 4] for k in range(0, 30, 5))
    assert all(sorted(rows[1::2][k : k + 3]) == [5, 6, 7] for k in range(0, 30, 3))
    assert (order.rows(7, 4, 2)[0] == rows[8:12]).all(), "a function of its arguments alone"
    assert (order.rows(8, 0, 8)[0] != rows[:16]).any()


class TestContrastive:
    spec = Spec((3, 8, 8), 2, ("a", "b"), {"mode": "RGB", "depth": 8})

    def task(self, **fields) -> Contrastive:
        start: dict[str, Any] = {"translator": TinyTranslator(), "critic": TinyCritic(), "layers": (0, 1), "width": 8}
        return Contrastive(**{**start, "patches": 16, **fields})

    def test_nce_against_its_formula(self):
        q, k = (torch.nn.functional.normalize(picture(s, 2, 5, 4), dim=2) for s in (0, 1))
        wanted = []
        for n in range(2):
            weights = np.exp(q[n].double().numpy() @ k[n].double().numpy().T / 0.07)
            wanted.append(float(np.mean(-np.log(np.diag(weights) / weights.sum(1)))))
        assert nce(q, k, 0.07).tolist() == pytest.approx(wanted, rel=1e-5)

    def test_its_loss_is_the_mean_over_layers_and_sends_nothing_through_the_source(self):
        task = self.task(patches=64)  # all places: then the order of the draws does not matter
        nets = nets_of(task, task.adapt(self.spec))
        a = picture(0, 2, 3, 8, 8)
        (seen,) = task.passes(nets.G, [a])
        found = task.contrast(nets, seen, RNG)

        def rows(maps: Tensor, number: int) -> Tensor:
            return nets.H(number, maps.flatten(2).transpose(1, 2))

        pairs = zip(nets.G.features(nets.G(a), (0, 1)), nets.G.features(a, (0, 1)), strict=True)
        wanted = torch.stack([nce(rows(q, n), rows(k, n), 0.07) for n, (q, k) in enumerate(pairs)]).mean(0)
        assert torch.allclose(found, wanted, atol=1e-5)
        assert seen.made.requires_grad
        assert all(h.requires_grad for h in seen.of_made)
        assert not any(h.requires_grad for h in seen.of_source)

    def test_cut_as_its_paper_has_it(self):
        task = self.task(adversarial=2.0, terms=(Style(weight=3.0),), lens="random")
        nets = nets_of(task, task.adapt(self.spec))
        x = picture(3, 4, 3, 8, 8)
        a, b = x[0::2], x[1::2]
        found = task.g_loss(nets, Batch(x), RNG).losses
        assert set(found) == {"adversarial", "nce", "identity", "style[random]"}
        assert torch.allclose(found["adversarial"], (nets.D(nets.G(a)).logits - 1).square().mean(1), rtol=1e-5)
        (of_b,) = task.passes(nets.G, [b])
        assert torch.allclose(found["identity"], task.contrast(nets, of_b, RNG.at("identity")), rtol=1e-5)
        assert [p.trains for p in task.phases()] == [("G", "H"), ("D",)]
        assert "identity" not in self.task(identity=0.0).g_loss(nets, Batch(x), RNG).losses

    def test_terms_that_want_pairs_are_refused(self):
        with refused("task.term_needs_pairs", "task.terms: l1"):
            self.task(terms=(L1(),)).adapt(self.spec)

    def test_layers_that_are_not_there(self):
        with refused("task.unknown_layer", "task.layers: 5", "0 to 1"):
            self.task(layers=(0, 5)).players(self.task().adapt(self.spec))


def test_least_squares_of_the_papers():
    """CycleGAN and CUT have (f − 1)² for G and half of both squares for D: ours with `adversarial=2`, `d_gain=1`."""
    r, f = torch.tensor([0.3]), torch.tensor([-0.2])
    assert float(LeastSquares().d(r, f)) == pytest.approx(0.5 * (0.7**2 + 0.2**2))
    assert float(2 * LeastSquares().g(f, None)) == pytest.approx(1.2**2)
