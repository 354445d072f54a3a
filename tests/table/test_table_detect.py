"""What columns are read as, from all of their values: numbers, dates, codes and keys as files and frames have them."""

from __future__ import annotations

import decimal
import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data import amounts, dates
from ganforge.modalities.table import where
from ganforge.modalities.table.columns.detect import detect
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import TableFile, from_frame
from refused import refused

N = 600
DRAWS = np.random.default_rng(0)
MANY = settings(max_examples=30, deadline=None)


def through(data, **fields):
    """(what decoding gives of the encoded table, spec), through JSON as a model file does."""
    signal = Table(**fields)
    spec = signal.spec(data, lambda shape: shape)
    spec = Spec.from_plain(json.loads(json.dumps(spec.to_plain())))
    x = signal.encode(torch.from_numpy(signal.prepare_all(data, spec)), spec, Rng(0))
    return signal.decode(x, spec), spec


def kinds_of(spec):
    return {column["name"]: column["kind"] for column in spec.state["columns"]}


def from_csv(tmp_path, frame, **options):
    frame.to_csv(tmp_path / "t.csv", index=False, **options)
    return TableFile(path=str(tmp_path / "t.csv"), holdout=0).open()


def labels(n=N):
    return np.array(["a", "b"])[np.arange(n) % 2]


def test_an_example_of_what_was_read_is_one_that_could_be_read(tmp_path):
    frame = pd.DataFrame(
        {
            "day": ["unknown", *(f"2020-01-{k % 28 + 1:02d}" for k in range(N - 1))],
            "pay": ["on request", *(f"{1000 + k:,}.50" for k in range(N - 1))],
        }
    )
    notes = " ".join(from_csv(tmp_path, frame).notes)
    assert "dates such as 2020-01-01 but for 1 of" in notes
    assert "'on request'" in notes
    assert "text such as '1,000.50' is read as numbers" in notes


# --- numbers


def test_money_percent_and_decimal_commas_are_numbers_and_come_back_as_written(tmp_path):
    pay = DRAWS.lognormal(8, 1, N)
    frame = pd.DataFrame(
        {
            "price": [f"{a:,.2f}" for a in pay],
            "usd": [f"${a:,.2f}" for a in pay],
            "euro": [f"{a:,.2f} €".translate(str.maketrans(",.", ".,")) for a in pay],
            "loss": [f"({a:,.0f})" if k % 3 else f"{a:,.0f}" for k, a in enumerate(pay)],
            "share": [f"{s:.1f}%" for s in DRAWS.uniform(0, 100, N)],
            "g": labels(),
        }
    )
    data = from_csv(tmp_path, frame)
    made, spec = through(data)
    pd.testing.assert_frame_equal(made, frame.astype("str"), check_dtype=False)
    kinds = kinds_of(spec)
    assert {kinds[name] for name in ("price", "usd", "euro", "share")} == {"continuous"}
    assert kinds["loss"] == "integer"
    assert sum("is read as numbers" in note for note in data.notes) == 5


def test_a_comma_alone_is_told_by_the_rest_of_the_table():
    texts = [f"{k // 1000},{k % 1000:03d}" for k in range(1000, 1600)]
    alone = from_frame("t", pd.DataFrame({"x": texts}))
    assert alone.detected["x"].form["thousands"] == ","
    assert "cannot be seen" in alone.notes[0]
    german = from_frame("t", pd.DataFrame({"x": texts, "y": [f"{k},5" for k in range(N)]}))
    assert german.detected["x"].form["decimal"] == ","


@MANY
@given(st.data())
def test_numbers_of_any_form_are_found_and_written_back(data):
    """Of a currency or none, any separators, places and sign; text that is not one of a kind is left alone."""
    thousands, point = data.draw(st.sampled_from([(",", "."), (".", ","), (" ", ","), ("\u00a0", ","), ("'", ".")]))
    places = data.draw(st.integers(1, 4))
    prefix, suffix = data.draw(st.sampled_from([("", ""), ("$", ""), ("", " €"), ("", "%"), ("CHF ", "")]))
    whole = data.draw(st.lists(st.integers(-(10**9), 10**9), min_size=4, max_size=30, unique=True))
    swap = str.maketrans({",": thousands, ".": point})
    texts = []
    for number in [*whole, 12_345_678]:
        sign = "-" if number < 0 else ""
        texts.append(f"{sign}{prefix}{f'{abs(number) / 10**places:,.{places}f}'.translate(swap)}{suffix}")
    form = amounts.find(texts)
    assert form is not None
    read = amounts.read(pd.Series(texts, dtype=object), form)
    want = [number / 10**places for number in [*whole, 12_345_678]]
    if not form["guessed"] and not (places == 3 and form["decimals"] is None):
        assert read.tolist() == pytest.approx(want)
    zero = [text for text, number in zip(texts, read, strict=True) if number != 0]
    assert amounts.write(read[read != 0].to_numpy(), form, places) == zero


def test_leading_zeros_anywhere_keep_a_column_text(tmp_path):
    codes = [f"{z:05d}" for z in [*range(99_999, 98_799, -1), *range(800, 500, -1)]]
    data = from_csv(tmp_path, pd.DataFrame({"zip": codes, "v": DRAWS.normal(size=1500)}))
    assert data.frame["zip"].tolist() == codes


def test_long_keys_are_exact(tmp_path):
    keys = ["" if k % 50 == 0 else str(10**18 + int(v)) for k, v in enumerate(DRAWS.integers(0, 10**17, N))]
    data = from_csv(
        tmp_path, pd.DataFrame({"tweet": keys, "again": [keys[1 + k % 40] for k in range(N)], "g": labels()})
    )
    assert data.frame["tweet"].dtype == "Int64"
    assert [str(v) for v in data.frame["tweet"].dropna()] == [key for key in keys if key]
    made, spec = through(data)
    assert kinds_of(spec) == {"tweet": "identifier", "again": "categorical", "g": "categorical"}
    assert set(made["again"].astype(str)) <= set(keys), "a key that comes twice is one of the real ones, to the digit"


@pytest.mark.parametrize("mark", [-(2**63), 2**63 - 1])
def test_a_mark_at_the_end_of_the_type_counts_as_missing_and_the_rest_is_exact(tmp_path, mark):
    x = DRAWS.integers(0, 10**6, N)
    frame = pd.DataFrame({"x": np.where(np.arange(N) % 20 == 0, mark, x), "g": labels()})
    data = from_csv(tmp_path, frame)
    assert f"30 values are {mark}" in data.notes[0]
    made, _ = through(data)
    pd.testing.assert_series_equal(made["x"], data.frame["x"])
    assert made["x"].dropna().tolist() == [v for k, v in enumerate(x) if k % 20]


@pytest.mark.parametrize("low", [-(2**63), 2**63 - 10**6, 2**64 - 10**6])
def test_integers_at_the_limits_are_exact(low):
    kind = "uint64" if low + 10**6 > 2**63 else "int64"
    frame = pd.DataFrame({"x": np.array([low + 10 * k % (10**6) for k in range(N)], kind), "g": labels()})
    made, spec = through(from_frame("t", frame), columns={"x": "integer"})
    pd.testing.assert_frame_equal(made.astype({"g": object}), frame.astype({"g": object}))
    (clause,) = where.read([f"x>={low + 100}"], spec)
    assert clause.holds(made).sum() == N - 10


def test_a_range_of_all_integers_stays_within_its_bounds():
    x = np.r_[np.arange(N), -(2**63), 2**63 - 1, 5]
    made, _ = through(from_frame("t", pd.DataFrame({"x": x, "g": labels(N + 3)})), columns={"x": "integer"})
    assert made["x"].min() == -(2**63)
    assert made["x"].max() == 2**63 - 1


# --- dates


FORMS = {
    "ampm": "%m/%d/%Y %I:%M %p", "month": "%d-%b-%Y", "short": "%d/%m/%y", "offset": "%Y-%m-%dT%H:%M:%S+02:00",
    "millis": "%Y-%m-%dT%H:%M:%S.000Z", "long": "%B %d, %Y",
}  # fmt: skip


def times(n=N):
    return pd.to_datetime(DRAWS.integers(416_000, 472_000, n) * 3600, unit="s")  # whole hours: few enough to be exact


def test_dates_of_usual_forms_are_dates_and_come_back_as_written(tmp_path):
    t = times()
    frame = pd.DataFrame({name: t.strftime(form) for name, form in FORMS.items()})
    frame["number"] = t.strftime("%Y%m%d").astype(int)
    frame["bare"] = [f"{d.month}/{d.day}/{d.year}" for d in t]
    frame["g"] = labels()
    data = from_csv(tmp_path, frame)
    made, spec = through(data)
    assert {kind for name, kind in kinds_of(spec).items() if name != "g"} == {"datetime"}
    pd.testing.assert_frame_equal(made, data.frame)
    assert made["bare"].tolist() == frame["bare"].tolist()
    assert made["number"].tolist() == frame["number"].tolist()


def test_what_is_no_date_among_dates_counts_as_missing_and_is_named(tmp_path):
    day = times().strftime("%Y-%m-%d")
    frame = pd.DataFrame(
        {
            "bad": np.where(np.arange(N) % 100 == 0, "unknown", day),
            "zero": np.where(np.arange(N) % 20 == 0, "0000-00-00", day),
            "g": labels(),
        }
    )
    data = from_csv(tmp_path, frame)
    assert data.frame["bad"].isna().sum() == 6
    assert data.frame["zero"].isna().sum() == 30
    assert ["'unknown' (6)" in data.notes[0], "'0000-00-00' (30)" in data.notes[1]] == [True, True]


def test_day_and_month_are_told_by_the_column_by_others_or_by_the_user():
    first = [f"{1 + k % 12:02d}/{1 + k % 11:02d}/2020" for k in range(N)]
    us = [f"{1 + k % 12:02d}/{1 + k % 28:02d}/2020" for k in range(N)]
    alone = from_frame("t", pd.DataFrame({"d": first}))
    assert alone.detected["d"].form == "%d/%m/%Y"
    assert "signal.formats.d=%m/%d/%Y" in alone.notes[0]
    beside = from_frame("t", pd.DataFrame({"d": first, "e": us}))
    assert beside.detected["d"].form == "%m/%d/%Y"
    _, spec = through(from_frame("t", pd.DataFrame({"d": first, "g": labels()})), formats={"d": "%m/%d/%Y"})
    assert spec.state["columns"][0]["format"] == "%m/%d/%Y"
    with refused("column.format_does_not_fit", "signal.formats.d=%Y"):
        through(alone, formats={"d": "%Y"})


def test_a_condition_reads_dates_and_numbers_as_the_column_writes_them():
    days = pd.to_datetime(DRAWS.integers(18262, 18628, N), unit="D")
    frame = pd.DataFrame({"d": days.strftime("%d.%m.%Y"), "p": [f"${k:,}.00" for k in range(500, 1700, 2)]})
    made, spec = through(from_frame("t", frame))

    def holds(text):
        (clause,) = where.read([text], spec)
        return clause.holds(made).tolist()

    assert holds("d<05.03.2020") == (days < "2020-03-05").tolist()
    assert holds("d<2020-03-05") == (days < "2020-03-05").tolist()
    assert holds("p>=$1,000.00") == [k >= 1000 for k in range(500, 1700, 2)]
    assert holds("p>=1000") == holds("p>=$1,000.00")


@MANY
@given(
    st.sampled_from(sorted({form for forms in dates.DATES.values() for form in forms})),
    st.sampled_from(["", " %H:%M", "T%H:%M:%S", " %I:%M %p", "T%H:%M:%SZ", " %H:%M:%S+05:30"]),
    st.lists(st.datetimes(pd.Timestamp("1970-01-01"), pd.Timestamp("2060-01-01")), min_size=20, max_size=40),
)
def test_every_form_of_dates_is_found_read_and_written_back(date, time, moments):
    form = date + time
    texts = pd.Series(moments).dt.strftime(form)
    found = dates.find(texts.unique().tolist())
    assert found is not None
    assert dates.write(dates.read(texts, found.format), found.format, found.offset) == texts.tolist()


def test_dates_in_chinese_and_korean_come_back_as_written():
    day = pd.date_range("2015-01-09", periods=N, freq="D")
    forms = {"入职日期": "%Y年%m月%d日", "時刻": "%Y年%m月%d日 %H:%M", "날짜": "%Y년 %m월 %d일"}
    frame = pd.DataFrame({name: [form_of(moment, form) for moment in day] for name, form in forms.items()})
    frame["短"] = [f"{t.year}年{t.month}月{t.day}日" for t in day]
    frame["g"] = labels()
    made, spec = through(from_frame("t", frame))
    assert {kinds_of(spec)[name] for name in [*forms, "短"]} == {"datetime"}
    pd.testing.assert_frame_equal(made, frame.astype("str"), check_dtype=False)


def form_of(moment, form):
    """`strftime`, for letters that the locale may not know."""
    return re.sub(r"%[A-Za-z]", lambda code: moment.strftime(code[0]), form)


# --- types of frames


def test_arrow_types_are_read_as_plain_ones():
    pa = pytest.importorskip("pyarrow")
    city = pd.Series(["Paris", "Rome"] * 300)
    cents = [decimal.Decimal(int(c)) / 100 for c in DRAWS.integers(0, 10**6, N)]
    frame = pd.DataFrame(
        {
            "city": city.astype(pd.ArrowDtype(pa.large_string())),
            "q": pd.Series(DRAWS.integers(0, 99, N)).astype(pd.ArrowDtype(pa.int32())),
            "day": pd.Series(list(times().date)).astype(pd.ArrowDtype(pa.date32())),
            "at": pd.Series(times()).astype(pd.ArrowDtype(pa.timestamp("ms"))),
            "price": pd.Series(cents).astype(pd.ArrowDtype(pa.decimal128(12, 2))),
            "hour": pd.Series(list(times().time)).astype(pd.ArrowDtype(pa.time64("us"))),
            "yes": pd.Series([True, None, False] * 200).astype(pd.ArrowDtype(pa.bool_())),
        }
    )
    data = from_frame("t", frame)
    made, spec = through(data)
    pd.testing.assert_frame_equal(made.drop(columns=["hour", "at"]), data.frame.drop(columns=["hour", "at"]))
    assert (made["at"] - data.frame["at"]).abs().max() < pd.Timedelta(minutes=1), "a millionth of the range"
    assert data.frame["city"].tolist() == city.tolist()
    assert kinds_of(spec) == {
        "city": "categorical", "q": "integer", "day": "datetime", "at": "datetime", "price": "continuous",
        "hour": (data.frame["hour"].nunique() == N and "identifier") or "categorical", "yes": "boolean",
    }  # fmt: skip
    for kind, values in ((pa.binary(), [b"a"] * N), (pa.list_(pa.int64()), [[1]] * N)):
        with refused("column.type_not_supported", "column 'x'"):
            from_frame("t", pd.DataFrame({"x": pd.Series(values, dtype=pd.ArrowDtype(kind))}))


def test_digits_that_a_frame_has_as_text_stay_text():
    frame = pd.DataFrame({"zip": [str(z) for z in DRAWS.integers(10_000, 99_999, N)], "g": labels()})
    made, _ = through(from_frame("t", frame))
    assert made["zip"].tolist() == frame["zip"].tolist()
    assert made["zip"].dtype == frame["zip"].dtype


# --- keys


def test_running_numbers_and_identifiers_are_known_from_the_whole_table(tmp_path):
    frame = pd.DataFrame(
        {
            "RowNumber": np.arange(1, N + 1),
            "CustomerId": DRAWS.permutation(10**6)[:N],
            "count": DRAWS.permutation(N) + 15_000,
            "year": 1900 + np.arange(N) % 100,
            "v": DRAWS.normal(size=N),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = TableFile(path=str(tmp_path / "t.csv")).open()
    assert len(data) < N, "a tenth is held back, so that the rest does not count up by one"
    _, spec = through(data)
    assert kinds_of(spec) == {
        "RowNumber": "identifier", "CustomerId": "identifier", "count": "identifier", "year": "integer",
        "v": "continuous",
    }  # fmt: skip


def test_infinite_numbers_are_no_marks_of_a_number_type():
    values, found = detect(pd.Series([0.0, 1.0, np.inf, -np.inf]))
    assert values.tolist() == [0.0, 1.0, np.inf, -np.inf]
    assert not found.notes
