"""Fewer samples with a trained model to start from: MNIST's 5 to 9 learned from 500 images, with and without 0 to 4.

    python benchmarks/transfer.py --mnist DATA/mnist --classifier judge.safetensors --out runs/transfer

A model of the digits 0 to 4 is trained for `--first` minutes. Then three runs see the same 500 images of 5 to 9, each
for `--then` minutes on the same machine: from fresh weights, from that model (`init=RUN`), and from it with D's lower
layers frozen (`init.freeze=4`). At fixed counts of samples each run's own samples are compared with the real test
images of 5 to 9:

    fd          Fréchet distance between a classifier's 128 features (of judge_digits.py); 0 is right
    as asked    share of the samples that the classifier takes for the digit that was asked for

Runs that have left their result in `--out` are not repeated. Prints a table of fd by samples seen, and how many samples
each run needs to reach the best fd of the run from fresh weights; writes all figures to `OUT/results.json`, and a grid
of each run to `OUT/NAME.png`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from equal_minutes import figures, trained
from judge_digits import Classifier, as_input, opinions, read_mnist
from stacked_mnist import classifier

if TYPE_CHECKING:
    from ganforge.recipes.callback import Listener, RunView

FEW = 500
JUDGED = 2_000
COLUMNS = 10
RECIPE = "r3gan-small"
FIELDS = {"task.conditional": "true", "seed": "0", "health": "off"}
WAYS = {"fresh": {}, "init": {"init": "BASE"}, "init, frozen": {"init": "BASE", "init.freeze": "4"}}


def split(mnist: Path, out: Path) -> tuple[Path, Path]:
    """The digits 0 to 4, and 500 images of 5 to 9 (a hundred each), as two files."""
    images, labels = read_mnist(mnist, "train")
    pixels = (images[:, 0] * 255).round().to(torch.uint8).numpy()
    low, high = out / "low.npz", out / "high.npz"
    names = labels.numpy()
    np.savez(low, images=pixels[names < 5], labels=names[names < 5])
    few = np.concatenate([np.flatnonzero(names == digit)[: FEW // 5] for digit in range(5, 10)])
    np.savez(high, images=pixels[few], labels=names[few])
    return low, high


def judge_of(net: Classifier, test: torch.Tensor, every: int, found: list[dict[str, float]]) -> Callable[..., Any]:
    """What makes a listener that judges a run every so many samples, and notes it in `found`."""
    from ganforge.core.types import Request
    from ganforge.recipes.callback import Listener, due

    class Judge(Listener):
        def __init__(self, run: RunView):
            self.run = run

        def on_step(self, before: int, after: int) -> None:
            if due(before, after, every):
                parts = [self.run.generate(Request(100, 0, start)) for start in range(0, JUDGED, 100)]
                samples = as_input(np.concatenate(parts))
                asked = 5 + torch.arange(JUDGED) % 5  # samples go through the labels in turn
                right = (opinions(net, samples).argmax(1) == asked).double().mean()
                figure = figures(net, samples, test)["fd"]
                found.append({"samples": self.run.samples, "fd": figure, "as_asked": float(right)})

    return lambda run: Judge(run)


def tuned(name: str, way: dict[str, str], base: Path, high: Path, args: argparse.Namespace, judge: Any) -> list[dict]:
    """One run on the 500 images; its figures by samples seen, from its file where it has been done."""
    folder = args.out / name.replace(", ", "-")
    done = folder / "figures.json"
    if done.is_file():
        return json.loads(done.read_text())
    found: list[dict[str, float]] = []
    fields = {key: str(base) if value == "BASE" else value for key, value in way.items()}
    fields |= FIELDS | {"data": str(high), "task.augment": "diffaugment"}
    model = trained(RECIPE, folder, args.then, fields, listeners=[judge(found)])
    samples = model.sample(COLUMNS * 5, seed=0, label=[k // COLUMNS for k in range(COLUMNS * 5)])
    rows = samples[..., 0].reshape(5, COLUMNS, 28, 28).swapaxes(1, 2).reshape(5 * 28, COLUMNS * 28)
    Image.fromarray(rows).save(args.out / f"{folder.name}.png")
    done.write_text(json.dumps(found))
    return found


def reached(figures: list[dict], goal: float) -> str:
    """After how many samples a run is as good as `goal`."""
    return next((f"{row['samples']:,}" for row in figures if row["fd"] <= goal), "never")


def table(results: dict[str, list[dict]]) -> str:
    """fd (and the share as asked) by samples seen, as Markdown, a column a run."""
    lines = [f"| samples seen | {' | '.join(results)} |", "|---" * (len(results) + 1) + "|"]
    for row in zip(*results.values(), strict=False):  # as far as the slowest came
        cells = [f"{each['fd']:.0f} ({100 * each['as_asked']:.0f} %)" for each in row]
        lines.append(f"| {row[0]['samples']:,} | {' | '.join(cells)} |")
    goal = min((row["fd"] for row in results["fresh"]), default=float("nan"))
    needed = [reached(rows, goal) for rows in results.values()]
    return "\n".join([*lines, f"| to fd {goal:.0f} | {' | '.join(needed)} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the four files")
    parser.add_argument("--classifier", type=Path, required=True, help="where its weights are kept")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs, the grids and results.json")
    parser.add_argument("--first", type=float, default=5.0, help="minutes of training on the digits 0 to 4")
    parser.add_argument("--then", type=float, default=4.0, help="minutes of training on the 500 images")
    parser.add_argument("--every", type=int, default=2_048, help="samples between two looks")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    net = classifier(args.mnist, args.classifier)
    low, high = split(args.mnist, args.out)
    base = args.out / "base"
    if not (base / "done").exists():
        trained(RECIPE, base, args.first, FIELDS | {"data": str(low)})
        (base / "done").touch()
    images, labels = read_mnist(args.mnist, "t10k")
    test = images[labels >= 5]

    def judge(found: list[dict[str, float]]) -> Callable[..., Listener]:
        return judge_of(net, test, args.every, found)

    results = {name: tuned(name, way, base, high, args, judge) for name, way in WAYS.items()}
    (args.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
