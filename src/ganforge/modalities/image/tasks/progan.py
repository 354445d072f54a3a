"""Progressive growing: `synthesis` on small images first, then on larger ones.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", section 2.

    samples seen    steady │ fade   steady │ fade   steady │ ... until the finest grid
    height h          0    │ 0 → 1    1    │ 1 → 2    2    │
    real images   x_h = (1 − α) · double(half(x)) + α · x,   x brought down to grid ⌈h⌉, α = h − ⌊h⌋

h depends only on the samples seen and is set in both nets before each phase, so the trainer is not involved, and a
resumed run continues exactly. The nets have all grids from the start, and use those up to their height, so training is
faster while images are small. Generated samples have the current height; each cell is repeated to the full size.

N samples. x [N, C, H, W] real images, x_h [N, C, H_⌈h⌉, W_⌈h⌉].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, cast, runtime_checkable

from torch import Tensor, nn

from ganforge.core.component import Count, PositiveCount
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.modalities.image.layers.growth import Stage, stage
from ganforge.modalities.image.layers.pyramid import Size, grown, shrunk
from ganforge.tasks import latent
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import Synthesis


@runtime_checkable
class Grows(Protocol):
    """The interface required of both nets."""

    top: int
    """The index of the finest grid."""
    sizes: list[Size]
    """(H, W) of every grid, coarsest first."""

    @property
    def stage(self) -> Stage:
        """The current grids."""
        ...

    def grow(self, height: float) -> None:
        """Sets the height, in [0, top]."""
        ...


class ProGan(Synthesis, kind="progan"):
    """Progressive growing (ProGAN): training starts on the coarsest grid, and finer grids are added during training."""

    steady: Count = 800_000
    """Number of samples to train on each grid before the next one is added; 800k in the paper."""
    fade: PositiveCount = 800_000
    """Number of samples over which a new grid is faded in; 800k in the paper."""

    def adapt(self, spec: Spec) -> Spec:
        if self.pack > 1:
            raise UserError(
                f"task.pack={self.pack}: progan grows D for single images. Leave it at 1", code="task.pack_unsupported"
            )
        return super().adapt(spec)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        players = super().players(spec)
        for name, kind in (("G", self.generator.kind), ("D", self.discriminator.kind)):
            if not isinstance(players[name], Grows):
                field = {"G": "generator", "D": "discriminator"}[name]
                raise UserError(
                    f"task.{field}: {kind!r} cannot grow, which the task progan needs of G and D. Use "
                    f"task.{field}.kind=progan, or task.kind=synthesis",
                    code="task.unsuitable_net",
                )
        return players

    def height(self, samples: int, top: int) -> float:
        """The height of the nets at `samples` samples seen, in [0, top]."""
        grid, since = divmod(samples - self.steady, self.fade + self.steady)
        return min(max(grid + min(since / self.fade, 1.0), 0.0), float(top))

    def phases(self) -> list[Phase]:
        return [replace(phase, loss=self._grown(phase.loss)) for phase in super().phases()]

    def _grown(self, loss: Callable[[Nets, Batch, Rng], Terms]) -> Callable[[Nets, Batch, Rng], Terms]:
        def at_height(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            G, D = cast(Grows, nets.G), cast(Grows, nets.D)
            height = self.height(rng.samples, G.top)
            G.grow(height)
            D.grow(height)
            terms = loss(nets, replace(batch, x=brought_down(batch.x, G.top, height)), rng)
            return Terms(terms.losses, terms.stats | {"height": batch.x.new_full((), height)})

        return at_height

    def sample(self, nets: Nets, request: Request) -> Tensor:
        x = latent.draw(nets, request, self.latents(request))
        G = cast(Grows, nets.G)
        for size in G.sizes[G.stage.high + 1 :]:
            x = grown(x, size)
        return x


def brought_down(x: Tensor, top: int, height: float) -> Tensor:
    """Real images of grid `top`, downscaled to a height: [N, C, H, W] → [N, C, H_⌈h⌉, W_⌈h⌉]."""
    low, high, alpha = stage(height)
    for _ in range(top - high):
        x = shrunk(x)
    return x if low == high else grown(shrunk(x), (x.shape[2], x.shape[3])).lerp(x, alpha)
