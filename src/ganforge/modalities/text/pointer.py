"""A writer that reads a source and may copy from it; and a critic of texts with their sources.

    G: keys = biGRU(source);  h_t = GRU(tokens before), from the mean key
       a_t = softmax(h_t · keys / √U);  k_t = a_t keys
       p(token) = g_t softmax(E W [h_t ‖ k_t] + b) + (1 − g_t) Σ_{s: source_s = token} a_ts
       g_t = σ(w · [h_t ‖ k_t ‖ e_t])

    D: filters of 1 to 4 tokens over the text and over its source, the largest answer of each; f, f', f · f' → logit

See, Liu & Manning 2017 (pointer-generator); Liu et al. 2018 for the critic of summaries.

N: pairs, T: tokens of a text, S: of a source, V: vocabulary, U: units.  tokens int64 [N, T], source int64 [N, S].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from ganforge.core.types import wide
from ganforge.modalities.text.stepwise import NEVER, Stepwise
from ganforge.modalities.text.tokens import END
from ganforge.nets.layers.dropout import FastDropout

LEAST = 1e-12
WIDTHS = (1, 2, 3, 4)


class PointerG(Stepwise):
    """p(text | source), token by token. The state is (h, keys, source); `read` gives the first."""

    def __init__(self, vocabulary: int, steps: int, embed: int, units: int, dropout: float):
        super().__init__(vocabulary, steps)
        self.embed = nn.Embedding(vocabulary, embed)
        nn.init.normal_(self.embed.weight, 0.0, embed**-0.5)
        self.encoder = nn.GRU(embed, units, batch_first=True, bidirectional=True)
        self.keys = nn.Linear(2 * units, units)
        self.start = nn.Linear(units, units)
        self.decoder = nn.GRU(embed, units, batch_first=True)
        self.narrow = nn.Linear(2 * units, embed)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.gate = nn.Linear(2 * units + embed, 1)
        self.drop = FastDropout(dropout)

    def read(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The state before the first token."""
        keys = self.keys(self.encoder(self.drop(self.embed(source)))[0])
        there = (source != END).to(keys.dtype)[:, :, None]
        mean = (keys * there).sum(1) / there.sum(1).clamp_min(1)
        return self.start(mean).tanh()[None].contiguous(), keys, source

    def step(self, token: Tensor, state: Any, here: Tensor | None = None, c: Tensor | None = None) -> Any:
        h, keys, source = state
        log_p, h = self.mixed(token, h, keys, source)
        return log_p[:, 0], (h, keys, source)

    def mixed(self, before: Tensor, h: Tensor, keys: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """log p of what follows each of the tokens `before`, [N, t, V], and the state after them."""
        e = self.drop(self.embed(before))
        states, h = self.decoder(e, h)
        far = wide(states @ keys.transpose(1, 2)) * keys.shape[2] ** -0.5
        a = far.masked_fill((source == END)[:, None], NEVER).softmax(2)  # [N, t, S]
        both = torch.cat([states, a.to(keys.dtype) @ keys], 2)
        own = wide(self.narrow(self.drop(both)) @ self.embed.weight.T + self.bias).softmax(2)
        g = wide(self.gate(torch.cat([both, e], 2))).sigmoid()
        copied = torch.zeros_like(own).scatter_add(2, source[:, None].expand(-1, before.shape[1], -1), a)
        return (g * own + (1 - g) * copied).clamp_min(LEAST).log(), h

    def given(self, tokens: Tensor, source: Tensor, drawn: bool = False) -> Tensor:
        """log p of each token given those before it and the source, [N, T]; 0 after the end."""
        before = torch.cat([torch.full_like(tokens[:, :1], END), tokens[:, :-1]], 1)
        return self.picked(self.mixed(before, *self.read(source))[0], tokens, drawn)

    def write(self, source: Tensor, uniform: Tensor) -> Tensor:
        """Texts as tokens [N, T], by one uniform number a token; 0 takes the likeliest."""
        begun = torch.full_like(source[:, :1], END)
        return self.onward(self.read(source), begun, 0, uniform)


class PointerD(nn.Module):
    """Logit [N] of texts with their sources."""

    def __init__(self, vocabulary: int, embed: int, filters: int, dropout: float):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, embed)
        self.convs = nn.ModuleList(nn.Conv1d(embed, filters, width, padding=width // 2) for width in WIDTHS)
        total = filters * len(WIDTHS)
        self.hidden, self.out, self.drop = nn.Linear(3 * total, total), nn.Linear(total, 1), FastDropout(dropout)

    def features(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens).transpose(1, 2)
        return torch.cat([relu(conv(x)).amax(2) for conv in self.convs], 1)

    def forward(self, tokens: Tensor, source: Tensor) -> Tensor:
        text, other = self.features(tokens), self.features(source)
        h = leaky_relu(self.hidden(self.drop(torch.cat([text, other, text * other], 1))), 0.2)
        return self.out(h)[:, 0]
