"""Latent GAN: an autoencoder first, then a GAN on its frozen, standardized latents.

As in l-GAN (Achlioptas et al. 2018) and RTSGAN (Pei et al. 2021); for samples of any kind that an encoder reads and a
generator makes again.

    until `autoencoder` samples:   E, R take a step on   −log p(x | R(E(x) + noise · ε))
    from then on, E and R frozen:  h = (E(x) − m) / s,  m, s: mean and deviation of each latent over the next `measured`
                                   samples
        D takes a step on   objective.d(D(h), D(G(z))) + Σ weight · penalty
        G takes a step on   objective.g(D(G(z)))

To sample: x from p(x | R(m + s · G(z))). What the autoencoder loses no sample can have: its own reconstruction is the
best that this task can reach.

N: samples in the batch, L: width of the latents of the autoencoder, Z: of z.
x [N, *shape], c [N] labels or None, h [N, L], z [N, Z] ~ N(0, 1), ε [N, L] ~ N(0, 1), losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import PositiveCount
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty
from ganforge.nets.base import Discriminator, Encoder, Generator, Likelihood
from ganforge.nets.layers.labels import LabelTable
from ganforge.tasks import latent
from ganforge.tasks.autoencode import Decoder
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.synthesis import critic_terms

LEAST = 1e-4  # of a latent's deviation: one that never changes is not blown up


class Standardized(nn.Module):
    """G: z → latents of the autoencoder, made as standardized ones; with the mean and deviation of real latents."""

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, net: nn.Module, width: int):
        super().__init__()
        self.net = net
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("squares", torch.ones(width))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Standardized latents [N, L]."""
        return self.net(z, c)

    @property
    def deviation(self) -> Tensor:
        return (self.squares - self.mean.square()).clamp_min(0).sqrt().clamp_min(LEAST)

    @torch.no_grad()
    def observe(self, h: Tensor) -> None:
        """Takes real latents [N, L] into the mean and the mean of squares."""
        self.count += len(h)
        share = len(h) / self.count
        self.mean += share * (h.mean(0) - self.mean)
        self.squares += share * (h.square().mean(0) - self.squares)

    def standardized(self, h: Tensor) -> Tensor:
        return (h - self.mean) / self.deviation

    def restored(self, h: Tensor) -> Tensor:
        return self.mean + self.deviation * h


class AsTheyAre(nn.Module):
    """What a likelihood gets that reads latents itself: z [N, L], with the label added."""

    def __init__(self, latent: int, classes: int):
        super().__init__()
        self.label = LabelTable(classes, latent, 1.0) if classes else None

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return z if self.label is None else z + self.label(c)


class LatentGan(Task, kind="latent"):
    """New samples from a GAN on the latents of an autoencoder that was trained first."""

    shaping: ClassVar[tuple[str, ...]] = (*Task.shaping, "latent")

    encoder: Encoder
    """The net that maps samples to latents: its mean is taken."""
    likelihood: Likelihood
    """Distribution of samples given the decoder's output: optimal_gaussian for numbers."""
    generator: Generator
    """The net that makes latents from z, such as mlp."""
    discriminator: Discriminator
    """The net that scores latents, such as mlp."""
    objective: Objective
    """The adversarial loss."""
    decoder: Generator | None = None
    """The net that makes samples from latents; its `latent` is how many the autoencoder has. Without one, the
    likelihood reads the latents themselves, as `tokens` does at every step."""
    latent: PositiveCount = 128
    """Numbers of a latent of the autoencoder, where no decoder says how many."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties on D, such as r1."""
    autoencoder: PositiveCount = 200_000
    """Samples that the autoencoder is trained on before the GAN begins."""
    measured: PositiveCount = 20_000
    """Samples over which the mean and the deviation of the latents are taken."""
    d_steps: int = Field(default=1, ge=1)
    """Steps of D for each step of G, each on a fresh batch."""
    noise: float = Field(default=0.0, ge=0)
    """Deviation of the noise that is added to latents while the autoencoder is trained, so that latents nearby mean
    much the same; for encoders with latents of a fixed size."""
    conditional: bool = False
    """Give all players the label."""

    def adapt(self, spec: Spec) -> Spec:
        if self.decoder is None and not self.likelihood.reads_latents:
            raise UserError(
                f"task.decoder: the likelihood {self.likelihood.kind} needs one, which makes samples from latents; set "
                "task.decoder=mlp, for example",
                code="task.no_decoder",
            )
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape if self.decoder is None else self.decoder.nearest(shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        width = self.latent if self.decoder is None else self.decoder.latent
        inner = Spec((width,), spec.classes, spec.labels)
        return {
            "E": self.encoder.build(spec, width),
            "R": self._decoder(spec, width),
            "G": Standardized(self.generator.build(inner), width),
            "D": self.discriminator.build(inner),
        }

    def _decoder(self, spec: Spec, width: int) -> Decoder:
        if self.decoder is None:
            return Decoder(AsTheyAre(width, spec.classes), self.likelihood.build(spec, (width,)))
        return Decoder(self.decoder.build(spec), self.likelihood.build(spec))

    @property
    def takes_temperature(self) -> bool:
        return self.likelihood.tempered

    def generators(self) -> tuple[str, ...]:
        return ("G", "R")

    def phases(self) -> Sequence[Phase]:
        order = max([1, *(p.order for p in self.penalties)])
        return [
            Phase("AE", self.ae_loss, trains=("E", "R"), until=self.autoencoder),
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=order, after=self.autoencoder),
            Phase("G", self.g_loss, trains=("G",), after=self.autoencoder),
        ]

    def ae_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the samples are, given their latents."""
        h = wide(nets.E(batch.x, batch.c)[0])
        if self.noise:
            h = h + self.noise * rng.normal("noise", h.shape)
        return Terms({"reconstruction": cast(Decoder, nets.R).nll(h, batch.x, batch.c)})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real latents and on as many fakes with the same labels."""
        G = cast(Standardized, nets.G)
        with torch.no_grad():
            h = self._real(nets, batch)
            if rng.samples < self.autoencoder + self.measured:
                G.observe(h)
            real, fake = G.standardized(h), G(self._z(batch, rng), batch.c)
        return critic_terms(nets, real, fake, batch.c, self.objective, self.penalties, rng)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on fresh fakes."""
        G = cast(Standardized, nets.G)
        on_fake = nets.D(G(self._z(batch, rng), batch.c), batch.c).logits
        real = None
        if self.objective.uses_real:
            with torch.no_grad():
                real = nets.D(G.standardized(self._real(nets, batch)), batch.c).logits
        return Terms({"adversarial": self.objective.g(on_fake, real)})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        labels = None if request.labels is None else request.labels.to(request.device)
        G, R = cast(Standardized, nets.G), cast(Decoder, nets.R)
        h = G.restored(G(self.latents(request).to(request.device, request.dtype), labels))
        raw = R(h, labels)
        return R.draw(raw, R.uniform(raw, request), request.temperature)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Real samples, and each as the autoencoder makes it again."""
        R = cast(Decoder, nets.R)
        raw = R(nets.E(batch.x, batch.c)[0], batch.c)
        return [batch.x, R.draw(raw, raw.new_full((len(raw), *R.uniforms(raw)), 0.5))]

    def _real(self, nets: Nets, batch: Batch) -> Tensor:
        """Latents [N, L] of real samples by E as it is when it is used: none depends on the others of the batch."""
        training = nets.E.training
        found = wide(nets.E.eval()(batch.x, batch.c)[0])
        nets.E.train(training)
        return found

    def _z(self, batch: Batch, rng: Rng) -> Tensor:
        return rng.normal("z", (len(batch), self.generator.latent))
