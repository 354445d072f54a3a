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
from torch.nn.functional import embedding, one_hot

from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import LossContext, Objective, Penalty
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.nets import check
from ganforge.modalities.text.stepwise import allowed, chosen, until_end
from ganforge.modalities.text.straight import StraightD, StraightG
from ganforge.modalities.text.tasks.relgan import gumbel
from ganforge.modalities.text.tokens import END
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.synthesis import leaf, weighted_losses


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
    pretrain: int = Field(default=100_000, ge=0)
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
            real, fake = self._real(nets, batch, rng), self._made(nets, batch, rng)
        places = {penalty.gradient_at for penalty in self.penalties}
        real, fake = leaf(real, "real" in places), leaf(fake, "fake" in places)
        on_real, on_fake = nets.D(real, batch.c), nets.D(fake, batch.c)

        def critic(x: Tensor) -> Tensor:
            return nets.D(x, batch.c).logits

        context = LossContext(
            critic=critic, real=real, fake=fake, on_real=on_real, on_fake=on_fake, deterministic=True, player=nets.D,
            labels=batch.c,
        )  # fmt: skip
        losses = {"adversarial": self.objective.d(on_real.logits, on_fake.logits)}
        losses |= weighted_losses("penalties", self.penalties, context, nets, rng)
        return Terms(losses, latent.logit_stats(on_real.logits, on_fake.logits))

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
        e = embedding(tokens.to_numbers(batch.x, G.vocabulary), G.table)
        return e + at(self.noise, rng.samples) * rng.normal("noise/real", e.shape)

    def _made(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        G = cast(StraightG, nets.G)
        logits = permitted(wide(G(rng.normal("z", (len(batch), self.latent)), batch.c)))
        sums = logits + gumbel(rng, logits.shape)
        e = straight_through(sums, at(self.temperature, rng.samples)) @ wide(G.table)
        return e + at(self.noise, rng.samples) * rng.normal("noise/fake", e.shape)

    def latents(self, request: Request) -> Tensor:
        if request.latents is not None:
            return request.latents
        return block_normal(request.seed, "z", request.start, request.n, self.latent)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        labels = None if request.labels is None else request.labels.to(request.device)
        G = cast(StraightG, nets.G)
        logits = permitted(wide(G(self.latents(request).to(request.device, request.dtype), labels)))
        noise = block_normal(request.seed, "choices", request.start, request.n, G.steps)
        uniform = torch.special.ndtr(noise).to(logits)
        p = (logits / request.temperature).softmax(2)
        drawn = chosen(p.flatten(0, 1), uniform.reshape(-1, 1)).view(len(logits), G.steps)
        return tokens.to_bits(drawn, tokens.bits(G.vocabulary)).to(request.dtype)


def permitted(logits: Tensor) -> Tensor:
    """Logits [N, T, V] without unknown tokens and empty texts."""
    return torch.cat([allowed(logits[:, :1], True), allowed(logits[:, 1:], False)], 1)


def straight_through(sums: Tensor, temperature: float) -> Tensor:
    """One-hots [N, T, V] of the largest of each row, with the gradient of the softmax; ends stay ends."""
    numbers = sums.detach().argmax(2)
    hard, soft = one_hot(numbers, sums.shape[2]).to(sums.dtype), (sums / temperature).softmax(2)
    there = until_end(numbers)[:, :, None]
    over = one_hot(torch.full_like(numbers, END), sums.shape[2])
    return there * (hard + (soft - soft.detach())) + (1 - there) * over
