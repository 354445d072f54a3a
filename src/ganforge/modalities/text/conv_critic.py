"""Critics of texts by convolutions over the tokens, with filters of many widths and the largest answer of each.

    SeqGAN (Yu et al. 2017), after Kim 2014:  embeddings → filters of 1 to 20 tokens → ReLU → max over places → highway
                                              layer → dropout → two classes
    RelGAN (Nie et al. 2019):                 S embeddings, each of one number → filters of 2 to 5 tokens, shared →
                                              ReLU → max over places → highway → dropout → 100 → a logit for each of S

    highway(f) = τ · ReLU(W f) + (1 − τ) · f,  τ = sigmoid(U f − 2)   (RelGAN: U f)

Filters wider than the texts are left out.

N: texts, T: tokens, V: vocabulary, F: filters, S: representations.  tokens int64 [N, T], one-hots [N, T, V].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, relu

from ganforge.nets.layers.dropout import FastDropout


class Highway(nn.Module):
    """A gate between a layer and what went into it (Srivastava et al. 2015)."""

    def __init__(self, width: int, closed: float):
        super().__init__()
        self.layer, self.gate, self.closed = nn.Linear(width, width), nn.Linear(width, width), closed

    def forward(self, f: Tensor) -> Tensor:
        open_share = (self.gate(f) - self.closed).sigmoid()
        return open_share * relu(self.layer(f)) + (1 - open_share) * f


class SeqganD(nn.Module):
    """D of SeqGAN: tokens → logit of "real" minus that of "made", [N].

    Args:
        filters: of each group, how many tokens they see and how many they are.
        drop: share of the features that are dropped in training.
    """

    def __init__(self, vocabulary: int, steps: int, embed: int, filters: Sequence[tuple[int, int]], drop: float):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, embed)
        groups = [(w, f) for w, f in filters if w <= steps]
        self.convs = nn.ModuleList(nn.Conv1d(embed, f, w) for w, f in groups)
        total = sum(f for _, f in groups)
        self.highway, self.drop = Highway(total, 2.0), FastDropout(drop)
        self.out = nn.Linear(total, 2)
        nn.init.uniform_(self.embed.weight, -1.0, 1.0)
        for layer in (*self.convs, self.out):
            nn.init.trunc_normal_(layer.weight, 0.0, 0.1, -0.2, 0.2)  # type: ignore[arg-type]
            nn.init.constant_(layer.bias, 0.1)  # type: ignore[arg-type]

    def features(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens).transpose(1, 2)
        return self.highway(torch.cat([relu(conv(x)).amax(2) for conv in self.convs], 1))

    def forward(self, tokens: Tensor) -> Tensor:
        made, real = self.out(self.drop(self.features(tokens))).unbind(1)
        return real - made

    @torch.no_grad()
    def probability(self, tokens: Tensor) -> Tensor:
        """That a text is real, without dropout, [N]."""
        made, real = self.out(self.features(tokens)).unbind(1)
        return (real - made).sigmoid()

    def weight_penalty(self) -> Tensor:
        """½ the squares of the last layer."""
        return 0.5 * (self.out.weight.square().sum() + self.out.bias.square().sum())


class RelganD(nn.Module):
    """D of RelGAN: one-hots, hard or soft, → a logit for each representation, [N, S]."""

    def __init__(
        self, vocabulary: int, steps: int, views: int, filters: int, drop: float, widths: Sequence[int] = (2, 3, 4, 5)
    ):
        super().__init__()
        self.table = nn.Parameter(torch.empty(vocabulary, views))
        self.convs = nn.ModuleList(nn.Conv1d(1, filters, w) for w in widths if w <= steps)
        total = filters * len(self.convs)
        self.highway, self.drop = Highway(total, 0.0), FastDropout(drop)
        self.narrow, self.out = nn.Linear(total, 100), nn.Linear(100, 1)
        nn.init.normal_(self.table, 0.0, vocabulary**-0.5)

    def of_tokens(self, tokens: Tensor) -> Tensor:
        return self.scored(embedding(tokens, self.table))

    def forward(self, hots: Tensor) -> Tensor:
        return self.scored(hots @ self.table)

    def scored(self, x: Tensor) -> Tensor:
        """Embedded texts [N, T, S] → [N, S]."""
        each = x.transpose(1, 2).flatten(0, 1)[:, None]  # [N·S, 1, T]
        features = torch.cat([relu(conv(each)).amax(2) for conv in self.convs], 1)
        return self.out(self.narrow(self.drop(self.highway(features)))).view(len(x), -1)
