"""How the classifier of sounds learns, outside any run.

x [N, 1, bands, frames] in 0..1, y int64 [N], features [N, 128], logits [N, K].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.rng import Rng
from ganforge.metrics.base import Progress

FEATURES, BATCH, STEPS, PEAK = 128, 64, 500, 3e-3


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


def fit(x: Tensor, y: Tensor, classes: int, seed: int, steps: int, progress: Progress) -> SoundNet:
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
                progress("training the classifier of sounds", step, steps)
    return net.eval().requires_grad_(False)


@torch.inference_mode()
def answers(net: SoundNet, x: Tensor) -> tuple[Tensor, Tensor]:
    """Features [N, 128] and probabilities [N, K]."""
    parts = [net(x[k : k + 256]) for k in range(0, len(x), 256)]
    return torch.cat([f for f, _ in parts]), torch.cat([logits for _, logits in parts]).softmax(1)
