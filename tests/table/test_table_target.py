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
from ganforge.modalities.table.tasks.target import TargetNet
from ganforge.recipes import make_recipe
from refused import refused


def net() -> TargetNet:
    described = spec()
    described.state["target"] = "shape"
    return TargetNet(described, (8,), 0.0, 0.5).eval()


def test_the_target_is_not_seen_and_alone_is_drawn():
    C, x = net(), rows(20)
    other = x.clone()
    other[:, C.place] = x[:, C.place].roll(1, 1)
    assert torch.equal(C(x), C(other))
    uniform = torch.rand(20, x.shape[1])
    drawn = C.drawn(x, uniform)
    assert torch.equal(drawn, C.drawn(other, uniform))
    assert (drawn[:, C.place].sum(1) == 1).all()
    drawn[:, C.place] = x[:, C.place]
    assert torch.equal(drawn, x)


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


def test_ctgan_fast_has_one_where_the_target_is_discrete():
    recipe = make_recipe("ctgan-fast", overrides=["data.kind=table", "data.path=none"])
    for target, widths, players in (("shape", (64, 64), {"G", "D", "C"}), (None, (), {"G", "D"})):
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


def test_it_needs_a_target_of_categories():
    for target in (None, "age"):
        with refused("task.no_discrete_target", "target=COLUMN"):
            gf.TableGAN(target=target, fields=FIELDS, progress=False).fit(table())
