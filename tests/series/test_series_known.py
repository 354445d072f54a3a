"""What is known in advance: the calendar, with daylight saving, and what describes series; and marks of time axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.engine.build import open_data
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.modalities.series import clock_ticks, forecasting, known
from ganforge.modalities.series.imputing import impute
from ganforge.modalities.series.source import SeriesFile
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused

load_all()

NET = ["task.channels=4", "task.discriminator.channels=4", "batch=8", "samples=16", "callbacks=[]"]
FORECAST = ["forecast", "signal.window=40", "task.future=8", *NET]
IMPUTE = ["impute", "signal.window=32", "task.longest=12", *NET]


def recipe_of(name: str, *fields: str) -> Recipe:
    return build(Recipe, apply(to_plain(recipes.get(name)), fields))


def sensors(path: Path, hours: int = 24 * 20, zone: str = "Europe/Berlin") -> Path:
    """Three sensors over the change to summer time, stamped by local clocks, with a place, a height and a gap."""
    times = pd.date_range("2024-03-20", periods=hours, freq="h", tz="UTC").tz_convert(zone).tz_localize(None)
    rng, parts = np.random.default_rng(0), []
    for name, place, height in (("a", "roof", 12.0), ("b", "cellar", -3.0), ("c", "roof", 9.0)):
        value = np.where(times.hour.isin([8, 9]), 5.0, 0.0) + rng.normal(0, 0.1, hours) + height
        parts.append(pd.DataFrame({"time": times, "sensor": name, "place": place, "height": height, "value": value}))
    frame = pd.concat(parts)
    frame.loc[frame.index % 60 == 11, "value"] = np.nan
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return sensors(tmp_path_factory.mktemp("known") / "sensors.csv")


def fields(data: Path) -> list[str]:
    return [
        "data.kind=series", f"data.path={data}", "data.timezone=Europe/Berlin", "signal.calendar=true",
        "signal.attributes=true",
    ]  # fmt: skip


def test_eight_o_clock_is_eight_o_clock_in_summer():
    utc = np.array(["2024-03-30T07:00", "2024-03-31T06:00", "2024-10-26T06:00", "2024-10-27T07:00"], "datetime64[ns]")
    seconds = known.local_seconds(utc, "Europe/Berlin")
    assert known.phase(seconds, "hour") * 24 == pytest.approx(8)
    assert (known.phase(seconds, "weekday") * 7).round().tolist() == [5, 6, 5, 6], "Saturday, Sunday"
    assert known.local_seconds(utc, None)[0] - seconds[0] == -3600
    day = known.phase(known.local_seconds(np.array(["2024-01-01", "2024-07-01"], "datetime64[ns]"), None), "month")
    assert day == pytest.approx([0, 182 / 365.25])


def test_cycles_follow_from_the_distance_of_rows_and_the_length_of_the_series(tmp_path):
    for freq, rows, wanted in (
        ("h", 24 * 20, ["hour", "weekday"]),
        ("h", 30, []),
        ("D", 800, ["weekday", "month"]),
        ("MS", 40, ["month"]),
        ("YS", 40, []),
    ):
        times = pd.date_range("1980-01-01", periods=rows, freq=freq)
        pd.DataFrame({"time": times, "x": np.random.default_rng(0).normal(size=rows)}).to_csv(tmp_path / "x.csv")
        whole = SeriesFile(path=str(tmp_path / "x.csv"), holdout=0.0).open()
        assert [one["cycle"] for one in known.described(whole, True, True)] == wanted, (freq, rows)


def test_windows_hold_the_clock_and_what_describes_their_series(data):
    recipe = recipe_of(*FORECAST[:1], *FORECAST[1:], *fields(data))
    dataset, spec = open_data(recipe)
    facts = spec.state["known"]
    assert [one.get("cycle") or one["attribute"] for one in facts] == ["hour", "weekday", "place", "height"]
    x = recipe.signal.prepare(dataset.read(0), spec)
    assert x.shape == spec.shape == (9, 40), "value, its flag, two cycles, two words, a number"
    assert x[2, 6] == pytest.approx(np.sin(2 * np.pi * 7 / 24)), "the first row is 1 o'clock in Berlin"
    place, height = x[6:8, 0], x[8, 0]
    assert place.tolist() == [-1, 1], "cellar, roof"
    assert height == pytest.approx((12 - 6) / np.std([12, -3, 9]))
    part = recipe.data.part("test")
    assert part is not None
    held = recipe.signal.items(part.open())
    assert recipe.signal.prepare(held.read(0), spec)[6:, 0].tolist() == x[6:, 0].tolist()


def test_forecasts_depend_on_the_clock_and_on_attributes(data, tmp_path):
    name, *small = FORECAST
    run = train(recipe_of(name, *small, *fields(data)), run_dir=tmp_path / "run", device="cpu").folder
    model = load(run, "cpu")
    found = forecasting.paths_of(model, data, horizon=20, paths=3)
    assert set(found) == {"a", "b", "c"}
    table = forecasting.as_frame(model, found)
    assert len(table) == 3 * 3 * 20
    G = model.bundle.nets["G"]
    seen: list[np.ndarray] = []
    with G.register_forward_hook(lambda module, inputs, output: seen.append(inputs[2].numpy())):
        forecasting.paths_of(model, data, horizon=8, paths=2)
    last = pd.Timestamp(found["a"].state["clock"]["last"]).tz_localize("UTC").tz_convert("Europe/Berlin")
    hours = (last.hour + 1 + np.arange(8)) % 24
    assert seen[0][0, 0] == pytest.approx(np.sin(2 * np.pi * hours / 24), abs=1e-5), "what is known of the future"
    frame = pd.read_csv(data)
    frame[frame["sensor"] == "b"].to_csv(tmp_path / "one.csv", index=False)
    assert len(forecasting.forecast(model, tmp_path / "one.csv", paths=2)) == 16, "a single sensor has attributes too"
    frame.drop(columns="height").to_csv(tmp_path / "less.csv", index=False)
    with refused("forecast.columns_missing", "height"):
        forecasting.forecast(model, tmp_path / "less.csv")
    frame.assign(place=frame["place"].replace("roof", "moon")).to_csv(tmp_path / "new.csv", index=False)
    with refused("forecast.unknown_words", "moon"):
        forecasting.forecast(model, tmp_path / "new.csv")


def test_gaps_are_filled_by_the_clock_and_attributes(data, tmp_path):
    name, *small = IMPUTE
    run = train(recipe_of(name, *small, *fields(data)), run_dir=tmp_path / "run", device="cpu").folder
    table = impute(run, data, paths=3)
    before = pd.read_csv(data, dtype=str, keep_default_na=False)
    there = before["value"] != ""
    assert (table["value"] != "").all()
    assert (table["value"][there] == before["value"][there]).all()
    assert (table["height"] == before["height"]).all()


def test_nothing_known_is_said(tmp_path, notices):
    pd.DataFrame({"x": np.random.default_rng(0).normal(size=300)}).to_csv(tmp_path / "x.csv", index=False)
    fields = ["data.kind=series", f"data.path={tmp_path / 'x.csv'}", "signal.calendar=true", "signal.attributes=true"]
    _, spec = open_data(recipe_of(FORECAST[0], *FORECAST[1:], *fields))
    assert spec.shape == (1, 40)
    assert notices.text.count("it has no effect") == 2


@pytest.mark.parametrize(
    ("start", "freq", "rows", "marks"),
    [
        ("2024-03-01 05:00", "h", 96, ["Mar 2", "Mar 3", "Mar 4", "Mar 5"]),
        ("2024-03-01 05:00", "h", 20, ["06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "Mar 2"]),
        ("2024-01-03", "B", 30, ["Jan 8", "Jan 15", "Jan 22", "Jan 29", "Feb 5", "Feb 12"]),
        ("2020-02-01", "MS", 30, ["Jul 2020", "Jan 2021", "Jul 2021", "Jan 2022", "Jul 2022"]),
        ("2001-01-01", "YS", 12, ["2002", "2004", "2006", "2008", "2010", "2012"]),
    ],
)
def test_marks_are_at_round_times(start, freq, rows, marks):
    times = pd.date_range(start, periods=rows, freq=freq).to_numpy()
    found = clock_ticks.of_times(times)
    assert [text for _, text in found] == marks
    assert all(0 < k < rows for k, _ in found)


def test_marks_of_steps_count_from_the_last_one_known():
    assert clock_ticks.of_steps(-72, 96) == [(12, "-60"), (32, "-40"), (52, "-20"), (72, "0"), (92, "20")]


@pytest.mark.parametrize("several", [False, True])
def test_all_windows_at_once_are_those_read_one_by_one(data, tmp_path, several):
    path = data
    if not several:
        frame = pd.read_csv(data)
        path = tmp_path / "one.csv"
        frame[frame["sensor"] == "a"].drop(columns=["sensor", "place", "height"]).to_csv(path, index=False)
    recipe = recipe_of(*FORECAST, *fields(path)[:-1], f"signal.attributes={str(several).lower()}", "signal.stride=7")
    dataset, spec = open_data(recipe)
    every = recipe.signal.prepare_all(dataset, spec)
    assert every is not None
    assert every.shape == (len(dataset), *spec.shape)
    for k in range(len(dataset)):
        assert np.array_equal(every[k], recipe.signal.prepare(dataset.read(k), spec))
    if not several:
        held: Any = every
        while held.base is not None:
            held = held.base
        assert held.nbytes < every.nbytes / 4, "overlapping windows share their memory"


def test_windows_are_asked_for_by_series_by_attributes_and_by_the_hour(data, tmp_path, monkeypatch):
    small = ["signal.window=12", "signal.stride=5", "task.conditional=true", "task.generator.channels=4"]
    small += ["task.discriminator.channels=4", "batch=8", "samples=16", "callbacks=[]"]
    small += [*fields(data)[:3], "signal.conditions=[sensor, place, height, hour, weekday]"]
    recipe = recipe_of("series-small", *small)
    dataset, spec = open_data(recipe)
    assert spec.conditions.names == ("sensor", "place", "height", "hour", "weekday")
    assert spec.classes == 0
    assert dataset.vectors is not None
    sensor, place, height, hour, day = spec.conditions.decode(dataset.vectors[1:2])[0]
    assert (sensor, place, height, day) == ("a", "roof", pytest.approx(12), "Wednesday"), "March 20, 2024"
    assert hour == pytest.approx(6), "the sixth row; the first is 1 o'clock in Berlin"
    model = load(train(recipe, run_dir=tmp_path / "run", device="cpu").folder, "cpu")
    made = model.sample(4, where=["sensor=b", "place=cellar", "hour=8"])
    assert made.shape == (4, 12, 1)
    with refused("column.not_found", "plce", "place"):
        open_data(recipe_of("series-small", *small, "signal.conditions=[plce]"))
    monkeypatch.setattr(known, "MOST_LABELS", 2)
    with refused("series.too_many_series", "'sensor' names 3 series"):
        open_data(recipe)
