"""The forms in which series come that are not what one would want: each is repaired and said, or an error says why."""

from __future__ import annotations

import zipfile
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import torch
from series_files import DAYS, HOURS, opened, said, there_and_back, written

from ganforge.data.path import PathData
from ganforge.modalities.series.clock import STEP
from ganforge.modalities.series.dates import dates_of
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.source import SeriesSet
from refused import refused


def test_gaps_are_learned_and_come_back(tmp_path):
    lines = ["day,x,y", *(f"{day},{'NA' if k % 6 == 0 else k},{k % 5}" for k, day in enumerate(DAYS))]
    dataset = opened(written(tmp_path, lines))
    assert said(dataset, "20 missing values", "x 20")
    _, values, table = there_and_back(dataset)
    assert np.isnan(values[0, :, 0]).tolist() == [k % 6 == 0 for k in range(24)]
    assert not np.isnan(values[..., 1]).any()
    assert table["x"].isna().sum() == np.isnan(values).sum()


def test_words_are_categories(tmp_path):
    rows = [f"{day},{k / 3:.2f},{['NW', 'SE', 'cv'][k // 4 % 3]}" for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["day,speed,wind", *rows]))
    assert dataset.columns[1].words == ("NW", "SE", "cv")
    _, _, table = there_and_back(dataset)
    assert table["wind"][:24].tolist() == [["NW", "SE", "cv"][k // 4 % 3] for k in range(24)]


def test_rows_at_distances_that_differ(tmp_path):
    rng = np.random.default_rng(0)
    at = np.cumsum(rng.integers(60, 4_000, 150)).tolist()
    rows = [f"{datetime(2024, 1, 1) + timedelta(seconds=int(s))},{k % 9}.5" for k, s in enumerate(at)]
    dataset = opened(written(tmp_path, ["time,x", *rows]))
    assert dataset.columns[-1].name == STEP
    assert said(dataset, "distances are learned")
    _, values, table = there_and_back(dataset)
    assert values[0, 1:, -1] == pytest.approx(np.diff(at)[:23], abs=60)
    assert STEP not in table
    assert pd.to_datetime(table["time"][:24]).is_monotonic_increasing


def test_mixed_frequencies_are_said(tmp_path):
    hours = [datetime(2024, 1, 1) + timedelta(hours=k) for k in range(60)]
    days = [hours[-1] + timedelta(days=k + 1) for k in range(60)]
    dataset = opened(written(tmp_path, ["time,x", *(f"{t},{k % 7}" for k, t in enumerate(hours + days))]))
    assert said(dataset, "distances that differ", "50%")


def test_business_days_count_as_equally_spaced(tmp_path):
    days = list(pd.date_range("2023-01-02", periods=200, freq="B"))
    dataset = opened(written(tmp_path, ["day,x", *(f"{d:%Y-%m-%d},{k % 7}.5" for k, d in enumerate(days))]))
    assert dataset.clock is not None
    assert dataset.clock.step == "B"
    assert [c.name for c in dataset.columns] == ["x"]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_with_a_file_a_series(tmp_path, zipped):
    for name, size in (("north", 1), ("south", 2)):
        rows = [f"{day},{k * size}" for k, day in enumerate(DAYS)]
        written(tmp_path / "sensors", ["day,value", *rows], f"{name}.csv")
    path = tmp_path / "sensors"
    if zipped:
        path = tmp_path / "sensors.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in (tmp_path / "sensors").iterdir():
                archive.write(file, file.name)
    dataset = PathData(path=str(path), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert sorted(dataset.series) == ["north", "south"]
    assert dataset.series["south"][3, 0] == 6


def test_files_of_other_columns_are_named(tmp_path):
    for name, head in (("a", "day,x"), ("b", "day,x"), ("c", "day,y")):
        written(tmp_path / "set", [head, *(f"{day},1.5" for day in DAYS)], f"{name}.csv")
    with refused("series.columns_differ", "c.csv", "y"):
        opened(str(tmp_path / "set"))


def test_dot_ts_with_lengths_that_differ_and_classes(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["@problemName toy", "@classLabel true a b", "@data"]
    lengths = rng.integers(5, 12, 30).tolist()
    for k, n in enumerate(lengths):
        channels = [",".join(f"{v:.3f}" for v in rng.normal(size=n)) for _ in range(2)]
        lines.append(":".join([*channels, "ab"[k % 2]]))
    dataset = PathData(path=written(tmp_path, lines, "toy.ts"), holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert dataset.kinds == ("a", "b")
    signal, values, table = there_and_back(dataset, window=0)
    assert (~np.isnan(values[:, :, 0])).sum(1).tolist() == lengths
    assert len(table) == sum(lengths)
    items = signal.items(dataset)
    assert items.labels is not None
    assert items.labels.tolist() == [k % 2 for k in range(30)]


@pytest.mark.parametrize("lengths", [(5, 10), (14, 20)])
def test_whole_series_of_another_part_are_as_long_as_those_trained_on(lengths, tmp_path):
    """The longest series of the part that is held back may be shorter or longer."""
    parts = []
    for name, some in (("train", (7, 12)), ("test", lengths)):
        rows = [",".join(f"{k % 5}.5" for k in range(length)) for length in some]
        parts.append(opened(written(tmp_path, ["@problemName toy", "@classLabel false", "@data", *rows], f"{name}.ts")))
    signal = Series(window=0)
    spec = signal.spec(signal.items(parts[0]), lambda shape: shape)
    items = signal.items(parts[1])
    stored = torch.from_numpy(np.stack([signal.prepare(items.read(k), spec) for k in range(2)]))
    assert stored.shape == (2, *spec.shape)
    values = signal.decode(stored, spec)
    assert (~np.isnan(values[:, :, 0])).sum(1).tolist() == [min(length, 12) for length in lengths]


def test_short_series_are_held_back_whole(tmp_path):
    rows = [f"{name},{day},{k % 7}.5" for name in range(30) for k, day in enumerate(DAYS[:20])]
    path = written(tmp_path, ["sensor,day,x", *rows])
    train, test = (PathData(path=path, split=split, signal="series").open() for split in ("train", "test"))
    assert isinstance(train, SeriesSet)
    assert isinstance(test, SeriesSet)
    assert (len(train.series), len(test.series)) == (27, 3)


def test_attributes_that_do_not_change_are_labels(tmp_path):
    rows = [
        f"{name},{region},{day},{k % 7}.5"
        for name, region in (("a", "north"), ("b", "south"), ("c", "north"))
        for k, day in enumerate(DAYS)
    ]
    path = written(tmp_path, ["sensor,region,day,x", *rows])
    dataset = opened(path)
    assert (dataset.kinds, dataset.kind_of) == (("north", "south"), {"a": 0, "b": 1, "c": 0})
    assert opened(path, label="sensor").kinds == ("a", "b", "c")
    with refused("series.label_changes", "x"):
        opened(path, label="x")
    with refused("column.not_found", "regio"):
        opened(path, label="regio")


def test_exact_doubles_are_left_out(tmp_path):
    rows = [f"{day},{k % 9}.5" for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, ["day,x", *rows, *rows[10:15]]))
    assert len(dataset) == 120
    assert said(dataset, "5 rows are exact doubles")


def test_daylight_saving(tmp_path):
    real = pd.date_range("2023-10-27", periods=120, freq="h", tz="Europe/Berlin")
    rows = [f"{t:%Y-%m-%d %H:%M},{k % 7}.5" for k, t in enumerate(real)]
    path = written(tmp_path, ["time,x", *rows])
    with refused("series.duplicate_times", "daylight", "data.timezone"):
        PathData(path=path, signal="series").open()
    dataset = opened(path, timezone="Europe/Berlin")
    assert (np.diff(dataset.times["0"]) == np.timedelta64(1, "h")).all()
    assert said(dataset, "UTC")
    with refused("series.unknown_timezone", "Berlin"):
        opened(path, timezone="Berlin")


def test_an_hour_that_there_was_not(tmp_path):
    path = written(tmp_path, ["time,x", *(f"{datetime(2023, 3, 25) + timedelta(hours=k)},{k % 7}" for k in range(80))])
    with refused("series.not_in_timezone", "2023-03-26 02:00"):
        opened(path, timezone="Europe/Berlin")


def test_offsets_are_converted_to_utc(tmp_path):
    lines = ["time,x", *(f"{t:%Y-%m-%dT%H:%M:%S}+02:00,{k % 7}" for k, t in enumerate(HOURS))]
    dataset = opened(written(tmp_path, lines))
    assert str(dataset.times["0"][0]).startswith("2023-04-30T22:00")
    assert said(dataset, "UTC")


def test_numbers_that_mean_missing(tmp_path):
    rows = [f"{day},{0 if k % 10 == 0 else 50 + k % 7}" for k, day in enumerate(DAYS)]
    path = written(tmp_path, ["day,x", *rows])
    assert said(opened(path), "exactly 0", "data.missing=[0]")
    dataset = opened(path, missing=(0,))
    assert dataset.columns[0].gaps
    assert dataset.columns[0].low == 50


def test_a_sensor_that_was_stuck_and_a_split_of_prices(tmp_path):
    rng = np.random.default_rng(0)
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 120)))
    price[60:] /= 4
    lines = ["day,stuck,price"]
    lines += [f"{day},{7.5 if 20 < k < 90 else k % 11},{price[k]:.2f}" for k, day in enumerate(DAYS)]
    dataset = opened(written(tmp_path, lines))
    assert said(dataset, "'stuck'", "69 rows")
    assert said(dataset, "'price'", "split")


def test_a_column_that_knows_the_future_is_left_out(tmp_path):
    x = np.random.default_rng(0).normal(size=121).round(3)
    dataset = opened(written(tmp_path, ["day,x,target", *(f"{d},{x[k]},{x[k + 1]}" for k, d in enumerate(DAYS))]))
    assert [c.name for c in dataset.columns] == ["x"]
    assert said(dataset, "'target'", "future")


def test_an_array_of_windows_if_asked(tmp_path):
    np.save(tmp_path / "windows.npy", np.random.default_rng(0).normal(size=(20, 24, 3)))
    dataset = PathData(path=str(tmp_path / "windows.npy"), signal="series", holdout=0.0).open()
    assert isinstance(dataset, SeriesSet)
    assert (len(dataset.series), len(dataset.columns)) == (20, 3)
    np.save(tmp_path / "flat.npy", np.zeros(5))
    with refused("series.not_windows", "5"):
        opened(str(tmp_path / "flat.npy"))


def test_what_is_no_dot_ts(tmp_path):
    with refused("series.not_ts", "@data"):
        opened(written(tmp_path, ["a,b", "1,2"], "x.ts"))


@pytest.mark.slow
def test_many_entities_open_quickly(tmp_path):
    count = 3_000
    names = np.repeat(np.arange(count), 10)
    days = np.tile(pd.date_range("2023-01-01", periods=10).strftime("%Y-%m-%d").to_numpy(), count)
    pd.DataFrame({"sensor": names, "day": days, "x": np.random.default_rng(0).normal(size=10 * count)}).to_csv(
        tmp_path / "many.csv", index=False
    )
    dataset = opened(str(tmp_path / "many.csv"), entity="sensor")
    assert len(dataset.series) == count


def test_an_empty_folder(tmp_path):
    (tmp_path / "none").mkdir()
    with refused("series.no_files"):
        opened(str(tmp_path / "none"))


def test_dates_without_separators_have_no_single_digits():
    texts = pd.Series([f"200103{day:02}" for day in range(1, 20)])
    _, form = dates_of(texts, [], "day")
    assert form == "%Y%m%d"


def test_a_named_column_tells_short_series_apart(tmp_path):
    rows = [f"{name},{DAYS[k]},{k % 5}.5" for name in "ab" for k in range(6)]
    path = written(tmp_path, ["sensor,day,x", *rows])
    found = opened(path, entity="sensor")
    assert [rows.shape for rows in found.series.values()] == [(6, 1), (6, 1)]
    assert found.clock is not None
    twice = written(tmp_path, ["sensor,day,x", *rows, f"b,{DAYS[2]},9.5"], "twice.csv")
    with refused("series.duplicate_times", "2023-01-03", "'b' of 'sensor'"):
        opened(twice, entity="sensor")


def test_an_inspection_says_each_assumption_once(tmp_path, ganforge):
    lines = ["day,x", *(f"{day},{'' if k % 6 == 0 else k % 5}" for k, day in enumerate(DAYS))]
    said = ganforge("data", "inspect", written(tmp_path, lines))
    assert (said.out + said.err).count("20 missing values") == 1
