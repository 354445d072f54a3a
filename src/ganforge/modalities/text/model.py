"""A recurrent model of tokens, one after the other; with a condition for every step, the decoder of an autoencoder.

    e_t = embedding of token t;   h_t = RNN(e_{t−1} ‖ condition_t);   p(token t) = softmax(E (W h_t) + b)

E: the embeddings, which serve as the last layer too (Press & Wolf 2017), unless `tied=False`. The token that ends a
text begins it as well. In training some of the tokens that are read are hidden, so that the condition has to say them
(Bowman et al. 2016).

N: texts, T: tokens, V: vocabulary, C: numbers of the condition at each step.
tokens int64 [N, T], condition [N, C, T], losses [N].
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.types import wide
from ganforge.modalities.text.stepwise import Stepwise, trimmed, until_end
from ganforge.modalities.text.tokens import END, UNKNOWN
from ganforge.nets.layers.dropout import FastDropout
from ganforge.nets.layers.labels import LabelTable


class TokenModel(Stepwise):
    """The distribution of texts of up to T tokens.

    Args:
        vocabulary, steps: V, T. embed, units, layers: widths of embeddings and of the recurrent layers.
        cell: "gru" or "lstm".
        condition: C; 0 without a condition.
        classes: number of labels that texts are conditioned on; 0 for none.
        hide: share of the tokens read that are hidden in training.
        dropout: share of the units dropped in training.
        tied: let the embeddings serve as the last layer; else that layer has weights of its own.
        started: let the condition set the state before the first token; else that state is 0.
    """

    texts_axis: ClassVar[int | None] = 1

    def __init__(
        self, vocabulary: int, steps: int, *, embed: int, units: int, layers: int = 1, cell: str = "gru",
        condition: int = 0, classes: int = 0, hide: float = 0.0, dropout: float = 0.0, tied: bool = True,
        started: bool = True,
    ):  # fmt: skip
        super().__init__(vocabulary, steps)
        self.condition = condition
        self.embed = nn.Embedding(vocabulary, embed)
        nn.init.normal_(self.embed.weight, 0.0, embed**-0.5)
        self.label = LabelTable(classes, embed) if classes else None
        inputs = embed + condition + (embed if classes else 0)
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.rnn = kind(inputs, units, layers, batch_first=True)
        self.lstm = cell == "lstm"
        self.start = nn.Linear(condition * steps, units * layers) if condition and started else None
        self.narrow = nn.Linear(units, embed if tied else vocabulary)
        self.bias = nn.Parameter(torch.zeros(vocabulary)) if tied else None
        self.hide, self.drop = FastDropout(hide), FastDropout(dropout)

    def begin(self, condition: Tensor | None) -> Tensor | tuple[Tensor, Tensor] | None:
        """The state before the first token."""
        if self.start is None or condition is None:
            return None
        h = self.start(condition.flatten(1)).tanh().unflatten(1, (self.rnn.num_layers, -1)).transpose(0, 1).contiguous()
        return (h, torch.zeros_like(h)) if self.lstm else h

    def read(self, tokens: Tensor, condition: Tensor | None, c: Tensor | None) -> Tensor:
        """What the recurrent layers see of tokens [N, t] and the conditions [N, C, t] of their steps."""
        parts = [self.drop(self.embed(tokens))]
        if condition is not None:
            parts.append(condition[:, :, : tokens.shape[1]].transpose(1, 2).to(parts[0].dtype))
        if self.label is not None:
            parts.append(self.label(c)[:, None].expand(-1, tokens.shape[1], -1))
        return torch.cat(parts, 2)

    def logits(self, states: Tensor) -> Tensor:
        """[..., units] → [..., V]."""
        wide_or_narrow = self.narrow(self.drop(states))
        return wide_or_narrow if self.bias is None else wide_or_narrow @ self.embed.weight.T + self.bias

    def step(self, token: Tensor, state: Any, here: Tensor | None = None, c: Tensor | None = None) -> Any:
        states, state = self.rnn(self.read(token, here, c), state)
        return self.logits(states[:, 0]), state

    def all_logits(self, tokens: Tensor) -> Tensor:
        return self.logits(self(tokens))

    def forward(self, tokens: Tensor, condition: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """The states [N, T, units] from which each token is predicted, given those before it."""
        before = torch.cat([torch.full_like(tokens[:, :1], END), tokens[:, :-1]], 1)
        if self.training and self.hide.dropped:
            shown = self.hide(torch.ones_like(before, dtype=torch.float32)) > 0
            before = torch.where(shown, before, UNKNOWN)
        states, _ = self.rnn(self.read(before, condition, c), self.begin(condition))
        return states

    def nll(self, tokens: Tensor, condition: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """−log p of each text, its end included, [N]."""
        tokens = trimmed(tokens)
        there = until_end(tokens).bool()
        logits = wide(self.logits(self(tokens, condition, c)[there]))  # of the tokens of texts alone: most of the work
        losses = cross_entropy(logits, tokens[there], reduction="none")
        rows = there.nonzero()[:, 0]
        return losses.new_zeros(len(tokens)).index_add(0, rows, losses)
