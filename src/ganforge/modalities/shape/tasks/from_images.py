"""Volumes from images: 3D-VAE-GAN (Wu et al. 2016, "Learning a Probabilistic Latent Space of Object Shapes via 3D
Generative-Adversarial Modeling", section 3.3).

    z ~ q(z | y) = E(y),  p ~ N(0, 1)
    D takes a step on   objective.d(D(x), D(G(p))), but rests while it is too good
    E takes a step on   kl · KL(q(z | y) ‖ N(0, 1)) + distance · ‖G(z) − x‖₂
    G takes a step on   objective.g(D(G(p))) + distance · ‖G(z) − x‖₂

The norm is of occupancies in [0, 1]; volumes in [-1, 1] differ by twice as much, so half of it is taken.

N: samples in the batch.  x [N, C, S, S, S], y [N, 3, P, P], z, p [N, L], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import Objective
from ganforge.modalities.shape.tasks.throttled import throttled
from ganforge.nets.base import Discriminator, Encoder, Generator
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.autoencode import encoded
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.user_translators import UserTranslator


class VolumesFromImages(Task, kind="from_images"):
    """Makes volumes of images: E finds latents for an image, and G a volume for these (3D-VAE-GAN)."""

    changes: ClassVar[str] = "images into volumes"
    shows: ClassVar[tuple[str, ...]] = ("made", "real")

    encoder: Encoder
    """The net that maps an image to a distribution of latents."""
    generator: Generator
    """The net that makes volumes of latents."""
    discriminator: Discriminator
    """The net that scores volumes."""
    objective: Objective
    """The adversarial loss."""
    kl: Rate = 5.0
    """Weight of the divergence of E's latents from a normal distribution; 5 in the paper."""
    distance: Rate = 1e-4
    """Weight of the distance of G's volume to the real one; 1e-4 in the paper."""
    accuracy: float = Field(default=0.8, gt=0, le=1)
    """D's accuracy on a batch above which it is not trained on it; 0.8 in the paper."""

    def adapt(self, spec: Spec) -> Spec:
        if not spec.state.get("image"):
            raise UserError(
                "task: this recipe makes volumes of images, and none are drawn. Use signal.image=64 (px a side)",
                code="task.needs_pairs",
            )
        return Spec(spec.shape, state=spec.state)  # labels are not used

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        side = spec.state["image"]
        return {
            "E": self.encoder.build(Spec((3, side, side)), self.generator.latent),
            "G": self.generator.build(spec),
            "D": self.discriminator.build(spec),
        }

    def generators(self) -> tuple[str, ...]:
        return ("E", "G")

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",)),
            Phase("E", self.e_loss, trains=("E",)),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real volumes and on those of random latents."""
        with torch.no_grad():
            fake = nets.G(self._prior(batch, rng))
        on_real, on_fake = nets.D(batch.x).logits, nets.D(fake).logits
        found = Terms({"adversarial": self.objective.d(on_real, on_fake)}, latent.logit_stats(on_real, on_fake))
        return throttled(found, self.accuracy)

    def e_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """E's loss: the divergence, and the distance of G's volumes."""
        z, divergence = encoded(nets, _images(batch), rng)
        away = _distance(nets.G(z), batch.x)
        return Terms({"kl": at(self.kl, rng.samples) * divergence, "distance": at(self.distance, rng.samples) * away})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's adversarial loss, and the distance of what it makes of images."""
        with torch.no_grad():
            z, _ = encoded(nets, _images(batch), rng)
        away = _distance(nets.G(z), batch.x)
        on_fake = nets.D(nets.G(self._prior(batch, rng))).logits
        real = None
        if self.objective.uses_real:
            with torch.no_grad():
                real = nets.D(batch.x).logits
        losses = {"adversarial": self.objective.g(on_fake, real), "distance": at(self.distance, rng.samples) * away}
        return Terms(losses, {"distance": away.detach()})

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        return nets.G(nets.E(source)[0])

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        return [self.translate(nets, batch.extra["source"]), batch.x]

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.shape.translators import ImageReader  # a model in use; training needs none of it

        return ImageReader(bundle, name)

    def usage(self, file: str, spec: Spec) -> Usage:
        side = spec.shape[1]
        return Usage(
            f'model = gf.load("{file}")\nvolume = model.translate("chair.png")  # float32 [{side}, {side}, {side}]',
            command("translate", file, "images/", "--out", "shapes/", "--format", "stl"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("use it", command("translate", folder, "images/", "--out", "shapes/", "--format", "stl"))]

    def _prior(self, batch: Batch, rng: Rng) -> Tensor:
        return rng.normal("prior", (len(batch), self.generator.latent))


def _images(batch: Batch) -> Batch:
    """The images of a batch in the place of its volumes."""
    return Batch(batch.extra["source"], None, {})


def _distance(made: Tensor, real: Tensor) -> Tensor:
    return (wide(made) - real).flatten(1).norm(dim=1) / 2
