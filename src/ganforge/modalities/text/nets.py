"""Nets for texts: an encoder, and the distribution of tokens given what a decoder says for each step.

    E: bits → tokens → embeddings → GRU or LSTM, both ways → mean ‖ largest over the tokens → linear → layer norm
       → latents
    p(x | r): a GRU or LSTM over the tokens before, with the latents r at each step; or, where a decoder makes r of
       them, with r_t at step t and a start from all of r (`model.TokenModel`)

The layer norm keeps latents in one range, so that noise on them means the same throughout training.

N: texts, K: bits, T: tokens, C: latents.  x [N, K, T], r [N, C] or [N, K, T].
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel, trimmed, until_end
from ganforge.nets.base import Encoder, Likelihood
from ganforge.nets.layers.labels import LabelTable

Cell = Literal["gru", "lstm"]
CELLS: dict[Cell, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


def check(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, if it is one of texts: [bits, tokens].

    Raises:
        UserError: it is not.
    """
    if len(shape) != 2:
        raise UserError(
            f"the nets text are for texts, [bits, tokens], not for samples of the shape {'×'.join(map(str, shape))}",
            code="nets.not_for_shape",
        )
    return shape


class TextE(nn.Module):
    """The net of `TextEncoder`."""

    def __init__(self, embed: int, units: int, cell: Cell, spec: Spec, latent: int):
        super().__init__()
        self.vocabulary, self.latent = tokens.vocabulary_of(spec), latent
        self.embed = nn.Embedding(self.vocabulary, embed)
        nn.init.normal_(self.embed.weight, 0.0, embed**-0.5)
        self.rnn = CELLS[cell](embed, units, batch_first=True, bidirectional=True)
        self.label = LabelTable(spec.classes, 4 * units, 0.1) if spec.classes else None
        self.out = nn.Linear(4 * units, 2 * latent)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        numbers = trimmed(tokens.to_numbers(x, self.vocabulary))
        states, _ = self.rnn(self.embed(numbers))
        there = until_end(numbers).to(states.dtype)[:, :, None]
        mean = (states * there).sum(1) / there.sum(1)
        h = torch.cat([mean, (states - 10 * (1 - there)).amax(1)], 1)  # states are within ±1
        if self.label is not None:
            h = h + self.label(c)
        mean, log_variance = self.out(h).chunk(2, 1)
        return layer_norm(mean, (self.latent,)), log_variance


class TextEncoder(Encoder, kind="text"):
    """Recurrent layers over tokens, read both ways."""

    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=128, ge=1)
    """Units of each direction."""
    cell: Cell = "gru"
    """Kind of the recurrent layers; on CPUs an LSTM takes two thirds of the time of a GRU of as many units."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        check(spec.shape)
        return TextE(self.embed, self.units, self.cell, spec, latent)


class TokensModule(nn.Module):
    """The distribution of `Tokens`."""

    def __init__(
        self, embed: int, units: int, cell: Cell, hide: float, dropout: float, spec: Spec, raw: tuple[int, ...]
    ):
        super().__init__()
        self.bits, steps = spec.shape
        self.uniforms = (1, steps)
        self.model = TokenModel(
            tokens.vocabulary_of(spec), steps, embed=embed, units=units, cell=cell, condition=raw[0], hide=hide,
            dropout=dropout, started=len(raw) > 1,
        )  # fmt: skip

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        known = tokens.to_numbers(x, self.model.vocabulary)
        return self.model.nll(known, self.condition(raw))

    def condition(self, raw: Tensor) -> Tensor:
        """What the model reads at each step, [N, C, T]: `raw`, where it is [N, C], is the same at all of them."""
        return raw[:, :, None].expand(-1, -1, self.model.steps) if raw.ndim == 2 else raw

    def draw(self, raw: Tensor, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        drawn = self.model.draw(uniform[:, 0], self.condition(raw), temperature=temperature)
        return tokens.to_bits(drawn, self.bits).to(raw.dtype)


class Tokens(Likelihood, kind="tokens"):
    """Tokens one after the other by recurrent layers, which see the tokens before, and the latents or what a decoder
    says for each step."""

    tempered: ClassVar[bool] = True
    reads_latents: ClassVar[bool] = True

    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=256, ge=1)
    """Units of the recurrent layer."""
    cell: Cell = "gru"
    """Its kind; on CPUs an LSTM takes two thirds of the time of a GRU of as many units."""
    hide: float = Field(default=0.25, ge=0, lt=1)
    """Share of the tokens before that are hidden in training, so that the latents have to say them."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the numbers of embeddings and of units that are dropped in training."""

    def build(self, spec: Spec, raw: tuple[int, ...] | None = None) -> nn.Module:
        check(spec.shape)
        return TokensModule(self.embed, self.units, self.cell, self.hide, self.dropout, spec, raw or spec.shape)
