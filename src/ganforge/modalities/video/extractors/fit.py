"""How the classifier of films learns, outside any run: to tell how films run and which label they have.

Telling the order of frames as a task is Misra et al. 2016, "Shuffle and Learn". On one machine the same seed, data and
number of threads give the same weights bit for bit.

x uint8 [N, T, 3, h, w] clips, y int64 [N] labels, W frames of a window.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganforge.core.rng import Rng
from ganforge.metrics.base import Progress
from ganforge.modalities.video.extractors.net import ORDERS, WINDOW, OrderNet, scaled

STEPS, BATCH, RATE, DECAY = 400, 32, 3e-3, 1e-3
PASSES = 40
"""Over the clips, at most: small sets are learned in fewer steps."""


def steps_for(n: int) -> int:
    """How many steps a set of n clips is worth."""
    return max(1, min(STEPS, PASSES * n // BATCH))


def in_order(x: Tensor, order: Tensor, start: Tensor, rng: Rng) -> Tensor:
    """Windows of clips [N, T, ...] that run as `order` says, from `start` [N] on, [N, W, ...]."""
    length = min(WINDOW, x.shape[1])
    steps = torch.arange(length).expand(len(x), -1)
    mixed = rng.uniform("shuffle", (len(x), length)).argsort(1)
    speed = torch.where(order == 4, 2, 1)[:, None]
    index = torch.where((order == 1)[:, None], length - 1 - steps, steps)
    index = torch.where((order == 2)[:, None], mixed, index)
    index = torch.where((order == 3)[:, None], length // 2, index)
    return x[torch.arange(len(x))[:, None], start[:, None] + speed * index]


def trained(x: Tensor, y: Tensor | None, classes: int, seed: int, steps: int, progress: Progress) -> OrderNet:
    """A net that was trained on clips uint8 [N, T, 3, h, w] and their labels [N]; in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(Rng(seed).seed_for("order net"))
        net = OrderNet(classes)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1)
    length, frames = min(WINDOW, x.shape[1]), x.shape[1]
    ways = len(ORDERS) if frames >= 2 * length - 1 else len(ORDERS) - 1
    for step in range(steps):
        rng = Rng(seed, step, "order net")
        rows = rng.integers("rows", (min(BATCH, len(x)),), len(x))
        order = rng.integers("order", (len(rows),), ways)
        spare = frames - torch.where(order == 4, 2 * length - 1, length)
        start = (rng.uniform("start", (len(rows),)) * (spare + 1)).long()
        part = scaled(in_order(x[rows], order, start, rng))
        part = part + rng.uniform("light", (len(rows), 1, 1, 1, 1), -0.1, 0.1)
        _, orders, labels = net(part)
        loss = cross_entropy(orders, order)
        forward = order == 0
        if labels is not None and y is not None and forward.any():
            loss = loss + cross_entropy(labels[forward], y[rows][forward])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress("training the classifier of films", step + 1, steps)
    return net.eval().requires_grad_(False)
