"""Speed of time series: how long a file of rows takes to open, how long 10,000 windows take to sample, and the memory
that rows of a long series need.

    python benchmarks/series_speed.py --rows 1000000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from ganforge import recipes
from ganforge.core.types import Nets, Request, Spec
from ganforge.data.path import PathData
from ganforge.modalities.series.signal import Series
from ganforge.registry import load_all


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak() -> float:
    """GiB of memory that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sampled(name: str, spec: Spec, count: int) -> float:
    """Seconds for `count` windows from new nets, in batches of 1,024."""
    recipe = recipes.get(name)
    torch.manual_seed(0)
    players = recipe.task.players(spec)
    nets = Nets({key: net.eval() for key, net in players.items()})

    def work() -> None:
        with torch.inference_mode():
            for start in range(0, count, 1_024):
                request = Request(min(1_024, count - start), start=start)
                recipe.signal.decode(recipe.task.sample(nets, request), spec)

    return seconds(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--count", type=int, default=10_000)
    asked = parser.parse_args()
    load_all()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        stamps = np.datetime64("2000-01-01T00:00") + np.arange(asked.rows).astype("timedelta64[m]")
        values = np.random.default_rng(0).normal(size=asked.rows).cumsum()
        with path.open("w") as file:
            file.write("time,x,y\n")
            for stamp, value in zip(stamps.tolist(), values.tolist(), strict=True):
                file.write(f"{stamp:%Y-%m-%d %H:%M},{value:.3f},{-value:.3f}\n")
        before = peak()
        start = time.perf_counter()
        dataset = PathData(path=str(path)).open()
        print(f"{asked.rows:,} rows opened in {time.perf_counter() - start:.1f} s, {peak() - before:.2f} GiB more")
        signal = Series()
        windows = signal.items(dataset)
        spec = signal.spec(windows, lambda shape: shape)
        rows = np.random.default_rng(1).integers(len(windows), size=2_000).tolist()
        each = seconds(lambda: [signal.prepare(windows.read(k), spec) for k in rows]) / len(rows)
        print(f"{len(windows):,} windows, {each * 1e6:.0f} µs to read and prepare one")
    for name in ("series-small", "series-latent", "rcgan", "timegan", "doppelganger", "timevae"):
        print(f"{name}: {asked.count:,} windows of 24 × 2 in {sampled(name, spec, asked.count):.1f} s")


if __name__ == "__main__":
    main()
