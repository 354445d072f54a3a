"""The worked example of weather: the days that it compares, and the whole of it on a small table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FILE = Path(__file__).parents[1] / "examples" / "series" / "weather.py"
spec = importlib.util.spec_from_file_location("weather_example", FILE)
assert spec is not None
assert spec.loader is not None
weather = importlib.util.module_from_spec(spec)
spec.loader.exec_module(weather)


def table(years: int = 2) -> pd.DataFrame:
    """Two places, one of them 20 degrees colder, both warm in the middle of the year."""
    date = pd.date_range("2020-01-01", periods=366 * years, freq="D")
    warm = 10 - 10 * np.cos(2 * np.pi * np.asarray(date.day_of_year) / 366)
    noise = np.random.default_rng(0).normal(0, 1, (2, len(date)))
    parts = [
        pd.DataFrame({"location": place, "date": date, "temp": (warm + shift + e).round(1)})
        for place, shift, e in (("north", -20.0, noise[0]), ("south", 0.0, noise[1]))
    ]
    return pd.concat(parts).assign(sky=lambda t: np.where(t["temp"] > 10, "sun", "rain"))


def test_the_days_of_a_season_and_what_is_said_of_them():
    days = weather.real_days(table(), "south", weather.MONTHS["January"])
    assert set(days["date"].dt.month) <= {12, 1, 2}
    assert weather.facts(days)["temp"] < 3
    found = weather.facts(weather.real_days(table(), "south", weather.MONTHS["July"]))
    assert found["temp"] > 17
    assert found["sky=sun"] == 1


@pytest.mark.slow
def test_generated_days_follow_the_place_and_the_season(tmp_path):
    table().to_csv(tmp_path / "weather.csv", index=False)
    weather.train(tmp_path / "weather.csv", 1, 0, tmp_path / "run")
    temp = weather.compared(table(), tmp_path / "run")["temp"].xs("generated", level=2)
    for season in weather.MONTHS:
        assert temp["south", season] - temp["north", season] > 10
    for place in ("north", "south"):
        assert temp[place, "July"] - temp[place, "January"] > 8
