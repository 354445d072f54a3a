"""Names of time zones after time stamps: every stamp becomes the moment that was meant, or an error asks which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from series_files import opened, said, written

from ganforge.data.path import PathData
from ganforge.modalities.series.source import SeriesSet
from refused import refused


def hours(zone: str, form: str = "{:%Y-%m-%d %H:%M %Z}", start: str = "2023-10-27", count: int = 300) -> pd.DataFrame:
    """Hours as clocks of a zone showed them, over the end of summer time, and as they were in UTC."""
    real = pd.date_range(start, periods=count, freq="h", tz=zone)
    x = [f"{k % 7}.5" for k in range(count)]
    return pd.DataFrame({"time": [form.format(t) for t in real], "x": x, "utc": real.tz_convert(None)})


def file_of(folder: Path, frame: pd.DataFrame) -> str:
    return written(folder, frame[["time", "x"]].to_csv(index=False).splitlines())


@pytest.mark.parametrize(
    ("zone", "names"),
    [("Europe/Berlin", "CEST, CET"), ("America/Chicago", "CDT, CST"), ("Europe/London", "BST, GMT"),
     ("Asia/Jerusalem", "IDT, IST"), ("Asia/Tokyo", "JST"), ("Europe/Moscow", "MSK"), ("Europe/Lisbon", "WEST, WET")],
)  # fmt: skip
def test_names_tell_the_hour_apart_that_comes_twice(zone, names, tmp_path):
    table = hours(zone)
    dataset = PathData(path=file_of(tmp_path, table), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert (dataset.times["0"] == table["utc"].to_numpy()).all()
    assert said(dataset, names, "converted to UTC")


def test_a_name_whose_offset_has_changed():
    """Moscow's clocks were four hours ahead from 2011 to 2014."""
    from ganforge.modalities.series.dates import dates_of

    for start in ("2013-05-01", "2019-05-01"):
        table = hours("Europe/Moscow", start=start, count=40)
        times, _ = dates_of(table["time"], [], "time")
        assert times.dt.tz_localize(None).tolist() == table["utc"].tolist()


@pytest.mark.parametrize(
    "form",
    ["{:%Y-%m-%dT%H:%M:%S%:z}[Europe/Berlin]", "{:%Y-%m-%d %H:%M} Europe/Berlin", "{:%d.%m.%Y %H:%M:%S %Z}",
     "{:%m/%d/%Y %I:%M %p %Z}"],
)  # fmt: skip
def test_regions_and_other_forms(form, tmp_path):
    table = hours("Europe/Berlin", form.replace("%:z", "%z"))
    dataset = opened(file_of(tmp_path, table))
    assert (dataset.times["0"] == table["utc"].to_numpy()).all()
    assert said(dataset, "UTC")


@pytest.mark.parametrize(("zone", "name"), [("Asia/Shanghai", "CST"), ("Asia/Kolkata", "IST")])
def test_a_name_of_several_zones_is_asked_about(zone, name, tmp_path):
    table = hours(zone)
    path = file_of(tmp_path, table)
    with refused("series.ambiguous_zone", name, "data.timezone", "offsets"):
        PathData(path=path).open()
    assert (opened(path, timezone=zone).times["0"] == table["utc"].to_numpy()).all()


def test_a_name_that_nobody_knows(tmp_path):
    table = hours("UTC")
    table["time"] = table["time"].str.replace("UTC", "XYZ")
    path = file_of(tmp_path, table)
    with refused("series.ambiguous_zone", "XYZ", "not known"):
        opened(path)
    assert (opened(path, timezone="UTC").times["0"] == table["utc"].to_numpy()).all()
    table["time"] = table["time"].str.replace("XYZ", "Mars/Base")
    with refused("series.unknown_timezone", "Mars/Base", "'time'"):
        opened(file_of(tmp_path, table))


def test_stamps_that_say_their_zone_are_not_moved_once_more(tmp_path):
    """By `data.timezone`; and those of Parquet, which have a type for it."""
    table = hours("Europe/Berlin", "{:%Y-%m-%dT%H:%M%z}")
    dataset = opened(file_of(tmp_path, table), timezone="Europe/Berlin")
    assert (dataset.times["0"] == table["utc"].to_numpy()).all()
    assert dataset.clock is not None
    assert dataset.clock.zone == "Europe/Berlin"
    typed = pd.DataFrame({"time": table["utc"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
                          "x": np.arange(300) % 7 / 2})  # fmt: skip
    typed.to_parquet(tmp_path / "t.parquet")
    for zone in (None, "Europe/Berlin"):
        found = opened(str(tmp_path / "t.parquet"), timezone=zone)
        assert (found.times["0"] == table["utc"].to_numpy()).all()
