"""What each part of the toolbox adds to plain DCGAN, in the same minutes on the same machine.

    python benchmarks/equal_minutes.py --data DATA/mnist --classifier judge.safetensors --out runs/ablation --minutes 3
    python benchmarks/equal_minutes.py ... --entries dcgan "wgan-gp: wgan-gp" "wide: dcgan task.generator.channels=96"

An entry is `name: recipe field=value ...`; those of the table in this file go by their names. Each run is trained in
one thread (or `--threads`) for `--minutes`; then 10,000 samples of it and the 10,000 real test images are shown to a
classifier of the set, trained on its training images (by judge_digits.py, in a minute or two, and kept in the file
named):

    fd          Fréchet distance between the classifier's 128 features of samples and of test images; 0 is right
    score       exp E KL(p(y|x) ‖ p(y)), the inception score under this classifier; at most 10
    confident   share of the samples that it is more than 90 % sure of
    least       share of the rarest class among the samples, %; 10 is even

The first row holds the figures of as many real training images. Runs that have left their result in `--out` are not
repeated. Prints a table, and writes all figures to `OUT/results.json` and a grid of each run to `OUT/NAME-SEED.png`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from judge_digits import SURE, Classifier, as_input, read_mnist
from modes_2d import spread
from stacked_mnist import classifier

if TYPE_CHECKING:
    from ganforge import Model

RP = "task.objective=rpgan"
R1_R2 = 'task.penalties=[{"kind":"r1","weight":0.1},{"kind":"r2","weight":0.1}]'
PENALISED = "task.discriminator.norm=none"
ENTRIES = {
    "dcgan": "dcgan",
    "least squares": "lsgan",
    "hinge + spectral norm": "hinge-gan",
    "WGAN-GP": "wgan-gp",
    "DRAGAN": "dragan",
    "R1": 'dcgan task.discriminator.norm=none task.penalties=[{"kind":"r1","weight":0.1}]',
    "R1 + R2": f"dcgan {PENALISED} {R1_R2}",
    "RpGAN": f"dcgan {RP}",
    "RpGAN + R1 + R2": f"dcgan {PENALISED} {RP} {R1_R2}",
    "minibatch stddev": "dcgan task.discriminator.minibatch=stddev",
    "packing (2)": "dcgan task.pack=2",
    "DiffAugment": "dcgan task.augment=diffaugment",
    "higher rates": "dcgan optimizers.D.lr=5e-4 optimizers.G.lr=5e-4",
    "together": f"dcgan {PENALISED} {RP} {R1_R2} task.discriminator.minibatch=stddev "
    "optimizers.D.lr=5e-4 optimizers.G.lr=5e-4 optimizers.D.betas=[0,0.99] optimizers.G.betas=[0,0.99]",
}
JUDGED = 10_000
COLUMNS = 12


def figures(net: Classifier, samples: Tensor, test: Tensor) -> dict[str, float]:
    """The figures of samples [N, 1, 28, 28] against real test images, both in [0, 1]."""
    from ganforge.metrics.frechet import frechet_distance
    from ganforge.metrics.statistics import moments

    mine, real = (features_of(net, x) for x in (samples, test))
    with torch.inference_mode():
        p = torch.cat([net[-1](h).softmax(1) for h in mine.split(1_000)]).double()
    even = p.mean(0, keepdim=True)
    return {
        "fd": frechet_distance(moments(mine.numpy()), moments(real.numpy())),
        "score": float((p * (p.clamp_min(1e-30).log() - even.log())).sum(1).mean().exp()),
        "confident": float((p.amax(1) > SURE).double().mean()),
        "least": float((torch.bincount(p.argmax(1), minlength=10) / len(p)).min()),
    }


@torch.inference_mode()
def features_of(net: Classifier, x: Tensor) -> Tensor:
    """What the classifier's last layer reads, [N, 128]."""
    but_the_last = nn.Sequential(*list(net)[:-1])
    return torch.cat([but_the_last(part) for part in x.split(1_000)])


def trained(
    recipe: str,
    folder: Path,
    minutes: float,
    fields: Mapping[str, str],
    device: str | None = None,
    listeners: Sequence[Callable[..., Any]] = (),
) -> Model:
    """A recipe trained for so many minutes, without images on the way; one that was stopped half-way begins again."""
    import ganforge
    from ganforge.engine.train import train
    from ganforge.recipes import make_recipe

    if folder.exists():
        shutil.rmtree(folder)  # a benchmark's own
    fields = {"samples": "100M", "callbacks": "[]", "log_every": "5000", **fields}
    made = make_recipe(recipe, (), [f"{path}={value}" for path, value in fields.items()])
    train(made, run_dir=folder, minutes=minutes, listeners=listeners, device=device)
    return ganforge.load(folder, device)


def train_and_judge(name: str, words: str, seed: int, net: Classifier, test: Tensor, args: argparse.Namespace) -> dict:
    """Trains one entry with one seed, and returns its figures; from its file where it has been done."""
    folder = args.out / name.replace(" ", "-") / f"{seed:02d}"
    done = folder / "figures.json"
    if done.is_file():
        return json.loads(done.read_text())
    recipe, *overrides = words.split()
    start = time.perf_counter()
    fields = dict(item.split("=", 1) for item in (*args.set, *overrides))
    model = trained(recipe, folder, args.minutes, fields | {"data": str(args.data), "seed": str(seed)}, device="cpu")
    wall = time.perf_counter() - start
    samples = model.sample(JUDGED, seed=seed, batch=500)
    grid = samples[: COLUMNS * COLUMNS, ..., 0].reshape(COLUMNS, COLUMNS, 28, 28).swapaxes(1, 2)
    Image.fromarray(grid.reshape(COLUMNS * 28, COLUMNS * 28)).save(args.out / f"{folder.parent.name}-{seed:02d}.png")
    result = {
        "entry": name,
        "words": " ".join([*overrides, *args.set]),
        "recipe": recipe,
        "seed": seed,
        "minutes": args.minutes,
        "wall_seconds": round(wall, 1),
    }
    result |= {"samples": model.samples, **figures(net, as_input(samples), test)}
    done.write_text(json.dumps(result))
    return result


def table(results: list[dict]) -> str:
    """The results as Markdown, a row an entry, mean ± standard deviation over the seeds."""
    lines = ["| entry | runs | fd | score | confident % | least % | samples seen |", "|---|---|---|---|---|---|---|"]
    for entry in dict.fromkeys(r["entry"] for r in results):
        rows = [r for r in results if r["entry"] == entry]
        seen = f"{np.mean([r['samples'] for r in rows]) / 1e3:.0f} k"
        cells = [entry, str(len(rows)), spread(rows, "fd", 2), spread(rows, "score", 2)]
        cells += [spread(rows, "confident", 1, 100), spread(rows, "least", 1, 100), seen]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the four files of MNIST or its like")
    parser.add_argument("--classifier", type=Path, required=True, help="where its weights are kept, for this set")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs, the grids and results.json")
    parser.add_argument("--entries", nargs="+", default=list(ENTRIES), help="names, or 'name: recipe field=value ...'")
    parser.add_argument("--seeds", type=int, default=1, help="how many: 0, 1, 2, ...")
    parser.add_argument("--minutes", type=float, default=3.0, help="of training for each run")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of all the entries")
    parser.add_argument("--threads", type=int, default=1, help="that each run trains with")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    net = classifier(args.data, args.classifier)
    args.out.mkdir(parents=True, exist_ok=True)
    test, train = read_mnist(args.data, "t10k")[0], read_mnist(args.data, "train")[0][:JUDGED]
    results: list[dict] = [{"entry": "real", "seed": 0, "samples": 0, **figures(net, train, test)}]
    for entry in args.entries:
        name, _, words = entry.partition(": ")
        for seed in range(args.seeds):
            results.append(train_and_judge(name, words or ENTRIES[name], seed, net, test, args))
            print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    (args.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
