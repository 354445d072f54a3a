"""Goals of molecules: trains a recipe for some minutes with several seeds, evaluates each run, and prints every value
beside its goal and its floor; then how long it takes to sample 10,000 molecules.

    python benchmarks/molecule_goals.py graphs --data qm9.smi.gz --minutes 10 --seeds 2
    python benchmarks/molecule_goals.py selfies --data hiv.csv.gz --minutes 20 --seeds 2

`graphs` also trains MolGAN for the same minutes; the Fréchet ChemNet distance of `selfies` stands beside that of an
n-gram model, and the goal is a quarter of it. Further `field=value` words go to every run. Runs are kept in `--out`
(default: runs/goals) and not trained again.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import ganforge as gf
from ganforge.metrics.base import Result
from signals_goals import Goal, met, trained

COUNT = re.compile(r"(\d+[kM]?)?(\[\d+[kM]?\])?(?=\[[A-Za-z]|$)")  # of samples, in the name of a result
GOALS = {
    "graphs": Goal(
        {"molecule-small": ("molecule-small",), "molgan": ("molgan",)},
        bounds={
            "valid_molecules": "≥ 0.85",
            "unique_molecules": "≥ 0.8",
            "valid_unique_novel": "≥ 0.35",
            "property_distance[QED]": "≤ 0.02",
            "property_distance[logP]": "≤ 0.15",
            "asked_property[logP]": "≤ 0.5",
        },
    ),
    "selfies": Goal(
        {"selfies-small": ()},  # chosen, since the choice also divides the time between its two phases
        bounds={
            "valid_molecules": "≥ 1",
            "unique_molecules": "≥ 0.98",
            "chemnet_fd of an n-gram model's": "≤ 0.25",
            "asked_property[logP]": "≤ 0.5",
        },
    ),
}
SPEED = 10_000


def named(results: Sequence[Result]) -> dict[str, float]:
    """Values by names without numbers of samples, and distances as a share of the n-gram model's."""
    found = {COUNT.sub("", result.name): result.value for result in results}
    for result in results:
        if "n_gram" in result.detail:
            name = result.name.partition("[")[0]
            found[f"{name} of an n-gram model's"] = result.value / result.detail["n_gram"]
            found[f"{name} floor of an n-gram model's"] = result.detail["floor"] / result.detail["n_gram"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goal", choices=GOALS)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/goals"))
    asked, more = parser.parse_known_args()
    goal = GOALS[asked.goal]
    found: dict[str, dict[str, list[float]]] = {}
    floors: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for name, words in goal.runs.items():
        for seed in range(asked.seeds):
            length = ["--minutes", f"{asked.minutes:g}"]
            folder = trained(name, (*words, *more), asked.data, length, seed, asked.out / asked.goal)
            results = gf.evaluate(folder, progress=False).results
            for key, value in named(results).items():
                found.setdefault(key, {}).setdefault(name, []).append(value)
            floors |= {COUNT.sub("", r.name): r.detail["floor"] for r in results if "floor" in r.detail}
            start = time.perf_counter()
            gf.load(folder).sample(SPEED)
            seconds[name] = time.perf_counter() - start
    for key, by_run in found.items():
        bound = (goal.bounds or {}).get(key, "")
        for name, values in by_run.items():
            mean = float(np.mean(values))
            note = f"{bound}: {'met' if met(mean, bound) else 'missed'}" if bound else ""
            floor = f"floor {floors[key]:.4g}" if key in floors else ""
            print(f"{key:32} {name:16} {mean:.4g} {[round(v, 4) for v in values]} {floor} {note}")
    for name, value in seconds.items():
        print(f"{SPEED:,} molecules of {name}: {value:.1f} s")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{asked.goal}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
