"""The net of the classifier of films: convolutions over space and time in turn.

Tran et al. 2018, "A Closer Look at Spatiotemporal Convolutions for Action Recognition" ((2+1)-D).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WINDOW, FEATURES = 16, 128
"""Frames that the net sees at a time; width of its features."""
ORDERS = ("forward", "backward", "shuffled", "frozen", "double speed")
"""How a film may run, which the net tells apart."""


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


def scaled(x: Tensor) -> Tensor:
    """uint8 [N, T, 3, h, w] → float [N, 3, T, h, w] in [-1, 1]."""
    return x.transpose(1, 2).float() / 127.5 - 1
