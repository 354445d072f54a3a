"""Features of films: a small net that is trained on the films at hand, once, and kept.

It tells how a film runs (forward, backward, shuffled, frozen, at double speed) and, where there are labels, which label
it has; its last hidden layer are the features. Convolutions over space and time in turn are those of Tran et al. 2018,
"A Closer Look at Spatiotemporal Convolutions" ((2+1)-D); telling the order of frames is a task since Misra et al. 2016.

It takes windows of at most 16 frames, of at most 32 px, each with its difference to the next; features of longer clips
are the mean over their windows. They compare runs on the same data: a distance under them is no FVD (Unterthiner et
al. 2018), which needs a net trained on Kinetics.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import safetensors
import safetensors.torch
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet, cached, silent

WINDOW, SIDE, FEATURES = 16, 32, 128
ORDERS = ("forward", "backward", "shuffled", "frozen", "double speed")
STEPS, BATCH, RATE, DECAY = 400, 32, 3e-3, 1e-3
PASSES = 40
"""Over the clips, at most: small sets are learned in fewer steps."""
MOST = 4_096
"""Clips that it is trained on."""
FEWEST = 8
VERSION = 1
"""Raised when the net or its training changes, so that no older one is taken from a cache."""


class OrderNet(nn.Module):
    """Films [N, 3, T, h, w] in [-1, 1], h and w at most 32 → features [N, 128], logits of order and of labels."""

    def __init__(self, classes: int):
        super().__init__()
        widths, layers = (6, 16, 32, 64), []
        for k, (before, after) in enumerate(pairwise(widths)):
            layers += [nn.Conv3d(before, after, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False), nn.BatchNorm3d(after)]
            layers += [nn.ReLU(), nn.Conv3d(after, after, (3, 1, 1), (1 + (k > 0), 1, 1), (1, 0, 0), bias=False)]
            layers += [nn.BatchNorm3d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool3d((1, 2, 2)), nn.Flatten(), nn.Linear(256, FEATURES))
        self.order = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, len(ORDERS)))
        self.label = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, classes)) if classes else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        step = torch.cat([x[:, :, 1:] - x[:, :, :-1], torch.zeros_like(x[:, :, :1])], 2)
        features = self.body(torch.cat([x, 4 * step], 1))
        return features, self.order(features), None if self.label is None else self.label(features)


def seen(clips: np.ndarray) -> Tensor:
    """Clips uint8 [N, T, H, W, 3] as the net sees them: uint8 [N, T, 3, h, w], larger ones reduced to 32×32."""
    x = torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3)
    if max(x.shape[3:]) <= SIDE:
        return x.contiguous()
    flat = [interpolate(part.float(), (SIDE, SIDE), mode="area") for part in x.flatten(0, 1).split(1024)]
    return torch.cat(flat).round().to(torch.uint8).unflatten(0, x.shape[:2])


def scaled(x: Tensor) -> Tensor:
    """uint8 [N, T, 3, h, w] → float [N, 3, T, h, w] in [-1, 1]."""
    return x.transpose(1, 2).float() / 127.5 - 1


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


def trained(x: Tensor, y: Tensor | None, classes: int, seed: int, steps: int, progress) -> OrderNet:
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


class FilmClassifier(Extractor, kind="films"):
    """A small net trained on the films themselves, once: to tell how a film runs and which label it has."""

    signals: ClassVar[tuple[str, ...]] = ("video",)

    steps: int | None = Field(default=None, ge=1)
    """Training steps, batches of 32 windows; by default 400, and fewer for small sets."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        if data.n < FEWEST:
            raise UserError(
                f"{data.name}: {data.n} clips are too few to train a classifier; at least {FEWEST} are needed",
                code="metric.too_few_samples",
            )
        labels = data.labels if data.labels is not None and len(np.unique(data.labels)) > 1 else None
        classes = () if labels is None else tuple(context.classes) or tuple(map(str, range(int(labels.max()) + 1)))
        steps = self.steps or max(1, min(STEPS, PASSES * data.n // BATCH))
        key = [VERSION, data.fingerprint, context.seed, steps, list(classes), torch.get_num_threads()]
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        kept = context.cache is not None and data.fingerprint
        path = context.cache / "extractors" / f"films-{digest[:24]}.safetensors" if kept and context.cache else None

        def make() -> OrderNet:
            rows = np.unique(np.linspace(0, data.n - 1, min(data.n, MOST)).round().astype(int))
            x = torch.cat([seen(part) for part in data.chosen(rows, 64)])
            y = None if labels is None else torch.from_numpy(labels[rows].astype(np.int64))
            return trained(x, y, len(classes), context.seed, steps, context.progress or silent)

        def read(file: Path) -> OrderNet:
            net = OrderNet(len(classes))
            try:
                net.load_state_dict(safetensors.torch.load_file(file))
            except (safetensors.SafetensorError, RuntimeError) as error:
                raise UserError(f"{file}: not the weights of this net ({error})", code="extractor.damaged") from None
            return net.eval().requires_grad_(False)

        def write(file: Path, net: OrderNet) -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            safetensors.torch.save_file(net.state_dict(), file)

        return FilmEncoder(cached(path, make, read, write), classes, data.name, context.device)


class FilmEncoder(Encoder):
    """The net at work on clips uint8 [N, T, H, W, 3]."""

    name = "films"
    dim = FEATURES

    def __init__(self, net: OrderNet, classes: tuple[str, ...], data: str, device: torch.device | str):
        state = net.state_dict()
        self.digest = hashlib.sha256(b"".join(state[k].cpu().numpy().tobytes() for k in sorted(state))).hexdigest()
        self.net, self.device, self.classes = net.to(device), device, classes
        self.trained_on_data = True
        self.resizer = f"area, at most {SIDE}×{SIDE}"
        self.detail = {"trained_on": data, "by": "order and labels" if classes else "order", "window": WINDOW}

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        features, chances = [], []
        for start in range(0, len(samples), 32):
            x = scaled(seen(samples[start : start + 32])).to(self.device)  # [n, 3, T, h, w]
            windows = windows_of(x.shape[2])
            found = [self.net(x[:, :, k : k + WINDOW]) for k in windows]
            features.append(torch.stack([f for f, _, _ in found]).mean(0))
            chances.append(torch.stack([c.softmax(1) for _, _, c in found if c is not None]).mean(0)
                           if self.classes else torch.empty(0))  # fmt: skip
        return torch.cat(features), torch.cat(chances) if self.classes else None


def windows_of(frames: int) -> list[int]:
    """Where the windows of a clip begin, evenly over its length, as few as cover it."""
    count = max(1, -(-frames // WINDOW))
    return np.linspace(0, max(0, frames - WINDOW), count).round().astype(int).tolist()
