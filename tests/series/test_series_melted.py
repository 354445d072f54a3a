"""Tables with a row for each series, time and variable: the variables become columns, also of files that are given to
trained models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from series_files import HOURS, opened, said, written

from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.data.path import PathData
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.modalities.series.absent import prepared
from ganforge.modalities.series.forecasting import forecast
from ganforge.modalities.series.imputing import impute
from ganforge.modalities.series.source import SeriesSet
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused

load_all()

SMALL = ["task.channels=8", "task.discriminator.channels=4", "batch=8", "samples=8", "callbacks=[]", "data.holdout=0.3"]


def wide(count: int = 80) -> pd.DataFrame:
    draws = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"station": name, "time": HOURS[:count], "temp": draws.normal(20, 4, count).round(2),
                      "rain": draws.normal(3, 1, count).round(1)})
        for name in "abc"
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True).assign(time=lambda f: f["time"].astype(str))


def long(frame: pd.DataFrame, **names: str) -> pd.DataFrame:
    found = frame.melt(["station", "time"], var_name="parameter", value_name="value").dropna()
    return found.sort_values(["station", "time"], kind="stable").rename(columns=names)


def file_of(folder: Path, frame: pd.DataFrame, name: str = "data.csv") -> str:
    return written(folder, frame.to_csv(index=False).splitlines(), name)


@pytest.mark.parametrize("order", ["rows", "variables", "none"])
def test_variables_become_columns(order, tmp_path):
    table = long(wide())
    if order == "variables":
        table = table.sort_values(["parameter", "station", "time"])
    elif order == "none":
        table = table.sample(frac=1, random_state=0)
    dataset = PathData(path=file_of(tmp_path, table), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert said(dataset, "'parameter'", "temp", "become columns", "'station' is a series", "samples have a row a time")
    real = opened(file_of(tmp_path, wide(), "wide.csv"))
    assert (dataset.entity, sorted(dataset.series)) == ("station", ["a", "b", "c"])
    columns = [column.name for column in dataset.columns]
    for name in "abc":
        mine = dataset.series[name][:, [columns.index(c) for c in ("temp", "rain")]]
        assert np.array_equal(mine, real.series[name])
    assert dataset.order[:2] == ("station", "time")


def test_missing_combinations_are_gaps(tmp_path):
    frame = wide()
    frame.loc[[3, 100], "temp"] = np.nan
    frame.loc[200, "rain"] = np.nan
    dataset = opened(file_of(tmp_path, long(frame)))
    assert {name: int(gaps.sum()) for name, gaps in dataset.missing.items()} == {"a": 1, "b": 1, "c": 1}
    assert dataset.missing["a"][3, 0]
    assert said(dataset, "3 missing values")


def test_the_variable_is_told_by_its_name_else_by_fewer_values(tmp_path):
    frame = wide().assign(wind=lambda f: f["rain"] + 1, snow=lambda f: f["temp"] - 1, hail=1.25)
    path = file_of(tmp_path, long(frame))
    assert len(opened(path).columns) == 5, "five parameters of three stations"
    other = file_of(tmp_path, long(frame, parameter="what"), "other.csv")
    assert opened(other).entity == "what", "three stations of five things"
    named = opened(other, entity="station")
    assert (named.entity, len(named.columns)) == ("station", 5)
    assert [c.name for c in named.columns] == ["temp", "rain", "wind", "snow", "hail"]


def test_what_describes_a_series_or_a_variable(tmp_path):
    table = long(wide()).assign(
        region=lambda f: f["station"].map({"a": "north", "b": "south", "c": "north"}),
        unit=lambda f: f["parameter"].map({"temp": "C", "rain": "mm"}),
    )
    dataset = opened(file_of(tmp_path, table))
    assert said(dataset, "unit left out")
    assert dataset.kinds == ("north", "south")


def test_texts_of_numbers_and_exact_doubles(tmp_path):
    frame = wide()
    frame[["temp", "rain"]] = frame[["temp", "rain"]] * 1_000
    table = long(frame).assign(value=lambda f: [f"{v:,.2f}" for v in f["value"]])
    dataset = PathData(path=file_of(tmp_path, pd.concat([table, table.head(3)])), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert said(dataset, "3 rows are exact doubles")
    assert dataset.series["a"][:, 0] == pytest.approx(frame["temp"][:80].to_numpy())


def test_two_columns_that_are_no_keys_leave_a_table(tmp_path):
    """Sales: a shop and an amount, which tell the rows of a day apart by chance."""
    draws = np.random.default_rng(0)
    table = pd.DataFrame({"date": np.repeat([f"{t:%Y-%m-%d}" for t in pd.date_range("2023-01-01", periods=100)], 4),
                          "shop": draws.integers(0, 3, 400), "sold": draws.integers(0, 200, 400),
                          "paid": draws.normal(size=400).round(2)})  # fmt: skip
    assert PathData(path=file_of(tmp_path, table)).open().signal == "table"
    flagged = long(wide()).assign(flag=lambda f: draws.integers(0, 2, len(f)))
    with refused("series.duplicate_times", "time"):
        PathData(path=file_of(tmp_path, flagged), signal="series").open()


def run_of(folder: Path, recipe: str, *fields: str) -> Path:
    data = file_of(folder, long(wide()))
    made = build(Recipe, apply(to_plain(recipes.get(recipe)), [f"data={data}", *SMALL, *fields]))
    return train(made, run_dir=folder / "run", device="cpu").folder


def test_gaps_of_a_melted_file_are_filled_in_the_wide_form(tmp_path):
    run = run_of(tmp_path, "impute", "signal.window=16", "task.longest=6")
    frame = wide(40)
    frame["temp"] = frame["temp"].map("{:.3f}".format)
    frame.loc[[5, 6, 50], "temp"] = np.nan
    absent = frame.drop(index=[20])  # an hour without a row of either
    given = file_of(tmp_path, long(absent), "given.csv")
    found = impute(run, given, paths=3)
    assert list(found.columns)[:3] == ["station", "time", "temp"]
    assert found["time"].tolist() == frame["time"].tolist()
    kept = frame["temp"].notna() & (frame.index != 20)
    assert found["temp"][kept].tolist() == frame["temp"][kept].tolist(), "as it was, character by character"
    assert (found[["temp", "rain"]] != "").all(axis=None)
    assert prepared(load(run), given).added == 1
    whole = impute(run, given, paths=2, absent_rows=False)
    assert len(whole) == len(frame) - 1


def test_a_forecast_goes_on_from_a_melted_file(tmp_path):
    run = run_of(tmp_path, "forecast", "signal.window=24", "task.future=4")
    found = forecast(run, file_of(tmp_path, long(wide(30)), "recent.csv"), horizon=5, paths=2)
    assert list(found.columns) == ["path", "station", "time", "temp", "rain"]
    assert len(found) == 3 * 5 * 2
    one = wide(30).query("station == 'a'")
    alone = forecast(run, file_of(tmp_path, long(one), "alone.csv"), horizon=5, paths=2)
    assert set(alone["station"]) == {"a"}
    assert pd.to_datetime(alone["time"])[0] == pd.Timestamp(HOURS[30])
