"""The table signal: what a table is comes back as it was, and what the nets see is laid out as the spec says."""

from __future__ import annotations

import datetime
import inspect
import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.table.columns import categories, grid, identifiers, kinds, modes, quantiles
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import from_frame
from refused import refused

N = 120
QUICK = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would fit hundreds of mixtures
)


def any_shape(shape):
    return shape


def spec_of(frame, **fields):
    signal = Table(**fields)
    data = from_frame("table", frame)
    return signal, data, signal.spec(data, any_shape)


def there_and_back(frame, **fields):
    """(what was read, what decoding gives, spec), through JSON as a model file does."""
    signal, data, spec = spec_of(frame, **fields)
    spec = Spec.from_plain(json.loads(json.dumps(spec.to_plain())))
    x = signal.encode(torch.from_numpy(signal.prepare_all(data, spec)), spec, Rng(0))
    assert x.shape == (len(frame), *spec.shape)
    return data.frame, signal.decode(x, spec), spec


def column(spec, name):
    return next(c for c in spec.state["columns"] if c["name"] == name)


def every_kind():
    k = np.arange(N)
    day = pd.Timestamp("2024-02-28")
    return pd.DataFrame(
        {
            "city": np.array(["Oslo", "Bergen", "Tromsø"])[k % 3],
            "maybe": pd.Series(np.array(["yes", "no"])[k % 2]).mask(k % 5 == 0),
            "size": pd.Categorical(np.array(["S", "M", "L"])[k % 3], categories=["S", "M", "L", "XL"], ordered=True),
            "rating": 1 + k % 5,
            "flag": k % 4 == 0,
            "flag_or_not": pd.array([None if v % 7 == 0 else bool(v % 2) for v in k], dtype="boolean"),
            "age": 18 + (k * 7) % 73,
            "hundreds": (k * 37 % 91) * 100 - 500,
            "children": pd.array([None if v % 6 == 0 else int(v * v % 83) for v in k], dtype="Int16"),
            "price": np.round((k * 13 % 97) / 7, 2),
            "half": ((k * 13 % 97) / 8).astype(np.float32),
            "sparse": pd.Series(np.round(np.sin(k) * 100, 1)).mask(k % 3 == 0),
            "born": (day + pd.to_timedelta(k * 11 % 97, unit="D")).astype("datetime64[s]"),
            "seen": (day + pd.to_timedelta(k * 61, unit="min")).tz_localize("Europe/Oslo"),
            "told": (day + pd.to_timedelta(k, unit="h")).strftime("%d.%m.%Y %H:%M"),
            "since": pd.Series((day + pd.to_timedelta(k, unit="D")).strftime("%Y-%m-%d")).mask(k % 4 == 0),
            "same": "always",
            "nothing": np.nan,
        }
    )


def test_every_kind_comes_back_exactly():
    real, made, spec = there_and_back(every_kind())
    pd.testing.assert_frame_equal(made, real, check_exact=True)
    found = {c["name"]: c["kind"] for c in spec.state["columns"]}
    assert found == {
        "city": "categorical", "maybe": "categorical", "size": "ordinal", "rating": "ordinal", "flag": "boolean",
        "flag_or_not": "boolean", "age": "integer", "hundreds": "integer", "children": "integer",
        "price": "continuous", "half": "continuous", "sparse": "continuous", "born": "datetime", "seen": "datetime",
        "told": "datetime", "since": "datetime", "same": "constant", "nothing": "constant",
    }  # fmt: skip


@pytest.mark.parametrize("numbers", ["ranges", "minmax", "quantile"])
def test_every_way_to_see_numbers_comes_back_exactly(numbers):
    real, made, _ = there_and_back(every_kind(), numbers=numbers)
    pd.testing.assert_frame_equal(made, real, check_exact=True)


def test_numbers_may_be_picked_like_categories():
    frame = every_kind()
    real, made, spec = there_and_back(frame, encodings={"age": "onehot", "sparse": "onehot", "price": "quantile"})
    pd.testing.assert_frame_equal(made, real, check_exact=True)
    assert column(spec, "age")["values"] == sorted(frame["age"].unique().tolist())
    assert column(spec, "price")["encoding"] == "quantile"


CELLS = {
    "int": st.integers(-(10**9), 10**9),
    "cents": st.integers(-(10**6), 10**6).map(lambda v: v / 100),
    "float": st.floats(-1e12, 1e12, allow_nan=False, allow_subnormal=False, width=64),
    "text": st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8),
    "bool": st.booleans(),
    "date": st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)),
}


@QUICK
@given(st.data())
def test_whatever_a_table_holds_comes_back(data):
    """Exactly for everything on a grid; floats of full precision to a millionth of their column's range."""
    rows = data.draw(st.integers(2, 30))
    frame, kinds_of = {}, {}
    for k in range(data.draw(st.integers(1, 4))):
        kind = data.draw(st.sampled_from(sorted(CELLS)))
        cell = st.one_of(CELLS[kind], st.none()) if data.draw(st.booleans()) else CELLS[kind]
        values = data.draw(st.lists(cell, min_size=rows, max_size=rows))
        frame[f"c{k}"] = pd.Series(values, dtype=None if any(v is not None for v in values) else float)
        kinds_of[f"c{k}"] = kind
    frame = pd.DataFrame(frame)
    frame["learnt"] = [k % 2 == 0 for k in range(rows)]
    real, made, spec = there_and_back(
        frame, numbers=data.draw(st.sampled_from(["auto", "mixture", "ranges", "minmax", "quantile"]))
    )
    assert made.dtypes.to_dict() == real.dtypes.to_dict() or any(
        c["kind"] == "identifier" for c in spec.state["columns"]
    )
    for name in frame:
        facts = column(spec, name)
        if facts["kind"] == "identifier":
            continue
        pd.testing.assert_series_equal(made[name].isna(), real[name].isna())
        if facts["encoding"] in ("onehot", "none"):
            pd.testing.assert_series_equal(made[name], real[name], check_exact=True)
            continue
        low, high = real[name].min(), real[name].max()
        assert made[name].dropna().between(low, high).all()
        a, b = made[name].dropna(), real[name].dropna()
        span = (high - low) / np.timedelta64(1, "us") if facts["kind"] == "datetime" else float(high) - float(low)
        away = (a - b).abs() / np.timedelta64(1, "us") if facts["kind"] == "datetime" else (a - b).abs().astype(float)
        assert (away <= 1e-6 * span).all()
        count = facts["range"][1]
        if facts["grid"] is not None and count < 2**21:
            pd.testing.assert_series_equal(a, b, check_exact=True)


# --- the encoded vector


def test_blocks_and_conditions_are_the_layout_of_what_the_nets_see():
    signal, data, spec = spec_of(every_kind())
    x = signal.encode(torch.from_numpy(signal.prepare_all(data, spec)), spec, Rng(0))
    ends = [b["start"] + b["width"] for b in spec.state["blocks"]]
    assert [b["start"] for b in spec.state["blocks"]] == [0, *ends[:-1]]
    assert spec.shape == (ends[-1],)
    for b in spec.state["blocks"]:
        part = x[:, b["start"] : b["start"] + b["width"]]
        if b["role"] == "value":
            assert (b["width"], b["activation"]) == (1, "tanh")
            assert part.abs().max() <= 1
        else:
            assert b["activation"] == "softmax"
            assert ((part == 0) | (part == 1)).all()
            assert (part.sum(1) == 1).all()
    starts = 0
    picked = {b["column"]: b for b in spec.state["blocks"] if b["role"] == "category"}
    assert [c["column"] for c in spec.state["conditions"]] == list(picked)
    for c in spec.state["conditions"]:
        block = picked[c["column"]]
        assert (c["start"], c["width"], c["block_start"]) == (starts, block["width"], block["start"])
        starts += c["width"]
        counted = x[:, block["start"] : block["start"] + block["width"]].sum(0)
        assert counted.tolist() == c["frequencies"]
        assert len(set(c["values"])) == c["width"]
    maybe = next(c for c in spec.state["conditions"] if c["column"] == "maybe")
    assert maybe["values"] == ["no", "yes", "(missing)"] or maybe["values"] == ["yes", "no", "(missing)"]


def test_a_missing_number_is_a_mode_of_its_own_with_its_rate():
    signal, data, spec = spec_of(every_kind())
    x = signal.encode(torch.from_numpy(signal.prepare_all(data, spec)), spec, Rng(0))
    missing = torch.tensor(data.frame["sparse"].isna().tolist())
    value, mode = (b for b in spec.state["blocks"] if b["column"] == "sparse")
    assert column(spec, "sparse")["missing"] == pytest.approx(40 / 120)
    assert torch.equal(x[:, mode["start"] + mode["width"] - 1] == 1, missing)
    assert (x[missing, value["start"]] == 0).all()


def test_one_row_is_prepared_as_all_of_them_are():
    signal, data, spec = spec_of(every_kind())
    every = signal.prepare_all(data, spec)
    for k in (0, 1, 35):
        np.testing.assert_array_equal(signal.prepare(data.read(k), spec), every[k])


def test_modes_are_drawn_anew_but_the_same_for_the_same_moment():
    signal, data, spec = spec_of(
        pd.DataFrame({"x": np.r_[np.arange(2000) / 10, np.arange(2000) / 7], "c": ["a", "b"] * 2000})
    )
    stored = torch.from_numpy(signal.prepare_all(data, spec))
    first, again, other = (signal.encode(stored, spec, Rng(0, k)) for k in (0, 0, 500))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    deterministic = signal.deterministic()
    assert torch.equal(deterministic.encode(stored, spec, Rng(0, 0)), deterministic.encode(stored, spec, Rng(0, 500)))


def test_modes_are_drawn_by_their_odds():
    """Two equal modes: halfway between them each is drawn half the time; near one of them hardly ever the other."""
    facts = {"name": "x", "kind": "continuous", "dtype": "float64", "missing": 0.0, "encoding": "mixture", "grid": None}
    facts |= {"range": [-1.0, 1.0]}
    facts["modes"] = {"means": [-0.2, 0.2], "scales": [0.8, 0.8], "weights": [0.5, 0.5], "tail": False}
    blocks = [
        {"column": "x", "role": "value", "start": 0, "width": 1, "activation": "tanh"},
        {"column": "x", "role": "mode", "start": 1, "width": 2, "activation": "softmax"},
    ]
    spec = Spec((3,), state={"columns": [facts], "blocks": blocks, "conditions": []})
    stored = torch.zeros(8000, 2)
    assert Table().encode(stored, spec, Rng(0))[:, 1].mean() == pytest.approx(0.5, abs=0.02)
    stored[:, 0] = -0.1  # odds exp(((0.3)² - (0.1)²) / (2 · 0.2²)) = e
    x = Table().encode(stored, spec, Rng(0))
    assert x[:, 1].mean() == pytest.approx(np.e / (1 + np.e), abs=0.02)
    assert x[x[:, 1] == 1, 0].unique().tolist() == pytest.approx([(-0.1 + 0.2) / 0.8])


# --- the parts


def test_the_mixture_finds_modes_and_spans_what_lies_beyond():
    draws = np.random.default_rng(0)
    v = np.sort(np.r_[draws.normal(-0.6, 0.02, 4000), draws.normal(0.3, 0.05, 4000), [-1.0, 1.0]])
    fit = inspect.unwrap(modes.fit)
    found = fit(v, 10, 0.005, 5000)
    means, scales = np.array(found["means"]), np.array(found["scales"])
    for mean, std in ((-0.6, 0.02), (0.3, 0.05)):
        near = np.abs(means[:-1] - mean) < 2 * std
        assert near.any()
        assert (scales[:-1][near] < 4 * 2 * std).all()
    assert found["tail"]
    assert (means[-1], scales[-1]) == (0.0, 1.0)
    assert sum(found["weights"]) == pytest.approx(1, abs=0.02)
    assert fit(v, 10, 0.005, 5000) == found


def test_a_narrow_mode_keeps_what_one_float_would_lose():
    """A billion in a column of cents: float32 over the whole range would round cents away."""
    k = np.arange(2000)
    real, made, _ = there_and_back(pd.DataFrame({"pay": np.r_[k / 100, [1e7]], "c": ["a"] * 1000 + ["b"] * 1001}))
    pd.testing.assert_frame_equal(made, real, check_exact=True)


@pytest.mark.parametrize("heap", [0, 700])
def test_quantiles_are_even_and_a_heap_covers_its_share(heap):
    v = np.sort(np.r_[np.zeros(heap), np.random.default_rng(0).normal(0.5, 0.1, 1000).clip(0.01, 1)])
    knots = quantiles.fit(v)
    u = quantiles.encode(v, knots)
    assert np.abs(quantiles.decode(u, knots) - v).max() < 1e-9
    if heap:
        assert len(np.unique(u[:heap])) == 1
        even = np.linspace(-1, 1, 1001)
        assert (quantiles.decode(even, knots) == 0).mean() == pytest.approx(heap / len(v), abs=0.01)
    else:
        assert np.abs(u - np.linspace(-1, 1, len(v))).max() < 0.01


@QUICK
@given(st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=20), st.integers(0, 4))
def test_decimals_are_found_and_kept(whole, decimals):
    values = pd.Series([w / 10**decimals for w in whole])
    if values.nunique() < 2:
        return
    facts = {"kind": "continuous"} | grid.measure(values, "continuous")
    assert facts["grid"] is not None
    assert facts["grid"]["decimals"] <= decimals
    again = grid.from_unit(grid.to_unit(values, facts), facts)
    assert again.astype(float).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (range(1, 61), "identifier"),
        (range(1961, 2021), "integer"),
        ([f"C-{k:04d}" for k in range(60)], "identifier"),
        ([k * 3 for k in range(60)], "integer"),
        (["a"] * 30 + [None] * 30, "categorical"),
        ([0, 1] * 30, "boolean"),
        ([2.5, 3.5, 4.5] * 20, "ordinal"),
        ([1.5] * 60, "constant"),
        ([None] * 60, "constant"),
        ([k * 1.1 for k in range(60)], "continuous"),
        (["2024-01-05", "2023-12-31"] * 30, "datetime"),
        (["05/31/2024", "31/05/2024"] * 30, "categorical"),
        (["1.5.2", "1.5.3"] * 30, "categorical"),
    ],
)
def test_kinds_are_found(values, kind):
    frame = from_frame("t", pd.DataFrame({"x": list(values)})).frame
    assert kinds.find(frame["x"], few=20) == kind


def test_a_column_called_id_is_an_identifier_and_others_of_unequal_numbers_are_not():
    numbers = [(k * 7919) % 100_003 for k in range(50)]
    assert kinds.find(pd.Series(numbers, name="customer_id"), 20) == "identifier"
    assert kinds.find(pd.Series(numbers, name="income"), 20) == "integer"


def test_what_was_found_can_be_overruled_and_what_cannot_be_is_refused():
    frame = every_kind()
    _, _, spec = spec_of(
        frame, columns={"age": "ordinal", "rating": "continuous", "city": "identifier", "flag": "constant"}
    )
    assert [column(spec, n)["kind"] for n in ("age", "rating", "city", "flag")] == [
        "ordinal", "continuous", "identifier", "constant",
    ]  # fmt: skip
    for fields, code, named in (
        ({"columns": {"city": "continuous"}}, "column.kind_does_not_fit", "city=continuous: it does not hold numbers"),
        ({"columns": {"price": "integer"}}, "column.kind_does_not_fit", "whole numbers"),
        ({"columns": {"city": "datetime"}}, "column.kind_does_not_fit", "dates that can be read"),
        ({"columns": {"age": "boolean"}}, "column.kind_does_not_fit", "different values"),
        ({"columns": {"agge": "ordinal"}}, "column.not_found", "did you mean 'age'"),
        ({"encodings": {"city": "mixture"}}, "column.encoding_does_not_fit", "signal.encodings.city=mixture"),
        ({"target": "incom"}, "column.not_found", "'incom'"),
    ):
        with refused(code, named):
            spec_of(frame, **fields)


def test_a_table_with_nothing_to_learn_is_refused():
    with refused("table.too_few_rows", "one row"):
        spec_of(pd.DataFrame({"a": [1], "b": [2]}))
    with refused("table.nothing_to_learn", "signal.columns.a=categorical"):
        spec_of(pd.DataFrame({"a": [1] * 50, "id": range(50)}))


def test_identifiers_are_new_and_go_on_from_part_to_part(notices, tmp_path):
    k = np.arange(60)
    frame = pd.DataFrame(
        {
            "id": k + 100,
            "code": [f"C-{v:04d}" for v in k],
            "uuid": [f"{v:08x}-0000-4000-8000-000000000000" for v in k],
            "mail": [f"{chr(97 + v % 26)}{v}@x.no" for v in k],
            "v": k % 7,
        }
    )
    signal, data, spec = spec_of(frame)
    assert "column id: treated as an identifier" in notices.text
    x = signal.encode(torch.from_numpy(signal.prepare_all(data, spec)), spec, Rng(0))
    made = signal.join([signal.decode(x[:25], spec), signal.decode(x[25:], spec)], spec)
    assert made["id"].tolist() == list(range(160, 220))
    assert made["code"].tolist() == [f"C-{v:04d}" for v in range(60, 120)]
    assert made["uuid"].nunique() == made["mail"].nunique() == 60
    assert made["uuid"].str.fullmatch(identifiers.UUID.pattern).all()
    for name in ("id", "code", "uuid", "mail"):
        assert not set(made[name]) & set(frame[name])
        assert made[name].dtype == data.frame[name].dtype
    (path,) = signal.write(signal.decode(x[25:], spec), tmp_path, 25, spec)
    pd.testing.assert_frame_equal(pd.read_csv(path), made[25:].reset_index(drop=True))


def test_ten_thousand_categories_are_said_bucketed_and_drawn_as_often_as_they_are(notices):
    n = 30_000
    shop = [f"shop {k % 10}" if k % 3 else f"rare {k % 10_000}" for k in range(n)]
    frame = pd.DataFrame({"shop": shop, "x": np.round(np.random.default_rng(0).normal(size=n), 3)})
    real, made, spec = there_and_back(frame, most_categories=50)
    assert "column shop: 10,010 different values" in notices.text
    facts = column(spec, "shop")
    assert len(facts["values"]) == 50
    assert facts["counts"][facts["other_at"]] == sum(facts["rare"]["counts"])
    often = real["shop"].str.startswith("shop")
    assert (made["shop"][often] == real["shop"][often]).all(), "what has a place of its own comes back"
    assert set(made["shop"]) <= set(real["shop"])
    assert made["shop"].nunique() > 0.5 * real["shop"].nunique(), "many different rare ones are drawn"


def test_draws_from_the_bucket_hang_on_the_row_alone():
    rows = np.random.default_rng(0).normal(size=(4000, 6)).astype(np.float32)
    facts = {"name": "shop", "rare": {"values": ["a", "b", "c"], "counts": [5, 3, 2]}}
    drawn = categories.draw_rare(rows, facts)
    assert categories.draw_rare(rows[1000:1500], facts) == drawn[1000:1500]
    shares = [drawn.count(v) / len(drawn) for v in "abc"]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    same = categories.draw_rare(np.repeat(rows[:1], 4000, axis=0), facts)
    assert [same.count(v) / 4000 for v in "abc"] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_values_that_training_never_saw_do_not_fail():
    """Held-out rows are encoded to judge by."""
    signal, _, spec = spec_of(every_kind())
    odd = every_kind()
    odd.loc[0, "city"] = "Narvik"
    odd.loc[0, "age"] = 900
    made = signal.decode(
        signal.encode(torch.from_numpy(signal.prepare_all(from_frame("t", odd), spec)), spec, Rng(0)), spec
    )
    assert made.loc[0, "age"] == every_kind()["age"].max()
    assert made.loc[0, "city"] in set(every_kind()["city"])


def test_what_one_sees(tmp_path):
    signal, data, spec = spec_of(every_kind())
    (tmp_path / "a.png").write_bytes(signal.render(data.frame.iloc[:40], spec, 8)[0].data)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 500
        shown = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (shown == (47, 109, 179)).all(1).any(), "samples in blue"
    assert (shown == (111, 106, 97)).all(1).any(), "the real table in gray"
    card = signal.frame(data.frame.iloc[0], spec)
    assert (card.dtype, card.shape[2]) == (np.uint8, 3)
    assert card.shape[0] > 18 * data.frame.shape[1]


def test_ranges_hold_alike_many_rows_and_a_frequent_number_stands_alone():
    v = np.sort(np.concatenate([np.zeros(600), np.linspace(-1, 1, 400)]))
    found = modes.ranges(v, 10)
    middles, halves, shares = (np.array(found[name]) for name in ("means", "scales", "weights"))
    alone = np.abs(middles) < 1e-9
    assert alone.sum() == 1
    assert halves[alone].item() < 1e-5
    assert shares[alone].item() == pytest.approx(0.6)
    assert (shares[~alone] < 0.11).all()
    assert shares.sum() == pytest.approx(1)
    reached = np.abs(v[:, None] - middles) <= halves
    assert (reached.sum(1) == 1).all(), "every number lies in one range"


def test_auto_takes_ranges_where_a_column_heaps_up_and_modes_elsewhere():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"gain": np.where(rng.random(500) < 0.8, 0, rng.integers(1, 9_999, 500)), "pay": rng.normal(size=500)}
    )
    _, _, spec = spec_of(frame, numbers="auto")
    assert column(spec, "gain")["encoding"] == "ranges"
    assert column(spec, "pay")["encoding"] == "mixture"


def test_numbers_of_more_digits_than_a_float_counts_stay_within_their_bounds():
    """Found by `test_whatever_a_table_holds_comes_back`: 1.2e16 steps of a hundredth of a cent."""
    numbers = pd.Series([750005698186.8687, -427149450728.2328, 32814520207.7594])
    facts = grid.measure(numbers, "continuous")
    made = grid.from_unit(np.array([-1.0, 0.3, 1.0]), facts)
    assert made.min() == numbers.min()
    assert made.max() == numbers.max()


def test_a_range_of_two_close_numbers_keeps_both():
    """Found by Hypothesis: as wide as two steps in a million, it was read as the one number of a range of its own."""
    frame = pd.DataFrame({"c": [0.0] * 19 + [9_999.99, 10_000.0], "rest": [k % 2 == 0 for k in range(21)]})
    real, made, _ = there_and_back(frame, numbers="ranges")
    pd.testing.assert_frame_equal(made, real, check_exact=True)


def test_categoricals_that_are_constant_or_identifiers_are_made_again():
    keys = pd.Categorical([f"k{k:03}" for k in range(30)])
    frame = pd.DataFrame({"x": np.linspace(0, 1, 30) ** 2, "same": pd.Categorical(["a"] * 30), "key": keys})
    signal, _, spec = spec_of(frame, columns={"key": "identifier"})
    made = signal.decode(torch.zeros(4, *spec.shape), spec)
    assert made["same"].dtype == frame["same"].dtype
    assert made["same"].tolist() == ["a"] * 4
    assert made["key"].notna().all()
    assert made["key"].is_unique
