"""Rows with gaps are completed as rows with the given cells have them; what is given comes back as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from tabular_spec import BLOCKS, WIDTH, rows

import ganforge as gf
from ganforge.modalities.table.completing import weigh
from ganforge.modalities.table.heads import Columns
from refused import refused


def table(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    city = rng.choice(["Lima", "Oslo", "Quito"], n, p=[0.5, 0.4, 0.1])
    pay = np.where(city == "Oslo", rng.normal(60, 3, n), rng.normal(20, 2, n)).round(1)
    age = pd.array(rng.integers(18, 80, n), dtype="Int64")
    age[rng.random(n) < 0.2] = pd.NA
    day = (pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, n), unit="D")).strftime("%d/%m/%Y")
    code = [f"C-{k:04d}" for k in range(1, n + 1)]
    size = pd.Categorical(rng.choice(["S", "M"], n), categories=["S", "M"], ordered=True)
    return pd.DataFrame({"city": city, "pay": pay, "age": age, "day": day, "code": code, "size": size, "kind": "x"})


def trained(recipe: str, samples: int, folder) -> gf.TableGAN:
    fields = {"batch": 100, "callbacks": [], "ema.half_life": 500, "samples": samples, "log_every": samples}
    if recipe == "tvae":
        fields |= {"optimizers.G.lr": 3e-3, "optimizers.E.lr": 3e-3}
    else:
        fields |= {"task.generator.widths": [32, 32], "optimizers.G.lr": 2e-3, "optimizers.D.lr": 2e-3}
        fields |= {"statistics.batches": 2, "statistics.size": 500}
    return gf.TableGAN(recipe, fields=fields, run_dir=folder / "run", progress=False).fit(table())


MODELS = [pytest.param(("tvae", 12_000), marks=pytest.mark.slow), ("ctgan-fast", 500)]


@pytest.fixture(scope="module", params=MODELS, ids=["tvae", "ctgan-fast"])
def model(request, tmp_path_factory) -> gf.TableGAN:
    return trained(*request.param, tmp_path_factory.mktemp("runs"))


def test_given_cells_come_back_and_gaps_are_filled(model):
    some = table(40).drop(columns=["day", "kind"]).set_index(pd.Index(range(100, 140)))
    gaps = np.random.default_rng(1).random(some.shape) < 0.4
    some = some.mask(gaps)
    full = model.complete(some)
    assert list(full.columns) == list(table().columns)
    assert full.index.equals(some.index)
    assert full.notna().all().all()
    assert full.dtypes.equals(table().dtypes)
    for name in some:
        given = some[name].notna()
        assert (full[name][given].astype(object) == some[name][given].astype(object)).all()
    assert full["code"].is_unique
    assert not set(full["code"][some["code"].isna()]) & set(table()["code"])
    pd.testing.assert_frame_equal(model.complete(some), full)
    assert not model.complete(some, seed=1).equals(full)


def test_what_is_given_decides(model):
    if model.recipe == "tvae":  # the other one is trained too little
        check_what_decides(model)


@pytest.mark.slow
def test_what_is_given_decides_in_a_gan(tmp_path):
    check_what_decides(trained("ctgan-fast", 30_000, tmp_path))


def check_what_decides(model: gf.TableGAN) -> None:
    pay = model.complete(pd.DataFrame({"city": ["Lima"] * 200 + ["Oslo"] * 200}))["pay"]
    assert pay[200:].mean() - pay[:200].mean() > 15
    city = model.complete(pd.DataFrame({"pay": [20.0] * 200 + [60.0] * 200}))["city"]
    assert (city[200:] == "Oslo").mean() - (city[:200] == "Oslo").mean() > 0.4


def test_a_row_depends_on_its_cells_and_its_number(model):
    some = pd.DataFrame({"city": ["Lima", "Oslo", None], "pay": [21.0, None, None]})
    alone = model.complete(some.iloc[:1])
    pd.testing.assert_frame_equal(model.complete(some).iloc[:1], alone)


def test_values_as_texts_or_of_other_types_are_read(model, notices):
    full = model.complete(pd.DataFrame({"city": ["Oslo", "Rome"], "age": ["40", "1e3"], "day": ["2024-03-01", None]}))
    assert full["city"].tolist() == ["Oslo", "Rome"]
    assert full["age"].tolist() == ["40", "1e3"]
    assert full["day"][0] == "2024-03-01"
    assert "in city (1 rows)" in notices.text


def test_all_given_or_nothing(model):
    whole = table(5).dropna()
    pd.testing.assert_frame_equal(model.complete(whole), whole)
    assert len(model.complete(pd.DataFrame(index=range(3)))) == 3


def test_mistakes(model):
    with refused("column.not_found", "'town'", "city"):
        model.complete(pd.DataFrame({"town": ["Oslo"]}))
    with refused("table.no_rows"):
        model.complete(table().iloc[:0])
    with refused("column.wrong_type", "'pay'", "row 2", "'much'"):
        model.complete(pd.DataFrame({"pay": ["20", "much"]}))
    with refused("table.columns_twice", "'pay'"):
        model.complete(pd.DataFrame([[1, 2]], columns=["pay", "pay"]))


def test_files(model, tmp_path, ganforge):
    file, out = tmp_path / "rows.csv", tmp_path / "full.csv"
    file.write_text("pay,city,note\n020.50,Oslo,a\n,Lima,b\n")
    said = ganforge("complete", model.run_dir, "--data", file, "--out", out)
    assert (said.status, out.exists()) == (2, False)
    assert "'note'" in said.err
    file.write_text("pay,city\n020.50,Oslo\n,Lima\n,\n")
    said = ganforge("complete", model.run_dir, "--data", file, "--out", out)
    assert said.status == 0, said.err
    assert "3 rows, 18 cells filled in" in said.out
    lines = pd.read_csv(out, dtype=str)
    assert lines["pay"][0] == "020.50"
    assert lines["city"].tolist()[:2] == ["Oslo", "Lima"]
    assert lines.notna().all().all()
    for words, code in ((["--out", out], "exists"), (["--out", file, "--force"], "never overwritten"),
                        (["--out", tmp_path / "x.parquet"], ".csv or .tsv")):  # fmt: skip
        said = ganforge("complete", model.run_dir, "--data", file, *words)
        assert said.status == 2
        assert code in said.err


def test_rows_are_not_written_to_an_image(model, tmp_path, ganforge):
    said = ganforge("sample", model.run_dir, "--out", tmp_path / "x.jpg")
    assert said.status == 2
    assert "'table' are written to a folder, or all to FILE.csv, FILE.tsv or FILE.parquet; for one" in said.err


def test_candidates_are_weighed_by_what_is_known():
    """The weights are those of the formula, one candidate and row after the other."""
    heads = Columns(WIDTH, BLOCKS)
    raw, x = torch.randn(5, WIDTH), rows(3)
    known = torch.zeros(3, WIDTH, dtype=torch.bool)
    known[0] = known[1, :5] = True
    found = weigh(raw, x, known, heads)
    for n in range(3):
        for k in range(5):
            expected = 0.0
            for block in BLOCKS:
                part = slice(block["start"], block["start"] + block["width"])
                if not known[n, block["start"]]:
                    continue
                if block["activation"] == "softmax":
                    share = raw[k, part].softmax(0)[x[n, part].argmax()]
                    expected += float((0.98 * share + 0.02 / block["width"]).log())
                else:
                    value = raw[k, part].tanh() if block["activation"] == "tanh" else raw[k, part]
                    expected -= float((x[n, part] - value) ** 2 / (2 * 0.1**2))
            assert float(found[n, k]) == pytest.approx(expected, rel=1e-4, abs=1e-4)
