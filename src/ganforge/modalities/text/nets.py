"""Nets for texts: an encoder, and the distribution of tokens given what a decoder says for each step.

    E: bits → tokens → embeddings → GRU, both ways → mean ‖ largest over the tokens → linear → layer norm → latents
    p(x | r): a GRU over the tokens before, with r_t at step t and a start from all of r (`model.TokenModel`)

The layer norm keeps latents in one range, so that noise on them means the same throughout training.

N: texts, K: bits, T: tokens.  x, r [N, K, T].
"""

from __future__ import annotations

from typing import ClassVar

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

    def __init__(self, embed: int, units: int, spec: Spec, latent: int):
        super().__init__()
        self.vocabulary, self.latent = tokens.vocabulary_of(spec), latent
        self.embed = nn.Embedding(self.vocabulary, embed)
        nn.init.normal_(self.embed.weight, 0.0, embed**-0.5)
        self.gru = nn.GRU(embed, units, batch_first=True, bidirectional=True)
        self.label = LabelTable(spec.classes, 4 * units, 0.1) if spec.classes else None
        self.out = nn.Linear(4 * units, 2 * latent)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        numbers = trimmed(tokens.to_numbers(x, self.vocabulary))
        states, _ = self.gru(self.embed(numbers))
        there = until_end(numbers).to(states.dtype)[:, :, None]
        mean = (states * there).sum(1) / there.sum(1)
        h = torch.cat([mean, (states - 10 * (1 - there)).amax(1)], 1)  # states are within ±1
        if self.label is not None:
            h = h + self.label(c)
        mean, log_variance = self.out(h).chunk(2, 1)
        return layer_norm(mean, (self.latent,)), log_variance


class TextEncoder(Encoder, kind="text"):
    """A GRU over tokens, read both ways."""

    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=128, ge=1)
    """Units of each direction."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        check(spec.shape)
        return TextE(self.embed, self.units, spec, latent)


class TokensModule(nn.Module):
    """The distribution of `Tokens`."""

    def __init__(self, embed: int, units: int, hide: float, spec: Spec):
        super().__init__()
        self.bits, steps = spec.shape
        self.model = TokenModel(
            tokens.vocabulary_of(spec), steps, embed=embed, units=units, condition=self.bits, hide=hide
        )

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return self.model.nll(tokens.to_numbers(x, self.model.vocabulary), raw)

    def draw(self, raw: Tensor, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        drawn = self.model.draw(uniform[:, 0], raw, temperature=temperature)
        return tokens.to_bits(drawn, self.bits).to(raw.dtype)


class Tokens(Likelihood, kind="tokens"):
    """Tokens one after the other by a GRU, which sees the tokens before and what the decoder says for each step."""

    tempered: ClassVar[bool] = True

    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=256, ge=1)
    """Units of the GRU."""
    hide: float = Field(default=0.25, ge=0, lt=1)
    """Share of the tokens before that are hidden in training, so that the latents have to say them."""

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return TokensModule(self.embed, self.units, self.hide, spec)
