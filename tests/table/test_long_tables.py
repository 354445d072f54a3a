"""Long tables and series are worked on in pieces and kept in files; the result is the same for any size of a piece."""

from __future__ import annotations

import errno
import json
import logging
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from ganforge.core import scratch
from ganforge.core.errors import UserError
from ganforge.core.passes import indices
from ganforge.core.rng import seed_of
from ganforge.data import loader
from ganforge.data.arrays import ArrayDataset
from ganforge.data.prepared import Prepared
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.source import SeriesFile
from ganforge.modalities.table import inspect
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import TableFile
from ganforge.modalities.table.tasks.conditions import _by_category
from refused import refused
from strategies.tables import tables

pytest.importorskip("pyarrow")
N = 240


def messy() -> pd.DataFrame:
    """Columns whose rare values, which decide what the column is, come late."""
    draws = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "key": [f"K{k:05d}" for k in range(N)],
            "mostly": [str(k) if k % 20 else ("bad" if k % 40 else "n/a!") for k in range(N)],
            "half": [str(k) if k % 3 else "x" for k in range(N)],
            "zip": [str(k) if k < 200 else "01234" for k in range(N)],
            "money": [f"${v:,.2f}" for v in draws.lognormal(8, 2, N)],
            "when": [f"{1 + k % 28}/{1 + k % 12}/2020 10:{k % 60:02d}" for k in range(N)],
            "zoned": [f"2020-01-{1 + k % 28:02d}T10:00:00Z" for k in range(N)],
            "late": [str(k) for k in range(N - 1)] + ["1.5"],
            "big": [str(2**63 + k % 50) for k in range(N)],
            "sign": [str(2**63 + 5) if k == 200 else str(-k) for k in range(N)],
            "huge": [str(2**70) if k == 230 else str(k % 7) for k in range(N)],
            "truths": ["" if k % 5 == 0 else "TRUE" if k % 3 else "false" for k in range(N)],
            "gap": ["" if k > 100 else str(k % 9) for k in range(N)],
            "whole": ["" if k % 7 == 0 else f"{k % 30}.0" for k in range(N)],
            "none": [""] * N,
            "mark": ["-9223372036854775808" if k % 50 == 0 else str(k % 100) for k in range(N)],
            "inf": ["inf" if k % 50 == 0 else str(k / 7) for k in range(N)],
            "ymd": [str(20200101 + k % 28) for k in range(N)],
            "float": draws.normal(size=N),
        }
    )


def all_of_table(path: Path, split: str = "train") -> dict[str, object]:
    """What is known of a table, and its prepared rows."""
    data = TableFile(path=str(path), split=split).open()
    signal = Table(numbers="quantile")
    spec = signal.spec(data, lambda shape: shape)
    facts = inspect.describe(data, 20, 500) | {"hints": []}
    return {
        "spec": json.dumps(spec.state, default=str),
        "notes": data.notes,
        "skipped": data.skipped,
        "digest": data.digest,
        "detected": data.detected,
        "frame": data.frame,
        "masked": {name: (cells.tolist(), list(cells.index)) for name, cells in data.masked_cells.items()},
        "facts": json.dumps(facts, default=str),
        "rows": signal.prepare_all(data, spec),
    }


def same(one: dict[str, object], other: dict[str, object]) -> None:
    for name, value in one.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other[name])
        elif isinstance(value, np.ndarray):
            assert np.array_equal(value, other[name], equal_nan=True)
        else:
            assert value == other[name], name


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("ending", [".csv", pytest.param(".parquet", marks=pytest.mark.slow)])
def test_a_messy_table_is_the_same_in_pieces(ending, tmp_path, monkeypatch):
    path = tmp_path / f"t{ending}"
    messy().to_csv(path, index=False) if ending == ".csv" else messy().to_parquet(path)
    split = "train" if ending == ".csv" else "test"
    whole = all_of_table(path, split)
    monkeypatch.setattr(scratch, "AT_ONCE", 100 if split == "train" else 10)
    found = all_of_table(path, split)
    same(whole, found)
    assert isinstance(found["rows"].base, np.memmap)


def of_hypothesis(most: int):
    @settings(max_examples=most, deadline=None, derandomize=most < 50, suppress_health_check=list(HealthCheck),
              database=None)  # fmt: skip
    @given(frame=tables())
    def run(frame: pd.DataFrame) -> None:
        found: list[object] = []
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            path = Path(folder) / "t.csv"
            frame.to_csv(path, index=False)
            for rows in (scratch.AT_ONCE, 7):
                patch.setattr(scratch, "AT_ONCE", rows)
                try:
                    found.append(all_of_table(path))
                except UserError as error:
                    found.append({"error": str(error)})
        same(*found)  # type: ignore[arg-type]

    return run


@pytest.mark.slow
def test_many_tables_are_the_same_in_pieces():
    of_hypothesis(200)()


def series_of(kind: str) -> pd.DataFrame:
    draws, n = np.random.default_rng(1), 300
    times = pd.date_range("2000-01-01", periods=n, freq="min")
    frame = pd.DataFrame({"time": times, "x": draws.normal(size=n).cumsum().round(3), "i": np.arange(n)})
    frame["price"] = np.exp(draws.normal(0, 0.01, n).cumsum()) * np.where(np.arange(n) < 150, 2, 1)
    if kind == "shuffled, with gaps":
        frame["word"] = np.array(["a", "b", None])[draws.integers(3, size=n)]
        frame.loc[draws.random(n) < 0.1, "x"] = np.nan
        return frame.sample(frac=1, random_state=0)
    if kind == "irregular, numbers and a text":
        frame = frame[draws.random(n) < 0.6].astype({"i": str})
        frame.iloc[-1, 2] = "none"
        return frame
    return frame


def all_of_series(path: Path) -> dict[str, object]:
    data = SeriesFile(path=str(path)).open()
    signal = Series(window=8)
    items = signal.items(data)
    spec = signal.spec(items, lambda shape: shape)
    return {
        "spec": json.dumps(spec.state, default=str),
        "notes": data.notes,
        "rest": str((data.columns, data.clock, data.order)),
        "places": data.rows["0"],
        "missing": data.missing["0"],
        "windows": signal.prepare_all(items, spec),
    }


@pytest.mark.parametrize("kind", ["plain", "shuffled, with gaps", "irregular, numbers and a text"])
def test_a_series_is_the_same_in_pieces(kind, tmp_path, monkeypatch):
    path = tmp_path / "s.csv"
    series_of(kind).to_csv(path, index=False)
    whole = all_of_series(path)
    monkeypatch.setattr(scratch, "AT_ONCE", 37)
    same(whole, all_of_series(path))


def test_an_array_grows_in_a_file(monkeypatch):
    monkeypatch.setattr(scratch, "AT_ONCE", 3)
    grown = scratch.Growing()
    for part in (np.array([True]), np.arange(4), np.array([0.5])):
        grown.add(part)
    assert grown.whole(np.float64).tolist() == [1, 0, 1, 2, 3, 0.5]
    ascending = scratch.in_order(np.array([3, 1, 2, 5, 4]))
    assert ascending.tolist() == [1, 2, 3, 4, 5]
    assert isinstance(ascending.base, np.memmap)


def test_a_full_disk_is_said_and_an_unwritable_cache_is_not_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "AT_ONCE", 3)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path / "file"))
    assert scratch.zeros((10,), np.int64).sum() == 0

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(scratch, "_reserve", full)
    with refused("data.cache_not_writable", "GANFORGE_CACHE"):
        scratch.zeros((10,), np.int64)


def test_orders_of_rows_are_the_same_in_pieces(monkeypatch):
    codes = np.random.default_rng(0).integers(0, 5, 100).astype(np.int32)
    monkeypatch.setattr(scratch, "AT_ONCE", 7)
    pool = np.zeros(100, np.int32)
    _by_category(codes, np.bincount(codes, minlength=6), pool)
    assert np.array_equal(pool, np.argsort(codes, kind="stable"))
    shuffled = np.random.Generator(np.random.PCG64(seed_of(11, 0, "epoch"))).permutation(101)
    assert np.array_equal(indices(101, 11, 0, 101), shuffled)


def test_prepared_items_beyond_the_memory_are_loaded_from_where_they_are(monkeypatch):
    monkeypatch.setattr(loader, "memory_budget", lambda *_: 0)
    array = np.arange(40, dtype=np.float32).reshape(20, 2)
    data = Prepared(ArrayDataset("numbers", array), array)
    batches = loader.Loader(data, lambda item: item, (2,), batch=20)
    assert np.shares_memory(batches.stored(np.array([3]))[0], array)
    assert sorted(batches.batch(0)[0][:, 0].tolist()) == array[:, 0].tolist()
    batches.close()
