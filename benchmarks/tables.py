"""How useful are synthetic tables, and how long does it take to learn to make them?

    python -m venv .ctgan && .ctgan/bin/pip install ctgan==0.12.1      (another licence: it stays in a venv of its own)
    python benchmarks/tables.py --tables DATA/tables --out runs/tables --package .ctgan/bin/python
    python benchmarks/tables.py ... --names adult --systems ctgan package --seeds 0 --epochs 10           (a short one)

Protocol: a fifth of the rows is held back, another one for each seed. A system learns from the others and makes as
many rows. Gradient boosting (scikit-learn's, with its defaults) learns from these alone, and is judged on the rows held
back:

    adult      income     F1 of the class >50K
    diamonds   price      R²
    penguins   species    F1, mean over the classes

`real` learns from the real rows, `constant` says what is most frequent (the mean of numbers). `package` is the ctgan
package with its own defaults, fitted by `tables_package.py`. Every fit is a process of its own with `--threads`
threads, one after the other; its time is that of the call that fits, after all imports. Fits that have left their
result in `--out` are not repeated. Prints a table of mean ± standard deviation over the seeds: usefulness, seconds a
fit; all figures are in `OUT/results.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import f1_score, r2_score

TARGETS = {"adult": "income", "diamonds": "price", "penguins": "species"}
BASELINES = ("real", "constant")
OURS = ("ctgan", "tvae", "table-gan")


def split(table: Any, seed: int) -> tuple[Any, Any]:
    """The rows to learn from and the fifth that is held back."""
    held_back = np.random.default_rng(seed).permutation(len(table)) < len(table) // 5
    return table[~held_back].reset_index(drop=True), table[held_back].reset_index(drop=True)


def usefulness(train: Any, test: Any, target: str) -> float:
    """How well gradient boosting that has learned from `train` does on `test`: F1 or R²."""
    both = pd.concat([train, test], ignore_index=True)
    x: Any = both.drop(columns=target)
    for name in x.columns:
        if not pd.api.types.is_numeric_dtype(x[name]):
            x[name] = x[name].astype(str).astype("category")
    n, y = len(train), both[target]
    if pd.api.types.is_numeric_dtype(y):
        model: Any = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
        return float(r2_score(y[n:], model.fit(x[:n], y[:n]).predict(x[n:])))
    y = y.astype(str)
    if train[target].nunique() < 2:
        return f1(y[n:], np.full(len(test), y[0]))
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    return f1(y[n:], model.fit(x[:n], y[:n]).predict(x[n:]))


def f1(wanted: Any, found: Any) -> float:
    """Of the rarer class where there are two, else the mean over the classes."""
    counts = wanted.value_counts()
    if len(counts) == 2:
        return float(f1_score(wanted, found, pos_label=counts.idxmin(), zero_division="warn"))
    return float(f1_score(wanted, found, average="macro", zero_division="warn"))


def constant(train: Any, test: Any, target: str) -> float:
    """What is said without looking."""
    if pd.api.types.is_numeric_dtype(train[target]):
        return float(r2_score(test[target], np.full(len(test), train[target].mean())))
    return f1(test[target].astype(str), np.full(len(test), str(train[target].mode()[0])))


def fit_ours(recipe: str, options: argparse.Namespace, folder: Path, target: str, seed: int) -> dict[str, float]:
    """In a process of its own: fits one of our recipes to FOLDER/train.csv, writes FOLDER/made.csv."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import tables; tables.worker()"
    words = [recipe, target, str(folder), str(seed), str(options.epochs or 0)]
    return timed([sys.executable, "-c", code, *words], options.threads)


def fit_package(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, float]:
    """In a process of its own: fits the ctgan package likewise."""
    script = Path(__file__).with_name("tables_package.py")
    words = [str(folder), str(seed), str(options.epochs or 0)]
    return timed([options.package, str(script), *words], options.threads)


def timed(words: list[str], threads: int) -> dict[str, float]:
    """Runs a fit, which says in its last line how long it took."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:2])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def worker() -> None:
    """The process of `fit_ours`."""
    import ganforge as gf

    recipe, target, place, seed, epochs = sys.argv[1:]
    folder = Path(place)
    table = pd.read_csv(folder / "train.csv")
    model = gf.TableGAN(recipe, target=target, seed=int(seed), epochs=int(epochs) or None, progress=False)
    start, begun = time.perf_counter(), time.process_time()
    model.fit(table)
    fit, cpu = time.perf_counter() - start, time.process_time() - begun
    start = time.perf_counter()
    made = model.sample(len(table))
    sampled = time.perf_counter() - start
    made.to_csv(folder / "made.csv", index=False)
    print(json.dumps({"fit_seconds": fit, "fit_cpu_seconds": cpu, "sample_seconds": sampled}))


def measure(system: str, name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one system on one table and seed; kept, and read again the next time."""
    folder = options.out / f"{name}-{system}-{seed}" / (f"{options.epochs}-epochs" if options.epochs else "default")
    kept, target = folder / "figures.json", TARGETS[name]
    if kept.is_file():
        return json.loads(kept.read_text())
    train, test = split(pd.read_csv(options.tables / f"{name}.csv", skipinitialspace=True), seed)
    figures: dict[str, Any] = {}
    if system == "constant":
        figures["usefulness"] = constant(train, test, target)
    elif system == "real":
        figures["usefulness"] = usefulness(train, test, target)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        train.to_csv(folder / "train.csv", index=False)
        figures |= (
            fit_package(options, folder, seed)
            if system == "package"
            else fit_ours(system, options, folder, target, seed)
        )
        figures["usefulness"] = usefulness(pd.read_csv(folder / "made.csv"), test, target)
    figures |= {"table": name, "system": system, "seed": seed, "epochs": options.epochs, "threads": options.threads}
    folder.mkdir(parents=True, exist_ok=True)
    partial = kept.with_name(".writing-figures.json")
    partial.write_text(json.dumps(figures, indent=1) + "\n")
    partial.replace(kept)
    return figures


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard deviation."""
    if not values:
        return ""
    more = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{more}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tables", type=Path, required=True, help="a folder with adult.csv, diamonds.csv, penguins.csv"
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder for the results")
    parser.add_argument("--names", nargs="+", choices=TARGETS, default=["adult", "diamonds"])
    parser.add_argument("--systems", nargs="+", choices=[*OURS, "package"], default=[*OURS, "package"])
    parser.add_argument("--package", help="the python of a venv that has the ctgan package")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="passes over the rows; by default each system's own number")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if "package" in options.systems and not options.package:
        parser.error("--package PYTHON: say where the ctgan package is, or leave `package` out of --systems")

    found = []
    for name in options.names:
        for system in (*BASELINES, *options.systems):
            for seed in options.seeds:
                found.append(measure(system, name, seed, options))
                print(f"  {name} {system} seed {seed}: {found[-1]['usefulness']:.3f}", file=sys.stderr)
            rows = [f for f in found if (f["table"], f["system"]) == (name, system)]
            seconds = spread([f["fit_seconds"] for f in rows if "fit_seconds" in f], 0)
            print(f"| {name} | {system} | {spread([f['usefulness'] for f in rows], 3)} | {seconds} |", flush=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    results = {"command": " ".join(sys.argv), "machine": machine, "figures": found}
    (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
