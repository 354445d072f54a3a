"""The examples run as their first lines say."""

from __future__ import annotations

import runpy
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "tables"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with people.csv: a tenth of the people are rich."""
    rng = np.random.default_rng(0)
    rich = np.arange(600) % 10 == 0
    person = [f"P-{k:05d}" for k in range(600)]
    pay = np.where(rich, rng.normal(90, 5, 600), rng.normal(40, 5, 600)).round(1)
    town = rng.choice(["Lima", "Oslo"], 600)
    table = pd.DataFrame({"person": person, "pay": pay, "town": town, "rich": np.where(rich, "yes", "no")})
    table.to_csv(tmp_path / "people.csv", index=False)
    table.drop(columns="person").to_csv(tmp_path / "nobody.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch, capsys, name: str, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", [name, *words, "--minutes", "0.02"])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.slow
def test_balance(place, monkeypatch, capsys):
    said = run(monkeypatch, capsys, "balance.py", "nobody.csv", "rich")
    assert "360 new rows of 'yes', which has 45 of 450" in said
    assert said.count("precision") == 2


@pytest.mark.slow
def test_fill_database(place, monkeypatch, capsys):
    words = ("fill_database.py", "people.csv", "test.sqlite", "--rows", "500", "--identifier", "person")
    assert "500 rows in table 'people'" in run(monkeypatch, capsys, *words)
    with closing(sqlite3.connect(place / "test.sqlite")) as database:
        (people,) = database.execute(
            "SELECT COUNT(DISTINCT person) FROM people WHERE pay BETWEEN 20 AND 120"
        ).fetchone()
    assert people == 500
    (place / "people.csv").unlink()  # the model that was kept is enough
    assert "500 rows" in run(monkeypatch, capsys, *words)


@pytest.mark.slow
def test_share(place, monkeypatch, capsys):
    said = run(monkeypatch, capsys, "share.py", "nobody.csv", "new.csv")
    assert "600 rows in new.csv" in said
    assert "exact_copies" in said
    assert "real rows that were not trained on" in said
    assert list(pd.read_csv("new.csv").columns) == ["pay", "town", "rich"]
