"""Memory over rows: what a process holds to read a long table or series, measure it, prepare it and train a few steps.

    python benchmarks/flat_memory.py table --rows 500000 1000000 2000000
    python benchmarks/flat_memory.py series --rows 1000000 10000000 --plot memory.png

Each size runs in a process of its own. *Own memory* is what the system cannot take back (`RssAnon`), as the most that a
thread saw every 20 ms; pages of files that are mapped can be dropped at any time and are listed apart. Memory is flat
if own memory hardly grows with the rows.

The table has eight columns: a running number, numbers of all digits, prices, counts with gaps, a category of 50, a
flag, dates as text and 5,000 names; the series has times a minute apart and two columns of numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

PIECE = 250_000
STEPS = 4
EVERY = 0.02  # seconds


def table_rows(start: int, n: int) -> dict[str, object]:
    import pandas as pd

    draws = np.random.default_rng(start)
    two = draws.random(n) < 0.3
    days = pd.to_timedelta(draws.integers(3000, size=n), unit="D")
    return {
        "id": np.arange(start, start + n),
        "length": np.where(two, draws.normal(-3, 0.5, n), draws.lognormal(1, 0.6, n)),
        "price": draws.lognormal(3, 1, n).round(2),
        "count": pd.Series(draws.poisson(30, n)).mask(draws.random(n) < 0.1).astype("Int64"),
        "city": np.array([f"city {k}" for k in range(50)])[draws.integers(50, size=n)],
        "flag": two,
        "day": pd.Series(pd.Timestamp("2015-01-01") + days).dt.strftime("%Y-%m-%d"),
        "word": np.array([f"word {k}" for k in range(5_000)])[(draws.random(n) ** 3 * 5_000).astype(int)],
    }


def series_rows(start: int, n: int) -> dict[str, object]:
    import pandas as pd

    values = np.random.default_rng(start).normal(size=(n, 2)).cumsum(0).round(3)
    times = pd.date_range("2000-01-01", periods=n, freq="min") + pd.Timedelta(minutes=start)
    return {"time": times, "x": values[:, 0], "y": values[:, 1]}


def write(path: Path, rows: int, what: str) -> None:
    import pandas as pd
    import pyarrow
    import pyarrow.parquet

    writer = None
    for start in range(0, rows, PIECE):
        piece = (table_rows if what == "table" else series_rows)(start, min(PIECE, rows - start))
        frame = pd.DataFrame(piece)
        if path.suffix == ".csv":
            frame.to_csv(path, mode="a", header=start == 0, index=False)
            continue
        part = pyarrow.Table.from_pandas(frame, preserve_index=False)
        writer = writer or pyarrow.parquet.ParquetWriter(path, part.schema)
        writer.write_table(part)
    if writer is not None:
        writer.close()


class Watch(threading.Thread):
    """The most memory of this process since it was last asked, in bytes: its own, and pages of mapped files."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = [0, 0]

    def run(self) -> None:
        while True:
            self.look()
            time.sleep(EVERY)

    def look(self) -> None:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        now = [int(lines[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile")]
        self.most = [max(pair) for pair in zip(self.most, now, strict=True)]

    def since(self) -> list[int]:
        self.look()
        found, self.most = self.most, [0, 0]
        return found


def measure(path: Path, what: str, trains: bool) -> None:
    """Opens, measures, prepares, inspects and trains, and prints one line of JSON for each."""
    from ganforge import recipes
    from ganforge.core.component import build, to_plain
    from ganforge.core.overrides import apply
    from ganforge.data.path import PathData
    from ganforge.engine.train import train
    from ganforge.recipes.base import Recipe
    from ganforge.registry import load_all
    from ganforge.signals import signal_of

    load_all()
    watch = Watch()
    watch.start()
    begun = time.perf_counter()

    def said(stage: str) -> None:
        nonlocal begun
        own, mapped = watch.since()
        now = time.perf_counter()
        print(json.dumps({"stage": stage, "seconds": now - begun, "own": own, "mapped": mapped}), flush=True)
        begun = now

    said("imports")
    name = "ctgan-fast" if what == "table" else "series-small"
    fields = [f"data={path}", f"samples={STEPS * recipes.get(name).batch}", "callbacks=[]", "health=off"]
    recipe = build(Recipe, apply(to_plain(recipes.get(name)), fields))
    dataset = PathData(path=str(path)).open()
    said("open")
    spec = recipe.signal.spec(recipe.signal.items(dataset), lambda shape: shape)
    said("measure")
    recipe.signal.prepare_all(recipe.signal.items(dataset), spec)
    said("prepare")
    signal_of(dataset).inspect(dataset)
    said("inspect")
    if not trains:
        return
    del dataset, spec
    train(recipe, run_dir=path.parent / "run", device="cpu")
    said("train")


def measured(what: str, rows: int, suffix: str, trains: bool) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{what}{suffix}"
        write(path, rows, what)
        print(f"{rows:,} rows, a file of {path.stat().st_size / 2**20:,.0f} MiB", flush=True)
        command = [sys.executable, __file__, what, "--file", str(path), *([] if trains else ["--no-train"])]
        found = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):
                    found.append(one := json.loads(line))
                    print(f"  {one['stage']:8} {one['seconds']:7.1f} s   own memory {one['own'] / 2**20:7,.0f} MiB   "
                          f"mapped files {one['mapped'] / 2**20:7,.0f} MiB", flush=True)  # fmt: skip
        if process.returncode:
            raise SystemExit(process.returncode)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "series"))
    parser.add_argument("--rows", type=int, nargs="+", default=[500_000, 1_000_000, 2_000_000])
    parser.add_argument("--parquet", action="store_true", help="a Parquet file instead of a CSV file")
    parser.add_argument("--no-train", action="store_true", help="leave out the training steps")
    parser.add_argument("--plot", type=Path, help="where to write a chart of own memory over rows (.png)")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.file is not None:
        measure(asked.file, asked.what, not asked.no_train)
        return
    most = []
    for rows in asked.rows:
        stages = measured(asked.what, rows, ".parquet" if asked.parquet else ".csv", not asked.no_train)
        most.append(max(stage["own"] for stage in stages) - stages[0]["own"])
    for k in range(1, len(most)):
        growth = (most[k] - most[k - 1]) / (asked.rows[k] - asked.rows[k - 1])
        print(f"from {asked.rows[k - 1]:,} to {asked.rows[k]:,} rows: {growth:.0f} bytes of own memory a row")
    if asked.plot is not None:
        from ganforge.core.plot.charts import Chart, lines

        points = [(rows, own / 2**20) for rows, own in zip(asked.rows, most, strict=True)]
        drawing = lines(Chart("own memory beyond the imports [MiB] over rows", {asked.what: points}))
        if drawing is not None:
            drawing.image().save(asked.plot)


if __name__ == "__main__":
    main()
