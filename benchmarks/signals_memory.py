"""Memory that long recordings and long series take: what a process holds at most when it opens them, inspects them and
trains a few steps, each in a process of its own.

    python benchmarks/signals_memory.py series --rows 1000000 10000000
    python benchmarks/signals_memory.py sound --hours 0.2 2

Memory is flat if it hardly grows with the length: for a series the rows themselves are held (8 bytes a value, twice
while a file is read), and windows are cut out of them when they are needed; of a recording the part that is read.
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

PIECE = 500_000
STEPS = 4


def write_series(path: Path, rows: int) -> None:
    import pandas as pd

    draws = np.random.default_rng(0)
    for start in range(0, rows, PIECE):
        n = min(PIECE, rows - start)
        times = pd.date_range("2000-01-01", periods=n, freq="min") + pd.Timedelta(minutes=start)
        values = draws.normal(size=(n, 2)).cumsum(0).round(3)
        frame = pd.DataFrame({"time": times, "x": values[:, 0], "y": values[:, 1]})
        frame.to_csv(path, mode="a", header=start == 0, index=False)


def write_sound(path: Path, hours: float, rate: int = 16_000) -> None:
    import soundfile

    draws = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(round(hours * 60)):
            file.write(0.1 * draws.standard_normal(60 * rate))


def measure(path: Path) -> None:
    """Opens, inspects and trains, and prints seconds and the most memory after each."""
    from ganforge import recipes
    from ganforge.core.component import build, to_plain
    from ganforge.core.overrides import apply
    from ganforge.data.path import PathData
    from ganforge.engine.train import train
    from ganforge.recipes.base import Recipe
    from ganforge.registry import load_all
    from ganforge.signals import signal_of

    load_all()
    begun = [time.perf_counter()]

    def said(what: str) -> None:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  {what:28} {time.perf_counter() - begun[0]:7.1f} s   {most:5.2f} GiB at most", flush=True)
        begun[0] = time.perf_counter()

    said("packages imported")
    dataset = PathData(path=str(path)).open()
    said("opened")
    found = signal_of(dataset).inspect(dataset)
    found.shown()
    said("inspected")
    name = "sound-small" if path.suffix == ".wav" else "series-small"
    del dataset, found
    batch = recipes.get(name).batch
    fields = [f"data={path}", f"samples={STEPS * batch}", "callbacks=[]", "health=off"]
    train(build(Recipe, apply(to_plain(recipes.get(name)), fields)), run_dir=path.parent / "run", device="cpu")
    said(f"{STEPS} steps of {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("series", "sound", "measure"))
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--hours", type=float, nargs="+", default=[0.2, 2.0])
    parser.add_argument("--path", type=Path)
    asked = parser.parse_args()
    if asked.what == "measure":
        measure(asked.path)
        return
    for size in asked.rows if asked.what == "series" else asked.hours:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("rows.csv" if asked.what == "series" else "long.wav")
            (write_series if asked.what == "series" else write_sound)(path, size)
            unit = "rows" if asked.what == "series" else "hours"
            print(f"{size:,} {unit}, a file of {path.stat().st_size / 2**20:,.0f} MiB", flush=True)
            subprocess.run([sys.executable, __file__, "measure", "--path", str(path)], check=True)


if __name__ == "__main__":
    main()
