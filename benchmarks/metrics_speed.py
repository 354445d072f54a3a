"""How long the Fréchet distance takes once the features are there, beside torchmetrics' on the same features.

    python benchmarks/metrics_speed.py --threads 2

Features are random, 50,000 × 2,048 a side as Inception gives them for FID50k, and come in batches as from an extractor.
Each batch goes to ganforge and to torchmetrics' FrechetInceptionDistance, whose extractor is one that lets features
pass; then both compute their distance. Prints one JSON object:

    ours, torchmetrics   seconds of the clock and of the processor for the statistics of both sides and for the distance
    ratio                torchmetrics' seconds over ours: statistics, distance, both; above 1 ours is faster
    values               the two distances and their relative difference
    ours_peak_gib        most memory that the process has held before torchmetrics is asked anything
    peak_gib             the same at the end
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import warnings
from collections.abc import Iterator

import numpy as np
import scipy.linalg  # noqa: F401  # loaded before the limit on threads, which else would not reach it
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.statistics import Gather


class Pass(nn.Module):
    """Lets features through."""

    def __init__(self, width: int):
        super().__init__()
        self.num_features = width

    def forward(self, x: Tensor) -> Tensor:
        return x


class Watch:
    """Seconds of the clock and of the processor, added up."""

    def __init__(self) -> None:
        self.clock = self.processor = 0.0

    def __enter__(self) -> Watch:
        self._begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.clock += time.perf_counter() - self._begun[0]
        self.processor += time.process_time() - self._begun[1]

    def plain(self) -> dict[str, float]:
        return {"clock": round(self.clock, 2), "processor": round(self.processor, 2)}


def batches(n: int, width: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Features float32 [size, width], n in all: correlated, non-negative and many of them small, as after a ReLU."""
    draws = np.random.default_rng(seed)
    pool = draws.standard_normal((16 * size, width), dtype=np.float32) + 0.1 * seed
    pool[:, 1:] += 0.5 * pool[:, :-1]
    np.maximum(pool, 0, out=pool)
    for start in range(0, n, size):
        rows = draws.integers(len(pool), size=min(size, n - start))
        yield pool[rows] * draws.uniform(0.5, 1.5, (len(rows), 1)).astype(np.float32)


def peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    threadpool_limits(args.threads)  # of numpy's and SciPy's products
    sides = [("real", 0), ("fake", 1)]

    ours, ours_end, theirs, theirs_end = Watch(), Watch(), Watch(), Watch()
    gathers = {name: Gather() for name, _ in sides}
    for name, seed in sides:
        for features in batches(args.samples, args.width, args.batch, seed):
            with ours:
                gathers[name].add(features)
    with ours:
        found = [gathers[name].moments() for name, _ in sides]
    with ours_end:
        value = frechet_distance(*found)
    alone = peak()

    warnings.filterwarnings("ignore", module="torchmetrics")
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=Pass(args.width))
    for name, seed in sides:
        for features in batches(args.samples, args.width, args.batch, seed):
            tensor = torch.from_numpy(features)
            with theirs:
                metric.update(tensor, real=name == "real")
    with theirs_end:
        reference = float(metric.compute())
    result = {
        "samples": args.samples,
        "width": args.width,
        "threads": args.threads,
        "ours": {"statistics": ours.plain(), "distance": ours_end.plain()},
        "torchmetrics": {"statistics": theirs.plain(), "distance": theirs_end.plain()},
        "ratio": {
            kind: {
                "statistics": round(getattr(theirs, kind) / getattr(ours, kind), 2),
                "distance": round(getattr(theirs_end, kind) / getattr(ours_end, kind), 2),
                "both": round(
                    (getattr(theirs, kind) + getattr(theirs_end, kind))
                    / (getattr(ours, kind) + getattr(ours_end, kind)),
                    2,
                ),
            }
            for kind in ("clock", "processor")
        },
        "values": {"ours": value, "torchmetrics": reference, "difference": abs(value / reference - 1)},
        "ours_peak_gib": alone,
        "peak_gib": peak(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
