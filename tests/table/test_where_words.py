"""`between`, `in`, `is missing`: conditions in words, checked on the rows themselves."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from ganforge.data.path import PathData
from ganforge.inference.where import as_texts
from ganforge.modalities.table import where
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import from_frame
from refused import refused

CITIES = ("Rome", "Paris, TX", "")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("where") / "people.csv"
    draws = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "zip.code", "city", "born in"])
        for _ in range(200):
            zip_code, city = draws.choice(["a", "b", "c"]), draws.choice(CITIES)
            writer.writerow([round(float(draws.uniform(17, 80)), 2), zip_code, city, draws.choice(["x", "y"])])
    dataset = PathData(path=str(path)).open()
    return dataset.frame, Table().spec(dataset, lambda shape: shape)


@pytest.mark.parametrize(
    ("texts", "meets"),
    [
        ("age between 30 and 40", lambda row: 30 <= row["age"] <= 40),
        ("zip.code in a,c", lambda row: row["zip.code"] in ("a", "c")),
        ("zip.code not in a, c", lambda row: row["zip.code"] == "b"),
        ('city in "Paris, TX",Rome', lambda row: isinstance(row["city"], str)),
        ("city in Rome,(missing)", lambda row: row["city"] != "Paris, TX"),
        ("city is missing", lambda row: not isinstance(row["city"], str)),
        ("city is not missing", lambda row: isinstance(row["city"], str)),
        ("born in in x", lambda row: row["born in"] == "x"),
        ("born in=x", lambda row: row["born in"] == "x"),
        ({"zip.code": ["a", "b"], "city": None}, lambda row: row["zip.code"] != "c" and row["city"] != row["city"]),
        ({"city": ["Paris, TX", None]}, lambda row: row["city"] != "Rome"),
        (["age between 20 and 60", "zip.code in b"], lambda row: 20 <= row["age"] <= 60 and row["zip.code"] == "b"),
    ],
)
def test_rows_that_meet_it(table, texts, meets):
    frame, spec = table
    held = np.logical_and.reduce([clause.holds(frame) for clause in where.read(as_texts(texts), spec)])
    assert 0 < held.sum() < len(frame)
    assert held.tolist() == [bool(meets(row)) for row in frame.to_dict("records")]


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("zip.code in a,z", "where.unknown_value", "'z'"),
        ("age between 90 and 99", "where.out_of_range", "'age' ranges from"),
        ("age between old and 99", "where.wrong_type", "'old'"),
        ("zip.code between a and b", "where.operator_not_supported", "zip.code"),
        ("age is missing", "where.nothing_missing", "'age'"),
        ("city is nothing", "where.no_comparison", "between"),
        ("town in x", "column.not_found", "no column 'town'"),
    ],
)
def test_what_cannot_be_met_is_refused(table, text, code, named):
    with refused(code, named):
        where.read([text], table[1])


def test_names_that_span_lines_can_be_written_on_one():
    frame = pd.DataFrame({"price\n(EUR)": np.arange(100) % 37 / 4, "city": np.array(["a", "b"])[np.arange(100) % 2]})
    spec = Table().spec(from_frame("the frame", frame), lambda shape: shape)
    for name in ("price (EUR)", "price\n(EUR)"):
        (clause,) = where.read([f"{name}>5"], spec)
        assert (clause.holds(frame) == (frame["price\n(EUR)"] > 5)).all()
    with refused("column.not_found", "did you mean 'price (EUR)'?", "(columns: price (EUR), city)"):
        where.read(["prices (EUR)>5"], spec)
