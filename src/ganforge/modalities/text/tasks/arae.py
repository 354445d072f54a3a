"""ARAE (Zhao et al. 2018): an autoencoder whose codes a GAN imitates while it still learns.

    h = E(x) / ‖E(x)‖,   noise σ = noise · anneal^{iterations / 100}
    E, R take a step on   −log p(x | R, h + σε) / (tokens of a text, on average)
    D takes steps on      D(G(z)) − D(h) + weight · (‖∇D(ĥ)‖ − 1)²,   ĥ between both
    E takes a step on     push · D(h): its codes come to meet those of G
    G takes a step on     −D(G(z))

To sample: a text from p(x | R, G(z)). E and R are LSTMs; R reads h with every token. G and D are fully connected.

Departures: D has no batch norm, which a penalty of single samples does not allow (the paper's code has one before its
last layer); texts are drawn token by token (the code takes the likeliest unless asked: `--temperature 0.01`).

N: texts, K: bits, T: tokens, C: numbers of a code, Z: of z.  x [N, K, T], h [N, C], z [N, Z], ε [N, C], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.penalties import norm_penalty
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.nets import check
from ganforge.modalities.text.stepwise import trimmed, until_end
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task


class AraeE(nn.Module):
    """The code of a text: the last state of an LSTM, of length 1."""

    def __init__(self, vocabulary: int, embed: int, code: int):
        super().__init__()
        self.vocabulary = vocabulary
        self.embed = nn.Embedding(vocabulary, embed)
        self.lstm = nn.LSTM(embed, code, batch_first=True)

    def forward(self, numbers: Tensor) -> Tensor:
        states, _ = self.lstm(self.embed(numbers))
        last = until_end(numbers).sum(1).long() - 1
        return normalize(states[torch.arange(len(numbers), device=numbers.device), last], dim=1)


class Arae(Task, kind="arae"):
    """An adversarially regularized autoencoder: E, R, G and D, all trained together."""

    shaping: ClassVar[tuple[str, ...]] = ("embed", "code", "latent", "widths")

    embed: int = Field(default=300, ge=1)
    """Numbers of an embedding; E and R have their own."""
    code: int = Field(default=300, ge=1)
    """Numbers of a code, and units of both LSTMs."""
    latent: int = Field(default=100, ge=1)
    """Numbers of z."""
    widths: tuple[int, ...] = Field(default=(300, 300), min_length=1)
    """Units of the hidden layers of G and D."""
    noise: float = Field(default=0.05, ge=0)
    """Deviation of the noise on codes while the autoencoder learns, at the start."""
    anneal: float = Field(default=0.9995, gt=0, le=1)
    """Factor of that noise for every hundred iterations."""
    weight: float = Field(default=1.0, ge=0)
    """Weight of the gradient penalty."""
    push: float = Field(default=0.1, ge=0)
    """What D's gradient counts in E."""
    d_steps: int = Field(default=5, ge=1)
    """Steps of D for each one of the others."""

    def adapt(self, spec: Spec) -> Spec:
        return Spec(check(spec.shape), state=spec.state)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        many = tokens.vocabulary_of(spec)
        E = AraeE(many, self.embed, self.code)
        R = TokenModel(
            many, spec.shape[1], embed=self.embed, units=self.code, cell="lstm", condition=self.code, tied=False,
            started=False,
        )  # fmt: skip
        for weight in (*E.parameters(), *R.parameters()):
            nn.init.uniform_(weight, -0.1, 0.1)
        nn.init.zeros_(R.narrow.bias)
        G = layers((self.latent, *self.widths, self.code), batch_norm=True)
        return {"E": E, "R": R, "G": G, "D": layers((self.code, *self.widths, 1), batch_norm=False)}

    @property
    def takes_temperature(self) -> bool:
        return True

    def generators(self) -> tuple[str, ...]:
        return ("G", "R")

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("AE", self.ae_loss, trains=("E", "R")),
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=2),
            Phase("E", self.e_loss, trains=("E",)),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def ae_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are, given their codes, a token."""
        known, h = self._codes(nets, batch)
        iterations = rng.samples / (len(batch) * rng.shard[1] * self.d_steps)
        h = h + self.noise * self.anneal ** (iterations // 100) * rng.normal("noise", h.shape)
        R = cast(TokenModel, nets.R)
        return Terms({"reconstruction": R.nll(known, at_each(h, known.shape[1])) / until_end(known).sum(1).mean()})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on codes of real texts and on as many of G."""
        with torch.no_grad():
            h = wide(self._codes(nets, batch)[1])
            made = wide(self._made(nets, len(batch), rng))
        real, fake = score(nets, h), score(nets, made)
        mix = rng.uniform("mix", (len(h), 1)).to(h)
        penalty = norm_penalty(lambda x: score(nets, x), mix * h + (1 - mix) * made, 1.0)
        losses = {"adversarial": fake - real, "wgan_gp": self.weight * penalty}
        return Terms(losses, latent.logit_stats(real, fake))

    def e_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How real D finds the codes, which E makes smaller."""
        return Terms({"adversarial": self.push * score(nets, self._codes(nets, batch)[1])})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on fresh codes."""
        return Terms({"adversarial": -score(nets, self._made(nets, len(batch), rng))})

    def latents(self, request: Request) -> Tensor:
        return latent.normal_rows(request, self.latent)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        R = cast(TokenModel, nets.R)
        h = nets.G(self.latents(request).to(request.device, request.dtype))
        noise = block_normal(request.seed, "choices", request.start, request.n, R.steps)
        uniform = torch.special.ndtr(noise).to(h)
        drawn = R.draw(uniform, at_each(h, R.steps), None, request.temperature)
        return tokens.to_bits(drawn, tokens.bits(R.vocabulary)).to(request.dtype)

    def _codes(self, nets: Nets, batch: Batch) -> tuple[Tensor, Tensor]:
        E = cast(AraeE, nets.E)
        known = trimmed(tokens.to_numbers(batch.x, E.vocabulary))
        return known, E(known)

    def _made(self, nets: Nets, n: int, rng: Rng) -> Tensor:
        return nets.G(rng.normal("z", (n, self.latent)))


def score(nets: Nets, h: Tensor) -> Tensor:
    """D of codes, [N]."""
    return wide(nets.D(h)).squeeze(1)


def at_each(h: Tensor, steps: int) -> Tensor:
    """Codes [N, C] as the condition of every step, [N, C, T]."""
    return h[:, :, None].expand(-1, -1, steps)


def layers(widths: Sequence[int], batch_norm: bool) -> nn.Sequential:
    """Fully connected layers, weights from N(0, 0.02): G's with batch norm and ReLU, D's with LeakyReLU."""
    found: list[nn.Module] = []
    for k, (before, after) in enumerate(pairwise(widths), 2):
        found.append(nn.Linear(before, after))
        nn.init.normal_(found[-1].weight, 0.0, 0.02)  # type: ignore[arg-type]
        nn.init.zeros_(found[-1].bias)  # type: ignore[arg-type]
        if k < len(widths):
            found += [nn.BatchNorm1d(after), nn.ReLU()] if batch_norm else [nn.LeakyReLU(0.2)]
    return nn.Sequential(*found)
