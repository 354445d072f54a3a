"""ARFF files of series: those of the UEA and UCR archives, and tables with a column of times."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from series_files import DAYS, opened, said, written

from ganforge.core.dataset import Dataset
from ganforge.data.path import PathData
from ganforge.modalities.series.source import SeriesSet
from refused import refused

STEPS = [f"@attribute t{k + 1} numeric" for k in range(5)]
UEA = [
    "@relation toy",
    "@attribute toy relational",
    *STEPS,
    "@end toy",
    "@attribute activity {walk,'run fast'}",
    "@data",
]
ROWS = [r"'1,9,3,4,5\n6,7,8,2,10',walk", r""""1,2,?,?,?\n3,?,?,?,?",'run fast'"""]


def found(path: str) -> Dataset:
    return PathData(path=path, holdout=0.0).open()


def test_the_multivariate_form_is_what_dot_ts_is(tmp_path):
    arff = found(written(tmp_path, [*UEA, *ROWS, *ROWS], "toy.arff"))
    lines = ["@problemName toy", "@classLabel true walk run", "@data"]
    lines += ["1,9,3,4,5:6,7,8,2,10:walk", "1,2:3,?:run fast"] * 2
    dot_ts = found(written(tmp_path, lines, "toy.ts"))
    assert isinstance(arff, SeriesSet)
    assert isinstance(dot_ts, SeriesSet)
    assert arff.columns == dot_ts.columns
    assert (arff.kinds, arff.kind_of) == (dot_ts.kinds, dot_ts.kind_of)
    assert arff.kinds == ("run fast", "walk")
    for name in arff.series:
        assert np.array_equal(arff.series[name], dot_ts.series[name]), "filling at the end is no step"
        assert np.array_equal(arff.missing[name], dot_ts.missing[name])


def ucr(stem: str, steps: int) -> list[str]:
    head = ["@relation x", *(f"@attribute {stem}{k} real" for k in range(steps)), "@attribute target {1,2}", "@data"]
    return [*head, *(",".join([*(f"{k + t / 4}" for t in range(steps)), str(k % 2 + 1)]) for k in range(40))]


def test_the_univariate_form_has_a_series_in_each_row(tmp_path):
    dataset = found(written(tmp_path, ucr("att", 12), "x.arff"))
    assert isinstance(dataset, SeriesSet)
    assert dataset.series["3"][:, 0].tolist() == [3 + t / 4 for t in range(12)]
    assert dataset.kinds == ("1", "2")


@pytest.mark.parametrize(("stem", "steps"), [("att", 7), ("V", 12)])
def test_a_few_numbered_columns_or_names_of_their_own_are_a_table(stem, steps, tmp_path):
    assert found(written(tmp_path, ucr(stem, steps), "x.arff")).signal == "table"


def test_an_archive_has_each_series_once(tmp_path):
    """As they are published: the whole and each dimension, in two parts, as .arff and .ts."""
    whole, one = Path(written(tmp_path, [*UEA, *ROWS], "w.arff")), Path(written(tmp_path, ucr("att", 12), "o.arff"))
    with zipfile.ZipFile(tmp_path / "toy.zip", "w") as archive:
        for part in ("TRAIN", "TEST"):
            archive.write(whole, f"Toy_{part}.arff")
            archive.write(one, f"ToyDimension1_{part}.arff")
    dataset = found(str(tmp_path / "toy.zip"))
    assert isinstance(dataset, SeriesSet)
    assert list(dataset.series) == ["Toy_TEST 0", "Toy_TEST 1", "Toy_TRAIN 0", "Toy_TRAIN 1"]
    assert said(dataset, "2 .arff files are left out")
    with zipfile.ZipFile(tmp_path / "toy.zip", "a") as archive:
        archive.writestr("Toy_TRAIN.ts", "@classLabel false\n@data\n1,5,3\n4,5,9\n")
    assert len(opened(str(tmp_path / "toy.zip")).series) == 2


TABLE = [
    "@relation t",
    '@attribute day date "dd/MM/yyyy"',
    "@attribute x numeric",
    "@attribute wind {N,'S E'}",
    "@data",
]
WINDS = ("N", "'S E'")
LINES = [f'"{day:%d/%m/%Y}",{"?" if k == 3 else k / 4},{WINDS[k % 2]}' for k, day in enumerate(DAYS[:40])]


def test_a_table_with_times_is_a_series_also_in_a_folder(tmp_path):
    path = written(tmp_path / "set", [*TABLE, *LINES], "north.arff")
    dataset = found(path)
    assert isinstance(dataset, SeriesSet)
    assert [column.name for column in dataset.columns] == ["x", "wind"]
    assert dataset.columns[1].words == ("N", "S E")
    assert dataset.missing["0"][:, 0].nonzero()[0].tolist() == [3]
    assert str(dataset.times["0"][1])[:10] == "2023-01-02", "the declaration says that the day comes first"
    written(tmp_path / "set", [*TABLE, *LINES], "south.arff")
    both = found(str(tmp_path / "set"))
    assert isinstance(both, SeriesSet)
    assert list(both.series) == ["north", "south"]


def test_what_cannot_be_read_is_named(tmp_path):
    with refused("series.not_arff", "line 11", "4 steps where 5"):
        found(written(tmp_path, [*UEA, r"'1,2,3,4\n5,6,7,8',walk"], "a.arff"))
    with refused("series.not_arff", "line 11", "no number"):
        found(written(tmp_path, [*UEA, r"'1,2,3,4,x',walk"], "b.arff"))
    with refused("arff.unreadable", "line 12", "cut off"):
        found(written(tmp_path, [*UEA, ROWS[0], ROWS[1][:9]], "c.arff"))
    with refused("series.not_arff", "no series"):
        found(written(tmp_path, UEA, "d.arff"))
    with refused("series.not_arff", "different numbers of dimensions"):
        found(written(tmp_path, [*UEA, ROWS[0], "'1,2,3,4,5',walk"], "e.arff"))
    with refused("arff.unreadable", "sparse"):
        found(written(tmp_path, [*TABLE, *LINES, "{1 2.5}"], "f.arff"))
    with refused("arff.unreadable", "'t6'", "unknown type"):
        found(written(tmp_path, [*UEA[:7], "@attribute t6 numer"], "g.arff"))
