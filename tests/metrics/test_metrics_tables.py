"""Figures of tables against closed forms, SciPy, scikit-learn and brute force; and what they say of known cheats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score, r2_score, roc_auc_score

from ganforge.metrics.base import Comparison, Metric, SampleSet, measure
from ganforge.modalities.table.metrics import design, plots
from ganforge.modalities.table.metrics.columns import ks, total_variation
from ganforge.modalities.table.metrics.design import Dense, auc, closest
from ganforge.modalities.table.metrics.frames import Column, codes, columns_of, numbers
from ganforge.modalities.table.metrics.pairwise import contingency, correlation
from ganforge.modalities.table.metrics.privacy import row_hashes
from ganforge.modalities.table.metrics.usefulness import score
from ganforge.registry import load_all
from refused import refused

load_all()


def people(n: int, seed: int = 0) -> pd.DataFrame:
    """City decides pay, pay and age decide who owns; some ages are missing."""
    draws = np.random.default_rng(seed)
    city = draws.choice(["Lima", "Oslo", "Quito"], n, p=[0.6, 0.3, 0.1])
    pay = np.where(city == "Oslo", draws.normal(60, 6, n), draws.normal(25, 5, n)).round(1)
    age = draws.integers(18, 80, n).astype(float)
    owns = np.where(pay + age / 2 + draws.normal(0, 4, n) > 60, "yes", "no")
    paid = pd.Timestamp("2024-01-01") + pd.to_timedelta(draws.integers(0, 300, n), unit="D")
    age[draws.random(n) < 0.1] = np.nan
    rows = np.arange(n)
    return pd.DataFrame(
        {"id": [f"P{k}" for k in rows], "city": city, "pay": pay, "age": age, "owns": owns, "paid": paid}
    )


def compare(real, fake, heldout=None, *, target="owns", known=True, **more) -> Comparison:
    side = SampleSet.of(real, name="real")
    unseen = None if heldout is None else SampleSet.of(heldout, name="real (test)")
    facts = {"target": target} if target else {}
    train = side if known else None
    return Comparison(side, SampleSet.of(fake, name="fake"), train=train, heldout=unseen, facts=facts, **more)


def figures(comparison: Comparison, *metrics: str) -> dict:
    results = measure([Metric.parse(name) for name in metrics], comparison)
    return {result.name.split("[")[0].rstrip("0123456789k"): result for result in results}


def shuffled(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The same columns, none of which has to do with another one."""
    draws = np.random.default_rng(seed)
    return pd.DataFrame({name: table[name].to_numpy()[draws.permutation(len(table))] for name in table})


some_numbers = st.lists(st.integers(-5, 5) | st.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(some_numbers, some_numbers)
@settings(max_examples=60, deadline=None)
def test_ks_is_brute_force(a, b):
    a, b = np.array(a, float), np.array(b, float)
    wanted = max(abs((a <= x).mean() - (b <= x).mean()) for x in [*a, *b])
    assert ks(a, b) == pytest.approx(wanted, abs=1e-12)
    assert ks(a, b) == ks(b, a)


def test_ks_is_scipys():
    draws = np.random.default_rng(0)
    a, b = draws.standard_normal(300), draws.integers(-2, 3, 200).astype(float)
    assert ks(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)


def test_ks_of_nothing():
    assert ks(np.array([]), np.array([])) == 0
    assert ks(np.array([]), np.array([1.0])) == 1


def test_total_variation_in_closed_form():
    assert total_variation(np.array([0.5, 0.5, 0.0]), np.array([0.2, 0.5, 0.3])) == pytest.approx(0.3)
    assert total_variation(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1


def test_correlation_is_numpys_over_rows_that_have_both():
    draws = np.random.default_rng(0)
    x = draws.standard_normal(400)
    y = 0.4 * x + draws.standard_normal(400)
    x[::7], y[::11] = np.nan, np.nan
    both = ~(np.isnan(x) | np.isnan(y))
    assert correlation(x, y) == pytest.approx(np.corrcoef(x[both], y[both])[0, 1], abs=1e-12)
    assert correlation(1e300 * x, -y) == pytest.approx(-np.corrcoef(x[both], y[both])[0, 1], abs=1e-12)
    assert correlation(x, np.ones(400)) is None


def test_contingency_is_crosstab():
    draws = np.random.default_rng(0)
    a, b = draws.integers(0, 3, 200), draws.integers(0, 4, 200)
    wanted = pd.crosstab(a, b, normalize=True).to_numpy()
    np.testing.assert_allclose(contingency((a, 3, None), (b, 4, None)).reshape(3, 4), wanted)


@given(some_numbers, some_numbers)
@settings(max_examples=40, deadline=None)
def test_auc_is_scikit_learns(a, b):
    wanted = roc_auc_score([1] * len(a) + [0] * len(b), a + b)
    assert auc(np.array(a, float), np.array(b, float)) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("pairs", [1 << 24, 50])
def test_closest_rows_are_those_of_brute_force(monkeypatch, pairs):
    monkeypatch.setattr(design, "PAIRS", pairs)
    draws = np.random.default_rng(0)
    a, b = (draws.standard_normal((n, 5)).astype(np.float32) + 100 for n in (30, 70))
    b[13] = a[4]
    every = np.sqrt(((a[:, None].astype(float) - b[None]) ** 2).sum(2))
    cpu = torch.device("cpu")
    found = closest(a, b, cpu, lambda done, total: None)
    np.testing.assert_allclose(found, every.min(1), rtol=1e-4)
    assert found[4] == 0, "a copy is at no distance at all"
    own = np.sqrt(((b[:, None].astype(float) - b[None]) ** 2).sum(2)) + np.diag(np.full(70, np.inf))
    np.testing.assert_allclose(closest(b[:20], b, cpu, lambda done, total: None, same=True), own.min(1)[:20], rtol=1e-4)


def test_distances_count_what_they_say():
    """A standard deviation of a number and a category that differs are both 1; missing in both is no difference."""
    real = pd.DataFrame({"x": [-1.0, 1.0] * 20, "city": ["a", "b"] * 20})
    dense = Dense([Column("x", "continuous"), Column("city", "categorical")], real)
    rows = dense(pd.DataFrame({"x": [0.0, 1.0, 0.0, None, None], "city": ["a", "a", "b", None, None]}))
    apart = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(2))
    assert apart[0, 1] == pytest.approx(1)
    assert apart[0, 2] == pytest.approx(1)
    assert apart[3, 4] == 0
    assert apart[0, 3] > 1


def test_scores_are_scikit_learns():
    draws = np.random.default_rng(0)
    y, z = draws.standard_normal(50), draws.standard_normal(50)
    assert score(y, z, True) == pytest.approx(r2_score(y, z))
    for names in (["no", "yes"], ["a", "b", "c"]):
        wanted, found = (np.array(names, object)[draws.integers(0, len(names), 80)] for _ in range(2))
        rare = min(names, key=lambda name: (wanted == name).sum())
        how = {"pos_label": rare} if len(names) == 2 else {"average": "macro"}
        assert score(wanted, found, False) == pytest.approx(f1_score(wanted.astype(str), found.astype(str), **how))


def test_the_same_table_twice_is_perfect_and_all_copies():
    real = people(400)
    found = figures(compare(real, real.copy(), people(100, 1)), "columns", "pairwise", "detection", "privacy")
    assert found["ks"].value == found["tv"].value == found["missing"].value == 0
    assert found["correlation"].value == found["contingency"].value == 1
    assert found["detection"].value < 0.55
    assert found["exact_copies"].value == 1
    assert found["exact_copies"].detail["copying"]
    assert found["dcr"].value == 1
    assert found["membership"].value == pytest.approx(1)


@pytest.mark.slow
def test_fresh_rows_of_the_same_kind_are_left_in_peace():
    """An honest generator: rows that come from where the real ones do, and of which no one was copied."""
    comparison = compare(people(1500), people(1500, 1), people(500, 2))
    found = figures(comparison, "columns", "pairwise", "detection", "usefulness", "privacy")
    assert found["ks"].value < 0.05
    assert found["tv"].value < 0.05
    assert found["correlation"].value > 0.97
    assert found["contingency"].value > 0.85
    assert 0.45 < found["detection"].value < 0.55
    assert found["usefulness"].value > found["usefulness_of_real"].value - 0.07
    assert abs(found["dcr"].value - 0.5) < 4 * found["dcr"].detail["error"]
    assert abs(found["membership"].value - 0.5) < 4 * found["membership"].detail["error"]
    assert not any(found[name].detail[flag] for name, flag in
                   (("dcr", "closer"), ("exact_copies", "copying"), ("membership", "told")))  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sides", [("held out",), ("made",), ("trained on", "held out")])
def test_in_which_order_rows_lie_says_nothing_of_privacy_or_detection(sides):
    """Real files are often sorted, and the first rows of a sorted file are not like all the others."""
    rows = {"trained on": people(1500), "made": people(1500, 1), "held out": people(600, 2)}
    for side in sides:
        rows[side] = rows[side].sort_values("pay", key=lambda pay: (pay - 25).abs(), ignore_index=True)  # odd ones last
    metrics = [Metric.parse(f"{name}(most=250)") for name in ("privacy", "detection")]
    results = measure(metrics, compare(rows["trained on"], rows["made"], rows["held out"]))
    found = {result.name.split("[")[0].rstrip("0123456789k"): result for result in results}
    assert abs(found["dcr"].value - 0.5) < 4 * found["dcr"].detail["error"]
    assert abs(found["membership"].value - 0.5) < 4 * found["membership"].detail["error"]
    assert 0.38 < found["detection"].value < 0.62


@pytest.mark.slow
def test_columns_shuffled_apart_are_found_out_by_pairs_and_by_a_classifier():
    real = people(1500)
    found = figures(compare(real, shuffled(real), people(500, 2)), "columns", "pairwise", "detection", "usefulness")
    assert found["ks"].value == found["tv"].value == 0
    assert found["contingency"].value < 0.85
    assert found["contingency"].detail["worst"][0]["columns"] == ["city", "pay"]
    assert found["detection"].value > 0.7
    given_away = found["detection"].detail["per_column"]
    assert {"pay", "city"} & set(sorted(given_away, key=given_away.__getitem__)[-2:])
    assert found["usefulness"].value < found["usefulness_of_real"].value - 0.2


@pytest.mark.slow
def test_every_figure_has_a_stamp_and_one_seed_gives_the_same():
    real, fake, unseen = people(300), people(300, 1), people(80, 2)
    names = ("columns", "pairwise", "detection", "usefulness", "privacy")
    first, again = (figures(compare(real, fake, unseen), *names) for _ in range(2))
    assert {k: r.to_plain() for k, r in first.items()} == {k: r.to_plain() for k, r in again.items()}
    for result in first.values():
        assert {"real", "fake", "n_real", "n_fake", "seed"} <= set(result.protocol)
        assert result.name.endswith("]")
    assert first["usefulness"].protocol["n_test"] == 80
    assert first["dcr"].protocol["yardstick"] == "held-out"


def test_without_held_out_rows_it_says_so():
    found = figures(compare(people(300), people(300, 1), known=False), "usefulness", "privacy")
    assert "membership" not in found
    assert any("No rows were held back" in note for note in found["usefulness"].detail["notes"])
    notes = found["dcr"].detail["notes"]
    assert any("No rows were held back" in note for note in notes)
    assert any("treated as the training rows" in note for note in notes)
    assert found["dcr"].protocol["yardstick"] == "leave-one-out"


def test_a_target_of_numbers_and_one_that_is_not_there():
    real, fake, unseen = people(400), people(400, 1), people(120, 2)
    found = figures(compare(real, fake, unseen, target="pay"), "usefulness")
    assert found["usefulness"].name == "usefulness400[R² of pay]"
    assert found["usefulness_of_constant"].value <= 0.01
    assert found["usefulness_of_real"].value > 0.8
    assert "target" in Metric.parse("usefulness").lacks(compare(real, fake, target=None))
    for name in ("id", "nothing"):
        with refused("metric.target_not_usable", "'usefulness'", repr(name)):
            figures(compare(real, fake, unseen, target=name), "usefulness")


def test_a_generator_that_knows_one_class_alone():
    real, fake, unseen = people(400), people(400, 1), people(120, 2)
    found = figures(compare(real, fake.assign(owns="no"), unseen), "usefulness", "columns")
    assert found["usefulness"].value == found["usefulness_of_constant"].value == 0
    assert found["tv"].detail["per_column"]["owns"] > 0.2


def test_a_table_that_lacks_a_column_and_one_that_has_none_to_judge():
    real = people(100)
    with refused("table.columns_differ", "columns pay of real"):
        figures(compare(real, real.drop(columns="pay")), "columns")
    with refused("metric.no_columns", "real"):
        figures(compare(real[["id"]], real[["id"]]), "columns")


def test_values_of_two_files_are_the_same_where_they_mean_the_same():
    """1 of one file and 1.0 of another, a boolean and its text, a category that training never saw, nothing at all."""
    real = pd.Series([1, 2, 2, 1])
    assert codes(pd.Series([1.0, 2.0, 3.0, None]), real, ["1", "2"]).tolist() == [0, 1, 2, 3]
    flags = pd.Series([True, False])
    assert codes(pd.Series([False, None, True], dtype="boolean"), flags, ["True", "False"]).tolist() == [1, 3, 0]


def test_dates_in_any_unit_and_as_text():
    column = Column("day", "datetime", "%d.%m.%Y")
    told = numbers(pd.Series(["01.01.1970", "03.01.1970", None]), column)
    np.testing.assert_array_equal(told, [0, 2 * 86400, np.nan])
    for unit in ("s", "ns"):
        times = pd.Series(np.array(["1970-01-02", "NaT"], f"datetime64[{unit}]"))
        np.testing.assert_array_equal(numbers(times, Column("day", "datetime")), [86400, np.nan])


def test_rows_are_equal_only_in_every_column():
    columns = [Column("x", "continuous"), Column("city", "categorical")]
    real = pd.DataFrame({"x": [0.0, 1.0, np.nan], "city": ["a", "b", None]})
    fake = pd.DataFrame({"x": [-0.0, 1.0, np.nan], "city": ["a", "a", None]})
    same = row_hashes(columns, real, real) == row_hashes(columns, fake, real)
    assert same.tolist() == [True, False, True]


def test_columns_of_a_run_are_what_its_recipe_says():
    real = people(60).assign(zip=np.arange(60) % 30 * 100)
    facts = [{"name": name, "kind": "categorical" if name == "zip" else "identifier"} for name in real]
    comparison = Comparison(SampleSet.of(real), SampleSet.of(real), facts={"columns": facts})
    assert [(column.name, column.kind) for column in columns_of(comparison)] == [("zip", "categorical")]


class TestPlots:
    @pytest.fixture
    def drawn(self) -> dict[str, str]:
        real = people(300).rename(columns={"city": "城市 & <所在地>"})
        fake = people(300, 1).rename(columns={"city": "城市 & <所在地>"})
        found = figures(compare(real, fake, target=None), "columns", "pairwise", "privacy")
        plots_of = [plot for result in found.values() for plot in result.detail.get("plots", [])]
        return {plot["title"]: plot["drawing"].svg() for plot in plots_of}

    def test_one_a_column_and_a_heat_map(self, drawn):
        titles = [title.split(" — ")[0] for title in drawn]
        assert titles[:5] == ["城市 & <所在地>", "pay", "age", "owns", "paid"]
        assert any("dependence of two columns" in title for title in titles)
        assert "城市 &amp; &lt;" in next(svg for title, svg in drawn.items() if "two columns" in title)

    def test_each_is_a_whole_file_that_needs_no_other(self, drawn):
        import xml.etree.ElementTree as ElementTree

        for svg in drawn.values():
            ElementTree.fromstring(svg)
            assert "href" not in svg
            assert "url(" not in svg
            assert "<script" not in svg

    def test_bins_hold_everything(self):
        edges = plots.edges_of(np.arange(100.0), True)
        assert sum(plots.in_bins(np.array([-50.0, 3.0, 500.0]), edges)) == pytest.approx(1)
        assert plots.in_bins(np.array([500.0]), edges)[-1] == 1
        assert (np.diff(plots.edges_of(np.array([4.0, 4.0]), False)) > 0).all()
        assert np.diff(plots.edges_of(np.array([1.0, 2.0, 3.0]), True)).tolist() == [1, 1, 1]


def test_memory_is_bounded(monkeypatch):
    """Of a large table in its dense form no more rows are looked at than there is room for, and the figure says so."""
    from ganforge.modalities.table.metrics import privacy

    real = people(300)
    monkeypatch.setattr(privacy, "ROOM", 100 * Dense(columns_of(compare(real, real)), real).width)
    found = figures(compare(real, people(300, 1), people(50, 2)), "privacy")
    assert found["dcr"].protocol["n_train"] == 100
    assert any("100 of the 300 training rows" in note for note in found["dcr"].detail["notes"])
    assert found["exact_copies"].protocol["n_train"] == 300
