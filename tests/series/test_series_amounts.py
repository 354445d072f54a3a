"""Numbers as people write them, 1,234.50, 1.234,50 and 12.5%: trained models take them from given files and write them
back in the same form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from series_files import HOURS, opened, written

from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.data.path import PathData
from ganforge.engine.train import train
from ganforge.modalities.series.forecasting import forecast
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

load_all()

SMALL = ["signal.window=24", "task.channels=8", "task.discriminator.channels=4", "batch=8", "samples=8",
         "callbacks=[]", "data.holdout=0.3"]  # fmt: skip
FORMS = {
    "dollars": r"\$-?\d{1,3}(,\d{3})*\.\d\d",
    "euros": r"-?\d{1,3}(\.\d{3})*,\d\d",
    "share": r"-?\d+\.\d%",
}


def table(rows: int = 120) -> pd.DataFrame:
    wave = np.sin(np.arange(rows) / 4)
    return pd.DataFrame(
        {
            "time": [str(t) for t in HOURS[:rows]],
            "dollars": [f"${v:,.2f}" for v in 1_234.5 + 900 * wave],
            "euros": [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in 2_500.25 + 1_800 * wave],
            "share": [f"{v:.1f}%" for v in 12.5 + 7 * wave],
        }
    )


def number(column: pd.Series) -> pd.Series:
    texts = column.str.strip("$%")
    texts = texts.str.replace(".", "").str.replace(",", ".") if column.name == "euros" else texts.str.replace(",", "")
    return texts.astype(float)


def run_of(folder: Path, recipe: str, *fields: str) -> Path:
    table().to_csv(folder / "data.csv", index=False)
    assert PathData(path=str(folder / "data.csv")).open().signal == "series", "no other column of numbers is needed"
    made = build(Recipe, apply(to_plain(recipes.get(recipe)), [f"data={folder / 'data.csv'}", *SMALL, *fields]))
    return train(made, run_dir=folder / "run", device="cpu").folder


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".tsv", "; .csv"])
def test_gaps_are_filled_in_the_form_of_the_column(ending, ganforge, filler, tmp_path):
    before = table(60)
    gone = {"dollars": [3, 4, 30], "euros": [10], "share": [11, 59]}
    for name, rows in gone.items():
        before.loc[rows, name] = None
    data, out = tmp_path / f"gaps{ending[-8:]}".replace("; ", ""), tmp_path / f"filled{ending.replace('; ', '')}"
    if ending == ".parquet":
        before.to_parquet(data, index=False)
    else:
        before.to_csv(data, index=False, sep={".tsv": "\t", "; .csv": ";"}.get(ending, ","))
    said = ganforge("impute", filler, "--data", data, "--paths", 4, "--out", out)
    assert said.status == 0, said.err
    after = pd.read_parquet(out) if ending == ".parquet" else pd.read_csv(
        out, dtype=str, sep={".tsv": "\t", "; .csv": ";"}.get(ending, ","))  # fmt: skip
    real = table(60)
    for name, rows in gone.items():
        assert after[name].drop(rows).tolist() == real[name].drop(rows).tolist(), "as it was, character by character"
        for column in (name, f"{name} (10 %)", f"{name} (90 %)"):
            assert after[column][rows].str.fullmatch(FORMS[name]).all(), after[column][rows]
        low, middle, high = (number(after[c][rows].rename(name)) for c in (f"{name} (10 %)", name, f"{name} (90 %)"))
        assert (low <= high).all()
        assert middle.between(*number(real[name]).agg(["min", "max"])).all()
        assert after[f"{name} (10 %)"].drop(rows).isna().all()


@pytest.fixture(scope="module")
def filler(tmp_path_factory) -> Path:
    return run_of(tmp_path_factory.mktemp("amounts"), "impute", "task.longest=8")


def test_every_filling_has_the_form(ganforge, filler, tmp_path):
    before = table(60)
    before.loc[[5, 6], "dollars"] = None
    before.to_csv(tmp_path / "gaps.csv", index=False)
    out = tmp_path / "every.csv"
    said = ganforge("impute", filler, "--data", tmp_path / "gaps.csv", "--paths", 3, "--every-path", "--out", out)
    assert said.status == 0, said.err
    after = pd.read_csv(out, dtype=str)
    assert len(after) == 180
    for name, form in FORMS.items():
        assert after[name].str.fullmatch(form).all()


def test_hours_without_a_row_are_filled_in_the_form(ganforge, filler, tmp_path):
    table(60).drop(index=[20, 21]).to_csv(tmp_path / "gaps.csv", index=False)
    out = tmp_path / "filled.csv"
    said = ganforge("impute", filler, "--data", tmp_path / "gaps.csv", "--paths", 3, "--out", out)
    assert said.status == 0, said.err
    after = pd.read_csv(out, dtype=str)
    assert after["time"].tolist() == table(60)["time"].tolist()
    for name, form in FORMS.items():
        assert after[name].str.fullmatch(form).all()


def test_forecasts_have_the_form(tmp_path):
    run = run_of(tmp_path, "forecast", "task.future=4")
    table(40).to_csv(tmp_path / "recent.csv", index=False)
    paths = forecast(run, tmp_path / "recent.csv", horizon=6, paths=3)
    assert len(paths) == 18
    for name, form in FORMS.items():
        assert paths[name].str.fullmatch(form).all(), paths[name].tolist()
        low, high = number(table()[name]).agg(["min", "max"])
        assert number(paths[name]).between(low, high).all()


def test_few_values_of_a_column_of_numbers_are_no_words(ganforge, filler, tmp_path):
    """A recent file may be short, or its values steady."""
    before = table(60)
    before["share"] = [f"{12 + k % 3}.5%" for k in range(60)]
    before.loc[[5, 6], "share"] = None
    before.to_csv(tmp_path / "gaps.csv", index=False)
    out = tmp_path / "filled.csv"
    said = ganforge("impute", filler, "--data", tmp_path / "gaps.csv", "--paths", 3, "--out", out)
    assert said.status == 0, said.err
    after = pd.read_csv(out, dtype=str)
    assert after["share"].str.fullmatch(FORMS["share"]).all()
    assert after["share"].drop([5, 6]).tolist() == before["share"].drop([5, 6]).tolist()


def test_a_column_of_few_values_is_one_of_numbers_if_the_user_says_so(tmp_path):
    rows = [f"{t},{12 + k % 3}.5%,{k % 7}.25" for k, t in enumerate(HOURS[:60])]
    path = written(tmp_path, ["time,share,x", *rows])
    assert opened(path).columns[0].words == ("12.5%", "13.5%", "14.5%")
    told = opened(path, numbers=("share",))
    assert told.columns[0].words == ()
    assert told.series["0"][:3, 0].tolist() == [12.5, 13.5, 14.5]
