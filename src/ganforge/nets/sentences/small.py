"""Small text encoders that are trained together with the nets that read them; nothing is downloaded.

    gru           embeddings → a GRU in both directions → words; sentence: the two last states, by a linear layer
    transformer   embeddings + positions → layers of self-attention → words; sentence: their mean, by a linear layer

N sentences, T tokens, E width.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ganforge.core.text_condition import Text
from ganforge.core.types import Spec
from ganforge.nets.sentences.base import Encoded, SentenceEncoder, places


class GruNet(nn.Module):
    """The net of `Gru`."""

    def __init__(self, size: int, width: int, embedding: int):
        super().__init__()
        hidden = (width + 1) // 2
        self.embed = nn.Embedding(size, embedding)
        self.forth, self.back = nn.GRU(embedding, hidden, batch_first=True), nn.GRU(embedding, hidden, batch_first=True)
        self.word, self.sentence = nn.Linear(2 * hidden, width), nn.Linear(2 * hidden, width)

    def forward(self, k: Tensor) -> Encoded:
        there = places(k)
        x = self.embed(k)
        last = there.sum(1) - 1  # [N]
        at = torch.arange(k.shape[1], device=k.device)
        reverse = (last[:, None] - at).clamp(min=0)  # place of each word when a sentence is read backwards
        forth, _ = self.forth(x)
        back, _ = self.back(x.gather(1, reverse[..., None].expand_as(x)))
        rows = torch.arange(len(k), device=k.device)
        ends = torch.cat([forth[rows, last], back[rows, last]], 1)
        words = torch.cat([forth, back.gather(1, reverse[..., None].expand_as(back))], 2)
        return Encoded(self.sentence(ends), self.word(words), there)


class Gru(SentenceEncoder, kind="gru"):
    """A GRU over the words (for Chinese, the characters) in both directions."""

    embedding: int = Field(default=64, ge=1)
    """Length of the embedding of a word."""

    def build(self, text: Text, spec: Spec) -> nn.Module:
        return GruNet(text.size, self.width, self.embedding)


class Attention(nn.Module):
    """One layer of a transformer, with norms before attention and before the two linear layers."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        split = self.queries_keys_values(self.before(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        found = scaled_dot_product_attention(*split, attn_mask=there[:, None, None, :])  # [N, heads, T, E / heads]
        x = x + self.out(found.transpose(1, 2).flatten(2))
        return x + self.inner(self.between(x))


class TransformerNet(nn.Module):
    """The net of `Transformer`."""

    def __init__(self, size: int, length: int, width: int, layers: int, heads: int):
        super().__init__()
        self.embed, self.places = nn.Embedding(size, width), nn.Parameter(torch.zeros(length, width))
        nn.init.normal_(self.embed.weight, 0.0, 1 / math.sqrt(width))
        nn.init.normal_(self.places, 0.0, 1 / math.sqrt(width))
        self.layers = nn.ModuleList(Attention(width, heads) for _ in range(layers))
        self.norm, self.sentence = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, k: Tensor) -> Encoded:
        there = places(k)
        x = self.embed(k) + self.places
        for layer in self.layers:
            x = layer(x, there)
        words = self.norm(x)
        share = there.to(words.dtype) / there.sum(1, keepdim=True)
        return Encoded(self.sentence((share[:, None] @ words).squeeze(1)), words, there)


class Transformer(SentenceEncoder, kind="transformer"):
    """A small transformer over the words."""

    layers: int = Field(default=2, ge=1)
    """Number of layers."""
    heads: int = Field(default=4, ge=1)
    """Number of heads of each; divides the width."""

    def build(self, text: Text, spec: Spec) -> nn.Module:
        return TransformerNet(text.size, text.length, self.width, self.layers, self.heads)
