"""A table like a bank's customers, with what such tables hold besides measurements, and what is learned of it.

    python benchmarks/bank.py --out runs/bank                     (writes bank.csv; trains and measures, a line a seed)
    python benchmarks/bank.py --out runs/bank --table-only

10,000 rows: a running number, an identifier, surnames of 2,600 values of which many come once, a balance that is zero
in a third of the rows, and a target, `Exited`, that a fifth of the customers have and that depends on age, products,
activity, country and balance. All of it is drawn; no row is anybody's.

Protocol: as in `tables.py`; a fifth of the rows is held back, another one for each seed. F1 is that of the customers
who left; *zeros* is the share of rows whose balance is zero, of the real rows and of as many made ones.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, SURNAMES = 10_000, 2_600
SYLLABLES = ("ba", "cro", "den", "fi", "gar", "hol", "in", "ka", "lo", "mar", "nes", "o", "pet", "ro", "ston", "ter")


def bank(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """The table."""
    draws = np.random.default_rng(seed)
    names = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES][:SURNAMES]
    often = 1 / np.arange(1, SURNAMES + 1) ** 0.5
    surname = np.concatenate([np.arange(SURNAMES), draws.choice(SURNAMES, rows, p=often / often.sum())])[:rows]
    country = draws.choice(["France", "Germany", "Spain"], rows, p=[0.5, 0.25, 0.25])
    gender = draws.choice(["Female", "Male"], rows, p=[0.45, 0.55])
    age = np.clip(18 + draws.gamma(4.0, 5.2, rows), 18, 92).round().astype(int)
    score = np.clip(draws.normal(650, 97, rows), 350, 850).round().astype(int)
    tenure = draws.integers(0, 11, rows)
    without = draws.random(rows) < np.where(country == "Germany", 0.04, 0.43)
    balance = np.where(without, 0.0, np.clip(draws.normal(119_800, 30_100, rows), 3_000, None)).round(2)
    few = draws.random(rows) < np.where(without, 0.3, 0.72)
    products = np.where(few, 1, np.where(draws.random(rows) < 0.92, 2, draws.choice([3, 4], rows, p=[0.8, 0.2])))
    active = (draws.random(rows) < 0.515).astype(int)
    card = (draws.random(rows) < 0.705).astype(int)
    salary = draws.uniform(11.58, 199_992.48, rows).round(2)
    odds = (
        -2.5
        + 4.4 * np.exp(-(((age - 56) / 11.0) ** 2))
        - 1.5 * active * (1 + 0.5 * (age > 45))
        + 1.0 * (country == "Germany")
        + 0.6 * (gender == "Female")
        + np.select([products == 1, products == 2, products == 3], [0.7, -1.2, 2.7], 5.0)
        - 0.0012 * (score - 650)
    )
    exited = (draws.random(rows) < 1 / (1 + np.exp(-1.35 * odds))).astype(int)
    shuffled = draws.permutation(rows)
    return pd.DataFrame(
        {
            "RowNumber": np.arange(1, rows + 1),
            "CustomerId": 15_565_701 + draws.permutation(250_000)[:rows],
            "Surname": np.array(names, object)[surname[shuffled]],
            "CreditScore": score,
            "Geography": country,
            "Gender": gender,
            "Age": age,
            "Tenure": tenure,
            "Balance": balance,
            "NumOfProducts": products,
            "HasCrCard": card,
            "IsActiveMember": active,
            "EstimatedSalary": salary,
            "Exited": exited,
        }
    )


def measure(folder: Path, seed: int, recipe: str, minutes: float | None) -> dict[str, float]:
    """What is learned of FOLDER/bank.csv."""
    import ganforge as gf
    from tables import judge, split

    train, heldout = split(pd.read_csv(folder / "bank.csv"), seed)
    place = folder / f"{recipe}-{seed}"
    place.mkdir(exist_ok=True)
    start, cpu = time.perf_counter(), time.process_time()
    model = gf.TableGAN(recipe, target="Exited", seed=seed, minutes=minutes, progress=False).fit(train)
    clocks = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    made = model.sample(len(train))
    for name, rows in (("train", train), ("heldout", heldout), ("made", made)):
        rows.to_csv(place / f"{name}.csv", index=False)
    zeros = {
        "zeros_of_real": float(np.mean(train["Balance"] == 0)),
        "zeros": float(np.mean(made["Balance"] == 0)),
        "rows_of_real_ids": float(np.mean(made["CustomerId"].isin(train["CustomerId"]))),
    }
    return clocks | zeros | judge(place, "Exited", seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a folder for the table and the results")
    parser.add_argument("--table-only", action="store_true", help="write the table and train nothing")
    parser.add_argument("--recipe", default="ctgan-fast")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bank().to_csv(options.out / "bank.csv", index=False)
    if options.table_only:
        return
    sys.path.insert(0, str(Path(__file__).parent))
    for seed in options.seeds:
        print(json.dumps({"seed": seed} | measure(options.out, seed, options.recipe, options.minutes)), flush=True)


if __name__ == "__main__":
    main()
