"""Runs that are made to fail, each as an image: what it draws, its curves, and what the watch says of it.

    python benchmarks/troubles.py --out docs/images/stability

The images of docs/stability.md. All are the demonstration on the embedded digits; a row of `RUNS` says what is set
wrong. Runs that are in `--runs` already are drawn again but not trained again.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

RUNS: dict[str, tuple[str, ...]] = {
    "healthy": (),
    "d-wins": ("optimizers.G.lr=1e-6",),
    "g-wins": ("optimizers.D.lr=1e-6",),
    "collapsing": ("task.conditional=false", "optimizers.G.lr=0.05", "optimizers.D.lr=0.01"),
    "oscillating": (
        "task.objective=wasserstein",
        "task.discriminator.norm=none",
        "task.conditional=false",
        "optimizers.D.clamp=0.1",
        "optimizers.G.betas=[0.9,0.999]",
        "optimizers.D.betas=[0.9,0.999]",
    ),
    "diverging": (
        "task.objective=wasserstein",
        "task.discriminator.norm=none",
        "optimizers.G.lr=5e-3",
        "optimizers.D.lr=5e-3",
    ),
}
"""Name of the image, and what is set of the recipe `demo`."""
SIDE, GAP = 6, 2  # samples a row of the grid, px between them
PANELS = (
    ("losses", ("loss/D", "loss/G")),
    ("what D gets right", ("acc/real", "acc/fake")),
    ("diversity and distance", ("health/diversity", "health/distance")),
)


def train(name: str, args: argparse.Namespace) -> Path:
    """The folder of one run, trained unless it has been."""
    import ganforge

    folder = args.runs / name
    if (folder / "model.safetensors").is_file():
        return folder
    fields: dict[str, Any] = dict(item.split("=", 1) for item in RUNS[name])
    fields |= {"callbacks": "[]", "log_every": "1000", "samples": "60000", "seed": str(args.seed)}
    ganforge.train("demo", run_dir=folder, progress=False, device="cpu", **fields)
    return folder


def draw(folder: Path, path: Path, title: str) -> None:
    """Writes the image of one run."""
    import ganforge
    from ganforge.core.events import read_events

    ticks = list(read_events(folder / "events.jsonl", "tick"))
    named = {e["state"]: e for e in reversed(list(read_events(folder / "events.jsonl", "health"))) if e["why"]}
    looks = sorted(named.values(), key=lambda event: event["samples"])  # the first of each trouble
    samples = ganforge.load(folder).sample(SIDE * SIDE, seed=0)  # [N, H, W, C]
    samples = np.pad(samples, ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=128)
    height, width, channels = samples.shape[1:]
    grid = samples.reshape(SIDE, SIDE, height, width, channels).swapaxes(1, 2)
    figure = Figure(figsize=(14, 3.6), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    left, *right = figure.subplots(1, 1 + len(PANELS), width_ratios=(1, *[1.25] * len(PANELS)))
    left.imshow(np.squeeze(grid.reshape(SIDE * height, SIDE * width, channels)), cmap="gray", vmin=0, vmax=255)
    left.set_axis_off()
    for axes, (heading, names) in zip(right, PANELS, strict=True):
        for name in names:
            points = [(tick["samples"], tick[name]) for tick in ticks if isinstance(tick.get(name), int | float)]
            if points:
                axes.plot(*zip(*points, strict=True), label=name.split("/")[1], lw=1.4)
        axes.set(title=heading, xlabel="real samples seen")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        if heading == "what D gets right":
            axes.set_ylim(-0.02, 1.02)
    said = "; ".join(f"{look['state']} at {look['samples']:,}: {look['why']}" for look in looks) or "healthy to the end"
    figure.suptitle("\n".join([title, *textwrap.wrap(f"the watch: {said}", 170)]), fontsize=10)
    figure.savefig(path, format="png")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the images")
    parser.add_argument("--runs", type=Path, default=Path("runs/troubles"), help="folder for the runs")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        draw(train(name, args), args.out / f"{name}.png", " ".join(["ganforge train demo", *RUNS[name]]))


if __name__ == "__main__":
    main()
