"""VAE-GAN: an autoencoder whose reconstruction error is measured in features of D, not in pixels.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric".

    z ~ q(z | x) = E(x),  x̃ = G(z);   p ~ N(0, 1),  x̂ = G(p);   error = ½ ‖f(x) − f(x̃)‖²,  f: D's last hidden layer
    D minimizes   ½ objective.d(D(x), D(x̃)) + ½ objective.d(D(x), D(x̂))
    E minimizes   error + β · KL(q(z | x) ‖ N(0, 1))
    G minimizes   reconstruction · error + ½ objective.g(D(x̃)) + ½ objective.g(D(x̂))

The error is −log p(f(x) | z) up to a constant, for normal noise of standard deviation 1 around f(x̃). This standard
deviation is meaningful only if the scale of the features is fixed: use a D with batch norm.

Departures: in the paper the three kinds of images have equal weights in D's loss; here both fakes together have the
weight of the real ones, so that any objective can be used. f is the last hidden layer of D; the paper uses a lower one.

N: samples in the batch, L: dimension of the latents, F: of the features. x, x̃, x̂ [N, *shape], z, p [N, L], f [N, F],
c [N] labels or None, losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import Objective
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Encoder, Generator
from ganforge.tasks import latent
from ganforge.tasks.autoencode import encoded
from ganforge.tasks.base import Phase, Task


class VaeGan(Task, kind="vae_gan"):
    """VAE-GAN: an encoder E, a generator G and a discriminator D, whose features measure the reconstruction error."""

    encoder: Encoder
    """The net that maps samples to distributions of latents."""
    generator: Generator
    """The net that generates samples from latents (decoder)."""
    discriminator: Discriminator
    """The net that classifies samples as real or fake; reconstructions are compared in its features. Best with batch
    norm."""
    objective: Objective
    """The adversarial loss."""
    reconstruction: Rate = 1e-3
    """Weight of the reconstruction error in G's loss, relative to the adversarial loss (γ in the paper)."""
    beta: Rate = 1.0
    """Weight of the KL divergence between E's distribution of latents and the standard normal prior."""
    conditional: bool = False
    """Condition all nets on the class label."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {
            "E": self.encoder.build(spec, self.generator.latent),
            "G": self.generator.build(spec),
            "D": self.discriminator.build(spec),
        }

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",)),
            Phase("E", self.e_loss, trains=("E",)),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real samples and both kinds of fakes."""
        with torch.no_grad():
            z, _ = encoded(nets, batch, rng)
            rebuilt, new = nets.G(z, batch.c), nets.G(self._prior(batch, rng), batch.c)
        on_real, on_rebuilt, on_new = (nets.D(x, batch.c).logits for x in (batch.x, rebuilt, new))
        adversarial = 0.5 * (self.objective.d(on_real, on_rebuilt) + self.objective.d(on_real, on_new))
        return Terms({"adversarial": adversarial}, latent.logit_stats(on_real, on_new))

    def e_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """E's loss: the negative ELBO, with the reconstruction error in features."""
        z, divergence = encoded(nets, batch, rng)
        with torch.no_grad():
            on_real: DiscriminatorOutput = nets.D(batch.x, batch.c)
        on_rebuilt: DiscriminatorOutput = nets.D(nets.G(z, batch.c), batch.c)
        beta = at(self.beta, rng.samples)
        return Terms({"likeness": feature_error(on_real, on_rebuilt), "kl": beta * divergence})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's adversarial loss, and its reconstruction error in D's features."""
        with torch.no_grad():
            z, _ = encoded(nets, batch, rng)
            on_real: DiscriminatorOutput = nets.D(batch.x, batch.c)
        on_rebuilt: DiscriminatorOutput = nets.D(nets.G(z, batch.c), batch.c)
        on_new: DiscriminatorOutput = nets.D(nets.G(self._prior(batch, rng), batch.c), batch.c)
        real = on_real.logits if self.objective.uses_real else None
        adversarial = 0.5 * (self.objective.g(on_rebuilt.logits, real) + self.objective.g(on_new.logits, real))
        weight = at(self.reconstruction, rng.samples)
        return Terms({"adversarial": adversarial, "likeness": weight * feature_error(on_real, on_rebuilt)})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        """Real samples and their reconstructions from the mean of E's distribution."""
        return [batch.x, nets.G(nets.E(batch.x, batch.c)[0], batch.c)] if batch.x.ndim == 4 else None

    def _prior(self, batch: Batch, rng: Rng) -> Tensor:
        return rng.normal("prior", (len(batch), self.generator.latent))


def feature_error(on_real: DiscriminatorOutput, on_rebuilt: DiscriminatorOutput) -> Tensor:
    """½ ‖f(x) − f(x̃)‖² [N] of D's features.

    Raises:
        UserError: this D returns no features.
    """
    if on_real.features is None or on_rebuilt.features is None:
        raise UserError(
            "task.discriminator: it does not return its last hidden layer (DiscriminatorOutput.features), in which "
            "vae_gan measures the reconstruction error. Use dcgan",
            code="task.unsuitable_net",
        )
    away = wide(on_real.features.detach()) - wide(on_rebuilt.features)  # [N, F]
    return 0.5 * away.flatten(1).square().sum(1)
