"""A small layout of columns, by hand: two numbers and two discrete columns, of which one decides over the other."""

from __future__ import annotations

import torch

from ganforge.core.types import Batch, Spec

SHAPE, COLOR = ("round", "square", "star"), ("red", "blue")
BLOCKS = [
    {"column": "size", "role": "value", "start": 0, "width": 1, "activation": "tanh"},
    {"column": "size", "role": "mode", "start": 1, "width": 4, "activation": "softmax"},
    {"column": "shape", "role": "category", "start": 5, "width": 3, "activation": "softmax"},
    {"column": "weight", "role": "value", "start": 8, "width": 1, "activation": "none"},
    {"column": "color", "role": "category", "start": 9, "width": 2, "activation": "softmax"},
]
CONDITIONS = [
    {"column": "shape", "start": 0, "width": 3, "block_start": 5, "frequencies": [70, 29, 1], "values": [*SHAPE]},
    {"column": "color", "start": 3, "width": 2, "block_start": 9, "frequencies": [60, 40], "values": [*COLOR]},
]
WIDTH = 11


def spec() -> Spec:
    return Spec((WIDTH,), state={"blocks": BLOCKS, "conditions": CONDITIONS})


def rows(n: int = 100, seed: int = 0) -> torch.Tensor:
    """Encoded rows [n, WIDTH] with the frequencies above."""
    g = torch.Generator().manual_seed(seed)
    x = torch.zeros(n, WIDTH)
    x[:, 0] = torch.rand(n, generator=g) * 2 - 1
    x[:, 8] = torch.randn(n, generator=g)
    x[torch.arange(n), 1 + torch.randint(4, (n,), generator=g)] = 1
    shape = torch.tensor([0] * 70 + [1] * 29 + [2]).repeat(-(-n // 100))[:n]
    color = torch.tensor([0] * 60 + [1] * 40).repeat(-(-n // 100))[:n]
    x[torch.arange(n), 5 + shape] = 1
    x[torch.arange(n), 9 + color] = 1
    return x


def batch(n: int = 20) -> Batch:
    """Rows with the conditions that they meet, by turns of one column and the other."""
    x = rows(100)[:: 100 // n][:n]
    shape, color = x[:, 5:8].argmax(1), 3 + x[:, 9:11].argmax(1)
    return Batch(x, extra={"condition": torch.where(torch.arange(n) % 2 == 0, shape, color)})
