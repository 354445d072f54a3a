"""How many modes of a mixture in the plane does a GAN find, and how well does it hit them?

    python benchmarks/modes_2d.py --out runs/modes_2d                     five recipes × 10 seeds × ring8 and grid25
    python benchmarks/modes_2d.py --out runs/modes_2d --recipes toy --seeds 10 --data grid25 --jobs 2

Protocol (VEEGAN: Srivastava et al. 2017; PacGAN: Lin et al. 2018): 2,500 samples of each trained generator.

    modes       those with at least one high-quality sample: one within three standard deviations of its center
    quality     share of the samples that are of high quality
    reverse KL  KL(shares of the modes among the samples ‖ uniform), in nats, each sample counted for the nearest mode

Each run is one thread of training for at most `--minutes`, or until the recipe's samples are seen. Runs that have left
their result in `--out` are not repeated, so a benchmark that was stopped goes on where it was. Prints a table of
mean ± standard deviation over the seeds, and writes all figures to `OUT/results.json`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RECIPES = ("toy-vanilla", "toy-wgan-gp", "toy-pacgan", "toy-unrolled", "toy")
SETS = ("ring8", "grid25")
SAMPLES = 2_500
NEAR = 3.0  # standard deviations


@dataclass(frozen=True)
class Figures:
    """What the protocol tells of some samples.

    Attributes:
        modes: that have a sample of high quality. of: how many there are.
        quality: share of the samples that are of high quality, in [0, 1].
        reverse_kl: KL(samples ‖ uniform) over the modes, nats.
        spread: median distance of high-quality samples from their center, in standard deviations; 1.17 in the data.
    """

    modes: int
    of: int
    quality: float
    reverse_kl: float
    spread: float


def figures(points: np.ndarray, centers: np.ndarray, std: float) -> Figures:
    """The figures of points [N, 2] for modes of equal weight at `centers` [M, 2], each with `std` along each axis.

    A point that is not finite counts as one of low quality and of no mode.
    """
    n = len(points)
    points = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    distances = np.linalg.norm(points[:, None] - centers[None], axis=2)  # [N, M]
    nearest, distance = distances.argmin(1), distances.min(1)
    good = distance <= NEAR * std
    shares = np.bincount(nearest, minlength=len(centers)) / max(1, len(points))
    found = shares[shares > 0]
    return Figures(
        modes=len(np.unique(nearest[good])),
        of=len(centers),
        quality=float(good.sum() / n),
        reverse_kl=float((found * np.log(found * len(centers))).sum()) if len(found) else float("inf"),
        spread=float(np.median(distance[good]) / std) if good.any() else float("nan"),
    )


@dataclass(frozen=True)
class Run:
    """One training."""

    recipe: str
    data: str
    seed: int
    minutes: float
    out: Path
    overrides: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return self.out / self.data / self.recipe / f"{self.seed:02d}"


def train_and_judge(run: Run) -> dict:
    """Trains one recipe on one set with one seed, and returns its figures; from its file where it has been done."""
    done = run.folder / "figures.json"
    if done.is_file():
        return json.loads(done.read_text())
    import torch

    import ganforge
    from ganforge.data.base import DataSource

    torch.set_num_threads(1)
    if run.folder.exists():
        shutil.rmtree(run.folder)  # this benchmark's own, stopped half-way
    fields = dict(item.split("=", 1) for item in run.overrides) | {"data": run.data, "seed": run.seed}
    wall, cpu = time.perf_counter(), time.process_time()
    model = ganforge.train(
        run.recipe, run_dir=run.folder, minutes=run.minutes, progress=False, device="cpu", fields=fields
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    source = DataSource.kinds[run.data]
    found = figures(model.sample(SAMPLES, seed=run.seed, batch=500), source.centers(), source.std)  # type: ignore[attr-defined]
    result = {
        "recipe": run.recipe,
        "data": run.data,
        "seed": run.seed,
        "minutes": run.minutes,
        "overrides": list(run.overrides),
        "samples": model.samples,
        "of_samples": model.recipe.samples,
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        **asdict(found),
    }
    done.write_text(json.dumps(result))
    return result


def table(results: list[dict]) -> str:
    """The results as Markdown, a row a set and recipe, mean ± standard deviation over the seeds."""
    lines = [
        "| data | recipe | runs | modes | all modes | quality % | reverse KL | CPU s | samples seen |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    keys = list(dict.fromkeys((r["data"], r["recipe"]) for r in results))
    for data, recipe in keys:
        rows = [r for r in results if (r["data"], r["recipe"]) == (data, recipe)]
        whole = sum(r["modes"] == r["of"] for r in rows)
        cells = [
            data,
            recipe,
            str(len(rows)),
            f"{spread(rows, 'modes', 1)} of {rows[0]['of']}",
            f"{whole}/{len(rows)}",
            spread(rows, "quality", 1, 100),
            spread(rows, "reverse_kl", 3),
            f"{np.mean([r['cpu_seconds'] for r in rows]):.0f}",
            f"{np.mean([r['samples'] for r in rows]) / 1e6:.2f} M",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(rows: list[dict], name: str, digits: int, scale: float = 1.0) -> str:
    """Mean ± standard deviation of a figure over some results."""
    values = np.array([r[name] for r in rows]) * scale
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{values.mean():.{digits}f} ± {deviation:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and results.json")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--data", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=10, help="how many: 0, 1, 2, ...")
    parser.add_argument("--minutes", type=float, default=2.0, help="of training, at most, for each run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each with one thread")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of all the recipes")
    args = parser.parse_args()
    runs = [
        Run(recipe, data, seed, args.minutes, args.out, tuple(args.set))
        for data in args.data
        for recipe in args.recipes
        for seed in range(args.seeds)
    ]
    results = []
    # A process for each run: its CPU time is then its own, and one that fails takes no other along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        for result in pool.map(train_and_judge, runs):
            results.append(result)
            print(json.dumps(result), file=sys.stderr, flush=True)
    (args.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
