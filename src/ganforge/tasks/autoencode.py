"""Autoencode: a variational autoencoder (VAE), a baseline for GANs.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes"; Higgins et al. 2017 for β; Xu et al. 2019 for tables (TVAE).

    E: x → mean, log variance;   z = mean + exp(½ log variance) · ε,   ε ~ N(0, 1)
    E and G minimize   reconstruction · (−log p(x | G(z))) + β · KL(q(z | x) ‖ N(0, 1))
    KL = ½ Σ (mean² + variance − 1 − log variance)

To sample: z ~ N(0, 1), then x from p(x | G(z)).

N: samples in the batch, L: dimension of the latents.  x [N, *shape], c [N] labels or None, z, ε [N, L], losses [N].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.nets.base import Encoder, Generator, Likelihood
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task


class Autoencode(Task, kind="autoencode"):
    """Variational autoencoder (VAE): an encoder E and a generator G, without a discriminator."""

    encoder: Encoder
    """The net that maps samples to distributions of latents."""
    generator: Generator
    """The net that generates samples from latents (decoder)."""
    likelihood: Likelihood
    """Distribution of samples given G's output: optimal_gaussian for images, columns for tables."""
    reconstruction: Rate = 1.0
    """Weight of the reconstruction loss."""
    beta: Rate = 1.0
    """Weight of the KL divergence between the encoder's distribution of latents and the standard normal prior
    (β-VAE)."""
    conditional: bool = False
    """Condition both nets on the class label."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.generator.nearest(shape)

    def min_samples(self, batch: int) -> int:
        return min(batch, 2)  # samples may occur more than once in a batch, since none depends on another

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        G = Decoder(self.generator.build(spec), self.likelihood.build(spec))
        return {"E": self.encoder.build(spec, self.generator.latent), "G": G}

    @property
    def takes_temperature(self) -> bool:
        return self.likelihood.tempered

    def phases(self) -> Sequence[Phase]:
        return [Phase("VAE", self.loss, trains=("E", "G"))]

    def loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The negative evidence lower bound (ELBO), as its two terms."""
        z, divergence = encoded(nets, batch, rng)
        nll = _decoder(nets).nll(z, batch.x, batch.c)
        weights = at(self.reconstruction, rng.samples), at(self.beta, rng.samples)
        return Terms({"reconstruction": weights[0] * nll, "kl": weights[1] * divergence})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        z = self.latents(request).to(request.device, request.dtype)
        labels = None if request.labels is None else request.labels.to(request.device)
        G = _decoder(nets)
        raw = G(z, labels)
        return G.draw(raw, G.uniform(raw, request), request.temperature)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Real samples and their reconstructions from the mean of E's distribution."""
        if len(batch.x.shape) != 4:
            return None
        raw = _decoder(nets)(nets.E(batch.x, batch.c)[0], batch.c)
        return [batch.x, _decoder(nets).draw(raw, raw.new_full((len(raw), *_decoder(nets).uniforms(raw)), 0.5))]


def encoded(nets: Nets, batch: Batch, rng: Rng) -> tuple[Tensor, Tensor]:
    """Latents [N, L] sampled from E's distribution for each sample, and its KL divergence [N] from N(0, 1)."""
    mean, log_variance = nets.E(batch.x, batch.c)
    mean, log_variance = wide(mean), wide(log_variance)
    z = mean + (0.5 * log_variance).exp() * rng.normal("z", mean.shape)
    return z, 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


class Decoder(nn.Module):
    """G: a net, and the distribution of samples given its output."""

    def __init__(self, net: nn.Module, likelihood: nn.Module):
        super().__init__()
        self.net, self.likelihood = net, likelihood

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The raw output, [N, *shape] of a generator."""
        return self.net(z, c)

    def uniforms(self, raw: Tensor) -> tuple[int, ...]:
        """Shape of the uniform draws that one sample takes."""
        return getattr(self.likelihood, "uniforms", tuple(raw.shape[1:]))

    def uniform(self, raw: Tensor, request: Request) -> Tensor:
        """Uniform draws for the samples of a request."""
        shape = self.uniforms(raw)
        noise = block_normal(request.seed, "choices", request.start, request.n, math.prod(shape))
        return torch.special.ndtr(noise).view(len(raw), *shape).to(raw.device, raw.dtype)

    def nll(self, z: Tensor, x: Tensor, c: Tensor | None = None) -> Tensor:
        """−log p(x | z) [N]."""
        likelihood: Any = self.likelihood
        return likelihood.nll(self.net(z, c), x)

    def draw(self, raw: Tensor, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """Samples [N, *shape] from the distribution given by a raw output. A temperature other than 1 only where the
        likelihood is `tempered`."""
        likelihood: Any = self.likelihood
        return likelihood.draw(raw, uniform, **({} if temperature == 1 else {"temperature": temperature}))


def _decoder(nets: Nets) -> Decoder:
    return cast(Decoder, nets.G)
