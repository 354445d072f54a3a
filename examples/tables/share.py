"""Share a table: new rows in place of the real ones, after a look at how near they come to them.

    python examples/tables/share.py patients.csv shareable.csv --minutes 10

A tenth of the real rows is never trained on. New rows should not lie nearer to the rows that the model has seen, nor
repeat more of them, than rows that it has never seen do; where they do, they are written nowhere. This is a check, not
a promise: a model whose training was not differentially private can give away that somebody was in the table. Share the
rows, not the model: its file holds the real categories, bounds and counts of every column.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

import ganforge as gf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a CSV file")
    parser.add_argument("out", type=Path, help="the CSV file to write")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()

    model = gf.train("ctgan", data=options.table, minutes=options.minutes)
    judged = gf.evaluate(model.folder, metrics=["columns", "privacy"])
    for result in judged.results:
        print(f"{result.name:30} {result.value:.4f}  {' '.join(result.detail.get('notes', ()))}")
    print(f"more in {judged.html}")
    if any(result.detail.get(flag) for result in judged.results for flag in ("copying", "closer", "told")):
        sys.exit("training rows shine through; nothing was written")
    new = model.sample(len(pd.read_csv(options.table)))
    new.to_csv(options.out, index=False)
    print(f"{len(new):,} rows in {options.out}")


if __name__ == "__main__":
    main()
