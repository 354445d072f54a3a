"""How much memory and time a large table takes on its way to the nets.

    python benchmarks/table_memory.py --rows 1000000

It makes a table of 30 columns (12 of numbers, 6 of whole numbers, 8 of categories, 2 of dates, a boolean and one of
texts of which 10,000 differ; a tenth of some missing), writes it as CSV, and in a process of its own reads it, measures
its columns, prepares it, loads it, and encodes and decodes all of it in batches. It prints the seconds of each part and
the most memory that process held; the goal is 6 GB for 1,000,000 rows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH = 4096
PIECE = 100_000
CITIES = np.array([f"city {k}" for k in range(200)])
WORDS = np.array([f"word {k}" for k in range(10_000)])


def write(path: Path, rows: int) -> None:
    import pandas as pd

    draws = np.random.default_rng(0)
    for start in range(0, rows, PIECE):
        n = min(PIECE, rows - start)
        two = draws.random(n) < 0.3
        columns: dict[str, object] = {}
        for k in range(12):
            x = np.where(two, draws.normal(-3, 0.5, n), draws.lognormal(1, 0.6, n))
            columns[f"number {k}"] = pd.Series(x.round(k % 5)).mask(draws.random(n) < 0.1 * (k % 2))
        for k in range(6):
            columns[f"whole {k}"] = draws.poisson(10.0 ** (k / 2 + 1), n)
        for k in range(8):
            columns[f"category {k}"] = CITIES[draws.integers(2 ** (k + 1) if k < 7 else 200, size=n) % 200]
        for k in range(2):
            columns[f"date {k}"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(draws.integers(1500, size=n), unit="D")
        columns["flag"] = two
        columns["word"] = WORDS[(draws.random(n) ** 3 * 10_000).astype(int)]
        pd.DataFrame(columns).to_csv(path, mode="a", header=start == 0, index=False)


def measure(path: Path) -> None:
    from ganforge.core.rng import Rng
    from ganforge.data.loader import Loader
    from ganforge.data.prepared import Prepared
    from ganforge.modalities.table.signal import Table
    from ganforge.modalities.table.source import TableFile

    last, worked = time.perf_counter(), time.process_time()

    def told(what: str) -> None:
        nonlocal last, worked
        now, work = time.perf_counter(), time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{what:10} {now - last:7.1f} s, {work - worked:6.1f} s of a core; most memory so far {peak:5.2f} GiB")
        last, worked = now, work

    told("import")
    data = TableFile(path=str(path)).open()
    told("read")
    signal = Table()
    spec = signal.spec(data, lambda shape: shape)
    told("measure")
    stored = signal.prepare_all(data, spec)
    told("prepare")
    loader = Loader(Prepared(data, stored), lambda item: item, stored.shape[1:], batch=BATCH, in_memory=True)
    told("load")
    made = 0
    for start, rows, _ in loader.sweep():
        made += len(signal.decode(signal.encode(rows, spec, Rng(0, start)), spec))
    told("en, decode")
    print(f"{made:,} rows of {len(data.frame.columns)} columns, {path.stat().st_size / 2**20:,.0f} MiB of CSV, "
          f"{spec.shape[0]} numbers a row for the nets, {stored.shape[1]} kept")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file is not None:
        measure(options.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path, options.rows)
        subprocess.run([sys.executable, __file__, "--file", str(path)], check=True)


if __name__ == "__main__":
    main()
