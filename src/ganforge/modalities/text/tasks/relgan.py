"""RelGAN (Nie, Narodytska & Patel 2019): a relational memory, Gumbel noise that gets colder, a critic of many views.

    until `pretrain` samples:   G takes a step on   −log p(tokens)
    from then on:   y_t = the largest of logits + Gumbel noise;   ŷ_t = softmax(β (logits + noise))
        D takes steps on   objective.d(D(x), D(ŷ)),   G one on   objective.g(D(ŷ), D(x))
        β = beta^{share of `cooling` samples that have passed}: from 1 to beta

The token fed back into G is y_t, which is cut from the gradient; D sees the one-hots of x and ŷ, and its loss is the
mean over its views. After the end of a text ŷ is a one-hot too.

Departure: the moments of G's Adam go on from one stage to the next.

N: texts, K: bits, T: tokens, V: vocabulary, S: views of D.  x [N, K, T], ŷ [N, T, V], logits of D [N, S], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganforge.core.component import Count, PositiveCount
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective
from ganforge.modalities.text import tokens
from ganforge.modalities.text.conv_critic import RelganD
from ganforge.modalities.text.relational import RelganG
from ganforge.modalities.text.stepwise import until_end
from ganforge.modalities.text.tasks.drawing import DrawsTokens
from ganforge.modalities.text.tokens import END
from ganforge.tasks import latent
from ganforge.tasks.base import Phase

EDGE = 1e-6  # of a uniform number, beyond which its Gumbel noise would be infinite


class RelGan(DrawsTokens, kind="relgan"):
    """Maximum likelihood, then a GAN on soft one-hots: G and D."""

    shaping: ClassVar[tuple[str, ...]] = ("embed", "slots", "heads", "head", "views", "filters")

    objective: Objective
    """The adversarial loss, elementwise: rpgan in the paper (RSGAN)."""
    embed: int = Field(default=32, ge=1)
    """Numbers of an embedding in G."""
    slots: int = Field(default=1, ge=1)
    """Rows of the memory."""
    heads: int = Field(default=2, ge=1)
    """Heads of its attention."""
    head: int = Field(default=256, ge=1)
    """Numbers of a head."""
    views: int = Field(default=64, ge=1)
    """Representations in D, each with embeddings of one number and a logit of its own."""
    filters: int = Field(default=300, ge=1)
    """Filters of D of each width."""
    drop: float = Field(default=0.25, ge=0, lt=1)
    """Share of D's features that are dropped in training."""
    beta: float = Field(default=100.0, ge=1)
    """Inverse temperature at the end."""
    pretrain: Count = 1_500_000
    """Samples of maximum likelihood."""
    cooling: PositiveCount = 640_000
    """Samples over which the inverse temperature grows."""
    d_steps: int = Field(default=5, ge=1)
    """Steps of D for each step of G."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        many, steps = tokens.vocabulary_of(spec), spec.shape[1]
        return {
            "G": RelganG(many, steps, self.embed, self.slots, self.heads, self.head),
            "D": RelganD(many, steps, self.views, self.filters, self.drop),
        }

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("ML", self.ml_loss, trains=("G",), repeats=self.d_steps, until=self.pretrain),
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, after=self.pretrain),
            Phase("G", self.g_loss, trains=("G",), after=self.pretrain),
        ]

    def ml_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are, a token."""
        G = cast(RelganG, nets.G)
        known = tokens.to_numbers(batch.x, G.vocabulary)
        return Terms({"likelihood": -G.log_p(known).sum(1) / G.steps})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on one-hots of real texts and on soft ones of G."""
        with torch.no_grad():
            fakes = self.soft(nets, len(batch), rng)
        real, fake = self._on_real(nets, batch), wide(cast(RelganD, nets.D)(fakes))
        loss = self.objective.d(real.flatten(), fake.flatten()).view_as(fake).mean(1)
        return Terms({"adversarial": loss}, latent.logit_stats(real.mean(1), fake.mean(1)))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on fresh fakes."""
        fake = wide(cast(RelganD, nets.D)(self.soft(nets, len(batch), rng)))
        with torch.no_grad():
            real = self._on_real(nets, batch)
        return Terms({"adversarial": self.objective.g(fake.flatten(), real.flatten()).view_as(fake).mean(1)})

    def soft(self, nets: Nets, n: int, rng: Rng) -> Tensor:
        """ŷ [N, T, V] of fresh noise."""
        G = cast(RelganG, nets.G)
        drawn, sums = G(gumbel(rng, (n, G.steps, G.vocabulary)))
        passed = min(max(rng.samples - self.pretrain, 0) / self.cooling, 1.0)
        there = until_end(drawn)[:, :, None]
        over = one_hot(torch.full_like(drawn, END), G.vocabulary)
        return there * (self.beta**passed * wide(sums)).softmax(2) + (1 - there) * over

    def _on_real(self, nets: Nets, batch: Batch) -> Tensor:
        G, D = cast(RelganG, nets.G), cast(RelganD, nets.D)
        return wide(D.of_tokens(tokens.to_numbers(batch.x, G.vocabulary)))


def gumbel(rng: Rng, shape: Sequence[int]) -> Tensor:
    """Gumbel noise −log(−log u)."""
    return -(-rng.uniform("gumbel", shape).clamp(EDGE, 1 - EDGE).log()).log()
