"""VAE-GAN: an autoencoder that measures likeness in the features of a critic, not in pixels.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric".

    z ~ q(z | x) = E(x),  x̃ = G(z);   p ~ N(0, 1),  x̂ = G(p);   likeness = ½ ‖f(x) − f(x̃)‖²,  f: D's last hidden layer
    D takes a step on   ½ objective.d(D(x), D(x̃)) + ½ objective.d(D(x), D(x̂))
    E takes a step on   likeness + β · KL(q(z | x) ‖ N(0, 1))
    G takes a step on   reconstruction · likeness + ½ objective.g(D(x̃)) + ½ objective.g(D(x̂))

The likeness is −log p(f(x) | z) for normal noise of strength 1 around f(x̃), without its constant. So strong a noise
means something only where the features keep their size: take a D with batch norm.

Departures: the paper's D has all three kinds of images weigh alike, here both fakes together weigh what the real ones
do, so that any objective can be played; f is the last hidden layer, which every D of this house names, where the paper
takes one further down.

N: samples in the batch, L: width of the latents, F: of the features.
x, x̃, x̂ [N, *shape], z, p [N, L], f [N, F], c [N] labels or None, losses [N].
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
    """A variational autoencoder whose errors are measured by a critic's features: E, G and D."""

    encoder: Encoder
    """The net that maps samples to distributions of latents."""
    generator: Generator
    """The net that makes samples from latents."""
    discriminator: Discriminator
    """The net that scores them, and in whose features reconstructions are compared. Best with batch norm."""
    objective: Objective
    """The adversarial loss."""
    reconstruction: Rate = 1e-3
    """Weight of the reconstruction error against the adversarial loss in G's loss (the paper's γ)."""
    beta: Rate = 1.0
    """Weight of the KL divergence of E's latents from the standard normal prior."""
    conditional: bool = False
    """Give all players the label."""

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
        """D's game on real samples against both kinds of fakes."""
        with torch.no_grad():
            z, _ = encoded(nets, batch, rng)
            rebuilt, new = nets.G(z, batch.c), nets.G(self._prior(batch, rng), batch.c)
        on_real, on_rebuilt, on_new = (nets.D(x, batch.c).logits for x in (batch.x, rebuilt, new))
        adversarial = 0.5 * (self.objective.d(on_real, on_rebuilt) + self.objective.d(on_real, on_new))
        return Terms({"adversarial": adversarial}, latent.logit_stats(on_real, on_new))

    def e_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """E's bound on the evidence, with the likeness in place of pixels."""
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
        """Real samples, and each as G makes it again of the middle of where E puts it."""
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
