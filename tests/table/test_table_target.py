"""A net that learns the target from the other columns, from which new rows draw it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from tabular_spec import rows, spec

import ganforge as gf
from ganforge.core.component import to_plain
from ganforge.engine.build import finalize
from ganforge.modalities.table.tasks.target import PARTS, CategoryTarget, NumberTarget, TargetNet, target_net
from ganforge.recipes import make_recipe
from refused import refused


def of_column(name: str) -> TargetNet:
    described = spec()
    described.state["target"] = name
    return target_net(described, (8,), 0.0, 0.5).eval()


def net() -> CategoryTarget:
    C = of_column("shape")
    assert isinstance(C, CategoryTarget)
    return C


@pytest.mark.parametrize("name", ["shape", "size"])
def test_the_target_is_not_seen_and_alone_is_drawn(name):
    C, x = of_column(name), rows(20)
    other = x.clone()
    other[:, C.place] = x[:, C.place].roll(1, 1)
    assert torch.equal(C(x), C(other))
    uniform = torch.rand(20, x.shape[1])
    drawn = C.drawn(x, uniform)
    assert torch.equal(drawn, C.drawn(other, uniform))
    assert (drawn[:, C.place][:, -3:].sum(1) <= 1).all()
    assert not torch.equal(drawn, x)
    drawn[:, C.place] = x[:, C.place]
    assert torch.equal(drawn, x)


def test_what_may_not_be_drawn_is_not():
    x = rows(200)
    assert net().drawn(x, torch.rand(x.shape), never=(5, 6))[:, 7].all()
    assert of_column("size").drawn(x, torch.rand(x.shape), never=(1, 2, 3))[:, 4].all()


class TestNumbers:
    """The column size: a value and one of four modes."""

    def known(self, probabilities: torch.Tensor) -> NumberTarget:
        """C that says these [4, PARTS] of every row."""
        C = of_column("size")
        assert isinstance(C, NumberTarget)
        with torch.no_grad():
            C.net[-1].weight.zero_()
            C.net[-1].bias.copy_(probabilities.flatten().log())
        return C

    def test_the_loss_is_of_the_part_of_the_mode(self):
        probabilities = torch.rand(4, PARTS, generator=torch.Generator().manual_seed(0)).clamp_min(0.1)
        probabilities /= probabilities.sum()
        x = rows(50)
        x[:3, 0] = torch.tensor([-1.0, 1.0, 0.0])  # 1 is of the last part
        part = [0, PARTS - 1, PARTS // 2, *((x[3:, 0] + 1) / 2 * PARTS).floor().long().tolist()]
        expected = -probabilities[x[:, 1:5].argmax(1), part].log()
        assert torch.allclose(self.known(probabilities).loss(x), expected, atol=1e-5)

    def test_draws_are_as_frequent_as_they_are_probable(self):
        probabilities = torch.full((4, PARTS), 1e-9)
        probabilities[1, 8], probabilities[3, 31] = 0.75, 0.25  # the value in [-1/2, -7/16), and in [15/16, 1]
        x, n = rows(4000), 4000
        uniform = (torch.arange(n).float()[:, None] + 0.5).expand(n, x.shape[1]) / n
        drawn = self.known(probabilities / probabilities.sum()).drawn(x, uniform)
        first = drawn[:, 2] == 1
        assert first.float().mean().item() == pytest.approx(0.75, abs=1e-3)
        assert torch.equal(drawn[:, 4] == 1, ~first)
        for of_mode, low in ((first, -1 / 2), (~first, 15 / 16)):
            values = drawn[of_mode, 0].sort().values
            even = low + (torch.arange(len(values)) + 0.5) / len(values) / 16
            assert torch.allclose(values, even, atol=1e-3)


def test_values_count_as_often_as_they_occur():
    """Half of the rows come by the logarithm of how often their target occurs: 70, 29 and 1 of 100."""
    C, x = net(), rows(100)
    logs = np.log1p([70, 29, 1])
    trained = 0.5 * logs / logs.sum() + 0.5 * np.array([0.7, 0.29, 0.01])
    assert C.weights.numpy() == pytest.approx(np.array([0.7, 0.29, 0.01]) / trained, rel=1e-5)
    t = x[:, C.place].argmax(1)
    loss = torch.nn.functional.cross_entropy(C(x), t, weight=C.weights, reduction="none")
    assert torch.allclose(C.loss(x), loss)


def test_only_a_rare_target_is_asked_of_the_generator():
    asked = net().conditions(torch.tensor([-1, 0, 1, 2, 3, 4]))
    assert asked.tolist() == [-1, -1, -1, 2, 3, 4]  # star is 1 % of the shapes; 3 and 4 are colors


def table(n: int = 400) -> pd.DataFrame:
    """Where one lives decides whether one pays, but for a few."""
    draws = np.random.default_rng(0)
    city, age = draws.choice(["Lima", "Oslo"], n), draws.integers(18, 80, n)
    pays = np.where((city == "Oslo") ^ (draws.random(n) < 0.05), "yes", "no")
    return pd.DataFrame({"city": city, "age": age, "pays": pays})


FIELDS = {
    "task.target_widths": [16], "optimizers.C": "adam", "optimizers.C.lr": 5e-3, "task.generator.widths": [16],
    "statistics.batches": 2, "statistics.size": 200, "batch": 50, "samples": 5_000, "ema.half_life": 500,
    "log_every": 5_000, "callbacks": [],
}  # fmt: skip


@pytest.mark.slow
def test_new_rows_have_the_number_that_goes_with_them():
    """A target that is missing in a tenth of the rows: in as many new ones, and in none that is completed."""
    draws = np.random.default_rng(0)
    known = table()
    known["rent"] = np.where(known["city"] == "Oslo", 900.0, 300.0) + draws.normal(0, 20, len(known))
    known.loc[draws.random(len(known)) < 0.1, "rent"] = np.nan
    model = gf.TableGAN(target="rent", fields=FIELDS | {"optimizers.C.lr": 2e-2}, progress=False).fit(known)
    made = model.sample(1000)
    assert made["rent"].isna().mean() == pytest.approx(0.1, abs=0.05)
    paid = made.dropna()
    assert ((paid["city"] == "Oslo") == (paid["rent"] > 600)).mean() > 0.9
    full = model.complete(known.drop(columns="rent"))
    assert not full["rent"].isna().any()
    assert ((full["city"] == "Oslo") == (full["rent"] > 600)).mean() > 0.9


@pytest.mark.slow
def test_new_rows_have_the_target_that_goes_with_them(tmp_path):
    model = gf.TableGAN(target="pays", fields=FIELDS, progress=False).fit(table())
    model = gf.TableGAN.load(model.save(tmp_path / "m.safetensors"))
    made = model.sample(500)
    assert ((made["city"] == "Oslo") == (made["pays"] == "yes")).mean() > 0.8
    assert (model.sample(50, where="pays=yes")["pays"] == "yes").all()
    full = model.complete(table().drop(columns="pays"))
    assert ((full["city"] == "Oslo") == (full["pays"] == "yes")).mean() > 0.8
    given = model.complete(table().drop(columns="age"))
    assert (given["pays"] == table()["pays"]).all()


def test_ctgan_fast_has_one_where_there_is_a_target():
    recipe = make_recipe("ctgan-fast", overrides=["data.kind=table", "data.path=none"])
    for target, widths, players in (
        ("shape", (64, 64), {"G", "D", "C"}),
        ("size", (64, 64), {"G", "D", "C"}),
        (None, (), {"G", "D"}),
    ):
        described = spec()
        described.state["target"] = target
        final = finalize(recipe, recipe.task.adapt(described))
        assert to_plain(final.task)["target_widths"] == [*widths]
        assert set(final.optimizers) == set(final.task.players(described)) == players
        assert finalize(final, described) is final
    given = make_recipe("ctgan-fast", overrides=["data.kind=table", "data.path=none", "task.target_widths=[]"])
    assert set(finalize(given, spec()).optimizers) == {"G", "D"}
    plain = make_recipe("table-gan", overrides=["data.kind=table", "data.path=none"])
    assert finalize(plain, spec()) is plain


def test_it_needs_a_target():
    for target, fields in ((None, FIELDS), ("pays", FIELDS | {"task.conditional": False})):
        with refused("task.no_target", "target=COLUMN"):
            gf.TableGAN(target=target, fields=fields, progress=False).fit(table())
