"""Do generated digits look like digits? A small classifier, trained on real MNIST, gives its opinion.

    python benchmarks/judge_digits.py --mnist DATA/mnist --classifier judge.safetensors samples.npz
    python benchmarks/judge_digits.py --mnist DATA/mnist --classifier judge.safetensors digits/ --label 3

The classifier is trained once, in a minute or two, and kept in the file named; it should be at least 99 % right on real
test digits (`test_accuracy`), or its opinion is worth little. Samples are an .npz with `images` uint8 [N, 28, 28, 1]
(and `labels` [N], what was asked for), an .npy of such images, or a folder of PNG files. Prints one JSON object:

    test_accuracy     of the classifier, on real test digits
    confident         share of the samples that it is sure of (above 0.9)
    confident_real    the same share of real test digits
    ratio             of these two
    classes           share of each digit among the samples; smallest and largest with them
    as_asked          share of the samples that it takes for what was asked for, where labels are given
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

SURE = 0.9


class Classifier(nn.Sequential):
    """x [N, 1, 28, 28] in [0, 1] → logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 5, padding=2),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64 * 7 * 7, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )


def read_idx(folder: Path, name: str) -> np.ndarray:
    """The array in an MNIST idx file, gzipped or not."""
    for path in (folder / f"{name}.gz", folder / name, folder / name.replace("-idx", ".idx")):
        if path.is_file():
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            rank = raw[3]
            shape = np.frombuffer(raw, ">u4", rank, 4).astype(int)
            return np.frombuffer(raw, np.uint8, math.prod(shape), 4 + 4 * rank).reshape(shape)
    sys.exit(f"{folder} has no {name} (.gz)")


def read_mnist(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """(images [N, 1, 28, 28] in [0, 1], labels [N]) of `train` or `t10k`."""
    images = read_idx(folder, f"{part}-images-idx3-ubyte")
    labels = read_idx(folder, f"{part}-labels-idx1-ubyte")
    return as_input(images[..., None]), torch.from_numpy(labels.astype(np.int64))


def as_input(images: np.ndarray) -> Tensor:
    """uint8 [N, 28, 28, C] (or [N, 28, 28]) → float [N, 1, 28, 28] in [0, 1]; color becomes gray."""
    images = images[..., None] if images.ndim == 3 else images
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:3] != (28, 28):
        sys.exit(f"expected uint8 images [N, 28, 28, C], got {images.dtype} {list(images.shape)}")
    gray = images[..., : min(3, images.shape[3])].astype(np.float32).mean(-1)
    return torch.from_numpy(gray)[:, None] / 255


def read_samples(path: Path) -> tuple[Tensor, np.ndarray | None]:
    """(images as the classifier sees them, the labels stored with them or None)."""
    if path.is_dir():
        files = sorted(path.rglob("*.png"))
        if not files:
            sys.exit(f"{path} holds no PNG files")
        return as_input(np.stack([np.asarray(Image.open(f).convert("L")) for f in files])), None
    stored = np.load(path, allow_pickle=False)
    if isinstance(stored, np.ndarray):
        return as_input(stored), None
    name = "images" if "images" in stored else next(n for n in stored.files if stored[n].ndim >= 3)
    return as_input(stored[name]), stored.get("labels")


def train(folder: Path, epochs: int) -> Classifier:
    """A classifier trained on the 60,000 digits, each shifted by up to two pixels."""
    torch.manual_seed(0)
    x, y = read_mnist(folder, "train")
    net, batch = Classifier().train(), 128
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    steps = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        losses = []
        order = torch.randperm(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            rows = order[start : start + batch]
            dy, dx = torch.randint(-2, 3, (2,)).tolist()
            shifted = torch.roll(x[rows], (dy, dx), (2, 3))  # the margin of MNIST is wide enough for it
            loss = cross_entropy(net(shifted), y[rows])
            optimizer.zero_grad()
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
            schedule.step()
        print(f"classifier: epoch {epoch + 1} of {epochs}, loss {np.mean(losses):.3f}", file=sys.stderr)
    return net.eval()


@torch.inference_mode()
def opinions(net: Classifier, x: Tensor) -> Tensor:
    """Probabilities [N, 10]."""
    return torch.cat([net(part).softmax(1) for part in x.split(500)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("samples", nargs="?", type=Path, help=".npz, .npy or a folder of PNG files; none: only train")
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the four MNIST files")
    parser.add_argument("--classifier", type=Path, required=True, help="where its weights are kept")
    parser.add_argument("--label", type=int, help="what all samples were asked to be")
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    net = Classifier().eval()
    if args.classifier.is_file():
        net.load_state_dict(load_file(args.classifier))
    else:
        net = train(args.mnist, args.epochs)
        save_file(net.state_dict(), args.classifier)
    x, y = read_mnist(args.mnist, "t10k")
    real = opinions(net, x)
    sure_real = (real.amax(1) > SURE).float().mean().item()
    report: dict[str, object] = {
        "test_accuracy": round((real.argmax(1) == y).float().mean().item(), 4),
        "confident_real": round(sure_real, 4),
    }
    if args.samples is not None:
        samples, labels = read_samples(args.samples)
        found = opinions(net, samples)
        classes = torch.bincount(found.argmax(1), minlength=10) / len(found)
        sure = (found.amax(1) > SURE).float().mean().item()
        report |= {
            "samples": len(samples),
            "confident": round(sure, 4),
            "ratio": round(sure / sure_real, 4),
            "classes": [round(share, 4) for share in classes.tolist()],
            "smallest": round(classes.min().item(), 4),
            "largest": round(classes.max().item(), 4),
        }
        if args.label is not None:
            labels = np.full(len(samples), args.label)
        if labels is not None:
            asked = torch.from_numpy(labels.astype(np.int64))
            report["as_asked"] = round((found.argmax(1) == asked).float().mean().item(), 4)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
