"""Tables with a time column: which are series, and what is made of their rows."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from series_files import DAYS, opened, written

from ganforge.core.dataset import Dataset
from ganforge.data.path import PathData
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.source import SeriesSet
from refused import refused


def wide(form: str = "%Y-%m-%d") -> list[str]:
    return ["day,price,sold", *(f"{day.strftime(form)},{10 + k / 7:.2f},{k % 9}" for k, day in enumerate(DAYS))]


def found(path: str) -> Dataset:
    return PathData(path=path).open()


def test_a_table_with_a_time_column_is_a_series(tmp_path):
    dataset = found(written(tmp_path, wide()))
    assert dataset.signal == "series"
    assert isinstance(dataset, SeriesSet)
    assert [column.name for column in dataset.columns] == ["price", "sold"]
    assert dataset.clock is not None
    assert (dataset.clock.step, dataset.clock.format) == ("D", "%Y-%m-%d")


def test_a_table_without_one_is_a_table_unless_asked(tmp_path):
    path = written(tmp_path, ["price,sold", *(f"{k / 7:.3f},{k % 9}" for k in range(99))])
    assert found(path).signal == "table"
    asked = PathData(path=path, signal="series", holdout=0.0).open()
    assert isinstance(asked, SeriesSet)
    assert asked.clock is None
    assert any("order of the file" in note for note in asked.notes)


@pytest.mark.parametrize("many", [3, 10])
def test_several_rows_a_date_that_no_column_tells_apart_are_a_table(tmp_path, many):
    rows = [f"{DAYS[k // many]},{k % 2},{k / 3:.1f}" for k in range(100)]
    path = written(tmp_path, ["since,shop,paid", *rows])
    assert found(path).signal == "table"
    with refused("series.duplicate_times", "since"):
        PathData(path=path, signal="series").open()


def test_dates_in_no_order_and_at_no_distance_are_facts_of_a_row(tmp_path):
    rng = np.random.default_rng(0)
    picked = rng.choice(9_000, 100, replace=False).tolist()
    rows = [f"{date(1970, 1, 1) + timedelta(days=k)},{rng.normal():.2f}" for k in picked]
    assert found(written(tmp_path, ["born,height", *rows])).signal == "table"


def test_dates_in_order_at_no_distance_are_asked_about(tmp_path):
    picked = sorted(np.random.default_rng(0).choice(90_000, 100, replace=False).tolist())
    rows = [f"{date(1770, 1, 1) + timedelta(days=k)},{k % 7}" for k in picked]
    with refused("data.ambiguous_signal", "series", "table"):
        found(written(tmp_path, ["joined,visits", *rows]))


def test_a_long_table_has_a_series_for_each_entity(tmp_path):
    rows = [f"{name},{day},{k * size}" for name, size in (("a", 1), ("b", 2)) for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["sensor,day,value", *rows]))
    assert dataset.entity == "sensor"
    assert list(dataset.series) == ["a", "b"]
    assert dataset.series["b"][:, 0].tolist() == [2.0 * k for k in range(120)]


def test_decimal_commas_are_read(tmp_path):
    points = ["day,x,y", *(f"{day},{k * k % 7}.5,{k % 5}" for k, day in enumerate(DAYS))]
    commas = [line.replace(",", ";").replace(".", ",") for line in points]
    path = written(tmp_path, commas)
    assert found(path).signal == "series"
    assert (opened(path).series["0"] == opened(written(tmp_path, points, "b.csv")).series["0"]).all()


@pytest.mark.parametrize("how", ["newest first", "shuffled"])
def test_rows_are_brought_in_order_of_time(tmp_path, how):
    head, *rows = wide()
    order = np.random.default_rng(1).permutation(len(rows)) if how == "shuffled" else np.arange(len(rows))[::-1]
    path = written(tmp_path, [head, *(rows[k] for k in order)])
    assert found(path).signal == "series"
    dataset = opened(path)
    assert dataset.series["0"][:, 0].tolist() == opened(written(tmp_path, wide(), "b.csv")).series["0"][:, 0].tolist()
    assert any("sorted" in note for note in dataset.notes) == (how == "shuffled")


def test_day_first_is_told_by_the_other_rows(tmp_path):
    dataset = opened(written(tmp_path, wide("%d/%m/%Y")))
    assert dataset.clock is not None
    assert dataset.clock.format == "%d/%m/%Y"
    assert dataset.clock.last.startswith("2023-04-30")


def test_dates_that_no_row_decides_are_refused(tmp_path):
    with refused("series.ambiguous_dates", "01/02/2020"):
        opened(written(tmp_path, ["day,x", "01/02/2020,1.5", "03/04/2020,2.5"], "b.csv"))


def test_missing_values_are_filled_along_a_line_and_said(tmp_path):
    lines = wide()
    lines[5] = f"{DAYS[4]},,4"
    dataset = opened(written(tmp_path, lines))
    a, b, c = dataset.series["0"][3:6, 0]
    assert b == pytest.approx((a + c) / 2)
    assert any("missing" in note for note in dataset.notes)


def test_year_month_day_in_columns_of_their_own(tmp_path):
    rows = [f"{k + 1},{d.year},{d.month},{d.day},{k % 11 / 2}" for k, d in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["No,year,month,day,pm2.5", *rows]))
    assert [column.name for column in dataset.columns] == ["pm2.5"], "a running number of the rows is no channel"
    assert dataset.clock is not None
    assert dataset.clock.names == ("year", "month", "day")


def test_the_end_is_held_back_before_windows_are_cut(tmp_path):
    path = written(tmp_path, ["day,x", *(f"{DAYS[0] + timedelta(days=k)},{k * 1.5}" for k in range(400))])
    train, test = (PathData(path=path, split=split).open() for split in ("train", "test"))
    cut = [Series().items(part) for part in (train, test)]
    seen = [{float(v) for k in range(len(part)) for v in part.read(k)[:, 0]} for part in cut]
    assert max(seen[0]) < min(seen[1])
    assert len(cut[1]) == 40 - 24 + 1


def test_too_short_for_a_window(tmp_path):
    dataset = opened(written(tmp_path, wide()))
    with refused("series.shorter_than_window", "120"):
        Series(window=121).items(dataset)


def test_what_holds_no_numbers_is_refused(tmp_path):
    with refused("series.no_numbers"):
        opened(written(tmp_path, ["day,word", *(f"{day},abc" for day in DAYS)]))
    with refused("series.no_rows"):
        opened(written(tmp_path, ["day,x"], "b.csv"))
    with refused("column.not_found", "dya"):
        opened(written(tmp_path, wide(), "c.csv"), time="dya")
    with refused("column.not_found", "dya"):
        opened(written(tmp_path, wide(), "c.csv"), time="dya", timezone="Europe/Berlin")
    with refused("series.not_a_time", "price"):
        opened(written(tmp_path, wide(), "d.csv"), time="price")


def test_constant_columns_are_named_and_come_back(tmp_path):
    dataset = opened(written(tmp_path, ["day,x,same", *(f"{d},{k % 5}.5,7" for k, d in enumerate(DAYS))]))
    assert any("constant" in note and "same" in note for note in dataset.notes)
    signal = Series()
    windows = signal.items(dataset)
    spec = signal.spec(windows, lambda shape: shape)
    stored = signal.prepare(windows.read(0), spec)
    assert np.isfinite(stored).all()


def test_rows_come_back_as_they_were(tmp_path):
    import torch

    from ganforge.modalities.series.files import to_frame

    dataset = opened(written(tmp_path, wide()))
    signal = Series()
    windows = signal.items(dataset)
    spec = signal.spec(windows, lambda shape: shape)
    stored = torch.from_numpy(np.stack([signal.prepare(windows.read(k), spec) for k in (0, 50)]))
    rows = to_frame(signal.decode(stored, spec), spec)
    real = pd.read_csv(tmp_path / "data.csv")
    assert list(rows.columns) == ["series", *real.columns]
    assert rows[["price", "sold"]][:24].equals(real[["price", "sold"]][:24])
    assert rows["sold"].dtype == real["sold"].dtype
    assert rows["day"].tolist()[:2] == ["2023-05-01", "2023-05-02"], "after the last real row"
