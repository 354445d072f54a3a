"""The nets of ScratchGAN (de Masson d'Autume et al. 2019).

    G: two LSTMs; the second reads the first and the token; both together give the logits, by the embeddings
    D: an LSTM with layer norm over tokens and places; a logit at every token, of the text up to it

    place of token t: cos π(t / p_k + s_k), k = 1 … 8: periods p from 2 to T by equal ratios, shifts s from 0 to 2

N: texts, T: tokens, V: vocabulary.  tokens int64 [N, T].
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ganforge.modalities.text.stepwise import Stepwise, until_end
from ganforge.modalities.text.tokens import END
from ganforge.nets.layers.dropout import FastDropout

PLACES = 8
SPREAD = 0.3836  # deviation of new embeddings: that of GloVe's


class ScratchG(Stepwise):
    """Two LSTMs, with the embeddings as the last layer."""

    def __init__(self, vocabulary: int, steps: int, embed: int, units: int):
        super().__init__(vocabulary, steps)
        self.embed = nn.Embedding(vocabulary, embed)
        nn.init.normal_(self.embed.weight, 0.0, SPREAD)
        self.inward = nn.Linear(embed, units, bias=False)
        self.first = nn.LSTM(units, units, batch_first=True)
        self.second = nn.LSTM(2 * units, units, batch_first=True)
        self.outward = nn.Linear(2 * units, embed, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def run(self, before: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Tokens before [N, t] → logits [N, t, V], and the state after them."""
        x = self.inward(self.embed(before))
        one, two = state or (None, None)
        low, one = self.first(x, one)
        high, two = self.second(torch.cat([x, low], 2), two)
        return self.outward(torch.cat([low, high], 2)) @ self.embed.weight.T + self.bias, (one, two)

    def step(self, token: Tensor, state: Any, here: Tensor | None = None, c: Tensor | None = None) -> Any:
        logits, state = self.run(token, state)
        return logits[:, 0], state

    def all_logits(self, tokens: Tensor) -> Tensor:
        return self.run(torch.cat([torch.full_like(tokens[:, :1], END), tokens[:, :-1]], 1), None)[0]


class ScratchD(nn.Module):
    """Tokens → logits [N, T], each of the text up to there; 0 after the end."""

    places: Tensor

    def __init__(self, vocabulary: int, steps: int, embed: int, units: int, drop: float):
        super().__init__()
        self.units = units
        self.embed, self.drop = nn.Embedding(vocabulary, embed), FastDropout(drop)
        nn.init.normal_(self.embed.weight, 0.0, SPREAD)
        self.register_buffer("places", signal_of(steps), persistent=False)
        self.inward = nn.Linear(embed + PLACES, units)
        self.gates = nn.Linear(2 * units, 4 * units, bias=False)
        self.norm = nn.LayerNorm(4 * units)
        self.bias = nn.Parameter(torch.zeros(4 * units))
        self.out = nn.Linear(units, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        n, t = tokens.shape
        table = self.drop(self.embed.weight)  # of an element of an embedding, wherever the token stands
        x = torch.cat([table[tokens], self.places[:t].expand(n, -1, -1).to(table.dtype)], 2)
        return self.out(self.states(self.inward(x)))[:, :, 0] * until_end(tokens)

    def states(self, x: Tensor) -> Tensor:
        """[N, T, units] → the states of the LSTM, [N, T, units]."""
        of_input, of_state = self.gates.weight.split(self.units, 1)
        ahead = x @ of_input.T
        h = cell = x.new_zeros(len(x), self.units)
        found = []
        for t in range(x.shape[1]):
            gates = layer_norm(ahead[:, t] + h @ of_state.T, (4 * self.units,), self.norm.weight, self.norm.bias)
            write, new, forget, read = (gates + self.bias).chunk(4, 1)
            cell = (forget + 1).sigmoid() * cell + write.sigmoid() * new.tanh()
            h = read.sigmoid() * cell.tanh()
            found.append(h)
        return torch.stack(found, 1)


def signal_of(steps: int) -> Tensor:
    """The places of T tokens as cosines, [T, 8]."""
    periods = torch.linspace(math.log(2.0), math.log(max(steps, 2)), PLACES).exp()
    return torch.cos(math.pi * (torch.arange(steps)[:, None] / periods + torch.linspace(0.0, 2.0, PLACES)))
