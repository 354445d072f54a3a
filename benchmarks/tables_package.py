"""Fits the ctgan package, with its own defaults, for `tables.py`. Runs in the venv that has the package.

    python tables_package.py FOLDER SEED EPOCHS        reads FOLDER/train.csv, writes FOLDER/made.csv; 0: its default

Columns that hold no numbers are its discrete ones. It takes no table with missing numbers: rows that have some are left
out. Its last line of output says how long it took, as JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ctgan import CTGAN  # type: ignore[import-not-found]


def main() -> None:
    folder, seed, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    table = pd.read_csv(folder / "train.csv").dropna().reset_index(drop=True)
    discrete = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    torch.manual_seed(seed)
    np.random.seed(seed)  # the package draws from it
    model = CTGAN(**({"epochs": epochs} if epochs else {}))
    start, begun = time.perf_counter(), time.process_time()
    model.fit(table, discrete)
    fit, cpu = time.perf_counter() - start, time.process_time() - begun
    start = time.perf_counter()
    made = model.sample(len(table))
    sampled = time.perf_counter() - start
    made.to_csv(folder / "made.csv", index=False)
    print(json.dumps({"fit_seconds": fit, "fit_cpu_seconds": cpu, "sample_seconds": sampled}))


if __name__ == "__main__":
    main()
