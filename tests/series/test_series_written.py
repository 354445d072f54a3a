"""What files of series write in other ways than one would: dates, times of day, numbers; what they know too early."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from series_files import DAYS, HOURS, opened, said, there_and_back, written

from ganforge.data.path import PathData
from ganforge.modalities.series.source import SeriesSet
from refused import refused


@pytest.mark.parametrize(
    ("form", "step"),
    [("%d.%m.%y", "D"), ("%d-%b-%y", "D"), ("%Y年%m月%d日", "D"), ("%d/%m/%Y %I:%M %p", "h"), ("%Y%m%d", "D")],
)
def test_dates_in_other_forms_come_back_as_they_were(form, step, tmp_path):
    times = pd.date_range("2023-01-01", periods=120, freq=step)
    path = written(tmp_path, ["date,x", *(f"{t.strftime(form)},{k % 7}.5" for k, t in enumerate(times))])
    dataset = PathData(path=path, holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert (dataset.times["0"] == times.to_numpy()).all()
    _, _, table = there_and_back(dataset)
    after = pd.date_range(times[-1], periods=25, freq=step)[1:]
    assert table["date"][:24].astype(str).tolist() == [t.strftime(form) for t in after]


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_seconds_since_1970_are_times(unit, tmp_path):
    at = pd.DatetimeIndex(HOURS).to_numpy(f"datetime64[{unit}]").astype(int)
    dataset = PathData(path=written(tmp_path, ["unix,x", *(f"{t},{t % 7}.5" for t in at)]), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert (dataset.times["0"] == pd.DatetimeIndex(HOURS).to_numpy()).all()
    _, _, table = there_and_back(dataset)
    assert table["unix"][:24].tolist() == [int(at[-1] + (k + 1) * (at[1] - at[0])) for k in range(24)]


@pytest.mark.parametrize(("name", "of"), [("Time", "%H:%M:%S"), ("Time", "%H.%M.%S"), ("hour", "0"), ("Hour", "1")])
def test_a_column_of_days_and_one_of_hours_are_one_time(name, of, tmp_path):
    """Not twenty-four series, one for each hour."""
    hours = [t.strftime(of) if "%" in of else (t.hour or 24) if of == "1" else t.hour for t in HOURS]
    days = [(t - timedelta(hours=1) if h == 24 else t).strftime("%Y-%m-%d") for t, h in zip(HOURS, hours, strict=True)]
    rows = [f"{d},{h},{k % 9}.5" for k, (d, h) in enumerate(zip(days, hours, strict=True))]
    dataset = PathData(path=written(tmp_path, [f"Date,{name},x", *rows]), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert said(dataset, "read from the columns Date")
    assert (dataset.times["0"] == pd.DatetimeIndex(HOURS).to_numpy()).all()
    _, _, table = there_and_back(dataset)
    assert list(table.columns) == ["series", "Date", name, "x"]
    again = written(tmp_path, table[:24].to_csv(index=False).splitlines(), "again.csv")
    times = opened(again).times["0"]
    assert times[0] == np.datetime64(HOURS[-1] + timedelta(hours=1))
    assert (np.diff(times) == np.timedelta64(1, "h")).all()


def test_offsets_that_change_with_daylight_saving(tmp_path):
    real = pd.date_range("2023-10-27", periods=120, freq="h", tz="Europe/Berlin")
    path = written(tmp_path, ["time,x", *(f"{t.isoformat()},{k % 7}.5" for k, t in enumerate(real))])
    dataset = PathData(path=path, holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert (dataset.times["0"] == real.tz_convert("UTC").tz_localize(None).to_numpy()).all()
    assert said(dataset, "UTC")


def test_a_series_with_few_doubled_times_is_no_table(tmp_path):
    """Exact doubles are left out; another value at the same time is an error that names it."""
    rows = [f"{day},{k % 9}.5" for k, day in enumerate(DAYS)]
    dataset = PathData(path=written(tmp_path, ["day,x", *rows, rows[5]]), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert said(dataset, "1 rows are exact doubles")
    with refused("series.duplicate_times", "2023-01-06"):
        PathData(path=written(tmp_path, ["day,x", *rows, f"{DAYS[5]},99.5"], "b.csv")).open()
    real = pd.date_range("2023-10-27", periods=120, freq="h", tz="Europe/Berlin")
    lines = ["time,x", *(f"{t:%Y-%m-%d %H:%M},{k % 7}.5" for k, t in enumerate(real))]
    with refused("series.duplicate_times", "daylight"):
        PathData(path=written(tmp_path, lines, "c.csv")).open()


def test_a_short_table_with_days_is_asked_about(tmp_path):
    path = written(tmp_path, ["day,x", *(f"{day},{k % 9}.5" for k, day in enumerate(DAYS[:20]))])
    with refused("data.ambiguous_signal", "series", "table"):
        PathData(path=path).open()
    two = written(tmp_path, ["day,x", f"{DAYS[0]},1.5", f"{DAYS[1]},2.5"], "two.csv")
    assert not isinstance(PathData(path=two).open(), SeriesSet), "two days are always at equal distances"
    same = written(tmp_path, ["day,x", *[f"{DAYS[0]},1.5"] * 40], "same.csv")
    assert not isinstance(PathData(path=same).open(), SeriesSet), "one row, forty times"
    empty = written(tmp_path, ["day,x,y", *(f"{day},,a" for day in [*DAYS[:40], DAYS[3]])], "empty.csv")
    assert not isinstance(PathData(path=empty).open(), SeriesSet), "no number to learn"


def test_absent_rows_and_reversed_ones_are_said(tmp_path):
    rows = [f"{day},{k % 9}.5" for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["day,x", *rows[:40], *rows[60:]]))
    assert said(dataset, "98.99%", "1 days", "21 days", "equally spaced")
    assert said(opened(written(tmp_path, ["day,x", *rows[::-1]])), "newest row comes first")


def test_texts_of_numbers_are_numbers_and_come_back_as_texts(tmp_path):
    odd = {5: "-", 9: "?", 14: "missing", 20: "?"}
    rows = [f'{day},{odd.get(k, f"{k / 7:.2f}")},"{1000 * k + 0.25:,.2f}",{k % 30}.5%' for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["day,x,price,share", *rows]))
    assert [c.name for c in dataset.columns] == ["x", "price", "share"]
    assert said(dataset, "'x'", "4 other values count as missing", "'?' (2)")
    assert said(dataset, "'price'", "thousands ','")
    assert dataset.series["0"][7, 1] == 7_000.25
    _, _, table = there_and_back(dataset)
    assert table["price"][:3].tolist() == ["0.25", "1,000.25", "2,000.25"]
    assert table["share"][7] == "7.5%"
    assert table["x"].isna().sum() > 0


def test_marks_for_missing_are_pointed_out(tmp_path):
    rows = [f"{day},{-999 if k % 10 == 0 else 50 + k % 7},{k % 11 - 5}" for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["day,x,y", *rows]))
    assert said(dataset, "'x'", "exactly -999", "data.missing=[-999]")
    assert not said(dataset, "'y'")


@pytest.mark.parametrize(
    ("future", "word"),
    [(lambda x: x.shift(-5), "value"), (lambda x: (x.shift(-3) / x - 1).round(4), "relative change"),
     (lambda x: x.shift(-1) - x, "change"), (lambda x: (x.shift(-1) > x).astype(float)[:-1], "rise")],
    ids=["value", "relative", "change", "rise"],
)  # fmt: skip
def test_what_comes_later_is_known_in_other_forms_too(future, word, tmp_path):
    x = pd.Series(100 + np.cumsum(np.random.default_rng(0).normal(size=120))).round(3)
    table = pd.DataFrame({"day": DAYS, "x": x, "target": future(x)})
    dataset = opened(written(tmp_path, table.to_csv(index=False).splitlines()))
    assert [c.name for c in dataset.columns] == ["x"]
    assert said(dataset, f"the {word} of 'x'", "future")


def test_what_repeats_itself_or_lags_behind_knows_no_future(tmp_path):
    x = pd.Series(np.random.default_rng(0).normal(size=200)).round(3)
    hours = [t.hour for t in HOURS]
    table = pd.DataFrame({"time": HOURS, "x": x, "before": x.shift(1), "hour": hours,
                          "shifted": [(h + 6) % 24 for h in hours]})  # fmt: skip
    dataset = opened(written(tmp_path, table.to_csv(index=False).splitlines()))
    assert [c.name for c in dataset.columns] == ["x", "before", "hour", "shifted"]
