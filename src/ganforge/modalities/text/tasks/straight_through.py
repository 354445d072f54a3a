"""A GAN that makes all tokens of a text at once, through the straight-through Gumbel estimator.

    until `pretrain` samples:   L, a language model, takes a step on   −log p(tokens): its embeddings become the table
    from then on, L frozen:     y_t = one-hot of the largest of logits + Gumbel noise, with the gradient of
                                softmax((logits + noise) / τ) (Jang, Gu & Poole 2017)
        D takes a step on   objective.d(D(e(x)), D(e(y))) + Σ weight · penalty,   e: embeddings + noise
        G takes a step on   objective.g(D(e(y)), D(e(x)))

D sees corners of the simplex from both sides, so that it cannot tell reals by that; penalties are on embeddings. After
the end of a text every token is the end.

N: texts, K: bits, T: tokens, V: vocabulary, B: numbers of an embedding, Z: of z.
x [N, K, T], y [N, T, V], e [N, T, B], z [N, Z], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import embedding

from ganforge.core.component import Count
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.nets import check
from ganforge.modalities.text.stepwise import chosen, until_end
from ganforge.modalities.text.straight import StraightD, StraightG
from ganforge.modalities.text.tasks.relgan import gumbel
from ganforge.modalities.text.tokens import END
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.synthesis import critic_terms


class StraightThrough(Task, kind="straight_through"):
    """All tokens at once, trained through one-hots with the gradient of soft ones: L, G and D."""

    shaping: ClassVar[tuple[str, ...]] = (
        "conditional", "latent", "embed", "units", "channels", "critic_channels", "blocks",
    )  # fmt: skip

    objective: Objective
    """The adversarial loss."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties on D, such as r1; of embeddings."""
    latent: int = Field(default=64, ge=1)
    """Numbers of z."""
    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=256, ge=1)
    """Units of the language model."""
    channels: int = Field(default=256, ge=1)
    """Channels of G."""
    critic_channels: int = Field(default=128, ge=1)
    """Channels of D."""
    blocks: int = Field(default=4, ge=1)
    """Residual blocks of G; D has one less."""
    pretrain: Count = 20_000
    """Samples of the language model, before the GAN begins."""
    temperature: Rate = 1.0
    """τ of the gradient."""
    noise: Rate = 0.1
    """Deviation of the noise on the embeddings that D sees, real and made."""
    conditional: bool = False
    """Give G and D the label."""

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        return latent.with_labels(spec, self.conditional)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        many, steps = tokens.vocabulary_of(spec), spec.shape[1]
        return {
            "L": TokenModel(many, steps, embed=self.embed, units=self.units),
            "G": StraightG(many, steps, self.latent, self.embed, self.channels, self.blocks, spec.classes),
            "D": StraightD(steps, self.embed, self.critic_channels, max(1, self.blocks - 1), spec.classes),
        }

    @property
    def takes_temperature(self) -> bool:
        return True

    def phases(self) -> Sequence[Phase]:
        order = max([1, *(p.order for p in self.penalties)])
        return [
            Phase("ML", self.ml_loss, trains=("L",), until=self.pretrain),
            Phase("D", self.d_loss, trains=("D",), order=order, after=self.pretrain),
            Phase("G", self.g_loss, trains=("G",), after=self.pretrain),
        ]

    def ml_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are, to L."""
        L = cast(TokenModel, nets.L)
        return Terms({"likelihood": L.nll(tokens.to_numbers(batch.x, L.vocabulary))})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on the embeddings of real texts and of as many made ones with the same labels."""
        cast(StraightG, nets.G).take(cast(TokenModel, nets.L).embed.weight)
        with torch.no_grad():
            real, fake = self._real(nets, batch, rng), self._drawn(nets, batch, rng)
        return critic_terms(nets, real, fake, batch.c, self.objective, self.penalties, rng)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on fresh texts."""
        on_fake = nets.D(self._made(nets, batch, rng), batch.c).logits
        real = None
        if self.objective.uses_real:
            with torch.no_grad():
                real = nets.D(self._real(nets, batch, rng), batch.c).logits
        return Terms({"adversarial": self.objective.g(on_fake, real)})

    def _real(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        G = cast(StraightG, nets.G)
        return self._blurred(embedding(tokens.to_numbers(batch.x, G.vocabulary), G.table), "real", rng)

    def _made(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        """Embeddings of fresh texts, with a gradient."""
        G = cast(StraightG, nets.G)
        logits = self._logits(nets, batch, rng)
        sums = logits + gumbel(rng, logits.shape)
        return self._blurred(straight_through(sums, wide(G.table), at(self.temperature, rng.samples)), "fake", rng)

    def _drawn(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        """Embeddings of fresh texts; the same distribution by one number a token, since D needs no gradient of it."""
        G = cast(StraightG, nets.G)
        drawn = draws(self._logits(nets, batch, rng), rng.uniform("tokens", (len(batch), G.steps)))
        return self._blurred(embedding(ended(drawn), G.table), "fake", rng)

    def _logits(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        return wide(nets.G(rng.normal("z", (len(batch), self.latent)), batch.c))

    def _blurred(self, e: Tensor, name: str, rng: Rng) -> Tensor:
        return e + at(self.noise, rng.samples) * rng.normal(f"noise/{name}", e.shape)

    def latents(self, request: Request) -> Tensor:
        return latent.normal_rows(request, self.latent)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        labels = None if request.labels is None else request.labels.to(request.device)
        G = cast(StraightG, nets.G)
        logits = wide(G(self.latents(request).to(request.device, request.dtype), labels))
        noise = block_normal(request.seed, "choices", request.start, request.n, G.steps)
        drawn = draws(logits / request.temperature, torch.special.ndtr(noise).to(logits))
        return tokens.to_bits(ended(drawn), tokens.bits(G.vocabulary)).to(request.dtype)


def draws(logits: Tensor, uniform: Tensor) -> Tensor:
    """Tokens int64 [N, T] of logits [N, T, V], by uniform numbers [N, T]."""
    return chosen(logits.softmax(2).flatten(0, 1), uniform.reshape(-1, 1)).view(uniform.shape)


def ended(numbers: Tensor) -> Tensor:
    """Tokens [N, T] with nothing but ends after the first one."""
    return torch.where(until_end(numbers) > 0, numbers, END)


def straight_through(sums: Tensor, table: Tensor, temperature: float) -> Tensor:
    """Embeddings [N, T, B] of the tokens with the largest sums [N, T, V], with the gradient of the softmax's mean."""
    numbers = sums.detach().argmax(2)
    soft = (sums / temperature).softmax(2) @ table
    return embedding(ended(numbers), table) + until_end(numbers)[:, :, None] * (soft - soft.detach())
