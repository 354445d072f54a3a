"""ARFF files: declarations and rows are read as Weka writes them; what does not fit is an error with its line."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from ganforge.data import arff
from ganforge.data.path import PathData
from ganforge.modalities.table.source import TableSet
from refused import refused

HEAD = """% a comment
@RELATION weather

@ATTRIBUTE 'high temp' REAL
@attribute\tn integer
@attribute wind{N,'S E', "W"}
@attribute note string
@attribute day date "dd/MM/yyyy HH:mm"
@data
"""
ROWS = r"""
% another
 1.5 , 3 , 'S E' , "it's, so" , "05/01/2023 13:00"
?,4,N,'it\'s\n','06/01/2023 00:30'
2e3,?,"?",?,?
"""


def read(text: str, **how) -> pd.DataFrame:
    return arff.table(io.BytesIO(text.encode()), "x.arff", **how)


def test_each_type_is_read_as_it_is_declared():
    found = read(HEAD + ROWS)
    assert list(found) == ["high temp", "n", "wind", "note", "day"]
    assert found["high temp"].tolist()[::2] == [1.5, 2000.0]
    assert found["n"][:2].tolist() == [3, 4]
    assert found["wind"].tolist() == ["S E", "N", "?"], "a question mark in quotes is a word"
    assert found["note"].tolist() == ["it's, so", "it's\n", None]
    assert found["day"].tolist() == ["2023-01-05 13:00:00", "2023-01-06 00:30:00", None]
    assert found.isna().to_numpy().sum() == 4
    assert read(HEAD + ROWS, texts=True).iloc[2].tolist() == ["2e3", "", "?", "", ""]
    assert len(read(HEAD + ROWS, rows=2)) == 2
    assert len(read(HEAD)) == 0


def test_values_may_stand_between_spaces_and_long_files_are_read_in_parts(monkeypatch):
    monkeypatch.setattr("ganforge.core.scratch.AT_ONCE", 10)
    head = "@relation x\n@attribute a numeric\n@attribute b {u,v}\n@data\n"
    found = read(head + "\n".join(f"{k}\t{'uv'[k % 2]}" for k in range(25)))
    assert found["a"].tolist() == list(range(25))
    assert found["b"][24] == "u"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", ("line 1", "no declaration")),
        ("", ("@data", "cut off")),
        (HEAD.replace("@data", ""), ("line 9", "no line with @data")),
        (HEAD.replace("REAL", "complex"), ("line 4", "'complex'", "numeric, real")),
        (HEAD.replace("dd/", "ww/"), ("line 8", "'ww'")),
        (HEAD.replace("note", "wind"), ("'wind' is declared twice",)),
        (HEAD.replace(' "W"}', ""), ("line 6", "closing brace")),
        (HEAD + "1,2,N", ("line 10", "3 values where 5 columns")),
        (HEAD + '1,2,N,"abc,"05/01/2023 13:00"', ("line 10", "not closed")),
        (HEAD + "{0 1.5, 3 N}", ("line 10", "sparse", "dense")),
        (HEAD + "x,2,N,a,?", ("'high temp'", "numeric", "'x'")),
        (HEAD + "1,2,N,a,2023-01-05", ("'day'", "a date")),
    ],
)
def test_what_does_not_fit_is_named(text, words):
    with refused("arff.unreadable", *words):
        read(text)


def test_rows_without_a_time_are_a_table(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["@relation iris", "@attribute width numeric", "@attribute kind {a,b}", "@data"]
    path = tmp_path / "iris.arff"
    path.write_text("\n".join([*lines, *(f"{rng.normal():.3f},{'ab'[k % 2]}" for k in range(60))]))
    found = PathData(path=str(path), holdout=0.0).open()
    assert isinstance(found, TableSet)
    assert found.frame["kind"].tolist()[:2] == ["a", "b"]
    assert found.frame["width"].dtype == np.float64
    path.write_text("\n".join([lines[0], "@attribute s relational", "@attribute t numeric", "@end s", "@data", "'1'"]))
    with refused("arff.holds_series", "data.signal=series"):
        PathData(path=str(path), signal="table").open()
