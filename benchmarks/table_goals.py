"""Are the goals for tables met? Adult, diamonds, a bank's customers and insurance, `--minutes` of training each.

    python benchmarks/table_goals.py --tables DATA/tables --out runs/goals --minutes 5 --seeds 0 1 2
    python benchmarks/table_goals.py --tables DATA/tables --out runs/without --names bank --seeds 0 \
        --set task.target_widths=[]          # without the net for the target

Run it when the machine is idle: the time is that of the clock, and half of it makes half a model. Protocol: as in
`tables.py`; a fifth of the rows is held back, another one for each seed; gradient boosting learns from as many made
rows and is evaluated on those. `bank` is drawn by `bank.py`; `insurance` needs insurance.csv (1,338 rows, target
charges) in `--tables`, and is left out without.

Printed, as mean ± standard deviation over the seeds: F1 (of the rarer of two classes) or R², the same of real rows and
their ratio, AUC, mean column distance (of ks and tv), detection, privacy (dcr and membership: ½ or less), and the goal.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bank import bank
from tables import judge, keep, split, spread

TARGETS = {"adult": "income", "diamonds": "price", "bank": "Exited", "insurance": "charges"}
GOALS = {
    "adult": "F1 ≥ .67, AUC ≥ .905, distance ≤ .04",
    "diamonds": "R² ≥ .92",
    "bank": "ratio ≥ .8",
    "insurance": "R² ≥ .72",
}
SHOWN = ("score", "real", "ratio", "auc", "distance", "detection", "dcr", "membership", "minutes")


def auc(folder: Path, target: str) -> float:
    """Of gradient boosting on the made rows, for the rarer class of the held-back ones; NaN of a target of numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    made, heldout = (pd.read_csv(folder / f"{part}.csv") for part in ("made", "heldout"))
    if {int(pd.Series(rows[target]).nunique()) for rows in (made, heldout)} != {2}:
        return float("nan")
    both = pd.concat([made, heldout], ignore_index=True).drop(columns=target)
    texts = both.select_dtypes(exclude="number").columns
    both[texts] = both[texts].apply(lambda values: values.astype("category").cat.codes)
    x, rarer = both.to_numpy(float), heldout[target].value_counts().idxmin()
    model = HistGradientBoostingClassifier(random_state=0).fit(x[: len(made)], made[target] == rarer)
    return float(roc_auc_score(heldout[target] == rarer, model.predict_proba(x[len(made) :])[:, 1]))


def measure(name: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """The scores of one table and seed; kept in `--out`, and read again the next time."""
    import time

    import ganforge as gf

    folder = options.out / f"{name}-{options.recipe}-{seed}-{options.minutes:g}"
    if (folder / "scores.json").is_file():
        return json.loads((folder / "scores.json").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    target = TARGETS[name]
    table = bank() if name == "bank" else pd.read_csv(options.tables / f"{name}.csv", skipinitialspace=True)
    train, heldout = split(table, seed)
    fields = dict(text.split("=", 1) for text in options.set)
    fields = {path: json.loads(value) if value[:1] in "[{0123456789" else value for path, value in fields.items()}
    begun = time.perf_counter()
    model = gf.TableGAN(
        options.recipe, target=target, minutes=options.minutes, seed=seed, progress=False, fields=fields
    ).fit(train)
    minutes = (time.perf_counter() - begun) / 60
    for part, rows in (("train", train), ("heldout", heldout), ("made", model.sample(len(train)))):
        rows.to_csv(folder / f"{part}.csv", index=False)
    found = judge(folder, target, seed)
    scores = {
        "score": found["usefulness"],
        "real": found["usefulness_of_real"],
        "ratio": found["usefulness"] / found["usefulness_of_real"],
        "auc": auc(folder, target),
        "distance": statistics.mean(found[part] for part in ("ks", "tv") if part in found),
        **{part: found.get(part, float("nan")) for part in ("detection", "dcr", "membership")},
        "minutes": minutes,
    }
    keep(folder / "scores.json", scores)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, required=True, help="a folder with adult.csv and diamonds.csv")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the results; another one for each --set")
    parser.add_argument("--names", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--recipe", default="ctgan-fast")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of the recipe")
    options = parser.parse_args()
    print(f"| table | {' | '.join(SHOWN)} | goal |\n|---|{'---|' * len(SHOWN)}---|", flush=True)
    for name in options.names:
        if name != "bank" and not (options.tables / f"{name}.csv").is_file():
            print(f"| {name} | left out: no {name}.csv in {options.tables} |", flush=True)
            continue
        found: list[dict[str, Any]] = [measure(name, seed, options) for seed in options.seeds]
        cells = [spread([one[part] for one in found if not np.isnan(one[part])], 3) for part in SHOWN]
        print(f"| {name} | {' | '.join(cells)} | {GOALS[name]} |", flush=True)


if __name__ == "__main__":
    main()
