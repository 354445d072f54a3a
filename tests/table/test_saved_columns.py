"""`data inspect --save columns.yaml`: what was found, edited by hand, and trained with."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import yaml

from ganforge.artifacts.rundir import stored_recipe
from ganforge.core.overrides import read_value
from ganforge.data.path import PathData
from ganforge.modalities.table.signal import Table
from refused import refused


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    with open("people.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "zip.code", "# of\nrooms", "是", "grade"])
        for _ in range(300):
            writer.writerow([round(float(draws.uniform(17, 80)), 2), draws.choice(["a", "b"]), draws.integers(1, 9),
                             draws.choice(["yes", "no: never"]), draws.integers(0, 50)])  # fmt: skip
    return tmp_path


def test_what_was_found_is_what_is_trained_with(ganforge, table):
    said = ganforge("data", "inspect", "people.csv", "--save", "columns.yaml")
    assert said.status == 0, said.err
    text = (table / "columns.yaml").read_text()
    assert "signal.columns=@columns.yaml" in text
    columns = yaml.safe_load(text)
    dataset = PathData(path="people.csv").open()
    assert list(columns) == list(dataset.frame.columns)
    same = Table(columns=columns).spec(dataset, lambda shape: shape)
    assert same == Table().spec(dataset, lambda shape: shape)


@pytest.mark.slow
def test_an_edited_file_is_used_and_kept(ganforge, table):
    assert ganforge("data", "inspect", "people.csv", "--save", "columns.yaml").status == 0
    edited = (table / "columns.yaml").read_text().replace("grade: integer", "grade: categorical")
    (table / "columns.yaml").write_text(edited)
    again = ganforge("data", "inspect", "people.csv", "--save", "columns.yaml")
    assert again.status == 2, "an edited file is not replaced unasked"
    assert (table / "columns.yaml").read_text() == edited
    words = ("samples=100", "batch=50", "callbacks=[]", "--run-dir", "run", "-q")
    said = ganforge("train", "ctgan-fast", "data=people.csv", "signal.columns=@columns.yaml", *words)
    assert said.status == 0, said.err
    assert stored_recipe("run").signal.columns["grade"] == "categorical"


def test_files_that_hold_no_mapping_are_refused(tmp_path):
    with refused("config.not_readable", "none.yaml"):
        read_value(f"@{tmp_path / 'none.yaml'}")
    (tmp_path / "list.yaml").write_text("- a\n")
    with refused("config.not_a_mapping", "list.yaml"):
        read_value(f"@{tmp_path / 'list.yaml'}")
    assert read_value("@") == "@"


def test_images_have_no_columns(ganforge, tmp_path):
    said = ganforge("data", "inspect", "digits", "--save", tmp_path / "x.yaml")
    assert said.status == 2
    assert "tables" in said.err
    assert not list(tmp_path.iterdir())
