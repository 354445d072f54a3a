"""Rows that are written as they come, and types of a caller's DataFrame that new rows come back in."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from ganforge.modalities.table import files
from ganforge.modalities.table.given import described, returned
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import from_frame

DRAWS = np.random.default_rng(1)
N = 200


def table():
    frame = pd.DataFrame(
        {
            "id": np.arange(1, N + 1),
            "x": DRAWS.normal(size=N).round(3),
            "k": pd.array([None if k % 4 == 0 else k for k in range(N)], dtype="Int64"),
            "none": [None] * N,
            "g": np.array(["a", "b,c"])[np.arange(N) % 2],
        }
    )
    data = from_frame("t", frame)
    return data.frame, Table().spec(data, lambda shape: shape)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_parts_make_the_same_file_as_the_whole(tmp_path, ending):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    frame, spec = table()
    signal = Table()
    parts = [frame[:80].reset_index(drop=True), frame[80:].reset_index(drop=True)]
    signal.exporters[ending](signal.join(parts, spec), tmp_path / f"whole{ending}", spec)
    with signal.appenders[ending](tmp_path / f"parts{ending}", spec) as add:
        for part in parts:
            add(part)
    if ending == ".parquet":
        whole, made = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("whole", "parts"))
        assert made.pop("none").isna().all(), "of no type in the first part, and so texts"
        pd.testing.assert_frame_equal(made, whole.drop(columns="none"))
    else:
        assert (tmp_path / f"parts{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    assert set(signal.appenders) == set(files.FORMATS)


def test_types_of_arrow_and_other_extensions_come_back():
    pa = pytest.importorskip("pyarrow")
    plain = pd.DataFrame(
        {
            "i": DRAWS.integers(0, 1000, N), "f": DRAWS.normal(size=N), "s": DRAWS.choice(["a", "b"], N),
            "b": DRAWS.random(N) < 0.5, "t": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N), "D"),
        }
    )  # fmt: skip
    frame = plain.convert_dtypes(dtype_backend="pyarrow")
    days = [datetime.date(2020, 1, 1 + k % 28) for k in range(N)]
    frame["day"] = pd.Series(days, dtype=pd.ArrowDtype(pa.date32()))
    cents = [decimal.Decimal(k) / 100 for k in range(N)]
    frame["cents"] = pd.Series(cents, dtype=pd.ArrowDtype(pa.decimal128(8, 2)))
    frame["F"] = pd.array(plain["f"], dtype="Float64")
    frame["gaps"] = pd.Series([None if k % 5 == 0 else k for k in range(N)], dtype="int16[pyarrow]")
    typed = from_frame("t", frame).frame
    given = described(frame, typed)
    again = returned(typed, given)
    assert again.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    assert again["cents"].tolist() == cents
    assert again["day"].tolist() == days
    assert again["s"].dtype == frame["s"].dtype
    assert returned(typed, {"types": {"s": "int64"}})["s"].tolist() == typed["s"].tolist(), "what fits no type stays"
