"""Which factors InfoGAN finds on MNIST: does the code c0 stand for the digit, and what do c1 and c2 change?

    python benchmarks/infogan_digits.py --mnist DATA/mnist --classifier digits.safetensors --minutes 30
    python benchmarks/infogan_digits.py --mnist DATA/mnist --classifier digits.safetensors --run runs/0005-infogan

Trains the recipe, or uses a run, and prints one JSON object:

    matched        share of generated digits that are the digit which c0 stands for, after the best matching of the ten
                   values with the ten digits; a classifier trained on real MNIST reads them (`judge_digits.py`).
                   Goal: 0.9
    digits         the digit that each value of c0 stands for
    information    the bound on the mutual information of c0 at the end of training, in nats; at most log 10 = 2.303
    slant, width   how much c1 and c2 change the slant (shear of the strokes) and the width of a digit: correlation over
                   codes drawn evenly, of digits of one value of c0, averaged over its values
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.optimize import linear_sum_assignment

import ganforge as gf
from judge_digits import Classifier, as_input, opinions
from judge_digits import train as classifier_of

EACH = 200
"""Generated digits of each value of c0."""


def matched(counts: np.ndarray) -> tuple[float, list[int]]:
    """The share of samples on the best one-to-one matching of rows (codes) and columns (digits) of counts [K, K]."""
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / counts.sum()), columns.tolist()


def shape_of(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slant (covariance of x and y over the variance of y) and width (deviation of x) of ink, images [N, H, W]."""
    ink = images.astype(np.float64) / 255
    y, x = np.mgrid[: ink.shape[1], : ink.shape[2]].astype(np.float64)
    total = np.maximum(ink.sum((1, 2)), 1e-6)
    mean_x, mean_y = (ink * x).sum((1, 2)) / total, (ink * y).sum((1, 2)) / total
    dx, dy = x - mean_x[:, None, None], y - mean_y[:, None, None]
    var_x, var_y, cov = ((ink * part).sum((1, 2)) / total for part in (dx * dx, dy * dy, dx * dy))
    return cov / np.maximum(var_y, 1e-6), np.sqrt(var_x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the four MNIST files")
    parser.add_argument("--classifier", type=Path, required=True, help="where the weights of the classifier are kept")
    parser.add_argument("--run", type=Path, default=Path("runs/infogan"), help="trained if it is not there")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    asked, more = parser.parse_known_args()
    if not (asked.run / "model.safetensors").exists():
        fields = dict(word.split("=", 1) for word in more)
        gf.train(
            "infogan", data=str(asked.mnist), minutes=asked.minutes, run_dir=asked.run, seed=asked.seed, fields=fields
        )
    net = Classifier().eval()
    if asked.classifier.is_file():
        net.load_state_dict(load_file(asked.classifier))
    else:
        net = classifier_of(asked.mnist, 3)
        save_file(net.state_dict(), asked.classifier)
    model = gf.load(asked.run)
    values = model.spec.conditions["c0"].values  # type: ignore[attr-defined]
    numbers = [one.name for one in model.spec.conditions.each if one.name != "c0"]
    counts = np.zeros((len(values), 10))
    related: dict[str, list[list[float]]] = {"slant": [], "width": []}
    for k, value in enumerate(values):
        codes = np.random.default_rng(k).uniform(-1, 1, (EACH, len(numbers)))
        rows = [f"c0={value}"] + [f"{name} in {','.join(map(str, codes[:, j]))}" for j, name in enumerate(numbers)]
        images = np.asarray(model.sample(EACH, seed=k, where=rows))
        with torch.inference_mode():
            digits = opinions(net, as_input(images)).argmax(1).numpy()
        counts[k] = np.bincount(digits, minlength=10)
        for name, found in zip(related, shape_of(images[..., 0]), strict=True):
            related[name].append([float(np.corrcoef(codes[:, j], found)[0, 1]) for j in range(len(numbers))])
    share, digits_of = matched(counts)
    log = model.losses()
    bound = [float(value) for value in log["information/c0"].dropna()] if "information/c0" in log else []
    report = {
        "samples": model.samples,
        "matched": round(share, 4),
        "digits": digits_of,
        "information": round(bound[-1], 3) if bound else None,
    }
    for name, rows in related.items():
        report[name] = dict(zip(numbers, np.abs(rows).mean(0).round(3).tolist(), strict=True))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
