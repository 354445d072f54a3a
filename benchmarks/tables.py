"""How useful are synthetic tables, and how long does it take to learn to make them?

    python -m venv .ctgan && .ctgan/bin/pip install ctgan==0.12.1      (another license: it stays in a venv of its own)
    python benchmarks/tables.py --tables DATA/tables --out runs/tables --package .ctgan/bin/python
    python benchmarks/tables.py ... --names adult --systems ctgan package --seeds 0 --epochs 10           (a short one)

Protocol: a fifth of the rows is held back, another one for each seed. A system learns from the others and makes as
many rows. These are judged as `ganforge evaluate` does it: gradient boosting (scikit-learn's, with its defaults) learns
from them alone and is judged on the rows held back,

    adult      income     F1 of the class >50K
    diamonds   price     R²
    penguins   species    F1, mean over the classes

and so on for single columns, pairs of columns, detection and privacy. `real` learns from the real rows, `constant`
says what is most frequent (the mean of numbers). `package` is the ctgan package with its own defaults, fitted by
`tables_package.py`. Every fit is a process of its own with `--threads` threads, one after the other; its time is that
of the call that fits, after all imports, by the clock and on the processor. What has been fitted and judged stays in
`--out` and is not done again. Prints a table of mean ± standard deviation over the seeds; all figures are in
`OUT/results.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TARGETS = {"adult": "income", "diamonds": "price", "penguins": "species"}
BASELINES = ("real", "constant")
OURS = ("ctgan-fast", "ctgan", "tvae", "table-gan")
SHOWN = {
    "usefulness": 3, "ks": 3, "tv": 3, "correlation": 3, "contingency": 3, "detection": 3,
    "dcr": 3, "exact_copies": 4, "membership": 3, "fit_seconds": 0, "fit_cpu_seconds": 0,
}  # fmt: skip
"""Figures of the printed table, in its order, and their digits."""


def split(table: Any, seed: int) -> tuple[Any, Any]:
    """The rows to learn from and the fifth that is held back."""
    held_back = np.random.default_rng(seed).permutation(len(table)) < len(table) // 5
    return table[~held_back].reset_index(drop=True), table[held_back].reset_index(drop=True)


def judge(folder: Path, target: str, seed: int) -> dict[str, float]:
    """What `ganforge evaluate` finds of FOLDER/made.csv: each figure by its name without the protocol."""
    import ganforge as gf

    found = gf.evaluate(
        folder / "train.csv",
        folder / "made.csv",
        heldout=folder / "heldout.csv",
        target=target,
        seed=seed,
        out=folder / "report",
        progress=False,
    )
    return {re.split(r"[\d\[]", result.name)[0]: result.value for result in found.results}


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
    fitted, judged, target = folder / "fit.json", folder / "figures.json", TARGETS[name]
    if not fitted.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        table = pd.read_csv(options.tables / f"{name}.csv", skipinitialspace=True)
        for part, rows in zip(("train", "heldout"), split(table, seed), strict=True):
            rows.to_csv(folder / f"{part}.csv", index=False)
        package = system == "package"
        fit = fit_package(options, folder, seed) if package else fit_ours(system, options, folder, target, seed)
        facts = {"table": name, "system": system, "seed": seed, "epochs": options.epochs, "threads": options.threads}
        keep(fitted, fit | facts)
    if not judged.is_file():
        keep(judged, judge(folder, target, seed))
    return json.loads(fitted.read_text()) | json.loads(judged.read_text())


def keep(path: Path, figures: dict[str, Any]) -> None:
    partial = path.with_name(f".writing-{path.name}")
    partial.write_text(json.dumps(figures, indent=1) + "\n")
    partial.replace(path)


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
        rows = {system: [measure(system, name, seed, options) for seed in options.seeds] for system in options.systems}
        for baseline in BASELINES:  # the same for every system
            of = [f[f"usefulness_of_{baseline}"] for f in rows[options.systems[0]]]
            print(f"| {name} | {baseline} | {spread(of, 3)} |" + " |" * (len(SHOWN) - 1), flush=True)
        for system, of in rows.items():
            cells = [spread([f[figure] for f in of if figure in f], digits) for figure, digits in SHOWN.items()]
            print(f"| {name} | {system} | {' | '.join(cells)} |", flush=True)
            found += of
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    results = {"command": " ".join(sys.argv), "machine": machine, "figures": found}
    (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
