"""MSG-GAN: `synthesis` with images of all scales together.

Karnewar & Wang 2020, "MSG-GAN: Multi-Scale Gradients for Generative Adversarial Networks".

    a sample is (x_0, ..., x_top): the outputs of G on every grid, or a real image and its downscaled copies D scores
    all of them together, so that every grid of G gets gradients directly

All scales of a sample are concatenated in one row, so that every loss applies to the whole sample: gradient penalties
use the gradient with respect to all scales together. (The paper averages the penalties of the scales.)

N samples, P = C · Σ H_k·W_k values per sample. x_k [N, C, H_k, W_k] coarsest first, rows [N, P].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Spec, Terms
from ganforge.losses.base import LossContext
from ganforge.modalities.image.layers.pyramid import Size, grids, pyramid
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import Synthesis
from ganforge.tasks.view import View


@runtime_checkable
class Paints(Protocol):
    """The interface required of a generator."""

    sizes: list[Size]
    """(H, W) of every grid, coarsest first."""

    def scales(self, z: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """Images of every grid, coarsest first."""
        ...


@runtime_checkable
class Reads(Protocol):
    """The interface required of a discriminator."""

    sizes: list[Size]
    """(H, W) of every grid, coarsest first."""

    def scaled(self, scales: Sequence[Tensor], c: Tensor | None = None) -> DiscriminatorOutput:
        """Scores images of every grid, coarsest first."""
        ...


class MsgGan(Synthesis, kind="msg_gan"):
    """MSG-GAN: G outputs an image on each grid, and D scores the images of all scales together."""

    def adapt(self, spec: Spec) -> Spec:
        if self.pack > 1:
            raise UserError(
                f"task.pack={self.pack}: msg_gan shows D all scales of one image. Leave it at 1",
                code="task.pack_unsupported",
            )
        if self.augment is not None:
            raise UserError(
                f"task.augment={self.augment.kind}: msg_gan shows D an image in several scales, and each would be "
                "augmented differently. Leave it null, or use a recipe with one scale, such as stylegan2-ada",
                code="task.augment_unsupported",
            )
        colors, height, width = spec.shape
        row = Spec((colors * sum(map(math.prod, grids(height, width))),))
        for penalty in self.penalties:
            penalty.check(row)
        return super().adapt(spec)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        players = super().players(spec)
        for name, field, asked in (("G", "generator", Paints), ("D", "discriminator", Reads)):
            if not isinstance(players[name], asked):
                kind = getattr(self, field).kind
                raise UserError(
                    f"task.{field}: {kind!r} has one scale only, and msg_gan needs all of them. Use "
                    f"task.{field}.kind=msg_gan, or task.kind=synthesis",
                    code="task.unsuitable_net",
                )
        return players

    def phases(self) -> list[Phase]:
        return [replace(phase, loss=self._scaled(phase.loss)) for phase in super().phases()]

    def _scaled(self, loss: Callable[[Nets, Batch, Rng], Terms]) -> Callable[[Nets, Batch, Rng], Terms]:
        def of_scales(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            count = len(cast(Reads, nets.D).sizes)
            return loss(nets, replace(batch, x=row_of(pyramid(batch.x, count))), rng)

        return of_scales

    def make(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        return row_of(cast(Paints, nets.G).scales(z, batch.c))

    def _view(self, nets: Nets, batch: Batch, rng: Rng) -> View:
        return replace(super()._view(nets, batch, rng), D=OfRows(nets.D))

    def _context(self, nets: Nets, batch: Batch, view: View, real, fake, z, on_real=None, on_fake=None) -> LossContext:
        context = super()._context(nets, batch, view, real, fake, z, on_real, on_fake)
        return replace(context, generator=lambda z: row_of(cast(Paints, nets.G).scales(z, batch.c)))


class OfRows(nn.Module):
    """D for rows [N, P]."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, rows: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        D = cast(Reads, self.net)
        return D.scaled(scales_of(rows, D.sizes), c)


def row_of(scales: Sequence[Tensor]) -> Tensor:
    """Images [N, C, H_k, W_k], flattened and concatenated to rows [N, P]."""
    return torch.cat([x.flatten(1) for x in scales], 1)


def scales_of(rows: Tensor, sizes: Sequence[Size]) -> list[Tensor]:
    """The inverse of `row_of`."""
    colors = rows.shape[1] // sum(math.prod(size) for size in sizes)
    parts = rows.split([colors * math.prod(size) for size in sizes], 1)
    return [part.unflatten(1, (colors, *size)) for part, size in zip(parts, sizes, strict=True)]
