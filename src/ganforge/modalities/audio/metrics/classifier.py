"""A small net that tells the labels of a set of sounds apart: what a generated sound is taken for.

Trained on log-mel spectra of the training samples in a minute, moved in time and made louder or softer, so that it
learns the word and not its place. A fifth of them is kept back to say how often it is right about real sounds.

x [N, 1, bands, frames] in 0..1, features [N, 128], logits [N, K].
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.rng import Rng
from ganforge.metrics.base import Comparison
from ganforge.modalities.audio.melspec import FLOOR, log_mel, mono

RATE = 16_000
FEATURES, BATCH, STEPS, PEAK = 128, 64, 500, 3e-3
MOST = 5_000
KEPT_BACK = 0.2


class SoundNet(nn.Module):
    """Features and logits of log-mel spectra."""

    def __init__(self, classes: int):
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d((3, 4)), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 12, FEATURES)
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x)
        return features, self.head(features.relu())


class Classifier(NamedTuple):
    """A trained net, its accuracy on real sounds that it has not seen, and a digest of its weights."""

    net: SoundNet
    accuracy: float
    digest: str


def spectra(x: np.ndarray) -> Tensor:
    """Sounds [N, T] as the net sees them."""
    return torch.from_numpy(((log_mel(mono(x), RATE) - FLOOR) / -FLOOR).clip(0, 1).astype(np.float32))[:, None]


def classifier(comparison: Comparison, steps: int = STEPS) -> Classifier:
    """The net that knows the labels of the training samples; trained once a comparison."""

    def train() -> Classifier:
        side, chosen = comparison.train, comparison.draws("sound classifier").permutation(comparison.train.n)[:MOST]
        assert side.labels is not None, "asked for by needs"
        rows = np.sort(chosen)
        x = torch.cat([spectra(part) for part in side.chosen(rows, 256)])
        y = torch.from_numpy(side.labels[rows].astype(np.int64))
        order = torch.from_numpy(comparison.draws("kept back").permutation(len(x)))
        kept = order[: max(1, round(KEPT_BACK * len(x)))]
        learned = order[len(kept) :]
        net = fit(x[learned], y[learned], int(y.max()) + 1, comparison.seed, steps, comparison)
        tested, truth = x[kept], y[kept]
        if comparison.heldout is not None and comparison.heldout.labels is not None:
            tested = torch.cat([spectra(part) for part in comparison.heldout.parts(256, comparison.heldout.n)])
            truth = torch.from_numpy(comparison.heldout.labels.astype(np.int64))
        right = float((answers(net, tested)[1].argmax(1) == truth).float().mean())
        digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in net.parameters())).hexdigest()
        return Classifier(net, right, digest)

    return comparison.once(("sound classifier", steps), train)


def fit(x: Tensor, y: Tensor, classes: int, seed: int, steps: int, comparison: Comparison) -> SoundNet:
    """A net trained on spectra and labels, in evaluation mode; the same one for one seed and number of threads."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(Rng(seed).seed_for("sound classifier"))
        net = SoundNet(classes)
        optimizer = torch.optim.AdamW(net.parameters(), PEAK)
        for step in range(steps):
            rng = Rng(seed, step, "sound classifier")
            rows = rng.integers("rows", (min(BATCH, len(x)),), len(x))
            reach = max(1, x.shape[3] // 12)
            moved = torch.roll(x[rows], int(rng.integers("move", (1,), 2 * reach + 1)) - reach, 3)
            louder = rng.uniform("louder", (len(rows), 1, 1, 1), 0.85, 1.15)
            for group in optimizer.param_groups:
                group["lr"] = PEAK * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            optimizer.zero_grad()
            cross_entropy(net(moved * louder)[1], y[rows]).backward()
            optimizer.step()
            if step % 50 == 0:
                comparison.progress("training the classifier of sounds", step, steps)
    return net.eval().requires_grad_(False)


@torch.inference_mode()
def answers(net: SoundNet, x: Tensor) -> tuple[Tensor, Tensor]:
    """Features [N, 128] and probabilities [N, K]."""
    parts = [net(x[k : k + 256]) for k in range(0, len(x), 256)]
    return torch.cat([f for f, _ in parts]), torch.cat([logits for _, logits in parts]).softmax(1)
