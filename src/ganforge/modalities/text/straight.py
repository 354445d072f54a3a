"""Nets that make and score all tokens of a text at once.

    G: z (+ label) → linear → [N, W, T] → residual blocks (batch norm, ReLU, conv of 3) → linear → e_t;
       logits_t = gain · e_t · table + b
    D: embeddings + place → conv of 3 → residual blocks, no norm, half as many places after each → linear → logit

table: the standardized embeddings of a language model, the same for both; the last layer of G and the first of D. D
may be one of few filters, since its places are few.

N: texts, T: tokens, V: vocabulary, B: numbers of an embedding, W: channels.
z [N, latent], logits [N, T, V], embeddings [N, T, B].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, leaky_relu

from ganforge.core.types import DiscriminatorOutput
from ganforge.modalities.text.stepwise import NEVER, allowed
from ganforge.modalities.text.tokens import END
from ganforge.nets.layers.labels import LabelTable

LEAST = 1e-3  # of an embedding's deviation


class GBlock(nn.Module):
    """x + conv(ReLU(BN(conv(ReLU(BN(x))))))."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm1d(channels), nn.ReLU(), nn.Conv1d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm1d(channels), nn.ReLU(), nn.Conv1d(channels, channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class StraightG(nn.Module):
    """z → logits of all tokens; unknown ones and empty texts are never likely.

    Attributes:
        table: embeddings [V, B] as D sees them; set before the GAN begins.
    """

    table: Tensor
    never: Tensor

    def __init__(self, vocabulary: int, steps: int, latent: int, embed: int, channels: int, blocks: int, classes: int):
        super().__init__()
        self.vocabulary, self.steps, self.channels = vocabulary, steps, channels
        self.first = nn.Linear(latent, channels * steps)
        self.label = LabelTable(classes, channels * steps, (3 * latent) ** -0.5) if classes else None
        self.blocks = nn.Sequential(*(GBlock(channels) for _ in range(blocks)))
        self.last = nn.Sequential(nn.BatchNorm1d(channels), nn.ReLU(), nn.Conv1d(channels, embed, 1))
        self.gain = nn.Parameter(torch.tensor(embed**-0.5))
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.register_buffer("table", torch.zeros(vocabulary, embed))
        self.register_buffer("never", allowed(torch.zeros(steps, vocabulary), False), persistent=False)
        self.never[0, END] = NEVER

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.first(z)
        if self.label is not None:
            h = h + self.label(c)
        e = self.last(self.blocks(h.unflatten(1, (self.channels, self.steps)))).transpose(1, 2)
        return self.gain * e @ self.table.T + (self.bias + self.never)

    @torch.no_grad()
    def take(self, embeddings: Tensor) -> None:
        """Makes embeddings [V, B], standardized number by number, the table."""
        mean, deviation = embeddings.mean(0), embeddings.std(0).clamp_min(LEAST)
        self.table.copy_((embeddings - mean) / deviation)


class DBlock(nn.Module):
    """x + conv(lrelu(conv(lrelu(x)))), which begins as x; then the mean of two places."""

    def __init__(self, channels: int, halve: bool):
        super().__init__()
        self.one, self.two = (nn.Conv1d(channels, channels, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.two.weight)
        self.halve = halve

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.two(leaky_relu(self.one(leaky_relu(x, 0.2)), 0.2))
        return avg_pool1d(x, 2) if self.halve else x


class StraightD(nn.Module):
    """Embeddings → logit [N]; a label by projection."""

    def __init__(self, steps: int, embed: int, channels: int, blocks: int, classes: int):
        super().__init__()
        self.places = nn.Parameter(0.1 * torch.randn(channels, steps))
        self.first = nn.Conv1d(embed, channels, 3, padding=1)
        found, left = [], steps
        for _ in range(blocks):
            found.append(DBlock(channels, left >= 2))
            left = left // 2 if left >= 2 else left
        self.blocks = nn.Sequential(*found)
        self.head = nn.Linear(channels * left, 1)
        self.label = LabelTable(classes, channels * left, (channels * left) ** -0.5) if classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.blocks(self.first(x.transpose(1, 2)) + self.places).flatten(1)
        logits = self.head(leaky_relu(features, 0.2)).squeeze(1)
        if self.label is not None:
            logits = logits + (self.label(c) * features).sum(1)
        return DiscriminatorOutput(logits, features)
