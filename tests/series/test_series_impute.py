"""Gaps: the task's lines, blocks and losses, the rules that need no model, and the verb, which keeps what is given."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import ganforge as gf
from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.engine.train import train
from ganforge.modalities.series import reading
from ganforge.modalities.series.absent import completed
from ganforge.modalities.series.example import write_example
from ganforge.modalities.series.filler import Filler, across
from ganforge.modalities.series.gap_metric import ruled
from ganforge.modalities.series.imputing import impute, pieces
from ganforge.modalities.series.layout import Said
from ganforge.modalities.series.nets import SeriesDiscriminator
from ganforge.modalities.series.tasks.forecast import scores as forecast_scores
from ganforge.modalities.series.tasks.impute import Impute, scores
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from given_file import used
from refused import refused

load_all()

SMALL = ["signal.window=32", "task.longest=12", "task.channels=8", "task.discriminator.channels=4", "batch=8"]
SMALL += ["samples=16", "checkpoint_every=16", "callbacks=[previews]", "data.holdout=0.4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with hours.csv, whose column of temperatures has gaps, and a run on it."""
    folder = tmp_path_factory.mktemp("impute")
    frame = pd.read_csv(write_example(folder, 200))
    frame.loc[frame.index % 50 == 7, "temperature"] = np.nan
    frame.to_csv(folder / "hours.csv", index=False)
    recipe = build(Recipe, apply(to_plain(recipes.get("impute")), [f"data={folder / 'hours.csv'}", *SMALL]))
    train(recipe, run_dir=folder / "run", device="cpu")
    return folder


def spec_of(gaps: bool = True) -> Spec:
    column = {"dtype": "float64", "decimals": 2, "low": 0.0, "high": 1.0}
    state = {
        "columns": [{"name": "a", "gaps": gaps, **column}, {"name": "b", "words": ["x", "y", "z"], **column}],
        "scales": [{"low": 0.0, "high": 1.0}, {}],
        "clock": None,
    }
    return Spec((5 if gaps else 4, 32), state=state)


def test_straight_lines_across_gaps():
    x = torch.tensor([[[9.0, 1, 9, 9, 4, 9], [9, 9, 9, 9, 9, 9]]])
    given = torch.tensor([[[0.0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]])
    assert across(x, given)[0].tolist() == [[1, 1, 2, 3, 4, 4], [0, 0, 0, 0, 0, 0]]


def test_blocks_of_some_columns_or_all_are_hidden():
    task = Impute(discriminator=SeriesDiscriminator(), longest=12, whole_rows=0.5)
    G = Filler(spec_of(), 8, 2)
    hidden = task.hidden(G, 2_000, 32, Rng(0))
    size = hidden.amax(1).sum(1)
    assert (size.min(), size.max()) == (1, 12)
    blocks = (hidden.amax(1).diff(dim=1) == 1).sum(1) + hidden.amax(1)[:, 0]
    assert (blocks == 1).all(), "one block"
    assert hidden[:, 0].amax(1).all(), "the column with gaps is in each"
    assert hidden[:, 1].amax(1).mean() == pytest.approx(0.5, abs=0.05), "the other is only where whole rows are"
    for end in (0, -1):
        assert hidden.amax(1)[:, end].mean() > 0.1, "blocks without anything given on one side"


def test_scores_are_those_of_forecasts_where_all_is_asked_for():
    made, x = torch.randn(3, 5, 1, 4), torch.randn(3, 1, 4)
    for mine, theirs in zip(scores(made, x, torch.ones_like(x)), forecast_scores(made, x), strict=True):
        assert torch.allclose(mine, theirs)
    assert scores(made, x, torch.zeros_like(x))[0].tolist() == [0, 0, 0]


def test_no_score_sees_what_the_data_lacks():
    spec, task = spec_of(), Impute(discriminator=SeriesDiscriminator(), longest=12, channels=8)
    torch.manual_seed(0)
    nets = Nets(task.players(spec))
    x = torch.randn(4, 5, 32)
    x[:, 4] = -1
    x[:, 4, 3:20] = 1
    other = x.clone()
    other[:, 0, 3:20] = 7
    found, again = (task.g_loss(nets, Batch(some), Rng(0)) for some in (x, other))
    assert torch.equal(found.stats["gap_crps"], again.stats["gap_crps"])


def test_what_is_given_is_kept_and_flags_are_gone():
    spec, task = spec_of(), Impute(discriminator=SeriesDiscriminator(), longest=12, channels=8)
    nets = Nets(task.players(spec))
    x = torch.randn(2, 5, 32)
    x[:, 4] = torch.where(torch.arange(32) % 5 == 0, 1.0, -1.0)
    made = task.translate(nets, x)
    there = x[:, 4:] < 0
    assert torch.equal(made[:, :4][there.expand(-1, 4, -1)], x[:, :4][there.expand(-1, 4, -1)])
    assert not torch.equal(made[:, 0], x[:, 0])
    assert torch.equal(made[:, 1:4], x[:, 1:4]), "the words were given"
    assert (made[:, 4] == -1).all()


@pytest.mark.parametrize("length", [40, 200])
def test_pieces_fill_every_gap(length):
    draws = np.random.default_rng(0)
    for _ in range(50):
        missing = np.zeros((length, 2), bool)
        missing[draws.random((length, 2)) < 0.1] = True
        start = draws.integers(length)
        missing[start : start + draws.integers(60)] = True
        left = np.asarray(missing.any(1))
        for first, keep in pieces(missing, 32, 12):
            assert 0 <= first <= length - 32
            assert first < keep <= first + 32
            assert left[:keep].any()
            left[:keep] = False
        assert not left.any()


def test_rules_without_a_model():
    t = np.arange(96)
    slope, season = (0.5 * t)[None, :, None], np.sin(2 * np.pi * t / 24)[None, :, None]
    assert ruled("linear", slope, 40, 7, 24) == pytest.approx(slope[:, 40:47])
    assert ruled("seasonal_naive", season, 30, 40, 24) == pytest.approx(season[:, 30:70])
    assert (ruled("persistence", slope, 40, 7, 24) == slope[:, 39:40]).all()


def test_values_stand_beside_those_of_rules(folder):
    found = gf.evaluate(folder / "run", n=20, progress=False, device="cpu", out=folder / "report")
    by = {r.name.split("[")[0]: r for r in found.results}
    assert set(by) == {"gap_crps", "gap_energy", "gap_coverage", "gap_error"}
    for result in by.values():
        assert {"linear", "persistence", "seasonal_naive"} <= set(result.detail)
        assert np.isfinite(result.value)
    assert by["gap_crps"].protocol["gaps"] == [1, 3, 6, 12]
    assert by["gap_crps"].detail["linear"] < by["gap_crps"].detail["persistence"]
    assert found.html is not None
    assert "middle 50" in found.html.read_text(encoding="utf-8")


def with_gaps(folder: Path, out: Path) -> list[list[str]]:
    """A file with decimal commas and odd digits, and gaps at both ends, alone and longer than a window."""
    with (folder / "hours.csv").open(newline="") as file:
        rows = list(csv.reader(file))[:121]
    for k, row in enumerate(rows[1:]):
        row[1] = (
            "" if k < 3 or 40 <= k < 90 or k % 17 == 0 or k > 117 else f"{float(row[1] or 8):.2f}".replace(".", ",")
        )
        row[2] = "NA" if k in (5, 60) else row[2]
    out.write_text("\n".join(";".join(row) for row in rows) + "\n", encoding="utf-8")
    return rows


def test_the_verb_fills_gaps_and_keeps_what_is_given(ganforge, folder, tmp_path):
    data, out, chart = tmp_path / "gaps.csv", tmp_path / "filled.csv", tmp_path / "gaps.svg"
    before = with_gaps(folder, data)
    said = ganforge("impute", folder / "run", "--data", data, "--paths", 6, "--out", out, "--chart", chart)
    assert said.status == 0, said.err
    with out.open(newline="") as file:
        after = list(csv.reader(file, delimiter=";"))
    assert after[0] == ["time", "temperature", "temperature (10 %)", "temperature (90 %)", "load", "load (10 %)",
                        "load (90 %)"]  # fmt: skip
    for (time, warm, load), row in zip(before[1:], after[1:], strict=True):
        assert row[0] == time
        for value, (filled, low, high) in ((warm, row[1:4]), (load, row[4:7])):
            if value not in ("", "NA"):
                assert (filled, low, high) == (value, "", ""), "as it was, character by character"
                continue
            numbers = [float(text.replace(",", ".")) for text in (low, filled, high)]
            assert numbers[0] <= numbers[1] + 0.5, numbers
            assert numbers[0] <= numbers[2]
    assert chart.read_text().startswith("<svg")
    said = ganforge("impute", folder / "run", "--data", data, "--paths", 3, "--every-path", "--out", out, "--force")
    assert said.status == 0, said.err
    table = pd.read_csv(out, sep=";", decimal=",")
    assert list(table.columns) == ["path", "time", "temperature", "load"]
    assert len(table) == 360
    assert not table.isna().any().any()
    per_path = [table[table["path"] == k]["temperature"].tolist() for k in (1, 2)]
    assert per_path[0] != per_path[1]


def test_a_page_marks_what_is_filled(folder, tmp_path):
    before = with_gaps(folder, tmp_path / "gaps.csv")
    use, made, names = used(folder / "run", tmp_path / "gaps.csv", tmp_path, paths=3)
    assert use.verb == "impute"
    with made.file.open(newline="") as file:
        after = list(csv.reader(file, delimiter=";"))
    assert after == [list(names["table"].columns), *names["table"].to_numpy().tolist()]
    heads, *rows = made.rows
    warm, load = heads.index("temperature"), heads.index("load")
    for given, row, places in zip(before[1:], rows, made.made, strict=False):
        assert (warm in places, load in places) == (given[1] == "", given[2] == "NA")
        assert row[warm]
    assert made.media[0].data.startswith(b"<svg")


def test_hours_without_a_row_are_added_and_filled(ganforge, folder, tmp_path):
    frame = pd.read_csv(folder / "hours.csv").head(100)
    gone = [20, 21, 60]
    frame.drop(gone).to_csv(tmp_path / "gaps.csv", index=False)
    out = tmp_path / "filled.csv"
    said = ganforge("impute", folder / "run", "--data", tmp_path / "gaps.csv", "--out", out, "--json")
    assert json.loads(said.out)["rows_added"] == 3
    assert "3 rows added" in said.err
    table = pd.read_csv(out)
    assert table["time"].tolist() == frame["time"].tolist(), "as the file writes times, in their place"
    assert not table[["temperature", "load"]].isna().any().any()
    kept = table.drop(gone)["load"]
    assert kept.tolist() == frame.drop(gone)["load"].tolist()
    said = ganforge("impute", folder / "run", "--data", tmp_path / "gaps.csv", "--out", out, "--force", "--keep-rows")
    assert len(pd.read_csv(out)) == 97


def cells_of(file: Path | reading.Unpacked) -> list[list[str]]:
    return reading.load(file, texts=True).to_numpy().tolist()


def test_absent_rows_stand_where_they_belong(tmp_path):
    """Of several series, in files in order of time, of series, and from the newest on."""
    hours = pd.date_range("2024-03-01", periods=40, freq="h")
    parts = [pd.DataFrame({"t": hours, "id": name, "kind": name * 2, "v": range(40)}) for name in "ab"]
    whole = pd.concat([parts[0].drop([5, 6]), parts[1].drop([30])]).assign(
        t=lambda f: f["t"].dt.strftime("%d.%m.%Y %H:%M")
    )
    by_time = whole.assign(at=pd.to_datetime(whole["t"], format="%d.%m.%Y %H:%M")).sort_values(["at", "id"])
    for frame in (whole, whole[::-1], by_time.drop(columns="at")):
        frame.to_csv(tmp_path / "t.csv", index=False)
        found = completed(tmp_path / "t.csv", Said(), "h")
        assert found.added == 3
        rows = cells_of(found.file)
        assert len(rows) == 80
        assert {("01.03.2024 05:00", "a", "aa", ""), ("02.03.2024 06:00", "b", "bb", "")} <= set(map(tuple, rows))
        stamps = [(row[1], pd.to_datetime(row[0], format="%d.%m.%Y %H:%M")) for row in rows]
        for name in "ab":
            own = [time for one, time in stamps if one == name]
            assert own in (sorted(own), sorted(own, reverse=True))
    assert [time for _, time in stamps] == sorted(time for _, time in stamps), "the last file is in order of time"


def test_rows_are_not_added_where_nothing_says_when(tmp_path):
    frame = pd.DataFrame({"t": pd.date_range("2024-03-01", periods=60, freq="h"), "v": range(60)}).drop([5])
    frame["t"] += pd.to_timedelta(7 * (frame.index == 40), unit="min")
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert "not a multiple" in completed(tmp_path / "t.csv", Said(), "h").why_not
    whole = frame.drop([40])
    whole.to_csv(tmp_path / "t.csv", index=False)
    assert "more than the file has" in completed(tmp_path / "t.csv", Said(), "20s").why_not
    assert completed(tmp_path / "t.csv", Said(), "B").added == 0
    whole.to_parquet(tmp_path / "t.parquet")
    table = reading.load(completed(tmp_path / "t.parquet", Said(), "h").file)
    assert table["t"].tolist() == pd.date_range("2024-03-01", periods=60, freq="h").tolist()
    assert table.index[table["v"].isna()].tolist() == [5, 40]
    parts = whole.assign(
        year=whole["t"].dt.year, month=whole["t"].dt.month, day=whole["t"].dt.day, hour=whole["t"].dt.hour
    )
    parts.drop(columns="t").to_csv(tmp_path / "p.csv", index=False)
    found = completed(tmp_path / "p.csv", Said(), "h")
    assert found.added == 2
    assert ["", "2024", "3", "1", "5"] in cells_of(found.file)


def test_types_of_parquet_and_the_answer_as_json(ganforge, folder, tmp_path):
    frame = pd.read_csv(folder / "hours.csv", parse_dates=["time"]).head(100)
    frame.to_parquet(tmp_path / "gaps.parquet")
    out = tmp_path / "filled.parquet"
    said = ganforge("impute", folder / "run", "--data", tmp_path / "gaps.parquet", "--out", out, "--json")
    assert json.loads(said.out)["values"] == 2
    table = pd.read_parquet(out)
    assert table["load"].tolist() == frame["load"].tolist()
    assert table["time"].tolist() == frame["time"].tolist()
    there = frame["temperature"].notna()
    assert table["temperature"][there].tolist() == frame["temperature"][there].tolist()
    assert not table["temperature"].hasnans


def test_what_cannot_be_filled(folder, tmp_path):
    frame = pd.read_csv(folder / "hours.csv")
    frame.fillna(8.0).to_csv(tmp_path / "whole.csv", index=False)
    with refused("impute.no_gaps"):
        impute(folder / "run", tmp_path / "whole.csv")
    frame.head(20).to_csv(tmp_path / "short.csv", index=False)
    with refused("forecast.too_few_rows", "32"):
        impute(folder / "run", tmp_path / "short.csv")
    with refused("impute.out_of_range"):
        impute(folder / "run", folder / "hours.csv", paths=1)
    (tmp_path / "many").mkdir()
    with refused("impute.not_a_table"):
        impute(folder / "run", tmp_path / "many")
    for code, field in (("impute.gap_too_long", "task.longest=30"), ("impute.not_for_signal", "signal.change=log")):
        fields = [f"data={folder / 'hours.csv'}", *SMALL, field]
        with refused(code):
            train(build(Recipe, apply(to_plain(recipes.get("impute")), fields)), run_dir=tmp_path / "r", device="cpu")
