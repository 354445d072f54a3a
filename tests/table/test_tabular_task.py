"""CTGAN's task: rows by condition, packs, what is asked for and what is made."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tabular_spec import CONDITIONS, WIDTH, batch, rows, spec

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.modalities.table.tasks.conditions import BySampling
from ganforge.modalities.table.tasks.rowmaker import RowMaker
from ganforge.modalities.table.tasks.tabular import PackJudge, Tabular
from ganforge.registry import load_all
from ganforge.tasks.base import Task
from refused import refused

load_all()


def tabular(**fields) -> Tabular:
    plain = {
        "kind": "tabular",
        "generator": {"kind": "tabular", "latent": 6, "widths": [8, 8]},
        "discriminator": {"kind": "tabular", "widths": [8, 8], "dropout": 0.0},
        "objective": "wasserstein",
        "penalties": [{"kind": "wgan_gp"}],
        "pack": 5,
    }
    task = Task.parse(plain | fields)
    assert isinstance(task, Tabular)
    return task


def players(task: Tabular, of: Spec | None = None) -> Nets:
    torch.manual_seed(0)
    return Nets(task.players(task.adapt(of or spec())))


class TestTrainingBySampling:
    order = BySampling(CONDITIONS, iter([Batch(rows()[:37]), Batch(rows()[37:])]))

    def draw(self, batches: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        drawn = [self.order.rows(seed, 500 * k, 500) for k in range(batches)]
        return np.concatenate([r for r, _ in drawn]), np.concatenate([extra["condition"] for _, extra in drawn])

    def test_every_row_meets_its_condition(self):
        x = rows()
        chosen, condition = self.draw(4)
        for column in CONDITIONS:
            own = (condition >= column["start"]) & (condition < column["start"] + column["width"])
            of = x[chosen[own], column["block_start"] : column["block_start"] + column["width"]]
            assert own.sum() > 500
            assert (of.argmax(1).numpy() == condition[own] - column["start"]).all()

    def test_columns_are_alike_and_categories_go_by_the_logarithm_of_their_frequency(self):
        _, condition = self.draw()
        found = np.bincount(condition, minlength=5) / len(condition)
        logs = [np.log1p([70, 29, 1]), np.log1p([60, 40])]
        wanted = np.concatenate([log / log.sum() / 2 for log in logs])
        assert found == pytest.approx(wanted, abs=0.012)
        assert wanted[2] > 5 * 0.01 / 2, "a rare category is seen far more often than it occurs"

    def test_rows_of_a_category_are_drawn_evenly(self):
        chosen, condition = self.draw()
        counts = np.bincount(chosen[condition == 3], minlength=100)[:60]
        assert counts.sum() == (condition == 3).sum()
        assert counts.min() > 0.5 * counts.mean()
        assert counts.max() < 1.6 * counts.mean()

    def test_a_batch_hangs_on_its_position_and_the_seed_alone(self):
        first, second = self.order.rows(3, 1000, 500), self.order.rows(3, 1500, 500)
        again = BySampling(CONDITIONS, iter([Batch(rows())])).rows(3, 1000, 500)
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1]["condition"], again[1]["condition"])
        assert not np.array_equal(first[0], second[0])
        assert not np.array_equal(first[0], self.order.rows(4, 1000, 500)[0])

    def test_a_category_that_no_row_has_is_never_drawn(self):
        x = rows()
        x[x[:, 7] == 1, 5], x[:, 7] = 1, 0
        condition = BySampling(CONDITIONS, iter([Batch(x)])).rows(0, 0, 5000)[1]["condition"]
        assert 2 not in condition

    def test_without_discrete_columns_rows_come_pass_after_pass(self):
        task = tabular()
        bare = Spec((WIDTH,), state={"blocks": spec().state["blocks"], "conditions": []})
        assert task.order(bare, iter([Batch(rows())])) is None
        unconditional = tabular(conditional=False)
        assert unconditional.order(unconditional.adapt(spec()), iter([Batch(rows())])) is None


def test_a_pack_is_judged_as_with_its_conditions_joined_to_its_rows():
    """The vectors of the conditions, added up, are what a linear layer would make of their one-hots."""
    task = tabular()
    D = players(task).D
    assert isinstance(D, PackJudge)
    b = batch()
    found = D(b.x, b.extra["condition"]).logits
    assert found.shape == (4,)
    net = D.net
    one_hot = torch.nn.functional.one_hot(b.extra["condition"], 5).float().view(4, 25)
    weight = torch.cat([net.hidden[0].weight, net.label.weight.T], 1)
    h = net.after(torch.cat([b.x.reshape(4, 5 * WIDTH), one_hot], 1) @ weight.T + net.hidden[0].bias)
    h = net.after(net.hidden[1](h))
    torch.testing.assert_close(found, net.head(h).squeeze(1))


def test_packs_of_other_conditions_are_other_packs():
    nets, b = players(tabular()), batch()
    c = b.extra["condition"]
    assert not torch.allclose(nets.D(b.x, c).logits, nets.D(b.x, c.flip(0)).logits)


def test_mismatch_is_the_cross_entropy_of_the_column_that_was_asked_for():
    maker = players(tabular()).G
    assert isinstance(maker, RowMaker)
    raw, c = torch.randn(5, WIDTH), torch.arange(5)
    shape, color = raw[:3, 5:8].log_softmax(1), raw[3:, 9:11].log_softmax(1)
    wanted = -torch.cat([shape.diagonal(), color.diagonal()])
    torch.testing.assert_close(maker.mismatch(raw, c), wanted)


def test_losses_are_per_pack_and_per_row():
    task = tabular(d_steps=2)
    nets, b, rng = players(task), batch(), Rng(0)
    d, g = task.d_loss(nets, b, rng), task.g_loss(nets, b, rng)
    assert {name: tuple(loss.shape) for name, loss in d.losses.items()} == {"adversarial": (4,), "wgan_gp": (4,)}
    assert {name: tuple(loss.shape) for name, loss in g.losses.items()} == {"adversarial": (4,), "match": (20,)}
    assert [(p.name, p.repeats, p.order) for p in task.phases()] == [("D", 2, 2), ("G", 1, 1)]


def test_the_penalty_looks_at_whole_packs():
    """D(pack) = w · pack with |w| = 2 has the slope 2, so the loss is (2 - 1)² times its weight."""
    task = tabular(conditional=False)
    nets = players(task)
    w = torch.full((5 * WIDTH,), 2 / (5 * WIDTH) ** 0.5)

    class Linear(torch.nn.Module):
        def forward(self, x, c=None):
            from ganforge.nets.base import DiscriminatorOutput

            return DiscriminatorOutput(x @ w)

    nets.players["D"] = PackJudge(Linear(), 5, 0)
    loss = task.d_loss(nets, Batch(batch().x), Rng(0)).losses["wgan_gp"]
    torch.testing.assert_close(loss, torch.full((4,), 10.0))


class TestSampling:
    def test_a_row_of_a_seed_is_always_the_same(self):
        task = tabular()
        nets = players(task)
        for net in nets.values():
            net.eval()
        whole = task.sample(nets, Request(100, seed=2))
        # products of matrices round otherwise for another number of rows
        torch.testing.assert_close(task.sample(nets, Request(30, seed=2, start=60)), whole[60:90])
        assert not torch.equal(task.sample(nets, Request(100, seed=3)), whole)
        assert torch.equal(whole[:, 5:8].sum(1), torch.ones(100))

    def test_conditions_are_drawn_as_they_occur(self):
        maker = players(tabular()).G
        assert isinstance(maker, RowMaker)
        drawn = maker.conditions(torch.linspace(0, 1 - 1e-6, 10_000), None)
        assert drawn is not None
        wanted = np.array([0.70, 0.29, 0.01, 0.60, 0.40]) / 2
        assert np.bincount(drawn.numpy()) / 10_000 == pytest.approx(wanted, abs=1e-3)

    def test_a_condition_is_kept_to_where_it_is_asked_for(self):
        task = tabular()
        nets = players(task)
        for p in nets.G.parameters():
            torch.nn.init.zeros_(p)
        table = nets.G.net.label.weight.data  # rows of the last layer come after those of the hidden ones
        for c, place in enumerate((5, 6, 7, 9, 10)):
            table[c, 16 + place] = 50.0  # a generator that does as it is told
        nets.G.eval()
        wanted = torch.tensor([2, 4, -1, -1] * 25)
        x = task.sample(nets, Request(100, extra={"condition": wanted}))
        assert (x[0::4, 7] == 1).all()
        assert (x[1::4, 10] == 1).all()
        assert 0 < x[2::4, 9].mean() < 1


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        (lambda: tabular().adapt(Spec((3, 8, 8))), "data.not_a_table", "task.kind=tabular"),
        (lambda: tabular().check(52), "task.pack_not_a_divisor", "batch=50"),
        (
            lambda: tabular(penalties=[{"kind": "r1", "every": 4}]).adapt(spec()),
            "task.penalty_not_every_step",
            "every=1",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_training(change, code, named):
    with refused(code, named):
        change()


def test_a_look_at_the_runs_health_compares_rows_of_the_same_conditions(monkeypatch):
    """Else a table with a rare category would look collapsed: it is rarer among fakes than among rows by condition."""
    from ganforge.engine.health import watcher
    from ganforge.engine.trainer import Trainer

    task, asked = tabular(), []
    recipe = SimpleNamespace(seed=0, task=task)
    own = {"device": "cpu", "weights_dtype": torch.float32, "waits": False}
    trainer = SimpleNamespace(recipe=recipe, nets=players(task), **own)
    sample = Tabular.sample

    def noted(self, nets, request):
        asked.append(request)
        return sample(self, nets, request)

    monkeypatch.setattr(Tabular, "sample", noted)
    b = batch()
    live = functools.partial(Trainer.live_samples, trainer)
    watcher.measure(SimpleNamespace(batch=b, stats={}, gradients={}), live)
    assert torch.equal(asked[0].extra["condition"], b.extra["condition"])


def test_a_discriminator_that_looks_across_the_batch_is_refused():
    """Real and fake packs go through D together, so it must judge each by itself."""
    with refused("task.discriminator_mixes_batch", "task.discriminator=mlp", "task.discriminator=tabular"):
        players(tabular(discriminator={"kind": "mlp", "norm": "batch"}))
