"""Progressive growing: the game of `synthesis`, played on small images first and on larger ones as samples pass.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", section 2.

    samples seen    steady │ fade   steady │ fade   steady │ ... until the finest grid
    height h          0    │ 0 → 1    1    │ 1 → 2    2    │
    real images   x_h = (1 − α) · double(half(x)) + α · x,   x brought down to grid ⌈h⌉, α = h − ⌊h⌋

h is a function of the clock alone and is set in both players before each phase, so the trainer knows nothing of it and
a resumed run goes on exactly. The nets have all their grids from the start and use those of their height: while
images are small, so is the work. Samples are those of the height that was reached, each cell repeated up to the full
size.

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
    """What this task asks of both players."""

    top: int
    """The number of the finest grid."""
    sizes: list[Size]
    """(H, W) of every grid, coarsest first."""

    @property
    def stage(self) -> Stage:
        """The grids that it works on."""
        ...

    def grow(self, height: float) -> None:
        """Works at this height, in [0, top]."""
        ...


class ProGan(Synthesis, kind="progan"):
    """New images from players that grow: they begin with a few cells and get finer grids as samples pass."""

    steady: Count = 800_000
    """Number of samples that each grid is trained on before the next is added; 800k in the paper."""
    fade: PositiveCount = 800_000
    """Number of samples over which a new grid fades in; 800k in the paper."""

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
        """How high the players stand at `samples` samples seen, in [0, top]."""
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
    """Real images of grid `top` as they are at a height: [N, C, H, W] → [N, C, H_⌈h⌉, W_⌈h⌉]."""
    low, high, alpha = stage(height)
    for _ in range(top - high):
        x = shrunk(x)
    return x if low == high else grown(shrunk(x), (x.shape[2], x.shape[3])).lerp(x, alpha)
