"""Training of nets for metrics: the small net as a classifier of the labels or, without labels, of image rotations;
others (`metrics.segmenter`) with their own loss.

Rotations: Gidaris, Singh & Komodakis 2018, "Unsupervised Representation Learning by Predicting Image Rotations".

Training is on the CPU, where the same seed, data and number of threads give identical weights. Cross-entropy; Adam
(Kingma & Ba 2015) with a learning rate that rises over the first tenth and decays to zero along a cosine.

x uint8 [N, C, S, S], y int64 [N], K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.rng import Rng
from ganforge.metrics.base import Progress
from ganforge.modalities.image.extractors.net import SmallNet

BATCH = 128
STEPS = 1000
MOST_PASSES = 30  # maximum number of passes over the data, which limits the time for small sets
RATE = 3e-3
DECAY = 1e-4
ROTATIONS = ("0°", "90°", "180°", "270°")

N = TypeVar("N", bound=nn.Module)


def steps_for(n: int) -> int:
    """The number of training steps for a set of n samples."""
    return max(1, min(STEPS, MOST_PASSES * n // BATCH))


def fit(x: Tensor, y: Tensor | None, classes: int, seed: int, progress: Progress, steps: int | None = None) -> SmallNet:
    """A net trained to classify x by y or, without y, by rotation (then `classes` is 4). In evaluation mode."""
    steps = steps_for(len(x)) if steps is None else steps
    net = seeded(lambda: SmallNet(x.shape[1], classes), seed, "small net")

    def loss(step: int) -> Tensor:
        rng = Rng(seed, step, "small net")
        rows = rng.integers("rows", (min(BATCH, len(x)),), len(x))
        part = x[rows].float()
        if y is None:
            part, target = _turned(part, rng.integers("turns", (len(part),), 4))
        else:
            target = y[rows]
        return cross_entropy(net(part)[1], target)

    return descend(net, loss, steps, lambda done: progress("training the small extractor", done, steps))


def seeded(make: Callable[[], N], seed: int, name: str) -> N:
    """A net whose initial weights depend only on the seed and the name."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(Rng(seed).seed_for(name))
        return make()


def descend(net: N, loss: Callable[[int], Tensor], steps: int, told: Callable[[int], None]) -> N:
    """A net trained for `steps` steps on a loss (a function of the step number). In evaluation mode."""
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min((k + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * k / steps))
    )
    net.train()
    for step in range(steps):
        optimizer.zero_grad()
        loss(step).backward()
        optimizer.step()
        schedule.step()
        told(step + 1)
    return net.eval().requires_grad_(False)


def _turned(x: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
    """Square images, each rotated by a multiple of 90°, and these multiples."""
    out = torch.empty_like(x)
    for k in range(4):
        out[turns == k] = torch.rot90(x[turns == k], k, (2, 3))
    return out, turns


def right(net: SmallNet, x: Tensor, y: Tensor, size: int = 512) -> Tensor:
    """Whether each sample is classified correctly, bool [N]."""
    with torch.inference_mode():
        found = [net(x[k : k + size].float())[1].argmax(1) == y[k : k + size] for k in range(0, len(x), size)]
    return torch.cat(found)
