"""How many of the 1,000 modes of stacked MNIST does a GAN find? (The test of VEEGAN and PacGAN.)

    python benchmarks/stacked_mnist.py --mnist DATA/mnist --classifier judge.safetensors --out runs/stacked --minutes 10
    python benchmarks/stacked_mnist.py ... --recipes rpgan --minutes 25 --device cuda                (the full run)

Protocol (Srivastava et al. 2017; Lin et al. 2018): 26,000 samples of each trained generator; a classifier of digits,
trained on the real ones (by judge_digits.py, in a minute or two, and kept in the file named), reads each channel, and
the three digits are the mode.

    modes       those with at least one sample
    reverse KL  KL(shares of the modes among the samples ‖ uniform), in nats; (1000 − 1) / (2 · 26,000) = 0.019 is what
                samples of the truth have on average
    confident   share of the channels that the classifier is sure of (above 0.9)

The first row of the table holds the same figures of as many real samples, of MNIST's test digits. Runs that have left
their result in `--out` are not repeated. Prints a table of mean ± standard deviation over the seeds, and writes all
figures to `OUT/results.json`.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from judge_digits import SURE, Classifier, opinions
from judge_digits import train as train_classifier
from modes_2d import spread

MODES = 1_000
SAMPLES = 26_000
CHUNK = 1_000
ENTRIES: dict[str, tuple[str, ...]] = {
    "dcgan": ("dcgan",),
    "pacgan": ("dcgan", "task.pack=2"),
    "wgan-gp": ("wgan-gp",),
    "rpgan": ("rpgan",),
}
"""What is compared: a recipe, and what is set of it. Any other recipe can be named as well."""


@dataclass(frozen=True)
class Figures:
    """What the protocol tells of some samples: modes found, KL(samples ‖ uniform) in nats, share of sure channels."""

    modes: int
    reverse_kl: float
    confident: float


def read_modes(net: Classifier, samples: np.ndarray) -> tuple[np.ndarray, float]:
    """The modes, int64 [N] in 0..999, of uint8 [N, 28, 28, 3], and the share of the channels that are surely read."""
    modes, sure = [], 0
    device = next(net.parameters()).device
    for start in range(0, len(samples), CHUNK):
        part = torch.from_numpy(samples[start : start + CHUNK]).permute(0, 3, 1, 2).to(device)  # [n, 3, 28, 28]
        found = opinions(net, part.flatten(0, 1)[:, None] / 255).view(len(part), 3, 10)
        best, digits = found.max(2)
        sure += int((best > SURE).sum())
        modes.append((digits.cpu() @ torch.tensor([100, 10, 1])).numpy())
    return np.concatenate(modes), sure / (3 * len(samples))


def figures(modes: np.ndarray, confident: float = math.nan, of: int = MODES) -> Figures:
    """The figures of the modes [N] of some samples."""
    shares = np.bincount(modes, minlength=of) / len(modes)
    found = shares[shares > 0]
    return Figures(len(found), float((found * np.log(found * of)).sum()), confident)


def classifier(mnist: Path, path: Path) -> Classifier:
    """The reader of digits, from its file or else trained."""
    net = Classifier().eval()
    if path.is_file():
        net.load_state_dict(load_file(path))
        return net
    net = train_classifier(mnist, epochs=3)
    save_file(net.state_dict(), path)
    return net


def real(net: Classifier, mnist: Path, count: int) -> dict:
    """The figures of real samples, which no generator can be expected to beat."""
    from ganforge.modalities.image.sources.stacked import StackedMnist

    data = StackedMnist(path=str(mnist), split="test", count=count).open()
    found = read_modes(net, np.stack([data.read(k) for k in range(count)]))
    return {"entry": "real", "seed": 0, "wall_seconds": 0.0, "samples": 0, **asdict(figures(*found))}


def train_and_judge(entry: str, seed: int, net: Classifier, args: argparse.Namespace) -> dict:
    """Trains one entry with one seed, and returns its figures; from its file where it has been done."""
    import ganforge

    folder = args.out / entry / f"{seed:02d}"
    done = folder / "figures.json"
    if done.is_file():
        return json.loads(done.read_text())
    if folder.exists():
        shutil.rmtree(folder)  # this benchmark's own, stopped half-way
    recipe, *overrides = ENTRIES.get(entry, (entry,))
    items = [f"data={json.dumps({'kind': 'stacked-mnist', 'path': str(args.mnist)})}", f"seed={seed}"]
    fields = dict(item.split("=", 1) for item in (*items, *overrides, *args.set))
    start = time.perf_counter()
    model = ganforge.train(
        recipe, run_dir=folder, minutes=args.minutes, progress=False, device=args.device, fields=fields
    )
    wall = time.perf_counter() - start
    found = read_modes(net, model.sample(args.count, seed=seed, batch=500))
    result = {
        "entry": entry,
        "recipe": recipe,
        "overrides": [*overrides, *args.set],
        "seed": seed,
        "minutes": args.minutes,
        "device": str(args.device or "best"),
        "samples": model.samples,
        "judged": args.count,
        "wall_seconds": round(wall, 1),
        **asdict(figures(*found)),
    }
    done.write_text(json.dumps(result))
    return result


def table(results: list[dict]) -> str:
    """The results as Markdown, a row an entry, mean ± standard deviation over the seeds."""
    lines = [
        "| entry | runs | modes | reverse KL | confident % | wall s | samples seen |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in dict.fromkeys(r["entry"] for r in results):
        rows = [r for r in results if r["entry"] == entry]
        cells = [
            entry,
            str(len(rows)),
            spread(rows, "modes", 1),
            spread(rows, "reverse_kl", 3),
            spread(rows, "confident", 1, 100),
            f"{np.mean([r['wall_seconds'] for r in rows]):.0f}",
            f"{np.mean([r['samples'] for r in rows]) / 1e6:.2f} M",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the four MNIST files")
    parser.add_argument("--classifier", type=Path, required=True, help="where its weights are kept")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and results.json")
    parser.add_argument("--recipes", nargs="+", default=list(ENTRIES), help=f"of {', '.join(ENTRIES)}, or any recipe")
    parser.add_argument("--seeds", type=int, default=1, help="how many: 0, 1, 2, ...")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training for each run")
    parser.add_argument("--count", type=int, default=SAMPLES, help="samples to judge; the protocol's by default")
    parser.add_argument("--device", help="cpu, cuda, ...; the best there is by default")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of all the recipes")
    args = parser.parse_args()
    net = classifier(args.mnist, args.classifier)
    args.out.mkdir(parents=True, exist_ok=True)
    results = [real(net, args.mnist, args.count)]
    for entry in args.recipes:
        for seed in range(args.seeds):
            results.append(train_and_judge(entry, seed, net, args))
            print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    (args.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
