"""ScratchGAN (de Masson d'Autume et al. 2019): a GAN of texts without a language model before it.

    D scores every beginning of a text:   D takes a step on   ½ mean_t BCE(D(x)_t, 1) + ½ mean_t BCE(D(y)_t, 0)
    rewards   r_t = 2σ(D(y)_t) − 1,   R_t = Σ_{s≥t} γ^{s−t} r_s,   b ← decay · b + (1 − decay) · mean R
    G takes a step on   −mean_t (R_t − b) · log p(y_t | y_<t)

A large batch (512) tames the variance of the gradient. Scores and rewards after the end of a text are 0, and means are
over all T places.

Departures: the paper's embeddings are 300 fixed numbers of GloVe, which would have to be downloaded, beside 64 learned
ones; here all 364 are learned.

N: texts, K: bits, T: tokens.  x [N, K, T], tokens, D(y), R [N, T], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.modalities.text import tokens
from ganforge.modalities.text.scratch import ScratchD, ScratchG
from ganforge.modalities.text.tasks.drawing import DrawsTokens
from ganforge.tasks import latent
from ganforge.tasks.base import Phase


class ScratchGan(DrawsTokens, kind="scratchgan"):
    """Policy gradient with a reward for every token: G and D."""

    shaping: ClassVar[tuple[str, ...]] = ("embed", "units", "critic_units")

    embed: int = Field(default=364, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=512, ge=1)
    """Units of each of G's two LSTMs."""
    critic_units: int = Field(default=512, ge=1)
    """Units of D's LSTM."""
    drop: float = Field(default=0.1, ge=0, lt=1)
    """Share of the numbers of D's embeddings that are dropped in training."""
    gamma: float = Field(default=0.23, ge=0, le=1)
    """What a reward counts one token earlier."""
    decay: float = Field(default=0.08, ge=0, lt=1)
    """Share of the baseline that stays in each step."""
    l2: float = Field(default=1e-6, ge=0)
    """Weight of half the squares of D's weights."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        many, steps = tokens.vocabulary_of(spec), spec.shape[1]
        return {
            "G": ScratchG(many, steps, self.embed, self.units),
            "D": ScratchD(many, steps, self.embed, self.critic_units, self.drop),
        }

    def memory(self, spec: Spec) -> Memory:
        return Memory({"baseline": torch.zeros(())})

    def phases(self) -> Sequence[Phase]:
        return [Phase("D", self.d_loss, trains=("D",)), Phase("G", self.g_loss, trains=("G",))]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's cross-entropy on every beginning of real texts and of as many of G."""
        real = wide(nets.D(tokens.to_numbers(batch.x, cast(ScratchG, nets.G).vocabulary)))
        fake = wide(nets.D(self.made(nets, len(batch), rng)))
        squares = torch.stack([weight.square().sum() for weight in nets.D.parameters()]).sum()
        losses = {"adversarial": 0.5 * (softplus(-real).mean(1) + softplus(fake).mean(1))}
        losses["l2"] = (0.5 * self.l2 * squares).expand(len(real))
        return Terms(losses, latent.logit_stats(real.mean(1), fake.mean(1)))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The policy gradient: each token's log p, by the rewards from it on."""
        drawn = self.made(nets, len(batch), rng)
        with torch.no_grad():
            returns = discounted(2 * wide(nets.D(drawn)).sigmoid() - 1, self.gamma)
            if rng.shard[0] == 0:
                before = nets.memory["baseline"]
                nets.memory["baseline"] = self.decay * before + (1 - self.decay) * returns.mean().to(before.dtype)
        log_p = cast(ScratchG, nets.G).log_p(drawn, drawn=True)
        loss = -((returns - nets.memory["baseline"]) * log_p).mean(1)
        return Terms({"policy": loss}, {"reward": returns.mean(1)})


def discounted(rewards: Tensor, gamma: float) -> Tensor:
    """R_t = Σ_{s≥t} γ^{s−t} r_s of rewards [N, T]."""
    found = [rewards[:, -1]]
    for t in range(rewards.shape[1] - 2, -1, -1):
        found.append(rewards[:, t] + gamma * found[-1])
    return torch.stack(found[::-1], 1)
