"""How well are missing cells of a table filled in?

    python benchmarks/complete.py --table DATA/tables/penguins.csv --target species --minutes 1.5

A fifth of the rows is held back. Of the cells of these rows a share is emptied (`--share`), at random, and filled in:

    marginals   with values of the training rows, drawn column by column
    nearest     with those of the training row that agrees best with the given cells (numbers in ranks)
    complete    by `TableGAN.complete`, trained on the other rows

All three draw a value, none says the likeliest one. Per system: how often an emptied category is hit, the mean absolute
error of emptied numbers as a share of their column's mean absolute deviation between two rows, and the Kolmogorov-
Smirnov distance or total variation of the filled cells from the emptied ones, a mean over the columns.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd


def emptied(table: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows with gaps, and which cells that are not missing were emptied."""
    gaps = pd.DataFrame(np.random.default_rng(seed).random(table.shape) < share, table.index, table.columns)
    gaps &= table.notna()
    return table.astype(object).mask(gaps, None), gaps


def from_marginals(train: pd.DataFrame, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    draws = np.random.default_rng(seed)
    made = {name: draws.choice(train[name].dropna().to_numpy(dtype=object), len(rows)) for name in train}
    return rows.where(rows.notna(), pd.DataFrame(made, rows.index))


def from_nearest(train: pd.DataFrame, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """With ties broken at random."""
    draws = np.random.default_rng(seed)
    away = draws.random((len(rows), len(train))) * 1e-6
    for name in train:
        given = rows[name].notna().to_numpy()
        if pd.api.types.is_numeric_dtype(train[name]):
            known = np.sort(train[name].dropna().to_numpy())
            of_train, of_rows = (
                np.searchsorted(known, v.to_numpy(float)) / len(known) for v in (train[name], rows[name])
            )
            away += np.where(given[:, None], np.abs(of_rows[:, None] - of_train), 0)
        else:
            differ = rows[name].to_numpy(dtype=object)[:, None] != train[name].to_numpy(dtype=object)
            away += np.where(given[:, None], differ, 0)
    nearest = train.iloc[away.argmin(1)].astype(object).set_axis(rows.index)
    return rows.where(rows.notna(), nearest)


def score(real: pd.DataFrame, filled: pd.DataFrame, gaps: pd.DataFrame) -> dict[str, float]:
    hits, errors, distances = [], [], []
    for name in real:
        of = gaps[name] & filled[name].notna()
        a, b = pd.Series(real[name][of]), pd.Series(filled[name][of])
        if not len(a):
            continue
        if pd.api.types.is_numeric_dtype(real[name]):
            x, y = np.sort(a.to_numpy(float)), b.to_numpy(float)
            usual = np.abs(x[:, None] - x).mean() if len(x) < 5_000 else np.abs(x - np.roll(x, len(x) // 2)).mean()
            errors.append(np.abs(a.to_numpy(float) - y).mean() / max(usual, 1e-12))
            at = np.concatenate([x, y])
            distances.append(
                np.abs(
                    np.searchsorted(x, at, "right") / len(x) - np.searchsorted(np.sort(y), at, "right") / len(y)
                ).max()
            )
        else:
            hits.append(float((a.astype(str) == b.astype(str)).mean()))
            shares = [v.astype(str).value_counts(normalize=True) for v in (a, b)]
            distances.append(float(np.abs(shares[0].sub(shares[1], fill_value=0).to_numpy()).sum() / 2))
    return {"hit": float(np.mean(hits)), "error": float(np.mean(errors)), "distance": float(np.mean(distances))}


def main() -> None:
    import ganforge as gf

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--target")
    parser.add_argument("--recipe", default="ctgan-fast")
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--share", type=float, nargs="+", default=[0.3, 0.7])
    parser.add_argument("--rows", type=int, default=1_000, help="at most so many of the rows held back")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of the recipe")
    parser.add_argument("--keep", type=Path, help="keep the model in this file, or take it from there")
    options = parser.parse_args()
    table = pd.read_csv(options.table, skipinitialspace=True)
    back = np.random.default_rng(options.seed).random(len(table)) < 0.2
    train, heldout = pd.DataFrame(table[~back]), pd.DataFrame(table[back]).head(options.rows)
    if options.keep and options.keep.exists():
        model = gf.TableGAN.load(options.keep)
    else:
        fields = {path: json.loads(value) for path, _, value in (text.partition("=") for text in options.set)}
        model = gf.TableGAN(
            options.recipe, target=options.target, minutes=options.minutes, seed=options.seed, fields=fields
        )
        model.fit(train)
        if options.keep:
            model.save(options.keep)
    print("| emptied | system | hit | error | distance | seconds |")
    print("|---|---|---|---|---|---|")
    for share in options.share:
        rows, gaps = emptied(heldout, share, options.seed)
        for name, fill in (
            ("marginals", from_marginals),
            ("nearest", from_nearest),
            ("complete", lambda _, rows, seed: model.complete(rows, seed)),
        ):
            begun = time.perf_counter()
            filled = fill(train, rows, options.seed)
            found = score(heldout, filled, gaps)
            seconds = time.perf_counter() - begun
            cells = " | ".join(f"{value:.3f}" for value in found.values())
            print(f"| {share:.0%} | {name} | {cells} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
