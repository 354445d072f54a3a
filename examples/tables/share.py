"""Share a table: new rows in place of the real ones, and a look at how near they come to them.

    python examples/tables/share.py patients.csv shareable.csv --minutes 10

A fifth of the real rows is held back. New rows should not lie nearer to the rows that the model has seen than rows that
it has never seen do: nearer means that it has learned some of them by heart. This is a check, not a promise: a model
whose training was not differentially private can give away that somebody was in the table.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

import ganforge as gf


def distances(rows: Any, real: Any) -> np.ndarray:
    """From each row to the nearest real one: numbers in units of their spread, 1 for every category that differs."""
    columns = []
    for name in real.columns:
        both: Any = pd.concat([real[name], rows[name]])
        if pd.api.types.is_numeric_dtype(real[name]) and real[name].dtype != bool:
            columns.append((both / (real[name].std() or 1)).fillna(both.median()).to_numpy(float)[:, None])
        else:
            columns.append(pd.get_dummies(both.astype(str)).to_numpy(float) / 2)
    x = np.hstack(columns)
    return NearestNeighbors(n_neighbors=1, metric="manhattan").fit(x[: len(real)]).kneighbors(x[len(real) :])[0][:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a CSV file")
    parser.add_argument("out", type=Path, help="the CSV file to write")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()

    df: Any = pd.read_csv(options.table, skipinitialspace=True).sample(frac=1, random_state=0, ignore_index=True)
    held_back, seen = df[: len(df) // 5], df[len(df) // 5 :]
    model = gf.TableGAN(minutes=options.minutes).fit(seen)
    new = model.sample(len(df))
    new.to_csv(options.out, index=False)

    some = new[: len(held_back)]
    ours, theirs = distances(some, seen), distances(held_back, seen)
    print(f"{len(new):,} rows in {options.out}")
    print(f"nearest real row, median: new rows {np.median(ours):.3f}, rows held back {np.median(theirs):.3f}")
    print(f"copies of a real row: {np.mean(ours == 0):.2%} of new rows, {np.mean(theirs == 0):.2%} of rows held back")


if __name__ == "__main__":
    main()
