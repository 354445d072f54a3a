"""SeqGAN (Yu et al. 2017): a language model that learns by policy gradient from what D says of its finished texts.

    until `pretrain` samples:   G takes a step on   −log p(tokens)
    from then on:               D takes a step on   BCE(D(x), 1) + BCE(D(y), 0) + l2 · ½‖last layer‖²,  y drawn from G
    after `critic_pretrain` more, once every `g_every` steps of D:
                                G takes a step on   −Σ_t Q_t · log p(y_t | y_<t)
        Q_t = mean of D over `rollouts` texts that begin as y does, up to token t, and that the roll-out policy ends
        the roll-out policy is G before its first such step, then   θ ← decay · θ + (1 − decay) · G

Departures: texts end where G ends them (the paper's are all of one length), and what follows counts for nothing; D
meets fresh texts in every step, not one set of them thrice; the moments of Adam go on from one stage to the next.

N: texts, K: bits, T: tokens, R: roll-outs.  x [N, K, T], tokens int64 [N, T], Q [N, T], losses [N].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganforge.core.component import Count
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.modalities.text import tokens
from ganforge.modalities.text.conv_critic import SeqganD
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.tasks.drawing import DrawsTokens
from ganforge.modalities.text.tokens import END
from ganforge.tasks import latent
from ganforge.tasks.base import Phase

FILTERS = (
    (1, 100), (2, 200), (3, 200), (4, 200), (5, 200), (6, 100), (7, 100), (8, 100), (9, 100), (10, 100), (15, 160),
    (20, 160),
)  # fmt: skip


class SeqGan(DrawsTokens, kind="seqgan"):
    """Maximum likelihood, then policy gradient with Monte-Carlo roll-outs: G and D."""

    shaping: ClassVar[tuple[str, ...]] = ("embed", "units", "critic_embed", "filters")

    embed: int = Field(default=32, ge=1)
    """Numbers of an embedding in G."""
    units: int = Field(default=32, ge=1)
    """Units of G's LSTM."""
    critic_embed: int = Field(default=64, ge=1)
    """Numbers of an embedding in D."""
    filters: tuple[tuple[int, int], ...] = FILTERS
    """Of each group of D's filters, how many tokens they see and how many they are; wider ones than the texts are left
    out."""
    drop: float = Field(default=0.25, ge=0, lt=1)
    """Share of D's features that are dropped in training."""
    l2: float = Field(default=0.2, ge=0)
    """Weight of the squares of D's last layer."""
    rollouts: int = Field(default=16, ge=1)
    """Texts that are finished for the value of one token."""
    decay: float = Field(default=0.8, ge=0, lt=1)
    """Share of its weights that the roll-out policy keeps when G has taken a step."""
    pretrain: Count = 1_200_000
    """Samples of maximum likelihood."""
    critic_pretrain: Count = 1_500_000
    """Samples on which D alone is trained after that."""
    g_every: int = Field(default=2_343, ge=1)
    """Steps of D for each one of G."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        many, steps = tokens.vocabulary_of(spec), spec.shape[1]
        G = TokenModel(many, steps, embed=self.embed, units=self.units, cell="lstm", tied=False)
        for weight in G.parameters():
            nn.init.normal_(weight, 0.0, 0.1)
        return {"G": G, "D": SeqganD(many, steps, self.critic_embed, self.filters, self.drop)}

    def memory(self, spec: Spec) -> Memory:
        weights = {f"rollout.{name}": torch.zeros_like(p) for name, p in self.players(spec)["G"].named_parameters()}
        return Memory(weights | {"begun": torch.zeros(())})

    def phases(self) -> Sequence[Phase]:
        adversarial = self.pretrain + self.critic_pretrain
        return [
            Phase("ML", self.ml_loss, trains=("G",), until=self.pretrain),
            Phase("D", self.d_loss, trains=("D",), after=self.pretrain),
            Phase("G", self.g_loss, trains=("G",), every=self.g_every, after=adversarial),
        ]

    def ml_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are."""
        G = cast(TokenModel, nets.G)
        return Terms({"likelihood": G.nll(tokens.to_numbers(batch.x, G.vocabulary))})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's cross-entropy on real texts and as many of G."""
        D, G = cast(SeqganD, nets.D), cast(TokenModel, nets.G)
        real = wide(D(tokens.to_numbers(batch.x, G.vocabulary)))
        fake = wide(D(self.made(nets, len(batch), rng)))
        losses = {"adversarial": softplus(-real) + softplus(fake)}
        if self.l2:
            losses["l2"] = self.l2 * D.weight_penalty().expand(len(real))
        return Terms(losses, latent.logit_stats(real, fake))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The policy gradient: each token's log p, by the value of what begins with it."""
        G = cast(TokenModel, nets.G)
        if rng.shard[0] == 0:
            self.follow(nets)
        drawn = self.made(nets, len(batch), rng)
        with torch.no_grad(), weights_of(G, nets.memory.part("rollout")):
            values = self.values(nets, drawn, rng)
        loss = -(values * G.log_p(drawn, drawn=True)).sum(1)
        return Terms({"policy": loss}, {"value": values.mean(1)})

    def follow(self, nets: Nets) -> None:
        """Moves the roll-out policy towards G; the first time, onto it."""
        policy = nets.memory.part("rollout")
        keep = self.decay * nets.memory["begun"]
        for name, weight in nets.G.named_parameters():
            policy[name] = keep * policy[name] + (1 - keep) * weight.detach()
        nets.memory["begun"] = torch.ones_like(nets.memory["begun"])

    def values(self, nets: Nets, drawn: Tensor, rng: Rng) -> Tensor:
        """Q [N, T] of drawn texts, with the roll-out policy in place of G."""
        G, D = cast(TokenModel, nets.G), cast(SeqganD, nets.D)
        n, steps = drawn.shape
        state: Any = None
        token = torch.full_like(drawn[:, :1], END)
        found = []
        for t in range(1, steps):
            _, state = G.step(token, state)
            token = drawn[:, t - 1 : t]
            many = tuple(part.repeat_interleave(self.rollouts, 1) for part in state)
            uniform = rng.uniform(f"roll-out {t}", (n, self.rollouts, steps - t)).flatten(0, 1)
            rest = G.onward(many, token.repeat_interleave(self.rollouts, 0), t, uniform)
            whole = torch.cat([drawn[:, :t].repeat_interleave(self.rollouts, 0), rest], 1)
            found.append(D.probability(whole).view(n, self.rollouts).mean(1))
        return torch.stack([*found, D.probability(drawn)], 1)


@contextmanager
def weights_of(net: nn.Module, others: Memory | Mapping[str, Tensor]) -> Iterator[None]:
    """Gives a net other weights for a while."""
    own = {name: weight.data for name, weight in net.named_parameters()}
    try:
        for name, weight in net.named_parameters():
            weight.data = others[name]
        yield
    finally:
        for name, weight in net.named_parameters():
            weight.data = own[name]
