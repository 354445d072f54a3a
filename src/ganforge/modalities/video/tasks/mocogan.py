"""MoCoGAN: a generator of films against a critic of single frames and one of whole films.

Tulyakov et al. 2018, "MoCoGAN: Decomposing Motion and Content for Video Generation".

    D_I minimizes  objective.d(D_I(x_t), D_I(x̃_t)),      t drawn for each film
    D_V minimizes  objective.d(D_V(x), D_V(x̃)) + category · (−log q(c | x))
    G minimizes    objective.g(D_I(x̃_t)) + objective.g(D_V(x̃)) + category · (−log q(c | x̃))

q: the second head of D_V. In the paper categories are latent, and G and D_V find them; with labels, which the paper
trains the second head on as well, they are the classes. Without labels there is no category.

N: films in the batch.  x [N, C, T, H, W], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.losses.base import Objective
from ganforge.modalities.video.nets.mocogan import MocoganDiscriminator, MocoganGenerator
from ganforge.tasks import latent
from ganforge.tasks.acgan import class_loss
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.critics import by_patch, watched


class Mocogan(Task, kind="mocogan"):
    """Films of content and motion, against a critic of frames and one of films."""

    shaping: ClassVar[tuple[str, ...]] = ("conditional",)

    generator: MocoganGenerator = MocoganGenerator()
    """The net that makes films."""
    discriminator: MocoganDiscriminator = MocoganDiscriminator()
    """The two critics, D_I of frames and D_V of films."""
    objective: Objective
    """The adversarial loss of each critic."""
    conditional: bool = False
    """Categories are the class labels: G takes them, and D_V tells them."""
    category: Rate = 1.0
    """Weight of the loss of categories."""

    def adapt(self, spec: Spec) -> Spec:
        if len(spec.shape) != 4:
            raise UserError(
                f"task mocogan: samples of shape {list(spec.shape)} are no films [C, T, H, W]",
                code="task.not_for_shape",
            )
        return latent.with_labels(spec, self.conditional)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.discriminator.nearest(self.generator.nearest(shape))

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {
            "G": self.generator.build(spec),
            "D_I": self.discriminator.of_frames(spec),
            "D_V": self.discriminator.of_films(spec, spec.classes),
        }

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D_I", self.frame_loss, trains=("D_I",)),
            Phase("D_V", self.film_loss, trains=("D_V",)),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def frame_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D_I's loss on a frame of each real film and of each generated one."""
        with torch.no_grad():
            fake = self.make(nets, batch, rng)
        on_real, on_fake = (nets.D_I(one_frame(x, name, rng)).logits for x, name in ((batch.x, "real"), (fake, "fake")))
        return Terms({"adversarial": by_patch(self.objective.d, on_real, on_fake)}, watched(on_real, on_fake))

    def film_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D_V's loss on real and generated films, and on the category of the real ones."""
        with torch.no_grad():
            fake = self.make(nets, batch, rng)
        on_real, on_fake = nets.D_V(batch.x), nets.D_V(fake)
        losses = {"adversarial": by_patch(self.objective.d, on_real.logits, on_fake.logits)}
        if batch.c is not None:
            losses["category"] = at(self.category, rng.samples) * class_loss(on_real, batch.c)
        return Terms(losses, watched(on_real.logits, on_fake.logits))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on new films, by both critics."""
        fake = self.make(nets, batch, rng)
        on_frame, on_film = nets.D_I(one_frame(fake, "fake", rng)), nets.D_V(fake)
        losses = {
            "frames": self._g(on_frame.logits),
            "films": self._g(on_film.logits),
        }
        if batch.c is not None:
            losses["category"] = at(self.category, rng.samples) * class_loss(on_film, batch.c)
        return Terms(losses)

    def _g(self, logits: Tensor) -> Tensor:
        return self.objective.g(logits.flatten(), None).view(len(logits), -1).mean(1)

    def make(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        """Films [N, C, T, H, W] of new noise."""
        z = rng.normal("z", (len(batch), self.generator.latent))
        noise = rng.normal("motion", (len(batch), batch.x.shape[2] + 1, self.generator.motion))
        return nets.G(z, batch.c, noise.to(z))

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """Films as long as trained; a walk between contents keeps to one motion."""
        one = request.latents is not None
        start, n = (0, 1) if one else (request.start, request.n)
        rows = int(nets.G.length) + 1  # type: ignore[arg-type]
        drawn = block_normal(request.seed, "motion", start, n, rows * self.generator.motion)
        noise = drawn.view(n, rows, -1).expand(request.n, -1, -1)
        z = self.latents(request).to(request.device, request.dtype)
        labels = None if request.labels is None else request.labels.to(request.device)
        return nets.G(z, labels, noise.to(z))


def one_frame(x: Tensor, name: str, rng: Rng) -> Tensor:
    """A frame of each film x [N, C, T, H, W], drawn, [N, C, H, W]."""
    times = rng.integers(f"frame/{name}", (len(x),), x.shape[2])
    return x[torch.arange(len(x), device=x.device), :, times]
