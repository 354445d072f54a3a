"""A Hypothesis strategy for whole tables as people have them: any dtype, messy text, odd names of columns."""

from __future__ import annotations

import string

import numpy as np
import pandas as pd
from hypothesis import strategies as st

NAMES = st.one_of(
    st.sampled_from(
        ["id", "age", "zip.code", "a=b", "a b", "two\nlines", "年齢", "é", "e\u0301", "-x", "1", "3.5", "[x]", '"q"',
         "{}", "target", "__", "x" * 120, "a,b", "a;b", "a\tb", "None", "nan", "true", "#", "%", "'"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(
        ["a", "b", "NA", "null", "", " ", "0", "00", "007", "1", "1.0", "-1e5", "1,234.50", "$3.20", "12%", "yes",
         "TRUE", "2024-02-30", "2024-05-31", "5/6/24", "1.5.2024", "inf", "ab\ncd", 'say "x"', "a,b", "猫", "\ufeffx",
         "-", "N/A", "9" * 25, "Jan 1 2000", "12:30", "=1+1", "\\N", "é", "x" * 200]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8),
)  # fmt: skip


@st.composite
def columns(draw: st.DrawFn, n: int) -> pd.Series:
    """One column of n rows, of a kind that is drawn, some of its values missing."""
    seed = draw(st.integers(0, 2**32 - 1))
    draws = np.random.default_rng(seed)
    kind = draw(st.sampled_from(sorted(KINDS)))
    values = KINDS[kind](draw, draws, n)
    share = draw(st.sampled_from([0.0, 0.0, 0.1, 0.9, 1.0]))
    return values.where(pd.Series(draws.random(n) >= share)) if share else values


def _integers(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    kind = draw(st.sampled_from(["int8", "int16", "int32", "int64", "uint8", "uint64", "Int64", "UInt8"]))
    info = np.iinfo(kind.lower())
    low, high = sorted(draw(st.lists(st.integers(info.min, info.max), min_size=2, max_size=2)))
    some = draw(st.sampled_from([2, 15, 10**6]))
    if draw(st.booleans()):
        low, high = max(info.min, -50), min(info.max, 50)
    pool = [min(high, max(low, int(low + (high - low) * u))) for u in draws.random(min(some, n))]  # floats round up
    return pd.Series([pool[k] for k in draws.integers(0, len(pool), n)], dtype=kind)


def _floats(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    kind = draw(st.sampled_from(["float32", "float64", "Float64"]))
    x = draws.normal(size=n) * 10.0 ** draw(st.integers(-30, 30))
    digits = draw(st.sampled_from([None, 0, 2]))
    x = x if digits is None else x.round(digits)
    if draw(st.booleans()):
        x[draws.random(n) < 0.4] = draw(st.sampled_from([0.0, -1.5, 1e9]))
    if draw(st.booleans()):
        x[draws.integers(0, n)] = draw(st.sampled_from([np.inf, -np.inf, np.nan, 1e300, -9999.0]))
    with np.errstate(over="ignore"):
        return pd.Series(x.astype(kind.lower())).astype(kind)


def _texts(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    words = draw(st.lists(WORDS, min_size=1, max_size=12))
    kind = draw(st.sampled_from(["object", "string", "category", "str"]))
    return pd.Series([words[k] for k in draws.integers(0, len(words), n)], dtype=object).astype(kind)


def _mixed(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    some = draw(
        st.lists(st.one_of(WORDS, st.integers(), st.floats(), st.booleans(), st.none()), min_size=1, max_size=9)
    )
    return pd.Series([some[k] for k in draws.integers(0, len(some), n)], dtype=object)


def _keys(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    letters = np.array(list(string.ascii_letters + string.digits))
    made = ["".join(letters[draws.integers(0, len(letters), 9)]) for _ in range(n)]
    ways = [made, [f"C-{k:05d}" for k in range(n)], list(range(n)), [10**18 + 7 * k for k in range(n)]]
    return pd.Series(draw(st.sampled_from(ways)))


def _dates(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    days = pd.Timestamp("2001-02-03") + pd.to_timedelta(
        draws.integers(0, draw(st.sampled_from([1, 40, 9_000])), n), "D"
    )
    times = pd.Series(days)
    way = draw(st.sampled_from(["plain", "zone", "seconds", "%d.%m.%Y", "%m/%d/%y", "%b %d %Y", "%Y%m%d"]))
    if way == "zone":
        return times.dt.tz_localize("Europe/Berlin")
    if way == "seconds":
        return (times + pd.to_timedelta(draws.integers(0, 86_400, n), "s")).astype("datetime64[s]")
    return times if way == "plain" else times.dt.strftime(way).astype(object)


def _booleans(draw: st.DrawFn, draws: np.random.Generator, n: int) -> pd.Series:
    kind = draw(st.sampled_from(["bool", "boolean", "object"]))
    return pd.Series(draws.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0]))).astype(kind)


KINDS = {
    "integers": _integers, "floats": _floats, "texts": _texts, "mixed": _mixed, "keys": _keys, "dates": _dates,
    "booleans": _booleans,
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Tables of 2 to 200 rows and 1 to 6 columns."""
    n = draw(st.sampled_from([2, 3, 25, 60, 200]))
    names = draw(st.lists(NAMES, min_size=1, max_size=6))
    made = [draw(columns(n)) for _ in names]
    frame = pd.concat(made, axis=1)
    frame.columns = names
    return frame
