"""Columns that are not learned: keys and names of thousands of values; and spikes, which are learned as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from test_table_detect import kinds_of, labels, through

from ganforge.core.rng import Rng
from ganforge.modalities.table import inspect, rows
from ganforge.modalities.table.columns import identifiers, kinds, modes
from ganforge.modalities.table.columns.detect import detect
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import from_frame

N = 4_000
DRAWS = np.random.default_rng(5)
SURNAMES = np.array([f"name {k}" for k in range(900)])


def people(n: int = N) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "surname": SURNAMES[(DRAWS.random(n) ** 2 * 900).astype(int)],
            "konto": DRAWS.permutation(50_000)[:n] + 100_000,
            "store_id": DRAWS.integers(0, 700, n),
            "paid": DRAWS.integers(0, 1_000_000, n),
            "g": labels(n),
        }
    )


def test_names_and_keys_are_known_and_said(notices):
    data = from_frame("t", people())
    made, spec = through(data)
    assert kinds_of(spec) == {
        "surname": "name", "konto": "identifier", "store_id": "name", "paid": "integer", "g": "categorical",
    }  # fmt: skip
    assert spec.shape[0] < 40, "what is not learned takes no place"
    assert "column surname: " in notices.text
    assert "signal.columns.surname=categorical" in notices.text
    assert not set(made["konto"]) & set(data.frame["konto"]), "new keys are nobody's"
    told = inspect.describe(data, 20, 500)
    assert any("surname, store_id" in hint for hint in told["hints"])
    assert {c["name"]: bool(c["why"]) for c in told["columns"]} == {
        "surname": True, "konto": True, "store_id": True, "paid": False, "g": False,
    }  # fmt: skip


def test_names_come_as_often_as_they_do_and_missing_ones_too():
    frame = people(3_000)
    frame.loc[::4, "surname"] = None
    made, _ = through(from_frame("t", frame))
    assert made["surname"].isna().mean() == pytest.approx(0.25, abs=0.03)
    assert set(made["surname"].dropna()) <= set(SURNAMES)
    first, top = (rows["surname"].isin(SURNAMES[:90]).mean() for rows in (frame, made))
    assert top == pytest.approx(first, abs=0.03)


def test_what_is_found_can_be_overruled():
    data = from_frame("t", people())
    _, spec = through(data, columns={"surname": "categorical", "store_id": "integer", "konto": "integer", "g": "name"})
    assert kinds_of(spec) == {
        "surname": "categorical", "konto": "integer", "store_id": "integer", "paid": "integer", "g": "name",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["category", "string"])
def test_names_of_other_types_come_back_in_them(kind):
    frame = people().astype({"surname": kind})
    data = from_frame("t", frame)
    made, spec = through(data)
    assert kinds_of(spec)["surname"] == "name"
    assert made["surname"].dtype == data.frame["surname"].dtype


def test_distinct_numbers_are_keys_only_where_chance_would_have_repeated_them():
    few = pd.Series(np.arange(1_200) ** 3, name="x")
    assert kinds.find(few, 20) == "integer", "over so wide a range few would have come twice"
    close = pd.Series(DRAWS.permutation(20_000)[:1_200], name="x")
    assert kinds.find(close, 20) == "identifier"
    assert "chance" in detect(close)[1].names_rows
    twice = pd.Series([*close[:-1], close[0]], name="x")
    assert kinds.find(twice, 20) == "integer"


def test_a_head_of_frequent_values_is_learned_and_its_tail_shares_a_place():
    shops = pd.Series([f"shop {k % 10}" if k % 3 else f"rare {k}" for k in range(N)], name="shop")
    assert kinds.find(shops, 20) == "categorical"


@pytest.mark.parametrize(
    ("real", "form"),
    [
        ([f"{'AKQZ'[k % 4]}{'XW'[k % 2]}{k * 7919 % 100_000:05d}" for k in range(300)], r"[A-Z]{2}\d{5}"),
        ([f"user-{k * 2654435761 % 2**32:08x}" for k in range(300)], r"user-[0-9a-f]{8}"),
    ],
)
def test_identifiers_have_the_form_of_the_real_ones_and_never_come_twice(real, form):
    facts = {"name": "id"} | identifiers.measure(pd.Series(real, name="id"))
    made = identifiers.make(facts, 0, 20_000)
    assert pd.Series(made).str.fullmatch(form).all()
    assert len(set(made)) == len(made)
    assert made[500:600] == identifiers.make(facts, 500, 100), "a row's is always the same"


@pytest.mark.parametrize(
    ("real", "dtype", "made"),
    [
        ([f"{k:06d}" for k in range(1, 1001)], None, ["001001", "001002"]),
        ([f"{k:04d}" for k in range(5000, 10_000)], None, ["4999", "4998"]),  # no more above
        ([f"{k:04d}" for k in range(1, 10_000)], None, ["10000", "10001"]),  # no more at all
        ([f"C-{k}" for k in range(1, 1000)], None, ["C-1000", "C-1001"]),
        (range(2**63 - 1000, 2**63), "int64", [2**63 - 1001, 2**63 - 1002]),
        (range(1, 128), "int8", [128, 129]),
        (range(100, 2**15), "Int16", [2**15, 2**15 + 1]),
        ([2**64 - 1, 5], "uint64", [2**64, 2**64 + 1]),
    ],
)
def test_identifiers_keep_their_width_and_their_type_while_there_are_free_ones(real, dtype, made):
    values = pd.Series(real, dtype=dtype, name="id")
    facts = {"name": "id", "kind": "identifier", "dtype": str(values.dtype)} | identifiers.measure(values)
    assert rows.restore(identifiers.make(facts, 0, 2), facts).tolist() == made
    assert rows.restore(identifiers.make(facts, 1, 1), facts).tolist() == made[1:]


def test_identifiers_of_a_narrow_form_are_numbered_so_that_none_is_a_real_one():
    real = [f"{a}{b}" for a in "abcdefgh" for b in "xyzuvw"]
    facts = {"name": "id"} | identifiers.measure(pd.Series(real, name="id"))
    assert identifiers.make(facts, 0, 2) == ["id-1", "id-2"]


def test_numbers_beyond_any_integer_type_are_measured_and_no_keys():
    data = from_frame("t", pd.DataFrame({"x": DRAWS.normal(size=300) * 1e25, "g": labels(300)}))
    made, spec = through(data)
    assert kinds_of(spec)["x"] != "identifier"
    assert np.allclose(made["x"], data.frame["x"], rtol=0, atol=1e-4 * np.ptp(data.frame["x"]))


# --- spikes


def balance(n: int = N, seed: int = 0) -> np.ndarray:
    draws = np.random.default_rng(seed)
    x = np.where(draws.random(n) < 0.33, 0.0, draws.normal(120_000, 30_000, n))
    return np.where(draws.random(n) < 0.1, 99_999.5, x)


@pytest.mark.parametrize("seed", [0, 35, 42])  # by rounding, 0 came back as -5e-12 with 35 and -4e-12 with 42
def test_spikes_have_modes_of_their_own_and_come_back_exactly(seed):
    x = balance(seed=seed)
    made, spec = through(from_frame("t", pd.DataFrame({"x": x, "g": labels(N)})), numbers="mixed")
    facts = spec.state["columns"][0]
    assert facts["encoding"] == "mixed"
    assert facts["modes"]["spikes"] == 2
    assert sum(facts["modes"]["weights"][:2]) == pytest.approx(np.isin(x, [0, 99_999.5]).mean(), abs=1e-4)
    for spike in (0.0, 99_999.5):
        assert (made["x"][x == spike] == spike).all()
    assert np.allclose(made["x"], x, rtol=0, atol=1e-4 * np.ptp(x))


@pytest.mark.parametrize("decimals", [2, 12])  # 12: no grid
@pytest.mark.parametrize("encoding", ["mixed", "ranges"])
def test_a_spike_is_exact_wherever_in_its_mode_a_net_puts_the_row(encoding, decimals):
    data = from_frame("t", pd.DataFrame({"x": balance(seed=35).round(decimals), "g": labels(N)}))
    signal = Table(numbers=encoding)
    spec = signal.spec(data, lambda shape: shape)
    x = signal.encode(torch.from_numpy(signal.prepare_all(data, spec)), spec, Rng(0))
    x[:, 0] = torch.linspace(-1, 1, N)
    made = signal.decode(x, spec)["x"]
    for spike in (0.0, 99_999.5):
        at = (data.frame["x"] == spike).to_numpy()
        assert (made[at] == spike).all()


@pytest.mark.parametrize("rest", [[], [7.0], [7.0, 8.0]])
def test_spikes_with_hardly_a_rest(rest):
    v = np.sort(np.array([-1.0] * 60 + [1.0] * 40 + [0.07 * r for r in rest]))
    found = modes.mixed(v, 0.05, 10, 0.005, 5_000)
    assert found["spikes"] == 2
    assert len(found["means"]) == len(found["scales"]) == len(found["weights"])
    assert sum(found["weights"]) == pytest.approx(1, abs=0.01)
